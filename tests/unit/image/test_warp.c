/* warp: TensorFlow's borders for maps that land far outside, the same bits from all implementations. */
#include "base/rng.h"
#include "image/warp.h"
#include "support/fixture.h"
#include "support/needs.h"
#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BORDERS = 4, MOST = 70, VALUES = MOST * MOST * 3 };
static uint8_t image[VALUES], bytes[VALUES + 1], other_bytes[VALUES + 1];
static float got[VALUES + 1], other[VALUES + 1];

static const char *const border_name[BORDERS] = {"reflect", "nearest", "wrap", "constant"};

/* Every border and interpolation, on sides of 1, 2, 7 and more pixels, by maps of up to three periods out. TensorFlow
 * computes coordinates in another order of operations: where one lands beside a seam of `wrap` or between two pixels of
 * `nearest` it may fall on the other side. Of 9,000 such values a handful may. */
static void borders_equal_tensorflow(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {2, 5}, {7, 7}, {24, 17}};
    fixture *f = fixture_open(GRAFT_FIXTURES "/random_changes.safetensors");
    assert_non_null(f);
    size_t n_maps, compared = 0;
    const float *maps = fixture_f32(f, "border/maps", &n_maps);
    assert_true(maps && n_maps % 6 == 0 && n_maps >= 18);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int h = sizes[s][0], w = sizes[s][1];
        size_t n = (size_t)h * (size_t)w * 3, count, odd = 0;
        char name[80];
        snprintf(name, sizeof name, "border_%dx%d", h, w);
        seeded_pixels(name, 1, image, n);
        for (size_t k = 0; k < n_maps / 6 * BORDERS * 2; k++) {
            int border = (int)(k / 2 % BORDERS), nearest = (int)(k % 2), map = (int)(k / 2 / BORDERS);
            gf_warp p = {.h = h, .w = w, .oh = h, .ow = w, .border = (gf_border)border, .nearest = nearest, .fill = 37};
            memcpy(p.m, maps + 6 * map, sizeof p.m);
            snprintf(name, sizeof name, "border/%dx%d/%s/%s/%d", h, w, border_name[border],
                     nearest ? "nearest" : "bilinear", map);
            const float *wanted = fixture_f32(f, name, &count);
            if (!wanted || count != n) fail_msg("no %s", name);
            gf_warp_floats(&p, image, got);
            for (size_t i = 0; i < n; i++, compared++) odd += !(fabsf(got[i] - wanted[i]) <= 2e-3f);
        }
        if (odd > 8) fail_msg("%dx%d: %zu values differ", h, w, odd);
    }
    assert_true(compared > 9000);
    fixture_close(f);
}

static void fill(gf_rng *r)
{
    for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)gf_rng_u32(r);
}

/* Any map of any border, from half a pixel to hundreds of periods out, between images of any two sizes. */
static gf_warp random_warp(gf_rng *r, int round)
{
    gf_warp p = {.h = 1 + (int)gf_rng_below(r, MOST),
                 .w = 1 + (int)gf_rng_below(r, MOST),
                 .oh = 1 + (int)gf_rng_below(r, MOST),
                 .ow = 1 + (int)gf_rng_below(r, MOST),
                 .border = (gf_border)gf_rng_below(r, BORDERS),
                 .nearest = gf_rng_below(r, 4) == 0,
                 .flip = gf_rng_below(r, 2),
                 .fill = gf_rng_range(r, 0, 255)};
    float most = round % 7 == 0 ? 1000 : round % 3 == 0 ? 10 : 1.2f;
    for (int i = 0; i < 6; i++) p.m[i] = gf_rng_range(r, -most, most) * (i % 3 == 2 ? MOST : 1);
    if (round % 11 == 0)
        memcpy(p.m, (float[6]){1, 0, (float)(round % 5) - 2, 0, 1, (float)(round % 6) - 3}, sizeof p.m);
    if (round % 13 == 0) memcpy(p.m, (float[6]){1, 0, 0, 0, 1, 0}, sizeof p.m);
    return p;
}

typedef bool implementation(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst);

/* How many of 3000 images it did: those of one pixel's width or height do not suit it, nor do all CPUs. */
static int has_the_bits_of_the_reference(implementation *fast_one)
{
    const gf_quantize_map map = {{1.7f, 0.31f, -2}, {-60.3f, 9, 300.25f}};
    gf_rng r = gf_rng_make(4, GF_PURPOSE_SYNTHETIC, 0, 0);
    int fast = 0;
    for (int round = 0; round < 3000; round++) {
        gf_warp p = random_warp(&r, round);
        if (round % 100 == 0) fill(&r);
        size_t n = (size_t)p.oh * (size_t)p.ow * 3;
        got[n] = other[n] = -7;
        bytes[n] = other_bytes[n] = 0xa5;
        gf_warp_plain(&p, image, NULL, got);
        gf_warp_plain(&p, image, &map, bytes);
        if (fast_one(&p, image, NULL, other)) {
            fast++;
            if (memcmp(got, other, (n + 1) * sizeof *got) != 0) {
                size_t i = 0;
                while (memcmp(&got[i], &other[i], sizeof *got) == 0) i++;
                fail_msg("round %d, border %d, %dx%d [%zu]: %.9g and %.9g", round, p.border, p.h, p.w, i, got[i],
                         other[i]);
            }
            assert_true(fast_one(&p, image, &map, other_bytes));
            assert_memory_equal(bytes, other_bytes, n + 1);
        }
        for (size_t i = 0; i < n; i++) assert_true(got[i] >= -0.001f && got[i] <= 255.001f);
    }
    return fast;
}

static void avx2_has_the_bits_of_the_reference(void **state)
{
    (void)state;
    NEEDS("avx2");
    assert_true(has_the_bits_of_the_reference(gf_warp_avx2) > 2800);
}

static void avx512_has_the_bits_of_the_reference(void **state)
{
    (void)state;
    NEEDS("vbmi");
    assert_true(has_the_bits_of_the_reference(gf_warp_avx512) > 2800);
}

/* Under AddressSanitizer: not one byte outside of either block is touched. Long and narrow images are among them. */
static void reads_and_writes_inside(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 3000}, {3000, 1}, {2, 2}, {2, 3000}, {3, 33}, {17, 16}, {40, 15}};
    gf_rng r = gf_rng_make(5, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int k = 0; k < 24; k++) {
            gf_warp p = random_warp(&r, k);
            p.h = sizes[s][0];
            p.w = sizes[s][1];
            p.border = (gf_border)(k % BORDERS);
            p.fill = 200;
            size_t in = (size_t)p.h * (size_t)p.w * 3, out = (size_t)p.oh * (size_t)p.ow * 3;
            uint8_t *src = malloc(in);
            float *dst = malloc(out * sizeof *dst);
            assert_true(src && dst);
            memset(src, 200, in);
            gf_warp_floats(&p, src, dst);
            for (size_t i = 0; i < out; i++) assert_true(fabsf(dst[i] - 200) < 1e-3f);
            free(src);
            free(dst);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders_equal_tensorflow),
        cmocka_unit_test(avx2_has_the_bits_of_the_reference),
        cmocka_unit_test(avx512_has_the_bits_of_the_reference),
        cmocka_unit_test(reads_and_writes_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
