/* parity: MobileNetV2 against Keras 3 on the same weights and pixels (fixtures of tools/make_fixtures.py): pooled
 * features, losses, gradients and every trained tensor of both phases. Runs with oneDNN's best instructions and (a
 * second ctest entry) with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "base/alloc.h"
#include "formats/safetensors.h"
#include "image/input.h"
#include "support/needs.h"
#include "support/ok.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 8, STEPS = 5 };

typedef struct bench {
    gf_ops *ops;
    gf_pool *pool;
    gf_model model;
    gf_safetensors fixture;
    uint64_t seed;
    int size;
    const uint8_t *pixels; /* of samples 0.. */
    int32_t label[BATCH * STEPS];
} bench;

static float *tensor(const bench *b, const char *name, size_t *n)
{
    const gf_safetensors_tensor *t = gf_safetensors_find(&b->fixture, name);
    if (!t) fail_msg("the fixture has no %s", name);
    *n = gf_count(&t->shape);
    float *x = calloc(*n, sizeof *x);
    OK(gf_safetensors_f32(&b->fixture, t, NULL, x, &error));
    return x;
}

static void open_bench(bench *b, const char *fixture, double alpha, int size, int classes, uint64_t seed, int threads)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GRAFT_FIXTURES, fixture);
    *b = (bench){.seed = seed, .size = size};
    OK(gf_safetensors_open(&b->fixture, path, NULL, &error));
    OK(gf_ops_create(&b->ops, NULL, &error));
    OK(gf_pool_create(&b->pool, threads, gf_ops_start_worker, &error));
    gf_zoo_options o = {
        .width = size, .height = size, .alpha = alpha, .classes = classes, .head = {.outputs = classes == 2}};
    OK(gf_zoo_build(&b->model, "mobilenet_v2", &o, &error));
    for (size_t i = 0; i < b->model.n_params; i++) {
        const gf_param *p = &b->model.param[i];
        const gf_layer *l = &b->model.layer[p->layer];
        size_t fan = 1;
        for (int d = 0; d < p->shape.rank - 1; d++) fan *= (size_t)p->shape.dim[d];
        if (l->cls == &gf_layer_depthwise) fan = (size_t)(p->shape.dim[0] * p->shape.dim[1]);
        seeded_values(l->name, p->var, seed, fan, b->model.value + p->offset, p->count);
    }
}

static void close_bench(bench *b)
{
    gf_model_free(&b->model);
    gf_pool_destroy(b->pool);
    gf_ops_destroy(b->ops);
    gf_safetensors_close(&b->fixture);
}

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)err;
    float *values = q->scratch;
    const bench *b = ctx;
    size_t n = (size_t)(b->size * b->size * 3);
    for (size_t i = 0; i < n; i++) values[i] = b->pixels[q->sample * n + i];
    gf_input_put_f32(&in[0], values, dst[0]);
    if (target) *(gf_class_target *)target = gf_target_of((uint32_t)b->label[q->sample]);
    return GRAFT_OK;
}

/* |x - want| over |want|, L2. NaN stays NaN. */
static double distance(const float *x, const float *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - want[i]) * ((double)x[i] - want[i]);
        w += (double)want[i] * want[i];
    }
    return sqrt(d) / sqrt(w);
}

#define ASSERT_CLOSE(what, err, tol)                                                                         \
    do {                                                                                                     \
        double close_ = (err);                                                                               \
        if (!(close_ <= (tol))) fail_msg("%s: off by %.3g, allowed is %.3g", (what), close_, (double)(tol)); \
    } while (0)

static void check_features(const char *fixture, double alpha, int size, uint32_t n, gf_dtype dtype, double tolerance)
{
    bench b;
    open_bench(&b, fixture, alpha, size, 0, 1, 2);
    size_t count = (size_t)(size * size * 3) * n, want_n;
    uint8_t *pixels = malloc(count);
    seeded_pixels("pixels", 1, pixels, count);
    b.pixels = pixels;
    float *want = tensor(&b, "features", &want_n);
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = dtype;
    gf_engine *e;
    OK(gf_engine_create(&e, &b.model, b.ops, b.pool, &spec, &error));
    assert_int_equal(want_n, n * gf_engine_outputs(e));
    float *got = calloc(want_n, sizeof *got);
    uint32_t samples[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    OK(gf_engine_forward(e, &(gf_feed){image, &b}, NULL, samples, n, got, NULL, &error));
    double off = distance(got, want, want_n);
    print_message("%s %s: pooled features off by %.2e\n", fixture, gf_dtype_name(dtype), off);
    ASSERT_CLOSE(fixture, off, tolerance);
    gf_engine_destroy(e);
    free(got);
    free(want);
    free(pixels);
    close_bench(&b);
}

static void features_are_keras(void **state)
{
    (void)state;
    check_features("parity_mobilenet_v2_a035_96.safetensors", 0.35, 96, 4, GF_F32, 1e-5);
    check_features("parity_mobilenet_v2_a100_96.safetensors", 1.0, 96, 4, GF_F32, 1e-5);
    check_features("parity_mobilenet_v2_a100_160.safetensors", 1.0, 160, 2, GF_F32, 1e-5);
}

static void features_in_bf16_are_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_features("parity_mobilenet_v2_a100_160.safetensors", 1.0, 160, 2, GF_BF16, 0.1);
}

/* ---- training ------------------------------------------------------------------------------------------------- */

typedef struct batches {
    uint8_t *pixels;
    uint32_t sample[BATCH * STEPS];
} batches;

/* Batches first .. first + 4 of 8 images each. */
static void make_batches(batches *x, bench *b, int first, int classes)
{
    size_t bytes = (size_t)(b->size * b->size * 3) * BATCH;
    x->pixels = malloc(bytes * STEPS);
    for (int s = 0; s < STEPS; s++) {
        char name[32];
        snprintf(name, sizeof name, "pixels%d", first + s);
        seeded_pixels(name, b->seed, x->pixels + (size_t)s * bytes, bytes);
        snprintf(name, sizeof name, "labels%d", first + s);
        seeded_labels(name, b->seed, classes, b->label + s * BATCH, BATCH);
    }
    for (uint32_t i = 0; i < BATCH * STEPS; i++) x->sample[i] = i;
}

/* The tensor "phase2/WHAT/LAYER/VAR" of a parameter, which the fixture keeps as f16 shares of its greatest magnitude.
 * NULL: it keeps none. */
static float *scaled(const bench *b, const char *what, const gf_param *p, size_t *n)
{
    char name[160];
    const char *layer = b->model.layer[p->layer].name;
    snprintf(name, sizeof name, "phase2/%s/%s/%s", what, layer, p->var);
    if (!gf_safetensors_find(&b->fixture, name)) return NULL;
    float *x = tensor(b, name, n);
    size_t one;
    snprintf(name, sizeof name, "phase2/%s_scale/%s/%s", what, layer, p->var);
    float *scale = tensor(b, name, &one);
    for (size_t k = 0; k < *n; k++) x[k] *= scale[0];
    free(scale);
    return x;
}

static void check_gradients(const bench *b, const gf_engine *e, size_t trainable_offset)
{
    int compared = 0;
    for (size_t i = 0; i < b->model.n_params; i++) {
        const gf_param *p = &b->model.param[i];
        size_t n;
        float *want = gf_model_param_trains(&b->model, p) ? scaled(b, "grad", p, &n) : NULL;
        if (!want) continue;
        ASSERT_CLOSE(b->model.layer[p->layer].name,
                     distance(gf_engine_grads(e) + (p->offset - trainable_offset), want, n), 1e-3);
        compared++;
        free(want);
    }
    assert_true(compared >= 2);
}

static void check_head(const bench *b)
{
    static const char *const vars[] = {"kernel", "bias"};
    for (int i = 0; i < 2; i++) {
        char name[64];
        size_t n;
        snprintf(name, sizeof name, "phase1/after/head/%s", vars[i]);
        float *want = tensor(b, name, &n);
        const gf_param *p = gf_model_param(&b->model, gf_model_find(&b->model, "head"), vars[i]);
        ASSERT_CLOSE(name, distance(b->model.value + p->offset, want, n), 1e-5);
        free(want);
    }
}

/* Every trained tensor: the change that training made, and the tensor itself by its norm. */
static void check_changes(const bench *b, const float *before, size_t trainable_offset, int tensors)
{
    int compared = 0;
    double worst = 0, worst_tensor = 0;
    for (size_t i = 0; i < b->model.n_params; i++) {
        const gf_param *p = &b->model.param[i];
        size_t n;
        float *want = gf_model_param_trains(&b->model, p) ? scaled(b, "delta", p, &n) : NULL;
        if (!want) continue;
        const float *old = before + (p->offset - trainable_offset), *now = b->model.value + p->offset;
        float *change = malloc(n * sizeof *change), *keras = malloc(n * sizeof *keras);
        for (size_t k = 0; k < n; k++) {
            change[k] = now[k] - old[k];
            keras[k] = old[k] + want[k];
        }
        double d = distance(change, want, n), whole = distance(now, keras, n);
        if (!(d <= worst)) worst = d;
        if (!(whole <= worst_tensor)) worst_tensor = whole;
        ASSERT_CLOSE(b->model.layer[p->layer].name, d, 0.03);
        ASSERT_CLOSE(b->model.layer[p->layer].name, whole, 1e-3);
        compared++;
        free(want);
        free(change);
        free(keras);
    }
    print_message("%d tensors: worst change off by %.2e, worst tensor by %.2e of its norm\n", compared, worst,
                  worst_tensor);
    assert_int_equal(compared, tensors);
}

typedef struct phase {
    int number, first; /* of its batches */
    const char *optimizer;
    double lr;
    int tensors; /* that the fixture keeps */
} phase;

static void run_phase(bench *b, const phase *f, int classes, bool fused)
{
    batches x;
    make_batches(&x, b, f->first, classes);
    b->pixels = x.pixels;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.batch = BATCH;
    spec.trainable_micro = 4;
    spec.no_fusion = !fused;
    gf_engine *e;
    OK(gf_engine_create(&e, &b->model, b->ops, b->pool, &spec, &error));
    size_t bytes = gf_engine_trainable(e) * sizeof(float), trainable_offset = gf_model_first_trainable(&b->model), n;
    float *before = malloc(bytes);
    memcpy(before, b->model.value + trainable_offset, bytes);
    gf_optimizer o;
    OK(gf_optimizer_parse(&o, f->optimizer, &error));
    float *slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&o) * bytes);
    char name[32];
    snprintf(name, sizeof name, "phase%d/losses", f->number);
    float *losses = tensor(b, name, &n);
    assert_int_equal(n, STEPS);
    gf_feed feed = {image, b};
    for (int s = 0; s < STEPS; s++) {
        gf_batch batch = {0, (uint64_t)s, BATCH, x.sample + s * BATCH};
        gf_batch next = {0, (uint64_t)s + 1, BATCH, x.sample + (s + 1) * BATCH};
        gf_step_result r;
        OK(gf_engine_gradient(e, &feed, NULL, &batch, s + 1 < STEPS ? &next : NULL, &r, &error));
        print_message("phase %d step %d: loss %.7f, Keras %.7f\n", f->number, s, r.loss, losses[s]);
        ASSERT_CLOSE("loss", fabs(r.loss - losses[s]), 1e-4);
        if (s == 0 && f->number == 2) check_gradients(b, e, trainable_offset);
        OK(gf_engine_apply(e, &o, f->lr, s, slots, &error));
    }
    if (f->number == 1) {
        check_head(b);
    } else {
        check_changes(b, before, trainable_offset, f->tensors);
    }
    gf_free(slots);
    free(before);
    free(losses);
    free(x.pixels);
    gf_engine_destroy(e);
}

static void check_training(const char *fixture, int classes, bool fused)
{
    bench b;
    open_bench(&b, fixture, 0.35, 96, classes, 137, 2);
    run_phase(&b, &(phase){1, 0, "adam", 1e-4, 0}, classes, fused);
    b.model.boundary = 100;
    run_phase(&b, &(phase){2, 5, "rmsprop", 1e-5, classes == 2 ? 56 : 2}, classes, fused);
    close_bench(&b);
}

static void training_is_keras(void **state)
{
    (void)state;
    check_training("train_mobilenet_v2_a035_96.safetensors", 2, true);
}

static void training_without_fusion_is_keras(void **state)
{
    (void)state;
    check_training("train_mobilenet_v2_a035_96.safetensors", 2, false);
}

static void training_of_five_classes_is_keras(void **state)
{
    (void)state;
    check_training("train_mobilenet_v2_a035_96_c5.safetensors", 5, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_keras),
        cmocka_unit_test(features_in_bf16_are_near),
        cmocka_unit_test(training_is_keras),
        cmocka_unit_test(training_without_fusion_is_keras),
        cmocka_unit_test(training_of_five_classes_is_keras),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
