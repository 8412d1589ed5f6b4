/* Networks with sequences, attention, learnt places, dilation, and what only changes a map's size, written as ONNX and
 * read back: the same numbers, and the same layers where ONNX says enough. */
#include "base/threads.h"
#include "ops/engine.h"
#include "unit/exchange/keras_models.h"
#include "unit/exchange/onnx_round_trip.h"

static gf_ops *ops;

static void is_the_same(const gf_model *m, const char *name)
{
    gf_model back = onnx_round_trip(m, NULL, 0);
    size_t n, n_back;
    float *want = outputs_of(m, ops, &n), *got = outputs_of(&back, ops, &n_back);
    assert_int_equal(n, n_back);
    double off = off_by(got, want, n);
    if (!(off <= 2e-6)) fail_msg("%s: off by %.3g", name, off);
    gf_model twice = onnx_round_trip(&back, NULL, 0); /* what was read can be written */
    free(got);
    got = outputs_of(&twice, ops, &n_back);
    off = off_by(got, want, n);
    if (!(off <= 2e-6)) fail_msg("%s, twice: off by %.3g", name, off);
    free(want);
    free(got);
    gf_model_free(&back);
    gf_model_free(&twice);
}

static void kerass_models_come_back(void **state)
{
    (void)state;
    static const char *const names[] = {"dilated", "steps", "vit", "windows", "branches", "scaled"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gf_model m = fixture_model(names[i]);
        seed_values(&m);
        is_the_same(&m, names[i]);
        gf_model_free(&m);
    }
}

/* Attention, places and the dense layers between them are layers again, under their names. */
static void attention_is_one_layer_again(void **state)
{
    (void)state;
    gf_model m = fixture_model("vit");
    seed_values(&m);
    gf_model back = onnx_round_trip(&m, NULL, 0);
    static const char *const names[] = {"attention0", "attention1", "attention2", "over_a_map", "places", "mlp0a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int a = gf_model_find(&m, names[i]), b = gf_model_find(&back, names[i]);
        if (a < 0 || b < 0) fail_msg("no layer %s", names[i]);
        const gf_layer *p = &m.layer[a], *q = &back.layer[b];
        assert_ptr_equal(p->cls, q->cls);
        assert_true(gf_shape_equal(&p->shape, &q->shape));
        assert_int_equal(p->at.heads, q->at.heads);
        assert_int_equal(p->at.key_dim, q->at.key_dim);
        assert_int_equal(p->at.causal, q->at.causal);
        assert_int_equal(p->n_params, q->n_params);
        for (int k = 0; k < p->n_params; k++) {
            const gf_param *x = &m.param[p->param[k]], *y = &back.param[q->param[k]];
            assert_string_equal(x->var, y->var);
            double off = off_by(back.value + y->offset, m.value + x->offset, x->count);
            if (!(off <= 1e-6)) fail_msg("%s/%s: off by %.3g", names[i], x->var, off);
        }
    }
    assert_int_equal(gf_model_counts(&back).total, gf_model_counts(&m).total);
    gf_model_free(&m);
    gf_model_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kerass_models_come_back),
                                       cmocka_unit_test(attention_is_one_layer_again)};
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
