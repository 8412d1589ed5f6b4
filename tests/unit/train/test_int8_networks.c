/* Whole networks in bytes: how much of each is, and how far its features are from f32's. Random weights and images of
 * soft patterns: what a network with its own weights loses, calibration measures on its own images. */
#include "image/input.h"
#include "image/quantize.h"
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

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)ctx, (void)err, (void)target;
    float *values = q->scratch;
    for (int i = 0; i < size * size * 3; i++) {
        double x = i / 3 % size, y = i / 3 / size, turn = 0.07 * (q->sample + 1) * (1 + i % 3);
        values[i] = (float)(127.5 + 127.5 * sin(turn * x + 0.5 * q->sample) * cos(0.11 * turn * y));
    }
    gf_input_put_f32(&in[0], values, dst[0]);
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
        gf_zoo_options o = {.width = size, .height = size, .classes = 2, .head = {.outputs = 1}};
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

static graft_status whole_image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[],
                                void *target, graft_error *err)
{
    (void)ctx, (void)err, (void)target;
    float *values = q->scratch;
    if (q->sample == 2) return GRAFT_DATA;
    for (int i = 0; i < size * size * 3; i++) values[i] = (float)pixel(q->sample, i);
    gf_input_put_f32(&in[0], values, dst[0]);
    return GRAFT_OK;
}

/* A feed that quantizes its images gives what one of floats does, which the network quantizes itself (an engine whose
 * values are all kept); one sample is lost. */
static void a_quantized_input_changes_nothing(void **state)
{
    (void)state;
    NEEDS("int8");
    const uint32_t sample[IMAGES] = {0, 1, 2, 3, 4, 5};
    static float out[4][IMAGES * 1024];
    const gf_feed feed[2] = {{.fill = whole_image}, {.fill = image}};
    bool lost[2][IMAGES];
    gf_model m;
    gf_calibration c;
    gf_engine_spec spec;
    size = 64;
    gf_zoo_options o = {.width = size, .height = size, .classes = 2, .head = {.outputs = 1}};
    assert_int_equal(gf_zoo_build(&m, "mobilenet_v3_small", &o, NULL), GRAFT_OK);
    gf_model_init(&m, 5, 0);
    assert_int_equal(calibrate(&m, &feed[0], &c), GRAFT_OK);
    gf_engine_defaults(&spec);
    spec.int8_layers = (int)m.n_layers;
    spec.output_layer = m.features;
    size_t n = 0;
    for (int k = 0; k < 4; k++) {
        gf_engine *e;
        spec.keep = k / 2;
        assert_int_equal(gf_engine_create(&e, &m, ops, pool, &spec, NULL), GRAFT_OK);
        n = gf_engine_outputs(e);
        assert_true(n <= 1024);
        assert_int_equal(e->input[0].dtype, k < 2 && gf_quantize_is_fast() ? GF_U8 : GF_F32);
        assert_int_equal(e->inputs, 1);
        assert_int_equal(gf_engine_forward(e, &feed[k % 2], NULL, sample, IMAGES, out[k], lost[k % 2], NULL), GRAFT_OK);
        gf_engine_destroy(e);
    }
    for (size_t i = 0; i < IMAGES; i++) {
        assert_int_equal(lost[0][i], i == 2);
        assert_false(lost[1][i]);
        if (!lost[0][i]) assert_memory_equal(out[0] + i * n, out[2] + i * n, n * sizeof(float));
        assert_memory_equal(out[1] + i * n, out[3] + i * n, n * sizeof(float));
    }
    gf_model_free(&m);
}

int main(void)
{
    if (gf_ops_create(&ops, NULL, NULL) || gf_pool_create(&pool, 2, gf_ops_start_worker, NULL)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks_are_int8_and_near),
                                       cmocka_unit_test(a_quantized_input_changes_nothing)};
    int failed = cmocka_run_group_tests_name("int8 networks", tests, NULL, NULL);
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return failed;
}
