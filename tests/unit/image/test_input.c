/* An image in each layout that a network may want: the same values whichever way they come. */
#include "image/input.h"
#include "image/quantize.h"
#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { H = 13, W = 70, N = H * W, VALUES = 3 * N, GUARD = 0x5a };
static uint8_t image[VALUES];
static float values[VALUES], scratch[VALUES], out[VALUES + 1];
enum { CHANGES = 3 };
static gf_augment_drawn changes[CHANGES];
static char for_change[2 * (VALUES + 64) + VALUES * sizeof(float) + 64];

/* A flip, a rotation, and both. */
static int make_changes(void **state)
{
    static const float turns[CHANGES] = {0, 0.1f, -0.3f};
    (void)state;
    for (int i = 0; i < CHANGES; i++) {
        changes[i] = (gf_augment_drawn){.n = 1, .h = H, .w = W, .oh = H, .ow = W};
        changes[i].transform[0] = gf_transform_identity(H, W);
        if (turns[i] != 0) gf_transform_rotate(&changes[i].transform[0], H, W, turns[i]);
        changes[i].transform[0].flip = i != 1;
    }
    return 0;
}

static gf_input_layout layout(gf_dtype dtype, int channels)
{
    return (gf_input_layout){.dtype = dtype,
                             .shape = GF_SHAPE(H, W, channels),
                             .map = {{0.9f, 1.4f, -1}, {3, -40.25f, 255.5f}},
                             .gray = channels == 1};
}

/* Into `out`, with a guard behind it; the values without a change of layout go to `values`. */
static void put(const gf_input_layout *in, const gf_augment_drawn *change)
{
    unsigned char *end = (unsigned char *)out + gf_input_bytes(in);
    *end = GUARD;
    const gf_augment_drawn none = {.h = H, .w = W, .oh = H, .ow = W};
    gf_augment_apply(change ? change : &none, image, values, for_change);
    gf_input_put(in, change, image, scratch, for_change, out);
    assert_int_equal(*end, GUARD);
}

static void colors_are_the_values(void **state)
{
    (void)state;
    gf_input_layout in = layout(GF_F32, 3);
    for (int i = -1; i < CHANGES; i++) {
        put(&in, i < 0 ? NULL : &changes[i]);
        assert_memory_equal(out, values, sizeof values);
    }
    gf_input_put_f32(&in, values, out);
    assert_memory_equal(out, values, sizeof values);
}

static void quantized_are_the_values_by_the_map(void **state)
{
    (void)state;
    gf_input_layout in = layout(GF_U8, 3);
    const uint8_t *bytes = (const uint8_t *)out;
    for (int i = -1; i < CHANGES; i++) {
        put(&in, i < 0 ? NULL : &changes[i]);
        for (int k = 0; k < VALUES; k++) {
            assert_int_equal(bytes[k], gf_quantize_value(&in.map, k % 3, values[k]));
        }
        uint8_t kept[VALUES];
        memcpy(kept, bytes, sizeof kept);
        memset(out, 0, sizeof out);
        gf_input_put_f32(&in, values, out);
        assert_memory_equal(bytes, kept, sizeof kept);
    }
}

/* ITU-R BT.601, in float64 as the oracle; what has no colors keeps its values to the bit. */
static void one_channel_is_luma(void **state)
{
    (void)state;
    gf_input_layout in = layout(GF_F32, 1);
    for (int i = -1; i < CHANGES; i++) {
        put(&in, i < 0 ? NULL : &changes[i]);
        for (int k = 0; k < N; k++) {
            const float *v = values + 3 * k;
            double want = 0.299 * (double)v[0] + 0.587 * (double)v[1] + 0.114 * (double)v[2];
            if (!(fabs((double)out[k] - want) <= 1e-4)) fail_msg("%d: %g, wanted %g", k, (double)out[k], want);
        }
    }
    for (int k = 0; k < N; k++) image[3 * k + 1] = image[3 * k + 2] = image[3 * k];
    put(&in, NULL);
    for (int k = 0; k < N; k++) assert_true(out[k] == (float)image[3 * k]);
    seeded_pixels("input", 1, image, VALUES);
}

static void scratch_is_enough_for_colors(void **state)
{
    (void)state;
    const gf_input_layout in[] = {layout(GF_F32, 1), layout(GF_U8, 3), {GF_S32, GF_SHAPE(5)}};
    assert_int_equal(gf_feed_scratch(in, 1), VALUES);
    assert_int_equal(gf_feed_scratch(in + 1, 1), VALUES);
    assert_int_equal(gf_feed_scratch(in, 3), VALUES);
    assert_int_equal(gf_feed_scratch(in, 0), 0);
    assert_int_equal(gf_input_bytes(&in[0]), 4 * N);
    assert_int_equal(gf_input_bytes(&in[1]), 3 * N);
    assert_int_equal(gf_input_bytes(&in[2]), 20);
}

int main(void)
{
    seeded_pixels("input", 1, image, VALUES);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_are_the_values), cmocka_unit_test(quantized_are_the_values_by_the_map),
        cmocka_unit_test(one_channel_is_luma), cmocka_unit_test(scratch_is_enough_for_colors)};
    return cmocka_run_group_tests_name("input", tests, make_changes, NULL);
}
