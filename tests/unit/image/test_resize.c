/* resize: TensorFlow's bits, the rounding to 8 bits, sizes of one pixel. */
#include "base/alloc.h"
#include "base/rng.h"
#include "image/fit.h"
#include "image/resize.h"
#include "support/fixture.h"
#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What tools/make_fixtures.py wrote into resize_tf.safetensors: sizes, and every step-th row and column kept. */
static const struct {
    const char *name;
    int h, w, oh, ow, step;
} cases[] = {
    {"37x53", 37, 53, 32, 32, 1}, {"20x30", 20, 30, 64, 48, 3}, {"7x5", 7, 5, 160, 160, 9},
    {"1x9", 1, 9, 4, 4, 1},       {"100x3", 100, 3, 32, 32, 1}, {"211x160", 211, 160, 160, 160, 7},
    {"24x24", 24, 24, 24, 24, 2},
};

static graft_status resize(const uint8_t *src, int h, int w, float *dst, int oh, int ow, bool antialias,
                           graft_error *err)
{
    return gf_fit_image(&(gf_fit){0}, src, h, w, dst, oh, ow, antialias, err);
}

static void equals_tensorflow_bit_for_bit(void **state)
{
    (void)state;
    fixture *f = fixture_open(GRAFT_FIXTURES "/resize_tf.safetensors");
    assert_non_null(f);
    for (size_t k = 0; k < 2 * (sizeof cases / sizeof *cases); k++) {
        int h = cases[k / 2].h, w = cases[k / 2].w, oh = cases[k / 2].oh, ow = cases[k / 2].ow,
            step = cases[k / 2].step;
        bool antialias = k % 2;
        char name[64];
        snprintf(name, sizeof name, "picture_%s", cases[k / 2].name);
        uint8_t *src = malloc((size_t)h * w * 3);
        float *dst = malloc((size_t)oh * ow * 3 * sizeof *dst);
        assert_true(src && dst);
        seeded_pixels(name, 1, src, (size_t)h * w * 3);
        assert_int_equal(resize(src, h, w, dst, oh, ow, antialias, NULL), GRAFT_OK);
        snprintf(name, sizeof name, "%s/%s", cases[k / 2].name, antialias ? "antialias" : "plain");
        size_t n, at = 0;
        const float *wanted = fixture_f32(f, name, &n);
        assert_non_null(wanted);
        for (int y = 0; y < oh; y += step) {
            for (int x = 0; x < ow; x += step, at += 3) {
                assert_true(at + 3 <= n);
                if (memcmp(wanted + at, dst + 3 * ((size_t)y * ow + x), 3 * sizeof *dst) != 0) {
                    fail_msg("%s at (%d, %d): %.9g, wanted %.9g", name, x, y, dst[3 * ((size_t)y * ow + x)],
                             wanted[at]);
                }
            }
        }
        assert_int_equal(at, n);
        free(src);
        free(dst);
    }
    fixture_close(f);
}

/* The formula of resize.h for one value, written out. */
static float reference(const uint8_t *src, int h, int w, int oh, int ow, int y, int x, int c)
{
    float sy = ((float)y + 0.5f) * ((float)h / (float)oh) - 0.5f,
          sx = ((float)x + 0.5f) * ((float)w / (float)ow) - 0.5f;
    int y0 = (int)floorf(sy), x0 = (int)floorf(sx);
    float fy = sy - (float)y0, fx = sx - (float)x0;
    int y1 = y0 + 1 < h ? y0 + 1 : h - 1, x1 = x0 + 1 < w ? x0 + 1 : w - 1;
    if (y0 < 0) y0 = 0;
    if (x0 < 0) x0 = 0;
    float a = src[3 * (y0 * w + x0) + c], b = src[3 * (y0 * w + x1) + c];
    float d = src[3 * (y1 * w + x0) + c], e = src[3 * (y1 * w + x1) + c];
    float top = a + (b - a) * fx, bottom = d + (e - d) * fx;
    return top + (bottom - top) * fy;
}

static void equals_its_reference_at_any_size(void **state)
{
    (void)state;
    enum { MOST = 40 };
    static uint8_t src[MOST * MOST * 3], bytes[MOST * MOST * 3 + 1];
    static float dst[MOST * MOST * 3 + 1];
    gf_rng r = gf_rng_make(5, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int round = 0; round < 300; round++) {
        int h = 1 + (int)gf_rng_below(&r, MOST), w = 1 + (int)gf_rng_below(&r, MOST);
        int oh = 1 + (int)gf_rng_below(&r, MOST), ow = 1 + (int)gf_rng_below(&r, MOST);
        for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)gf_rng_u32(&r);
        size_t n = (size_t)oh * ow * 3;
        dst[n] = -7;
        bytes[n] = 77;
        assert_int_equal(resize(src, h, w, dst, oh, ow, false, NULL), GRAFT_OK);
        assert_int_equal(gf_resize_u8(src, h, w, bytes, oh, ow, false, NULL), GRAFT_OK);
        for (size_t i = 0; i < n; i++) {
            float wanted = reference(src, h, w, oh, ow, (int)(i / 3) / ow, (int)(i / 3) % ow, (int)(i % 3));
            assert_memory_equal(&dst[i], &wanted, sizeof wanted);
            assert_int_equal(bytes[i], (int)floor((double)wanted + 0.5));
        }
        assert_true(dst[n] == -7 && bytes[n] == 77);
    }
}

static void antialias_keeps_flat_images_and_means(void **state)
{
    (void)state;
    static uint8_t flat[50 * 70 * 3], small[9 * 11 * 3];
    memset(flat, 93, sizeof flat);
    assert_int_equal(gf_resize_u8(flat, 50, 70, small, 9, 11, true, NULL), GRAFT_OK);
    for (size_t i = 0; i < sizeof small; i++) assert_int_equal(small[i], 93);
    /* A checkerboard shrunk eight times is its mean with antialias, and is not without. */
    static uint8_t board[64 * 64 * 3], out[8 * 8 * 3];
    for (int i = 0; i < 64 * 64; i++) memset(board + 3 * i, (i / 64 + i % 64) / 3 % 2 ? 255 : 0, 3);
    assert_int_equal(gf_resize_u8(board, 64, 64, out, 8, 8, true, NULL), GRAFT_OK);
    for (int i = 0; i < 8 * 8 * 3; i++) assert_in_range(out[i], 100, 155);
    assert_int_equal(gf_resize_u8(board, 64, 64, out, 8, 8, false, NULL), GRAFT_OK);
    int far = 0;
    for (int i = 0; i < 8 * 8 * 3; i++) far += out[i] < 100 || out[i] > 155;
    assert_true(far > 20);
}

static void sides_of_one_pixel_and_none(void **state)
{
    (void)state;
    enum { LONG = 65535 };
    uint8_t *line = malloc((size_t)LONG * 3), *out = malloc(160 * 160 * 3);
    assert_true(line && out);
    for (size_t i = 0; i < (size_t)LONG * 3; i++) line[i] = (uint8_t)(i / 3 % 251);
    for (int antialias = 0; antialias < 2; antialias++) {
        assert_int_equal(gf_resize_u8(line, 1, LONG, out, 160, 160, antialias, NULL), GRAFT_OK);
        assert_memory_equal(out, out + 159 * 160 * 3, 160 * 3);
        assert_int_equal(gf_resize_u8(line, LONG, 1, out, 160, 160, antialias, NULL), GRAFT_OK);
        assert_memory_equal(out, out + 3, 3);
    }
    graft_error err;
    assert_int_equal(gf_resize_u8(line, 0, 5, out, 4, 4, false, &err), GRAFT_USAGE);
    assert_int_equal(gf_resize_u8(line, 5, 5, out, 4, -4, true, &err), GRAFT_USAGE);
    free(line);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_tensorflow_bit_for_bit),
        cmocka_unit_test(equals_its_reference_at_any_size),
        cmocka_unit_test(antialias_keeps_flat_images_and_means),
        cmocka_unit_test(sides_of_one_pixel_and_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
