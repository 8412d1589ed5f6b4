/* Models of Keras's configurations train as Keras trains them: losses of plain SGD on all that trains. */
#include "base/threads.h"
#include "ops/engine.h"
#include "support/needs.h"
#include "unit/exchange/keras_train.h"

static gf_ops *ops;

static void trains_as_keras(const char *name, const whole_spec *spec, double allowed)
{
    fixture *want = fixture_open(GRAFT_FIXTURES "/exchange/keras_outputs.safetensors");
    assert_non_null(want);
    gf_model m = train_as_keras(want, name, ops, spec, 0.005f, allowed);
    gf_model_free(&m);
    fixture_close(want);
}

static void losses_are_kerass(void **state)
{
    (void)state;
    static const char *const names[] = {"dilated", "steps", "vit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        trains_as_keras(names[i], &(whole_spec){.batch = IMAGES}, 1e-5);
        trains_as_keras(names[i], &(whole_spec){.batch = IMAGES, .reference = true}, 1e-5);
    }
}

/* A plan of bf16 computes the same, as near as that holds. */
static void losses_in_bf16_are_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    static const char *const names[] = {"dilated", "steps", "vit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        trains_as_keras(names[i], &(whole_spec){.batch = IMAGES, .dtype = GF_BF16}, 0.02);
    }
}

/* ---- frozen, in bytes where that goes */

/* Ranges of each channel of each layer for the seeded images. */
static void calibrate(gf_model *m)
{
    const int output = m->output;
    OK(gf_model_add_ranges(m, &error));
    for (size_t i = 0; i < m->n_layers; i++) {
        size_t n, c = gf_layer_channels(&m->layer[i]);
        m->output = m->features = (int)i;
        float *x = outputs_of(m, ops, &n);
        gf_range *r = gf_model_range(m, (int)i);
        for (size_t k = 0; k < c; k++) r[k] = (gf_range){x[k], x[k], 0};
        for (size_t k = 0; k < n; k++) {
            gf_range *at = &r[k % c];
            at->low = fminf(at->low, x[k]);
            at->high = fmaxf(at->high, x[k]);
            at->mean += x[k] * (float)c / (float)n;
        }
        free(x);
    }
    m->output = m->features = output;
}

/* What a frozen plan with so many layers in bytes gives. */
static void frozen_outputs(const gf_model *m, int int8_layers, float *out)
{
    gf_graph g;
    gf_plan *plan;
    gf_workspace *ws;
    const uint32_t sample[IMAGES] = {0, 1};
    gf_plan_spec spec = {
        .micro_batch = IMAGES, .dtype = gf_ops_has_bf16(ops) ? GF_BF16 : GF_F32, .int8_layers = int8_layers};
    OK(gf_graph_create(&g, m, &(gf_lower_options){.output_layer = -1}, &error));
    spec.last = g.n_nodes;
    OK(gf_plan_create(&plan, &g, ops, &spec, &error));
    float *scratch = gf_alloc_tensor(gf_plan_fold_count(plan) * sizeof *scratch + 64);
    for (size_t i = 0; i < gf_plan_nodes(plan); i++) OK(gf_plan_prepare(plan, i, scratch, &error));
    OK(gf_workspace_create(&ws, plan, NULL, &error));
    size_t n = IMAGES * gf_count(&g.value[g.input].shape);
    uint8_t *pixels = malloc(n);
    float *in = gf_workspace_value(ws, g.input);
    assert_non_null(pixels);
    seeded_pixels("pixels", 1, pixels, n);
    for (size_t i = 0; i < n; i++) in[i] = pixels[i];
    OK(gf_workspace_forward(ws, &(gf_exec_context){.sample = sample}, &error));
    memcpy(out, gf_workspace_value(ws, g.output), IMAGES * gf_count(&g.value[g.output].shape) * sizeof *out);
    free(pixels);
    gf_free(scratch);
    gf_workspace_destroy(ws);
    gf_plan_destroy(plan);
    gf_graph_free(&g);
}

static void frozen_int8_is_near(void **state)
{
    (void)state;
    NEEDS("int8");
    static const char *const names[] = {"dilated", "steps", "vit"}; /* dilated convolutions stay what they are */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gf_model m = fixture_model(names[i]);
        float out[2][IMAGES * MOST_CLASSES];
        seed_values(&m);
        calibrate(&m);
        size_t n;
        float *want = outputs_of(&m, ops, &n);
        frozen_outputs(&m, 0, out[0]);
        frozen_outputs(&m, (int)m.n_layers, out[1]);
        assert_true((memcmp(out[0], out[1], n * sizeof **out) != 0) == (i > 0));
        for (int bytes = 0; bytes < 2; bytes++) {
            double off = off_by(out[bytes], want, n);
            if (!(off <= 0.05)) fail_msg("%s, %s: off by %.3g", names[i], bytes ? "bytes" : "bf16", off);
        }
        free(want);
        gf_model_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_are_kerass), cmocka_unit_test(losses_in_bf16_are_near),
                                       cmocka_unit_test(frozen_int8_is_near)};
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
