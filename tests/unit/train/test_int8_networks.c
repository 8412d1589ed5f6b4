/* Whole networks in bytes: how much of each is, and how far its features are from f32's. Random weights and images of
 * soft patterns: what a network with its own weights loses, calibration measures on its own images. */
#include "support/needs.h"
#include "train/calibrate.h"
#include "train/engine_parts.h"
#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 6, MOST_SIZE = 96 };

/* As many values lie in memory as bytes: the image, what convolutions leave behind their activations, gates, what is
 * between the two of a separable convolution. */
static const struct {
    const char *name;
    int size, bytes;
    double error;
} network[] = {
    {"mobilenet_v2", 64, 36, 0.04}, {"efficientnet_b0", 64, 50, 0.01}, {"mobilenet_v3_small", 64, 33, 0.01},
    {"xception", 96, 58, 0.06},     {"inception_v3", 96, 43, 0.05},    {"resnet18", 64, 8, 0.06},
};

static gf_ops *ops;
static gf_pool *pool;
static int size;

static graft_status image(void *ctx, uint32_t epoch, uint32_t sample, bool training, float *dst, int worker,
                          graft_error *err)
{
    (void)ctx, (void)epoch, (void)training, (void)worker, (void)err;
    for (int i = 0; i < size * size * 3; i++) {
        double x = i / 3 % size, y = i / 3 / size, turn = 0.07 * (sample + 1) * (1 + i % 3);
        dst[i] = (float)(127.5 + 127.5 * sin(turn * x + 0.5 * sample) * cos(0.11 * turn * y));
    }
    return GRAFT_OK;
}

static graft_status calibrate(gf_model *m, const gf_feed *feed, gf_calibration *c)
{
    static const uint32_t sample[IMAGES] = {0, 1, 2, 3, 4, 5};
    gf_calibration_job j = {
        .model = m, .ops = ops, .pool = pool, .feed = feed, .sample = sample, .n = IMAGES, .ranged = IMAGES};
    return gf_calibrate(&j, c, NULL);
}

static int values_in_int8(gf_model *m)
{
    gf_engine *e;
    gf_engine_spec spec;
    int n = 0;
    gf_engine_defaults(&spec);
    spec.dtype = gf_ops_has_bf16(ops) ? GF_BF16 : GF_F32;
    spec.int8_layers = (int)m->n_layers;
    spec.output_layer = m->features;
    assert_int_equal(gf_engine_create(&e, m, ops, pool, &spec, NULL), GRAFT_OK);
    for (size_t v = 0; v < e->graph.n_values; v++) n += gf_plan_value_dtype(e->frozen, (int)v) == GF_U8;
    gf_engine_destroy(e);
    return n;
}

static void networks_are_int8_and_near(void **state)
{
    (void)state;
    NEEDS("int8");
    for (size_t i = 0; i < sizeof network / sizeof *network; i++) {
        gf_model m;
        gf_calibration c;
        size = network[i].size;
        gf_zoo_options o = {.width = size, .height = size, .classes = 2};
        assert_int_equal(gf_zoo_build(&m, network[i].name, &o, NULL), GRAFT_OK);
        gf_model_init(&m, 5, 0);
        assert_int_equal(calibrate(&m, &(gf_feed){image, NULL}, &c), GRAFT_OK);
        int bytes = values_in_int8(&m);
        print_message("%s: %d values in bytes, features %.1f %% from f32's\n", network[i].name, bytes,
                      100 * c.int8_error);
        if (bytes < network[i].bytes)
            fail_msg("%s: %d values in bytes, wanted %d", network[i].name, bytes, network[i].bytes);
        if (!(c.int8_error <= network[i].error)) fail_msg("%s: off by %g", network[i].name, c.int8_error);
        gf_model_free(&m);
    }
}

static uint8_t pixel(uint32_t sample, int i) { return (uint8_t)(i * (int)(sample + 3) + i / 7 * (i % 5)); }

static graft_status whole_image(void *ctx, uint32_t epoch, uint32_t sample, bool training, float *dst, int worker,
                                graft_error *err)
{
    (void)ctx, (void)epoch, (void)training, (void)worker, (void)err;
    if (sample == 2) return GRAFT_DATA;
    for (int i = 0; i < size * size * 3; i++) dst[i] = (float)pixel(sample, i);
    return GRAFT_OK;
}

static graft_status image_int8(void *ctx, uint32_t epoch, uint32_t sample, bool training, const gf_quantize_map *map,
                               uint8_t *dst, int worker, graft_error *err)
{
    (void)epoch, (void)training, (void)worker, (void)err;
    if (sample == 2) return GRAFT_DATA;
    for (int i = 0; i < size * size * 3; i++) dst[i] = gf_quantize_value(map, i % 3, (float)pixel(sample, i));
    *(bool *)ctx = true;
    return GRAFT_OK;
}

/* A feed that has bytes gives what one of floats does, which the network makes bytes of itself; one sample is lost. */
static void bytes_from_the_feed_change_nothing(void **state)
{
    (void)state;
    NEEDS("int8");
    const uint32_t sample[IMAGES] = {0, 1, 2, 3, 4, 5};
    static float out[2][IMAGES * 1024];
    bool lost[IMAGES], asked = false;
    gf_model m;
    gf_calibration c;
    gf_engine *e;
    gf_engine_spec spec;
    size = 64;
    gf_zoo_options o = {.width = size, .height = size, .classes = 2};
    assert_int_equal(gf_zoo_build(&m, "mobilenet_v3_small", &o, NULL), GRAFT_OK);
    gf_model_init(&m, 5, 0);
    gf_feed floats = {.image = whole_image}, bytes = {whole_image, &asked, image_int8};
    assert_int_equal(calibrate(&m, &floats, &c), GRAFT_OK);
    gf_engine_defaults(&spec);
    spec.int8_layers = (int)m.n_layers;
    spec.output_layer = m.features;
    assert_int_equal(gf_engine_create(&e, &m, ops, pool, &spec, NULL), GRAFT_OK);
    size_t n = gf_engine_outputs(e);
    assert_true(n <= 1024);
    assert_int_equal(gf_engine_forward(e, &floats, NULL, sample, IMAGES, out[0], lost, NULL), GRAFT_OK);
    assert_int_equal(gf_engine_forward(e, &bytes, NULL, sample, IMAGES, out[1], lost, NULL), GRAFT_OK);
    assert_int_equal(asked, gf_quantize_is_fast());
    for (size_t i = 0; i < IMAGES; i++) {
        assert_int_equal(lost[i], i == 2);
        if (!lost[i]) assert_memory_equal(out[0] + i * n, out[1] + i * n, n * sizeof(float));
    }
    gf_engine_destroy(e);
    gf_model_free(&m);
}

int main(void)
{
    if (gf_ops_create(&ops, NULL, NULL) || gf_pool_create(&pool, 2, gf_ops_start_worker, NULL)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks_are_int8_and_near),
                                       cmocka_unit_test(bytes_from_the_feed_change_nothing)};
    int failed = cmocka_run_group_tests_name("int8 networks", tests, NULL, NULL);
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return failed;
}
