/* Whether int8 is safe: yes on the images that gave the ranges; no where other images go far beyond them; and where a
 * few layers spoil it these stay out. */
#include "image/input.h"
#include "support/needs.h"
#include "support/ok.h"
#include "train/calibrate.h"
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 32, IMAGES = 40, RANGED = 12, CLASSES = 2 };

static gf_ops *ops;
static gf_pool *pool;

/* Two kinds of soft patterns; `bright` images from RANGED on go far beyond those before. */
typedef struct kind {
    float contrast, bright;
} kind;

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)err, (void)target;
    float *values = q->scratch;
    const kind *k = ctx;
    float contrast = q->sample < RANGED ? k->contrast : k->bright;
    for (int i = 0; i < SIZE * SIZE * 3; i++) {
        double x = i / 3 % SIZE, y = i / 3 / SIZE, turn = q->sample % CLASSES ? 0.9 : 0.3;
        double wave = sin(turn * x + 0.5 * q->sample) * cos(0.7 * turn * y + i % 3);
        values[i] = (float)(127.5 + 127.5 * (double)contrast * wave);
    }
    gf_input_put_f32(&in[0], values, dst[0]);
    return GRAFT_OK;
}

static void build(gf_model *m, uint64_t seed)
{
    gf_zoo_options o = {.width = SIZE, .height = SIZE, .alpha = 0.35, .classes = CLASSES};
    assert_int_equal(gf_zoo_build(m, "mobilenet_v2", &o, NULL), GRAFT_OK);
    gf_model_init(m, seed, 0);
}

static gf_calibration calibrate(gf_model *m, kind *k, size_t ranged, bool mix)
{
    uint32_t sample[IMAGES];
    int32_t label[IMAGES];
    for (uint32_t i = 0; i < IMAGES; i++) {
        sample[i] = i;
        label[i] = (int32_t)(i % CLASSES);
    }
    gf_feed feed = {image, k};
    gf_calibration_job j = {.model = m,
                            .ops = ops,
                            .pool = pool,
                            .feed = &feed,
                            .sample = sample,
                            .label = label,
                            .n = IMAGES,
                            .ranged = ranged,
                            .classes = CLASSES,
                            .mix = mix};
    gf_calibration c;
    OK(gf_calibrate(&j, &c, &error));
    print_message("added %.3f, crossed %.3f, distance %.3f, features %.1f %%, %s, outside: %s\n", c.reading.added,
                  c.reading.crossed, c.reading.distance, 100 * c.int8_error, c.safe ? "safe" : "not safe",
                  c.outside ? c.outside : "none");
    return c;
}

static kind same(void) { return (kind){0.9f, 0.9f}; }

static void images_that_gave_the_ranges_are_safe(void **state)
{
    (void)state;
    gf_model m;
    kind k = same();
    build(&m, 3);
    gf_calibration c = calibrate(&m, &k, IMAGES, true);
    assert_true(c.safe);
    assert_null(c.outside);
    assert_true(c.reading.images == IMAGES);
    gf_model_free(&m);
}

static size_t ranges_bytes(const gf_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) n += gf_model_range_count(m, (int)i);
    return n * sizeof *m->range;
}

/* All layers clip what is beyond their ranges: leaving a few of them out does not help, and all is as if nothing had
 * been tried. */
static void what_clips_everywhere_is_refused(void **state)
{
    (void)state;
    NEEDS("int8");
    gf_model m, untried;
    kind k = {0.02f, 1};
    build(&m, 3);
    build(&untried, 3);
    gf_calibration c = calibrate(&m, &k, RANGED, true), without = calibrate(&untried, &k, RANGED, false);
    assert_false(c.safe);
    assert_null(c.outside);
    assert_true(c.int8_error == without.int8_error);
    assert_memory_equal(m.range, untried.range, ranges_bytes(&m));
    gf_model_free(&m);
    gf_model_free(&untried);
}

/* Ranges from too few images: some layers spoil it. These have no ranges then, the others as they were seen. */
static void layers_that_spoil_it_stay_out(void **state)
{
    (void)state;
    NEEDS("int8");
    gf_model m, all;
    kind k = same();
    build(&m, 3);
    build(&all, 3);
    gf_calibration c = calibrate(&m, &k, RANGED, true), whole = calibrate(&all, &k, RANGED, false);
    assert_true(c.safe && !whole.safe);
    assert_non_null(c.outside);
    assert_true(c.reading.distance < whole.reading.distance);
    size_t out = 0, ranged = 0;
    for (int i = 0; i < (int)m.n_layers; i++) {
        size_t bytes = gf_model_range_count(&m, i) * sizeof *m.range;
        static const gf_range none[4096];
        assert_true(bytes <= sizeof none);
        if (!memcmp(gf_model_range(&all, i), none, bytes)) continue;
        bool is_out = strstr(c.outside, m.layer[i].name) != NULL;
        assert_memory_equal(gf_model_range(&m, i), is_out ? none : gf_model_range(&all, i), bytes);
        ranged++;
        out += is_out;
    }
    assert_true(out > 0 && 4 * out <= ranged + 12);
    gf_free(c.outside);
    gf_model_free(&m);
    gf_model_free(&all);
}

static int set_up(void **state)
{
    (void)state;
    if (gf_ops_create(&ops, NULL, NULL)) return -1;
    return gf_pool_create(&pool, 2, gf_ops_start_worker, NULL) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_that_gave_the_ranges_are_safe),
        cmocka_unit_test(layers_that_spoil_it_stay_out),
        cmocka_unit_test(what_clips_everywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
