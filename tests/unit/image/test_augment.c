/* augment: Keras's flip and rotation, the same bits from both ways of computing them, draws keyed by sample, specs. */
#include "base/rng.h"
#include "image/augment.h"
#include "image/rotate.h"
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

enum { MOST = 70 };
static uint8_t image[MOST * MOST * 3];
static float got[MOST * MOST * 3 + 1], other[MOST * MOST * 3 + 1];

static void equals_keras(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        float turns;
    } angles[] = {{"0", 0}, {"0.05", 0.05f}, {"-0.2", -0.2f}, {"0.2", 0.2f}, {"0.125", 0.125f}};
    static const int sizes[][2] = {{24, 24}, {17, 31}};
    fixture *f = fixture_open(GRAFT_FIXTURES "/augment_keras.safetensors");
    assert_non_null(f);
    for (int s = 0; s < 2; s++) {
        int h = sizes[s][0], w = sizes[s][1];
        size_t n = (size_t)h * w * 3, count;
        char name[64];
        snprintf(name, sizeof name, "picture_%dx%d", h, w);
        seeded_pixels(name, 1, image, n);
        for (size_t a = 0; a < sizeof angles / sizeof *angles; a++) {
            snprintf(name, sizeof name, "rotate/%dx%d/%s", h, w, angles[a].text);
            const float *wanted = fixture_f32(f, name, &count);
            assert_non_null(wanted);
            assert_int_equal(count, n);
            gf_augment_apply(&(gf_augment_params){false, angles[a].turns}, image, h, w, got);
            for (size_t i = 0; i < n; i++) {
                if (memcmp(&got[i], &wanted[i], sizeof *got) != 0) {
                    fail_msg("%s[%zu]: %.9g, wanted %.9g", name, i, got[i], wanted[i]);
                }
            }
        }
        snprintf(name, sizeof name, "flip/%dx%d", h, w);
        const float *wanted = fixture_f32(f, name, &count);
        assert_non_null(wanted);
        gf_augment_apply(&(gf_augment_params){true, 0}, image, h, w, got);
        assert_memory_equal(got, wanted, n * sizeof *got);
    }
    fixture_close(f);
}

static void fill(gf_rng *r)
{
    for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)gf_rng_u32(r);
}

/* A flip and then a rotation is the rotation of the flipped image; NULL is a plain conversion. */
static void flips_before_it_turns(void **state)
{
    (void)state;
    static uint8_t mirrored[33 * 20 * 3];
    gf_rng r = gf_rng_make(3, GF_PURPOSE_SYNTHETIC, 0, 0);
    fill(&r);
    for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 33; x++) memcpy(mirrored + 3 * (33 * y + x), image + 3 * (33 * y + 32 - x), 3);
    }
    for (int k = -5; k <= 5; k++) {
        gf_augment_apply(&(gf_augment_params){true, (float)k * 0.037f}, image, 20, 33, got);
        gf_augment_apply(&(gf_augment_params){false, (float)k * 0.037f}, mirrored, 20, 33, other);
        assert_memory_equal(got, other, sizeof(float) * 20 * 33 * 3);
    }
    gf_augment_apply(NULL, image, 20, 33, got);
    for (int i = 0; i < 20 * 33 * 3; i++) assert_true(got[i] == (float)image[i]);
}

/* The matrix as augment.c makes it, here from libm: these tests compare the two ways, not the angle. */
static gf_rotation rotation(int h, int w, bool flip, double angle)
{
    float s = (float)sin(angle), c = (float)cos(angle), cx = 0.5f * (float)(w - 1), cy = 0.5f * (float)(h - 1);
    return (gf_rotation){{c, -s, cx - cx * c + cy * s, s, c, cy - cx * s - cy * c}, h, w, flip};
}

typedef bool way(const gf_rotation *r, const uint8_t *rgb, float *dst);

/* How many of 600 images it turned: long thin ones do not suit it, nor do all CPUs. */
static int has_the_bits_of_the_plain_way(way *fast_way)
{
    gf_rng r = gf_rng_make(4, GF_PURPOSE_SYNTHETIC, 0, 0);
    int fast = 0;
    for (int round = 0; round < 600; round++) {
        int h = 1 + (int)gf_rng_below(&r, MOST), w = 1 + (int)gf_rng_below(&r, MOST);
        if (round % 3 == 0) h = w;
        double angle = round % 50 == 0 ? 0 : gf_rng_range(&r, -3.2f, 3.2f);
        gf_rotation turn = rotation(h, w, gf_rng_below(&r, 2), angle);
        if (round % 60 == 0) fill(&r);
        size_t n = (size_t)h * w * 3;
        got[n] = other[n] = -7;
        gf_rotate_plain(&turn, image, got);
        if (fast_way(&turn, image, other)) {
            fast++;
            assert_memory_equal(got, other, (n + 1) * sizeof *got);
        }
        assert_true(got[n] == -7 && other[n] == -7);
        for (size_t i = 0; i < n; i++) assert_true(got[i] >= 0 && got[i] <= 255.001f);
    }
    return fast;
}

static void avx2_has_the_bits_of_the_plain_way(void **state)
{
    (void)state;
    NEEDS("avx2");
    assert_true(has_the_bits_of_the_plain_way(gf_rotate_avx2) > 250);
}

static void avx512_has_the_bits_of_the_plain_way(void **state)
{
    (void)state;
    NEEDS("vbmi");
    assert_true(has_the_bits_of_the_plain_way(gf_rotate_avx512) > 200);
}

/* Under AddressSanitizer: not one byte outside of either block is touched. */
static void reads_and_writes_inside(void **state)
{
    (void)state;
    for (int h = 1; h < 20; h += 3) {
        for (int w = 1; w < 36; w++) {
            size_t n = (size_t)h * w * 3;
            uint8_t *src = malloc(n);
            float *dst = malloc(n * sizeof *dst);
            assert_true(src && dst);
            memset(src, 200, n);
            for (int k = 0; k < 12; k++) {
                gf_augment_apply(&(gf_augment_params){k % 2, 0.19f - 0.04f * (float)k}, src, h, w, dst);
                for (size_t i = 0; i < n; i++) assert_true(fabsf(dst[i] - 200) < 1e-3f);
            }
            free(src);
            free(dst);
        }
    }
}

/* Of every change and of none, for maps that go beyond 0..255 on both sides. */
static void bytes_are_those_of_the_floats(void **state)
{
    (void)state;
    enum { GUARD = 0xa5 };
    static uint8_t bytes[MOST * MOST * 3 + 1];
    const gf_quantize_map maps[] = {{{1, 1, 1}, {0.5f, 0.5f, 0.5f}}, {{1.7f, 0.31f, -2}, {-60.3f, 9, 300.25f}}};
    gf_rng r = gf_rng_make(6, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int round = 0; round < 400; round++) {
        int h = 1 + (int)gf_rng_below(&r, MOST), w = round % 2 ? h : 1 + (int)gf_rng_below(&r, MOST);
        const gf_quantize_map *map = &maps[round / 2 % 2];
        gf_augment_params p = {gf_rng_below(&r, 2), round % 5 ? gf_rng_range(&r, -0.5f, 0.5f) : 0};
        const gf_augment_params *params = round % 7 ? &p : NULL;
        size_t n = (size_t)h * w * 3;
        if (round % 40 == 0) fill(&r);
        bytes[n] = GUARD;
        gf_augment_apply(params, image, h, w, got);
        gf_augment_int8(params, image, h, w, map, bytes);
        for (size_t i = 0; i < n; i++) {
            uint8_t want = gf_quantize_value(map, (int)(i % 3), got[i]);
            if (bytes[i] != want) fail_msg("%dx%d[%zu]: %d, wanted %d (%g)", h, w, i, bytes[i], want, got[i]);
        }
        assert_int_equal(bytes[n], GUARD);
    }
}

static void sine_is_right(void **state)
{
    (void)state;
    /* A rotation of a 2 x 2 image by a quarter turn moves its pixels round: the matrix is right to the last digits.
     */
    static const uint8_t corners[12] = {10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40};
    static const struct {
        float turns;
        float red[4];
    } quarters[] = {{0.25f, {20, 40, 10, 30}}, {0.5f, {40, 30, 20, 10}}, {-0.25f, {30, 10, 40, 20}}};
    for (int q = 0; q < 3; q++) {
        gf_augment_apply(&(gf_augment_params){false, quarters[q].turns}, corners, 2, 2, got);
        for (int i = 0; i < 4; i++) assert_true(fabsf(got[3 * i] - quarters[q].red[i]) < 1e-4f);
    }
}

static void draws_depend_on_seed_epoch_and_sample_alone(void **state)
{
    (void)state;
    gf_augment_spec spec = {true, 0.2f}, only_turn = {false, 0.2f}, none = {0};
    int flips = 0, same = 0;
    double sum = 0, least = 1, most = -1;
    enum { N = 20000 };
    for (uint32_t i = 0; i < N; i++) {
        gf_augment_params a = gf_augment_draw(&spec, 7, 3, i), again = gf_augment_draw(&spec, 7, 3, i);
        assert_true(a.flip == again.flip && a.turns == again.turns);
        gf_augment_params t = gf_augment_draw(&only_turn, 7, 3, i), later = gf_augment_draw(&spec, 7, 4, i);
        assert_true(!t.flip && t.turns == a.turns);
        same += later.turns == a.turns;
        flips += a.flip;
        sum += a.turns;
        least = fmin(least, a.turns);
        most = fmax(most, a.turns);
        gf_augment_params n = gf_augment_draw(&none, 7, 3, i);
        assert_true(!n.flip && n.turns == 0);
    }
    assert_in_range(flips, N / 2 - 400, N / 2 + 400);
    assert_true(fabs(sum / N) < 0.004);
    assert_true(least < -0.1999 && least >= -0.2f && most > 0.1999 && most < 0.2f);
    assert_true(same < 5);
}

static void specs_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool flip;
        float rotate;
    } good[] = {{"flip,rotate=0.2", true, 0.2f},
                {"none", false, 0},
                {"flip", true, 0},
                {"rotate=.125", false, 0.125f},
                {"rotate=0.05,flip", true, 0.05f},
                {"rotate=0.5", false, 0.5f},
                {"rotate=0", false, 0}};
    static const char *const bad[] = {"",
                                      "flip,",
                                      "flop",
                                      "rotate",
                                      "rotate=",
                                      "rotate=0,2",
                                      "rotate=nan",
                                      "rotate=0.6",
                                      "rotate=-0.1",
                                      "rotate=1e-1",
                                      "flip=1",
                                      "none,flip",
                                      "flip,,rotate=0.2",
                                      "flip ",
                                      "rotate=0.2x",
                                      "rotatte=0.2",
                                      "rotate=0..2",
                                      "rotate=0.0000000000000000001",
                                      "flip,a_word_that_is_much_longer_than_any_of_the_words_that_are_known"};
    gf_augment_spec spec;
    graft_error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(gf_augment_parse(good[i].text, &spec, &err), GRAFT_OK);
        assert_true(spec.flip == good[i].flip && spec.rotate == good[i].rotate);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&err, 0, sizeof err);
        if (gf_augment_parse(bad[i], &spec, &err) != GRAFT_USAGE) fail_msg("`%s` was taken", bad[i]);
        assert_int_equal(err.number, GF_E_OPTION_VALUE);
        assert_true(!spec.flip && spec.rotate == 0 && *err.message && *err.hint);
    }
    assert_int_equal(gf_augment_parse("rotatte=0.2", &spec, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "did you mean `rotate=0.2`"));
    assert_int_equal(gf_augment_parse("flop", &spec, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "did you mean `flip`"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_keras),
        cmocka_unit_test(flips_before_it_turns),
        cmocka_unit_test(avx2_has_the_bits_of_the_plain_way),
        cmocka_unit_test(avx512_has_the_bits_of_the_plain_way),
        cmocka_unit_test(reads_and_writes_inside),
        cmocka_unit_test(bytes_are_those_of_the_floats),
        cmocka_unit_test(sine_is_right),
        cmocka_unit_test(draws_depend_on_seed_epoch_and_sample_alone),
        cmocka_unit_test(specs_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
