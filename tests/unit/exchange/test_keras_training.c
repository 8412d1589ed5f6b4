/* Models of Keras's configurations train as Keras trains them: losses of plain SGD on all that trains. */
#include "base/threads.h"
#include "ops/engine.h"
#include "support/needs.h"
#include "unit/exchange/keras_models.h"
#include "unit/graph/whole.h"

static gf_ops *ops;

enum { STEPS = 6, MOST_CLASSES = 8 };

/* Mean cross-entropy of image i being of class i + 1; diff gets its gradient. */
static double loss_of(const float *logits, size_t classes, float *diff)
{
    double loss = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        const float *z = logits + i * classes;
        double sum = 0, most = z[0];
        for (size_t k = 1; k < classes; k++) most = fmax(most, z[k]);
        for (size_t k = 0; k < classes; k++) sum += exp((double)z[k] - most);
        for (size_t k = 0; k < classes; k++) {
            double p = exp((double)z[k] - most) / sum;
            diff[i * classes + k] = (float)((p - (k == i + 1)) / IMAGES);
            if (k == i + 1) loss -= log(p) / IMAGES;
        }
    }
    return loss;
}

static void trains_as_keras(const char *name, const whole_spec *spec, double allowed)
{
    static const float rate = 0.005f;
    fixture *want = fixture_open(GRAFT_FIXTURES "/exchange/keras_outputs.safetensors");
    char key[64];
    size_t steps;
    snprintf(key, sizeof key, "%s/losses", name);
    assert_non_null(want);
    const float *keras = fixture_f32(want, key, &steps);
    assert_non_null(keras);
    assert_int_equal(steps, STEPS);
    assert_true(keras[STEPS - 1] < 0.95f * keras[0]); /* it learns, or equal losses are no evidence */
    gf_model m = fixture_model(name);
    seed_values(&m);
    m.boundary = 0;
    whole w;
    whole_new(&w, &m, ops, *spec);
    size_t n = IMAGES * w.image;
    float *images = calloc(n, sizeof *images), logits[IMAGES * MOST_CLASSES], diff[IMAGES * MOST_CLASSES];
    uint8_t *pixels = malloc(n);
    assert_true(images && pixels && w.outputs <= MOST_CLASSES);
    seeded_pixels("pixels", 1, pixels, n);
    for (size_t i = 0; i < n; i++) images[i] = pixels[i];
    for (int step = 0; step < STEPS; step++) {
        whole_prepare(&w);
        whole_forward(&w, images, logits);
        double loss = loss_of(logits, w.outputs, diff), off = fabs(loss - (double)keras[step]) / (double)keras[step];
        if (!(off <= allowed)) {
            fail_msg("%s, step %d: the loss is %.7g, Keras's is %.7g (off by %.2g, allowed %.2g)", name, step, loss,
                     (double)keras[step], off, allowed);
        }
        whole_backward(&w, diff);
        for (size_t i = 0; i < w.trainable; i++) m.value[w.trainable_offset + i] -= rate * w.grad[i];
    }
    free(images);
    free(pixels);
    whole_free(&w);
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
