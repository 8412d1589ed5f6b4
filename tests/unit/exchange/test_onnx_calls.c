/* ONNX knows no layers: nodes that do the same with the same tensors are one layer, called again
 * (tools/make_onnx_call_fixtures.py). The numbers of ONNX Runtime, PyTorch's losses, and what is written again. */
#include "exchange/onnx.h"
#include "ops/engine.h"
#include "support/fixture.h"
#include "unit/exchange/keras_train.h"
#include "unit/exchange/onnx_round_trip.h"
#include "unit/exchange/onnx_run.h"

static gf_ops *ops;
static const char *const names[] = {"calls_old", "calls_new"};
enum {
    OUTPUTS = 4,
    TORCH_STEPS = 5,
    FURTHER = 8
}; /* the convolution and the norm 4 times each, two dense layers twice */

static gf_model import_fixture(const char *name)
{
    char path[512];
    gf_model m;
    snprintf(path, sizeof path, "%s/exchange/%s.onnx", GRAFT_FIXTURES, name);
    OK(gf_onnx_import(&m, path, &(gf_import_options){0}, &error));
    return m;
}

static fixture *numbers(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/exchange/%s.safetensors", GRAFT_FIXTURES, name);
    fixture *f = fixture_open(path);
    assert_non_null(f);
    return f;
}

static size_t further_calls(const gf_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) n += m->layer[i].again > 0;
    return n;
}

static void outputs_are_onnx_runtimes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        gf_model m = import_fixture(names[i]);
        fixture *f = numbers(names[i]);
        size_t n, pixels;
        const float *want = fixture_f32(f, "output", &n), *x = fixture_f32(f, "pixels", &pixels);
        float got[IMAGES * OUTPUTS];
        assert_int_equal(n, IMAGES * OUTPUTS);
        assert_int_equal(further_calls(&m), FURTHER);
        assert_int_equal(m.n_values, 6 * 3 * 9 + 6 + 6 * 6 * 9 + 6 + 4 * 6 + 6 * 7 + 7 + 7 * 4 + 4);
        onnx_run(&m, ops, x, got, IMAGES, n);
        ASSERT_CLOSE(names[i], distance(got, want, n), 2e-5);
        fixture_close(f);
        gf_model_free(&m);
    }
}

static const gf_param *shared_kernel(const gf_model *m)
{
    int at = 0;
    while (!m->layer[at].again || m->layer[at].cls != &gf_layer_conv2d) at++;
    return gf_model_param(m, at, "kernel");
}

static void training_is_pytorchs(void **state)
{
    (void)state;
    fixture *f = numbers("calls_torch"), *g = numbers("calls_old");
    size_t n;
    const float *losses = fixture_f32(f, "losses", &n), *x = fixture_f32(g, "pixels", &n), rate = 0.02f;
    float logits[IMAGES * OUTPUTS], diff[IMAGES * OUTPUTS];
    gf_model m = import_fixture("calls_old");
    m.boundary = 0;
    whole w;
    whole_new(&w, &m, ops, (whole_spec){.batch = IMAGES});
    for (int step = 0; step < TORCH_STEPS; step++) {
        whole_prepare(&w);
        whole_forward(&w, x, logits);
        double loss = loss_of(logits, OUTPUTS, diff), off = fabs(loss - (double)losses[step]) / (double)losses[step];
        if (!(off <= 1e-5)) fail_msg("step %d: the loss is off by %.3g", step, off);
        whole_backward(&w, diff);
        for (size_t i = 0; i < w.trainable; i++) m.value[w.trainable_offset + i] -= rate * w.grad[i];
    }
    const float *kernel = fixture_f32(f, "kernel", &n);
    const gf_param *p = shared_kernel(&m);
    assert_int_equal(n, p->count);
    ASSERT_CLOSE("the shared kernel", distance(m.value + p->offset, kernel, n), 1e-5);
    whole_free(&w);
    gf_model_free(&m);
    fixture_close(f);
    fixture_close(g);
}

/* One tensor for all calls, and again one layer. */
static void what_is_written_has_each_tensor_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        gf_model m = import_fixture(names[i]), back = onnx_round_trip(&m, NULL, 0);
        fixture *f = numbers(names[i]);
        size_t n, pixels;
        const float *want = fixture_f32(f, "output", &n), *x = fixture_f32(f, "pixels", &pixels);
        float got[IMAGES * OUTPUTS];
        assert_int_equal(further_calls(&back), FURTHER);
        assert_int_equal(back.n_values, m.n_values);
        onnx_run(&back, ops, x, got, IMAGES, n);
        ASSERT_CLOSE(names[i], distance(got, want, n), 2e-5);
        gf_model_free(&m);
        gf_model_free(&back);
        fixture_close(f);
    }
}

/* A Keras model's calls survive ONNX, too. */
static void what_keras_calls_again_is_written_once(void **state)
{
    (void)state;
    static const char *const keras[] = {"shared", "siamese"};
    for (size_t i = 0; i < 2; i++) {
        gf_model m = fixture_model(keras[i]);
        size_t n;
        seed_values(&m);
        gf_model back = onnx_round_trip(&m, NULL, 0);
        assert_int_equal(back.n_values, m.n_values);
        float *x = outputs_of(&m, ops, &n), *y = outputs_of(&back, ops, &n);
        ASSERT_CLOSE(keras[i], distance(y, x, n), 1e-6);
        free(x);
        free(y);
        gf_model_free(&m);
        gf_model_free(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(outputs_are_onnx_runtimes),
                                       cmocka_unit_test(training_is_pytorchs),
                                       cmocka_unit_test(what_is_written_has_each_tensor_once),
                                       cmocka_unit_test(what_keras_calls_again_is_written_once)};
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
