/* Calibration: the same ranges for any number of threads, a lost image is left out, features in bytes are near f32's;
 * and every allocation in turn fails without harm. */
#include "image/input.h"
#include "support/sys_faults.h"
#include "train/calibrate.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 32, IMAGES = 5 };

static gf_ops *ops;

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)err, (void)target;
    float *values = q->scratch;
    for (uint32_t i = 0; i < SIZE * SIZE * 3; i++) values[i] = (float)((i * 97 + i / 96 * 31 + q->sample * 53) % 256);
    gf_input_put_f32(&in[0], values, dst[0]);
    return ctx && q->sample == *(uint32_t *)ctx ? GRAFT_DATA : GRAFT_OK;
}

static void build(gf_model *m)
{
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = 2, .head = {.outputs = 1}};
    assert_int_equal(gf_zoo_build(m, "mobilenet_v2", &o, NULL), GRAFT_OK);
    gf_model_init(m, 3, 0);
}

static graft_status calibrate(gf_model *m, int threads, uint32_t *lost, size_t n, gf_calibration *c, graft_error *err)
{
    gf_pool *pool;
    const uint32_t sample[IMAGES] = {0, 1, 2, 3, 4};
    gf_feed feed = {image, lost};
    graft_status status = gf_pool_create(&pool, threads, gf_ops_start_worker, err);
    if (status != GRAFT_OK) return status;
    const int32_t label[IMAGES] = {0, 1, 0, 1, 0};
    gf_calibration_job j = {.model = m,
                            .ops = ops,
                            .pool = pool,
                            .feed = &feed,
                            .sample = sample,
                            .label = label,
                            .n = n,
                            .ranged = n,
                            .classes = 2};
    status = gf_calibrate(&j, c, err);
    gf_pool_destroy(pool);
    return status;
}

static size_t range_bytes(const gf_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) n += gf_layer_channels(&m->layer[i]);
    return n * sizeof *m->range;
}

static void expect_same(int threads, uint32_t *lost, size_t n, const gf_model *want)
{
    gf_model m;
    gf_calibration c;
    build(&m);
    assert_int_equal(calibrate(&m, threads, lost, n, &c, NULL), GRAFT_OK);
    assert_memory_equal(m.range, want->range, range_bytes(want));
    gf_model_free(&m);
}

static void ranges_do_not_depend_on_threads(void **state)
{
    (void)state;
    gf_model m;
    gf_calibration c;
    build(&m);
    assert_int_equal(calibrate(&m, 1, NULL, IMAGES, &c, NULL), GRAFT_OK);
    assert_true(c.int8_error < 0.2);
    assert_true(gf_ops_has_int8(ops) ? c.int8_error > 0 : c.int8_error == 0);
    expect_same(2, NULL, IMAGES, &m);
    expect_same(4, NULL, IMAGES, &m);
    gf_model_free(&m);
}

static void a_lost_image_is_left_out(void **state)
{
    (void)state;
    gf_model m;
    gf_calibration c;
    uint32_t last = IMAGES - 1;
    build(&m);
    assert_int_equal(calibrate(&m, 2, NULL, IMAGES - 1, &c, NULL), GRAFT_OK);
    expect_same(2, &last, IMAGES, &m);
    gf_model_free(&m);
}

static void memory_running_out_is_told(void **state)
{
    (void)state;
    bool reached = true;
    for (long k = 0; reached; k += 1 + k / 40) { /* all of the first ones, then fewer and fewer */
        gf_model m;
        gf_calibration c;
        graft_error err = {0};
        long before = faults_live();
        build(&m);
        faults_arm(FAULT_ALLOC, k);
        graft_status status = calibrate(&m, 2, NULL, 2, &c, &err);
        reached = faults_disarm();
        if (reached && status != GRAFT_RESOURCE && status != GRAFT_OK) /* OK: fewer threads */
            fail_msg("allocation %ld: status %d, %s", k, (int)status, err.message);
        if (!reached) assert_int_equal(status, GRAFT_OK);
        gf_model_free(&m);
        assert_int_equal(faults_live(), before);
    }
}

static int set_up(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, NULL) != GRAFT_OK;
}

static int tear_down(void **state)
{
    (void)state;
    gf_ops_destroy(ops);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_do_not_depend_on_threads),
        cmocka_unit_test(a_lost_image_is_left_out),
        cmocka_unit_test(memory_running_out_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
