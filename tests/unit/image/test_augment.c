/* augment: Keras's flip and rotation, draws keyed by sample, each word's numbers its own, floats and bytes. */
#include "base/rng.h"
#include "image/augment.h"
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

enum { MOST = 70 };
static uint8_t image[MOST * MOST * 3];
static float got[MOST * MOST * 3 + 1], other[MOST * MOST * 3 + 1];

/* A flip, then a rotation; what was drawn before is taken back. */
static const gf_augment_drawn *flipped_and_rotated(bool flip, float turns, int h, int w)
{
    static gf_augment_drawn d;
    d = (gf_augment_drawn){.n = 1, .h = h, .w = w, .oh = h, .ow = w, .mix = {.lambda = 1}};
    d.transform[0] = gf_transform_identity(h, w);
    if (turns != 0) gf_transform_rotate(&d.transform[0], h, w, turns);
    d.transform[0].flip = flip;
    return &d;
}

static void apply(bool flip, float turns, const uint8_t *rgb, int h, int w, float *dst)
{
    gf_augment_apply(flipped_and_rotated(flip, turns, h, w), rgb, dst, NULL);
}

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
            apply(false, angles[a].turns, image, h, w, got);
            for (size_t i = 0; i < n; i++) {
                if (memcmp(&got[i], &wanted[i], sizeof *got) != 0) {
                    fail_msg("%s[%zu]: %.9g, wanted %.9g", name, i, got[i], wanted[i]);
                }
            }
        }
        snprintf(name, sizeof name, "flip/%dx%d", h, w);
        const float *wanted = fixture_f32(f, name, &count);
        assert_non_null(wanted);
        apply(true, 0, image, h, w, got);
        assert_memory_equal(got, wanted, n * sizeof *got);
    }
    fixture_close(f);
}

static void fill(gf_rng *r)
{
    for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)gf_rng_u32(r);
}

/* A flip and then a rotation is the rotation of the flipped image; nothing drawn is a plain conversion. */
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
        apply(true, (float)k * 0.037f, image, 20, 33, got);
        apply(false, (float)k * 0.037f, mirrored, 20, 33, other);
        assert_memory_equal(got, other, sizeof(float) * 20 * 33 * 3);
    }
    gf_augment_drawn nothing = {.h = 20, .w = 33, .oh = 20, .ow = 33};
    gf_augment_apply(&nothing, image, got, NULL);
    for (int i = 0; i < 20 * 33 * 3; i++) assert_true(got[i] == (float)image[i]);
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
                apply(k % 2, 0.19f - 0.04f * (float)k, src, h, w, dst);
                for (size_t i = 0; i < n; i++) assert_true(fabsf(dst[i] - 200) < 1e-3f);
            }
            free(src);
            free(dst);
        }
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
        apply(false, quarters[q].turns, corners, 2, 2, got);
        for (int i = 0; i < 4; i++) assert_true(fabsf(got[3 * i] - quarters[q].red[i]) < 1e-4f);
    }
}

static gf_augment_spec parsed(const char *words)
{
    gf_augment_spec spec;
    graft_error err = {0};
    if (gf_augment_parse(words, &spec, &err) != GRAFT_OK) fail_msg("%s: %s", words, err.message);
    return spec;
}

/* Version 0.1's draws: two numbers of the sample's stream, both always drawn. */
static void flip_and_rotate_draw_what_they_always_did(void **state)
{
    (void)state;
    enum { H = 20, W = 33, N = 20000 };
    gf_augment_spec both = parsed("flip,rotate=0.2"), flip = parsed("flip"), rotate = parsed("rotate=0.2");
    int flips = 0;
    double least = 1, most = -1, sum = 0;
    for (uint32_t i = 0; i < N; i++) {
        gf_rng r = gf_rng_make(7, GF_PURPOSE_AUGMENT, 3, i);
        bool flipped = gf_rng_f32(&r) < 0.5f;
        float turns = gf_rng_range(&r, -1, 1) * 0.2f;
        gf_augment_drawn d;
        gf_augment_draw(&both, 7, 3, i, H, W, H, W, &d);
        const gf_transform *wanted = &flipped_and_rotated(flipped, turns, H, W)->transform[0];
        assert_true(d.n == 1 && d.transform[0].flip == flipped && d.transform[0].border == GF_BORDER_REFLECT);
        assert_memory_equal(d.transform[0].m, wanted->m, sizeof wanted->m);
        gf_augment_draw(&rotate, 7, 3, i, H, W, H, W, &d);
        assert_memory_equal(d.transform[0].m, wanted->m, sizeof wanted->m);
        assert_false(d.transform[0].flip);
        gf_augment_draw(&flip, 7, 3, i, H, W, H, W, &d);
        assert_int_equal(d.n, flipped);
        flips += flipped;
        sum += (double)turns;
        least = fmin(least, (double)turns);
        most = fmax(most, (double)turns);
    }
    assert_in_range(flips, N / 2 - 400, N / 2 + 400);
    assert_true(fabs(sum / N) < 0.004);
    assert_true(least < -0.1999 && least >= -0.2f && most > 0.1999 && most < 0.2f);
}

static void draws_depend_on_seed_epoch_and_sample(void **state)
{
    (void)state;
    gf_augment_spec spec = parsed("flip,rotate=0.2"), none = parsed("none");
    int same[3] = {0};
    for (uint32_t i = 0; i < 2000; i++) {
        gf_augment_drawn a, other_epoch, other_seed, other_sample;
        gf_augment_draw(&spec, 7, 3, i, 20, 20, 20, 20, &a);
        gf_augment_draw(&spec, 7, 4, i, 20, 20, 20, 20, &other_epoch);
        gf_augment_draw(&spec, 8, 3, i, 20, 20, 20, 20, &other_seed);
        gf_augment_draw(&spec, 7, 3, i + 1, 20, 20, 20, 20, &other_sample);
        same[0] += a.transform[0].m[1] == other_epoch.transform[0].m[1];
        same[1] += a.transform[0].m[1] == other_seed.transform[0].m[1];
        same[2] += a.transform[0].m[1] == other_sample.transform[0].m[1];
        gf_augment_draw(&none, 7, 3, i, 20, 20, 20, 20, &a);
        assert_true(a.n == 0 && a.mix.lambda == 1);
    }
    assert_true(same[0] < 3 && same[1] < 3 && same[2] < 3);
}

/* A word of each class that there is, with values where it needs them; "" behind the last. */
static const char *word_of_class(size_t i, char buf[96])
{
    const gf_random_change_class *c = gf_random_change_at(i);
    if (!c) return "";
    const char *family = c->families & GF_CHANGE_OWN ? "graft" : c->families & GF_CHANGE_KERAS ? "keras" : "torch";
    int n = snprintf(buf, 96, "%s:%s", family, c->name);
    for (int a = 0; a < c->n_args; a++) {
        const gf_change_arg *row = &c->args[a];
        if (row->default_value || row->kind == GF_CHANGE_FLAG) continue;
        double value = row->min + (row->max - row->min) * 0.4;
        if (row->kind == GF_CHANGE_WHOLE) value = row->max < 24 ? row->max : 24;
        n += snprintf(buf + n, 96 - (size_t)n, "%s%s=%.6g", a ? ":" : "=", row->name, value);
    }
    return buf;
}

static bool same_draw(const gf_transform *a, const gf_transform *b) { return !memcmp(a, b, sizeof *a); }

/* What a class draws depends on no other word, whether it stands before or behind it. */
static void every_word_has_its_own_numbers(void **state)
{
    (void)state;
    char one[96], two[96], text[256];
    size_t checked = 0;
    for (size_t i = 0; *word_of_class(i, one); i++) {
        for (size_t k = 0; *word_of_class(k, two); k++) {
            if (i == k) continue;
            snprintf(text, sizeof text, "%s,%s", two, one);
            gf_augment_spec alone = parsed(one), behind = parsed(text);
            for (uint32_t sample = 0; sample < 4; sample++) {
                gf_transform a = gf_transform_identity(40, 30), b = a;
                memset(&a, 0, sizeof a), memset(&b, 0, sizeof b);
                gf_rng r = gf_rng_make(1, GF_PURPOSE_AUGMENT, 2, sample), s = r;
                r.stream |= alone.word[0].stream;
                s.stream |= behind.word[1].stream;
                a = b = gf_transform_identity(40, 30);
                alone.word[0].change->draw(&alone.word[0].args, &r, 40, 30, &a);
                behind.word[1].change->draw(&behind.word[1].args, &s, 40, 30, &b);
                assert_true(same_draw(&a, &b));
                checked++;
            }
        }
    }
    assert_true(checked >= 8);
}

/* No two classes share a stream, but flip and rotate, who share 0 and draw its first and second number. */
static void streams_are_unique(void **state)
{
    (void)state;
    const gf_random_change_class *a, *b;
    for (size_t i = 0; (a = gf_random_change_at(i)); i++) {
        assert_true(a->stream <= 0xffff && (a->stream || !strcmp(a->name, "flip") || !strcmp(a->name, "rotate")));
        for (size_t k = 0; k < i && (b = gf_random_change_at(k)); k++) {
            if (a->stream && a->stream == b->stream) fail_msg("%s and %s share stream %u", a->name, b->name, a->stream);
        }
    }
    gf_augment_spec twice = parsed("rotate=0.2,rotate=0.2,flip,flip");
    assert_true(twice.word[0].stream != twice.word[1].stream && twice.word[2].stream != twice.word[3].stream);
    assert_int_equal(twice.word[0].stream, twice.word[2].stream);
}

/* Each class, and chains, at several sizes: bytes are those of the floats, nothing is written outside, and scratch of
 * the size that was asked for is enough (AddressSanitizer knows). */
static void bytes_are_those_of_the_floats(const char *words, int h, int w, int oh, int ow, gf_rng *r)
{
    const gf_quantize_map maps[] = {{{1, 1, 1}, {0.5f, 0.5f, 0.5f}}, {{1.7f, 0.31f, -2}, {-60.3f, 9, 300.25f}}};
    gf_augment_spec spec = parsed(words);
    size_t in = (size_t)h * (size_t)w * 3, n = (size_t)oh * (size_t)ow * 3;
    void *scratch = malloc(gf_augment_scratch_bytes(&spec, h, w, oh, ow) + 1);
    uint8_t *src = malloc(in), *bytes = malloc(n);
    float *floats = malloc(n * sizeof *floats);
    assert_true(scratch && src && bytes && floats);
    for (size_t i = 0; i < in; i++) src[i] = (uint8_t)gf_rng_u32(r);
    for (uint32_t sample = 0; sample < 12; sample++) {
        const gf_quantize_map *map = &maps[sample % 2];
        gf_augment_drawn d;
        gf_augment_draw(&spec, 5, 1, sample, h, w, oh, ow, &d);
        gf_augment_apply(&d, src, floats, scratch);
        gf_augment_int8(&d, src, map, bytes, scratch);
        for (size_t i = 0; i < n; i++) {
            uint8_t want = gf_quantize_value(map, (int)(i % 3), floats[i]);
            if (!(floats[i] >= -0.001f && floats[i] <= 255.001f) || bytes[i] != want)
                fail_msg("%s %dx%d[%zu]: %d, wanted %d (%g)", words, h, w, i, bytes[i], want, (double)floats[i]);
        }
    }
    free(scratch), free(src), free(bytes), free(floats);
}

static void floats_and_bytes_agree(void **state)
{
    (void)state;
    static const int sizes[][4] = {
        {20, 33, 20, 33}, {1, 1, 1, 1},     {2, 2, 2, 2},   {1, 700, 1, 700},
        {700, 1, 700, 1}, {40, 40, 24, 32}, {9, 7, 40, 50},
    };
    gf_rng r = gf_rng_make(6, GF_PURPOSE_SYNTHETIC, 0, 0);
    char word[96];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int *z = sizes[s];
        for (size_t i = 0; *word_of_class(i, word); i++)
            bytes_are_those_of_the_floats(word, z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats("flip,rotate=0.2", z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats("rotate=0.2,flip,rotate=0.1:fill=20,flip", z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats("none", z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats("light", z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats("medium", z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats("heavy", z[0], z[1], z[2], z[3], &r);
        bytes_are_those_of_the_floats(
            "contrast=0.5,rotate=0.5,brightness=1,saturation=1,zoom=1,gray=0.5,erase=0.7:fill=-1,shear=1", z[0], z[1],
            z[2], z[3], &r);
    }
}

/* p of a word: so often is it done, and what it draws then does not change. */
static void words_have_a_probability(void **state)
{
    (void)state;
    gf_augment_spec always = parsed("rotate=0.2"), seldom = parsed("rotate=0.2:p=0.25"),
                    never = parsed("rotate=0.2:p=0");
    int done = 0;
    for (uint32_t i = 0; i < 4000; i++) {
        gf_augment_drawn a, b;
        gf_augment_draw(&always, 1, 0, i, 9, 9, 9, 9, &a);
        gf_augment_draw(&seldom, 1, 0, i, 9, 9, 9, 9, &b);
        done += b.n;
        if (b.n) assert_memory_equal(a.transform[0].m, b.transform[0].m, sizeof a.transform[0].m);
        gf_augment_draw(&never, 1, 0, i, 9, 9, 9, 9, &b);
        assert_int_equal(b.n, 0);
    }
    assert_in_range(done, 1000 - 120, 1000 + 120);
}

/* Maps in a row become one: no more than one interpolation, in the order of the words. */
static void maps_become_one(void **state)
{
    (void)state;
    gf_augment_drawn d;
    gf_augment_spec spec = parsed("rotate=0.25,flip:p=1");
    enum { H = 3, W = 3 };
    static const uint8_t src[H * W * 3] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5,
                                           5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9};
    for (uint32_t i = 0; i < 20; i++) {
        gf_augment_draw(&spec, 1, 0, i, H, W, H, W, &d);
        assert_int_equal(d.n, 1);
        gf_transform t = gf_transform_identity(H, W), flip = t;
        t = d.transform[0];
        flip.flip = true;
        assert_true(gf_transform_merge(&t, &flip)); /* the flip taken back */
        gf_augment_drawn back = {.n = 1, .h = H, .w = W, .oh = H, .ow = W};
        back.transform[0] = t;
        gf_augment_apply(&d, src, got, NULL);
        gf_augment_apply(&back, src, other, NULL);
        for (int y = 0; y < H; y++) {
            for (int x = 0; x < W; x++) {
                float a = got[3 * (W * y + x)], b = other[3 * (W * y + W - 1 - x)];
                assert_true(fabsf(a - b) < 1e-4f);
            }
        }
    }
}

/* Colors and places that change slowly, far from black and white. */
static void fill_smoothly(uint8_t *rgb, int h, int w)
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            uint8_t *p = rgb + 3 * (y * w + x);
            p[0] = (uint8_t)(90 + x), p[1] = (uint8_t)(150 - y), p[2] = (uint8_t)(110 + (x + y) / 3);
        }
    }
}

/* As one map, or, with a prefix, one by one with an image in between: nearly the same image. */
static void one_map_is_near_a_chain(void **state)
{
    (void)state;
    enum { H = 60, W = 64, N = H * W * 3 };
    static _Alignas(64) uint8_t scratch[8 * N];
    gf_augment_spec own = parsed("zoom=0.2,shift=0.2"), chain = parsed("keras:zoom=0.2,shift=0.2");
    fill_smoothly(image, H, W);
    for (uint32_t i = 0; i < 20; i++) {
        gf_augment_drawn a, b;
        double sum = 0;
        gf_augment_draw(&own, 1, 0, i, H, W, H, W, &a);
        gf_augment_draw(&chain, 1, 0, i, H, W, H, W, &b);
        assert_true(a.n == 1 && b.n == 2);
        gf_augment_apply(&a, image, got, scratch);
        gf_augment_apply(&b, image, other, scratch);
        for (int k = 0; k < N; k++) sum += fabs((double)got[k] - (double)other[k]);
        if (!(sum / N < 4)) fail_msg("sample %u: %g levels", i, sum / N);
    }
}

/* Color maps as one are those in a row, where nothing is clipped between them; means are those of the image. */
static void colors_become_one(void **state)
{
    (void)state;
    enum { H = 60, W = 64, N = H * W * 3 };
    fill_smoothly(image, H, W);
    gf_color row[] = {gf_color_scale(1.1f),
                      gf_color_contrast(0.7f),
                      gf_color_saturation(1.4f, gf_luma),
                      gf_color_shift(-12),
                      gf_color_gray_contrast(0.8f, gf_luma),
                      gf_color_contrast(1.2f)};
    gf_color one = {.set = false};
    for (int k = 0; k < N; k++) got[k] = other[k] = (float)image[k];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_color_merge(&one, &row[i]);
        gf_color_apply(&row[i], got, H * W);
    }
    gf_color_apply(&one, other, H * W);
    double mean = 0, sum = 0;
    for (int k = 0; k < N; k++) {
        if (!(fabsf(got[k] - other[k]) < 0.01f)) fail_msg("[%d]: %g and %g", k, (double)got[k], (double)other[k]);
    }
    for (int k = 0; k < N; k += 3) mean += image[k];
    for (int k = 0; k < N; k++) got[k] = (float)image[k];
    gf_color_apply(&row[1], got, H * W);
    for (int k = 0; k < N; k += 3) sum += (double)got[k];
    assert_true(fabs(sum - mean) / (H * W) < 1e-3);
}

/* What is far more than any image has: the least and the greatest of each value. */
static void extreme_values_give_an_image(void **state)
{
    (void)state;
    gf_rng r = gf_rng_make(8, GF_PURPOSE_SYNTHETIC, 0, 0);
    static const char *const words[] = {
        "zoom=1:width=1:fill=wrap,zoom=1,zoom=1,zoom=1,shift=1,shear=1,rotate=0.5",
        "crop=1",
        "resized-crop=0.0001-0.0001:ratio=100-100",
        "resized-crop=1-1:ratio=0.01-0.01:size=3",
        "torch:resize=1,resize=64,center-crop=1:50",
        "brightness=1,contrast=1,saturation=1,hue=0.5,gray=1,jitter=10:10:10:0.5",
        "erase=1:scale=1-1:ratio=100-100:fill=-1,erase=1:scale=0-0",
        "keras:erase:scale=1-1,keras:contrast=1:lower=1,brightness=1",
        "randaugment=8:30,trivial,trivial,trivial",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bytes_are_those_of_the_floats(words[i], 1, 1, 1, 1, &r);
        bytes_are_those_of_the_floats(words[i], 1, 90, 12, 7, &r);
        bytes_are_those_of_the_floats(words[i], 90, 1, 90, 1, &r);
        bytes_are_those_of_the_floats(words[i], 31, 17, 31, 17, &r);
    }
}

/* Shares are beta distributed, rectangles lie inside and have their share of the area, pixels are blended by it. */
static void two_images_are_mixed(void **state)
{
    (void)state;
    enum { H = 9, W = 14, N = H * W, DRAWS = 4000 };
    static float partner[N * 3];
    gf_augment_spec mixup = parsed("mixup=1"), cutmix = parsed("flip,crop=5,cutmix");
    assert_string_equal(gf_augment_mixes(&cutmix), "cutmix");
    gf_augment_spec plain = parsed("heavy");
    assert_null(gf_augment_mixes(&plain));
    double sum = 0, square = 0, areas = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        gf_augment_drawn a, b;
        gf_augment_draw(&mixup, 1, 0, i, H, W, H, W, &a);
        gf_augment_draw(&cutmix, 1, 0, i, H, W, H, W, &b);
        assert_true(a.n == 0 && a.mix.lambda >= 0 && a.mix.lambda < 1 && a.mix.rect.w == 0);
        sum += (double)a.mix.lambda;
        square += (double)a.mix.lambda * (double)a.mix.lambda;
        gf_rect r = b.mix.rect;
        assert_true(r.x >= 0 && r.y >= 0 && r.x + r.w <= W && r.y + r.h <= H);
        assert_true(fabs(1 - (double)(r.w * r.h) / N - (double)b.mix.lambda) < 1e-6);
        areas += 1 - (double)b.mix.lambda;
        if (i >= 50) continue;
        for (int k = 0; k < N * 3; k++) got[k] = (float)(k % 251), partner[k] = (float)(k % 17 + 100);
        gf_augment_mix(&a.mix, W, N, partner, got);
        for (int k = 0; k < N * 3; k++) {
            double want = (double)a.mix.lambda * (k % 251) + (1 - (double)a.mix.lambda) * (k % 17 + 100);
            assert_true(fabs((double)got[k] - want) < 1e-4);
            got[k] = (float)(k % 251);
        }
        gf_augment_mix(&b.mix, W, N, partner, got);
        for (int k = 0; k < N * 3; k++) {
            int x = k / 3 % W, y = k / 3 / W;
            bool in = x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h;
            assert_true(got[k] == (in ? partner[k] : (float)(k % 251)));
        }
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.02 && fabs(square / DRAWS - 1.0 / 3) < 0.02);
    assert_true(fabs(areas / DRAWS - 0.5) < 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_keras),
        cmocka_unit_test(flips_before_it_turns),
        cmocka_unit_test(reads_and_writes_inside),
        cmocka_unit_test(sine_is_right),
        cmocka_unit_test(flip_and_rotate_draw_what_they_always_did),
        cmocka_unit_test(draws_depend_on_seed_epoch_and_sample),
        cmocka_unit_test(every_word_has_its_own_numbers),
        cmocka_unit_test(streams_are_unique),
        cmocka_unit_test(floats_and_bytes_agree),
        cmocka_unit_test(words_have_a_probability),
        cmocka_unit_test(maps_become_one),
        cmocka_unit_test(one_map_is_near_a_chain),
        cmocka_unit_test(colors_become_one),
        cmocka_unit_test(extreme_values_give_an_image),
        cmocka_unit_test(two_images_are_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
