/* Batch normalisation that trains, through the engine, against Keras and PyTorch (tools/make_batch_norm_fixtures.py):
 * losses of five steps, all variables after them, the moving statistics, what the network at rest then says - in the
 * engine that trained it and, folded, in one that only evaluates. */
#include "base/threads.h"
#include "image/input.h"
#include "support/needs.h"
#include "train/engine.h"
#include "unit/exchange/keras_models.h"

enum { BATCH = 8, CLASSES = 3, STEPS = 5 };

static gf_ops *ops;
static gf_pool *pool;

typedef struct bench {
    fixture *want;
    const char *who; /* "keras", "torch" */
    gf_model m;
    gf_engine *e;
    uint8_t *pixels;
    size_t image;
    uint32_t sample[BATCH];
    gf_optimizer o;
} bench;

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)err;
    float *values = q->scratch;
    const bench *b = ctx;
    for (size_t i = 0; i < b->image; i++) values[i] = b->pixels[q->sample * b->image + i];
    gf_input_put_f32(&in[0], values, dst[0]);
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % CLASSES);
    return GRAFT_OK;
}

static gf_feed feed_of(bench *b) { return (gf_feed){image, b}; }

static void bench_of(bench *b, const char *network, const char *who, int trainable_micro, gf_dtype dtype)
{
    char path[512];
    *b = (bench){.who = who, .m = fixture_model(network)};
    snprintf(path, sizeof path, "%s/exchange/%s.safetensors", GRAFT_FIXTURES, network);
    b->want = fixture_open(path);
    assert_non_null(b->want);
    b->m.classes = CLASSES;
    b->m.boundary = 0;
    b->m.buffers = !strcmp(who, "torch");
    seed_values(&b->m);
    b->image = gf_count(&b->m.layer[0].shape);
    b->pixels = malloc(BATCH * b->image);
    assert_non_null(b->pixels);
    seeded_pixels("pixels", 1, b->pixels, BATCH * b->image);
    for (uint32_t i = 0; i < BATCH; i++) b->sample[i] = i;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = spec.batch_norm = true;
    spec.batch = BATCH;
    spec.trainable_micro = trainable_micro;
    spec.dtype = dtype;
    OK(gf_engine_create(&b->e, &b->m, ops, pool, &spec, &error));
    OK(gf_optimizer_parse(&b->o, "sgd", &error));
}

static void bench_new(bench *b, const char *who, int trainable_micro, gf_dtype dtype)
{
    bench_of(b, "batch_norm", who, trainable_micro, dtype);
}

static void bench_free(bench *b)
{
    gf_engine_destroy(b->e);
    gf_model_free(&b->m);
    fixture_close(b->want);
    free(b->pixels);
}

static double step(bench *b, int number)
{
    gf_feed feed = feed_of(b);
    gf_batch batch = {.number = (uint64_t)number, .n = BATCH, .sample = b->sample};
    gf_step_result r;
    OK(gf_engine_gradient(b->e, &feed, NULL, &batch, NULL, &r, &error));
    OK(gf_engine_apply(b->e, &b->o, 0.05, number, NULL, &error));
    return r.loss;
}

/* A tensor of the fixture. */
static const float *wanted(const bench *b, const char *prefix, const char *name, size_t n)
{
    char key[256];
    size_t found;
    snprintf(key, sizeof key, "%s/%s%s", b->who, prefix, name);
    const float *x = fixture_f32(b->want, key, &found);
    if (!x || found != n) fail_msg("the fixture has no %s of %zu values", key, n);
    return x;
}

/* Variables of layers whose names begin so. */
static void check_values(const bench *b, const char *prefix, const char *layers, bool statistics, double allowed)
{
    size_t compared = 0;
    for (size_t i = 0; i < b->m.n_params; i++) {
        const gf_param *p = &b->m.param[i];
        char name[160];
        snprintf(name, sizeof name, "%s/%s", b->m.layer[p->layer].name, p->var);
        if (strncmp(name, layers, strlen(layers)) || (statistics && !p->statistic)) continue;
        double off = off_by(b->m.value + p->offset, wanted(b, prefix, name, p->count), p->count);
        if (!(off <= allowed)) fail_msg("%s: %s%s is off by %.3g", b->who, prefix, name, off);
        compared++;
    }
    assert_true(compared >= 2);
}

static void check_outputs(bench *b, gf_engine *e, const char *what, double allowed)
{
    float got[BATCH * CLASSES];
    gf_feed feed = feed_of(b);
    OK(gf_engine_forward(e, &feed, NULL, b->sample, BATCH, got, NULL, &error));
    double off = off_by(got, wanted(b, "", "logits", BATCH * CLASSES), BATCH * CLASSES);
    if (!(off <= allowed)) fail_msg("%s: logits %s are off by %.3g", b->who, what, off);
}

/* The losses of the fixture, then its variables and outputs. */
static void check_run(const char *network, const char *who, gf_dtype dtype, double allowed)
{
    bench b;
    gf_engine *plain;
    gf_engine_spec spec;
    bench_of(&b, network, who, BATCH, dtype);
    const float *losses = wanted(&b, "", "losses", STEPS);
    assert_true(losses[STEPS - 1] < 0.95f * losses[0]); /* it learns, or equal losses are no evidence */
    for (int s = 0; s < STEPS; s++) {
        double off = fabs(step(&b, s) / (double)losses[s] - 1);
        if (!(off <= allowed)) fail_msg("%s, step %d: the loss is off by %.3g", who, s, off);
        if (s == 0) check_values(&b, "first/", "norm_", true, 10 * allowed);
    }
    check_values(&b, "", "", false, 10 * allowed);
    check_outputs(&b, b.e, "where it trained", 20 * allowed);
    gf_engine_defaults(&spec);
    spec.dtype = dtype;
    OK(gf_engine_create(&plain, &b.m, ops, pool, &spec, &error));
    check_outputs(&b, plain, "folded", 20 * allowed);
    gf_engine_destroy(plain);
    bench_free(&b);
}

static void it_is_kerass(void **state)
{
    (void)state;
    check_run("batch_norm", "keras", GF_F32, 1e-6);
}

/* A normalization that is called three times, once behind another convolution: its statistics move three times a step,
 * in the order of the calls. */
static void called_again_it_is_kerass(void **state)
{
    (void)state;
    check_run("batch_norm_calls", "keras", GF_F32, 2e-6);
}

static void with_pytorchs_layers_it_is_pytorchs(void **state)
{
    (void)state;
    check_run("batch_norm", "torch", GF_F32, 1e-6);
}

static void in_bf16_it_is_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    check_run("batch_norm", "keras", GF_BF16, 5e-3);
}

/* Micro-batches that differ in their means: what moves is the variance over all of them. */
static void micro_batches_are_put_together(void **state)
{
    (void)state;
    static const char *const who[] = {"keras", "torch"};
    for (int i = 0; i < 2; i++) {
        for (int micro = 1; micro < BATCH; micro++) {
            bench b;
            bench_new(&b, who[i], micro, GF_F32);
            step(&b, 0);
            check_values(&b, "first/", "norm_1", true, 1e-6); /* what the second one sees depends on the first's */
            bench_free(&b);
        }
    }
}

/* A gradient alone moves nothing; frozen layers are not moved. */
static void what_rests_is_not_moved(void **state)
{
    (void)state;
    bench b;
    bench_new(&b, "keras", 4, GF_F32);
    float *before = malloc(b.m.n_values * sizeof *before);
    memcpy(before, b.m.value, b.m.n_values * sizeof *before);
    gf_feed feed = feed_of(&b);
    gf_batch batch = {.n = BATCH, .sample = b.sample};
    gf_step_result r;
    OK(gf_engine_gradient(b.e, &feed, NULL, &batch, NULL, &r, &error));
    assert_memory_equal(b.m.value, before, b.m.n_values * sizeof *before);
    gf_engine_destroy(b.e);
    int second = gf_model_find(&b.m, "norm_2");
    for (size_t i = 0; i < b.m.n_layers; i++) b.m.layer[i].backbone = (int)i < second;
    b.m.boundary = second;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = spec.batch_norm = true;
    OK(gf_engine_create(&b.e, &b.m, ops, pool, &spec, &error));
    step(&b, 1);
    for (size_t i = 0; i < b.m.n_params; i++) {
        const gf_param *p = &b.m.param[i];
        bool same = !memcmp(b.m.value + p->offset, before + p->offset, p->count * sizeof *before);
        if (same != (p->layer < second)) fail_msg("%s of layer %d: %s", p->var, p->layer, same ? "rests" : "moved");
    }
    free(before);
    bench_free(&b);
}

/* The boundary stands at a normalisation that has statistics alone: nothing of it trains, the convolution before it is
 * frozen, and yet it measures. */
static void statistics_alone_move_too(void **state)
{
    (void)state;
    bench b = {.image = 6 * 6 * 3, .pixels = malloc(BATCH * 6 * 6 * 3)};
    const gf_layer layers[] = {
        {.cls = &gf_layer_input, .name = "picture", .shape = GF_SHAPE(6, 6, 3), .at.scale = {0.01f, 0.01f, 0.01f}},
        {.cls = &gf_layer_conv2d, .at = {.filters = 5, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .groups = 1}},
        {.cls = &gf_layer_batch_norm, .at = {.no_scale = true, .no_center = true, .epsilon = 1e-3f, .momentum = 0.9f}},
        {.cls = &gf_layer_relu, .at.act = GF_ACT_RELU},
        {.cls = &gf_layer_global_pool},
        {.cls = &gf_layer_dense, .at.units = CLASSES},
    };
    enum { NORM = 2, LAYERS = sizeof layers / sizeof *layers };
    for (int i = 0; i < LAYERS; i++) {
        gf_layer l = layers[i];
        l.n_src = i > 0;
        l.src[0] = i - 1;
        l.backbone = i < LAYERS - 1;
        if (i) snprintf(l.name, sizeof l.name, "layer_%d", i);
        OK(gf_model_add(&b.m, &l, NULL, &error));
    }
    b.m.features = LAYERS - 2, b.m.output = LAYERS - 1, b.m.classes = CLASSES;
    OK(gf_model_finish(&b.m, &error));
    gf_model_init(&b.m, 1, 0);
    b.m.boundary = NORM;
    assert_non_null(b.pixels);
    seeded_pixels("pixels", 1, b.pixels, BATCH * b.image);
    for (uint32_t i = 0; i < BATCH; i++) b.sample[i] = i;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = spec.batch_norm = true;
    OK(gf_engine_create(&b.e, &b.m, ops, pool, &spec, &error));
    OK(gf_optimizer_parse(&b.o, "sgd", &error));
    const gf_param *variance = gf_model_param(&b.m, NORM, "moving_variance");
    float before = b.m.value[variance->offset], out[2][BATCH * CLASSES];
    step(&b, 0);
    assert_true(b.m.value[variance->offset] != before);
    gf_feed feed = feed_of(&b);
    OK(gf_engine_forward(b.e, &feed, NULL, b.sample, BATCH, out[0], NULL, &error));
    gf_engine_destroy(b.e);
    gf_engine_defaults(&spec);
    OK(gf_engine_create(&b.e, &b.m, ops, pool, &spec, &error));
    OK(gf_engine_forward(b.e, &feed, NULL, b.sample, BATCH, out[1], NULL, &error));
    assert_true(off_by(out[0], out[1], BATCH * CLASSES) <= 1e-6);
    gf_engine_destroy(b.e);
    gf_model_free(&b.m);
    free(b.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_kerass),
        cmocka_unit_test(called_again_it_is_kerass),
        cmocka_unit_test(with_pytorchs_layers_it_is_pytorchs),
        cmocka_unit_test(in_bf16_it_is_near),
        cmocka_unit_test(micro_batches_are_put_together),
        cmocka_unit_test(what_rests_is_not_moved),
        cmocka_unit_test(statistics_alone_move_too),
    };
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    if (gf_pool_create(&pool, 2, gf_ops_start_worker, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return failed;
}
