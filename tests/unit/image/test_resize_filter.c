/* The filters of a resize: TensorFlow's values, Pillow's bytes, names, and what every filter keeps. */
#include "image/fit.h"
#include "image/resize_filter.h"
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

/* What tools/make_resize_filter_fixtures.py wrote into resize_filters.safetensors. */
static const struct {
    int h, w, oh, ow;
} sizes[] = {{37, 53, 24, 30}, {20, 30, 47, 64}, {90, 4, 16, 16}, {7, 5, 7, 5}};
enum { SIZES = sizeof sizes / sizeof *sizes, STEP = 3 };

/* The greatest difference to the kept values of `name`, of floats or of the rounded bytes. */
static double furthest(const fixture *f, const char *name, size_t size, const gf_fit *fit, bool antialias, bool bytes)
{
    int h = sizes[size].h, w = sizes[size].w, oh = sizes[size].oh, ow = sizes[size].ow;
    char source[32];
    size_t n, at = 0, count = (size_t)oh * ow * 3;
    const float *wanted = fixture_f32(f, name, &n);
    uint8_t *src = malloc((size_t)h * w * 3), *rounded = malloc(count);
    float *dst = malloc(count * sizeof *dst);
    assert_true(wanted && src && dst && rounded);
    snprintf(source, sizeof source, "filter_%dx%d", h, w);
    seeded_pixels(source, 1, src, (size_t)h * w * 3);
    for (int i = 0; bytes && i < h * w * 3; i++) src[i] = (uint8_t)(src[i] / 2 + 64); /* nothing is clipped */
    assert_int_equal(gf_fit_image(fit, src, h, w, dst, oh, ow, antialias, NULL), GRAFT_OK);
    assert_int_equal(gf_fit_image_u8(fit, src, h, w, rounded, oh, ow, antialias, NULL), GRAFT_OK);
    double most = 0;
    for (int y = 0; y < oh; y += STEP) {
        for (int x = 0; x < ow; x += STEP) {
            for (int c = 0; c < 3; c++, at++) {
                size_t i = 3 * ((size_t)y * ow + x) + c;
                double d = fabs((bytes ? rounded[i] : (double)dst[i]) - wanted[at]);
                most = d <= most ? most : d; /* NaN stays */
            }
        }
    }
    assert_int_equal(at, n);
    free(src);
    free(dst);
    free(rounded);
    return most;
}

static void equal_tensorflow(void **state)
{
    (void)state;
    const double within = 1e-3; /* of 255: the order of sums differs */
    fixture *f = fixture_open(GRAFT_FIXTURES "/resize_filters.safetensors");
    assert_non_null(f);
    for (int k = 0; k < 2 * GF_RESIZE_FILTERS * SIZES; k++) {
        size_t size = (size_t)k % SIZES;
        bool antialias = k / SIZES % 2;
        gf_fit fit = {.filter = (gf_resize_filter)(k / SIZES / 2)};
        char name[64];
        snprintf(name, sizeof name, "%s/%s/%dx%d_%dx%d", gf_resize_filter_name(fit.filter),
                 antialias ? "antialias" : "plain", sizes[size].h, sizes[size].w, sizes[size].oh, sizes[size].ow);
        double most = furthest(f, name, size, &fit, antialias, false);
        print_message("%s: %.3g\n", name, most);
        if (!(most <= within)) fail_msg("%s: %g off, at most %g wanted", name, most, within);
    }
    fixture_close(f);
}

/* Pillow rounds to bytes between its two passes: a level of difference, more where it clips there, too. */
static void antialiased_are_pillows(void **state)
{
    (void)state;
    static const gf_resize_filter filters[] = {GF_RESIZE_BILINEAR, GF_RESIZE_BICUBIC, GF_RESIZE_LANCZOS3};
    fixture *f = fixture_open(GRAFT_FIXTURES "/resize_filters.safetensors");
    assert_non_null(f);
    for (size_t k = 0; k < 3 * SIZES; k++) {
        size_t size = k % SIZES;
        gf_fit fit = {.filter = filters[k / SIZES]};
        char name[64];
        snprintf(name, sizeof name, "pillow/%s/%dx%d_%dx%d", gf_resize_filter_name(fit.filter), sizes[size].h,
                 sizes[size].w, sizes[size].oh, sizes[size].ow);
        double most = furthest(f, name, size, &fit, true, true);
        if (!(most <= 1)) fail_msg("%s: %g levels off", name, most);
    }
    fixture_close(f);
}

/* At the source's own size each but the gaussian and Mitchell's, which blur, changes nothing; flat images stay so. */
static void keep_what_they_should(void **state)
{
    (void)state;
    enum { H = 23, W = 31, OH = 9, OW = 57 };
    static uint8_t src[H * W * 3], same[H * W * 3], out[OH * OW * 3];
    for (int k = 0; k < 2 * GF_RESIZE_FILTERS; k++) {
        gf_fit fit = {.filter = (gf_resize_filter)(k / 2)};
        seeded_pixels("kept", 1, src, sizeof src);
        assert_int_equal(gf_fit_image_u8(&fit, src, H, W, same, H, W, k % 2, NULL), GRAFT_OK);
        bool blurs = fit.filter == GF_RESIZE_GAUSSIAN || fit.filter == GF_RESIZE_MITCHELLCUBIC;
        assert_int_equal(!memcmp(src, same, sizeof src), !blurs);
        memset(src, 201, sizeof src);
        assert_int_equal(gf_fit_image_u8(&fit, src, H, W, out, OH, OW, k % 2, NULL), GRAFT_OK);
        for (size_t i = 0; i < sizeof out; i++) assert_int_equal(out[i], 201);
    }
}

static void have_names(void **state)
{
    (void)state;
    for (int k = 0; k < GF_RESIZE_FILTERS; k++) {
        gf_resize_filter found = GF_RESIZE_FILTERS;
        assert_true(gf_resize_filter_find(gf_resize_filter_name((gf_resize_filter)k), &found));
        assert_int_equal(found, k);
        assert_int_equal(gf_resize_filter_widens(found), found != GF_RESIZE_NEAREST && found != GF_RESIZE_AREA);
    }
    gf_resize_filter untouched = GF_RESIZE_AREA;
    assert_false(gf_resize_filter_find("lanczos", &untouched));
    assert_int_equal(untouched, GF_RESIZE_AREA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_tensorflow),
        cmocka_unit_test(antialiased_are_pillows),
        cmocka_unit_test(keep_what_they_should),
        cmocka_unit_test(have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
