/* Where a random change moves a point is where its pixels go: a bright square is found there. */
#include "image/augment.h"
#include "image/fit.h"

#include "base/alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { W = 96, H = 64 };

/* The square's extent, from how much of it each pixel has: sums over rows and columns give its center. */
static bool center_of(const float *rgb, int w, int h, double *cx, double *cy)
{
    double sum = 0, x = 0, y = 0;
    for (int r = 0; r < h; r++)
        for (int c = 0; c < w; c++) {
            double v = (double)rgb[3 * (r * w + c)];
            sum += v;
            x += v * (c + 0.5);
            y += v * (r + 0.5);
        }
    *cx = x / sum;
    *cy = y / sum;
    return sum > 20000;
}

static void compare(const char *words, int oh, int ow)
{
    gf_augment_spec spec;
    int seen = 0;
    assert_int_equal(gf_augment_parse(words, &spec, NULL), GRAFT_OK);
    assert_null(gf_augment_unmapped(&spec));
    uint8_t *rgb = gf_alloc(W * H, 3);
    float *to = gf_new_n((size_t)oh * (size_t)ow * 3, float);
    void *scratch = gf_alloc_tensor(gf_augment_scratch_bytes(&spec, H, W, oh, ow) + 64);
    assert_true(rgb && to && scratch);
    for (int y = 24; y < 40; y++) memset(rgb + 3 * (y * W + 40), 255, 3 * 16); /* about (48, 32) */
    for (uint32_t k = 0; k < 200; k++) {
        gf_augment_drawn drawn;
        double m[6], cx, cy;
        gf_augment_draw(&spec, 7, k, 0, H, W, oh, ow, &drawn);
        gf_augment_apply(&drawn, rgb, to, scratch);
        gf_augment_map(&drawn, m);
        double x = m[0] * 48 + m[1] * 32 + m[2], y = m[3] * 48 + m[4] * 32 + m[5];
        bool whole = x > 20 && y > 16 && x < ow - 20 && y < oh - 16; /* none of it is cut off */
        if (!whole || !center_of(to, ow, oh, &cx, &cy)) continue;
        seen++;
        if (!(fabs(cx - x) < 0.3 && fabs(cy - y) < 0.3))
            fail_msg("%s, %u: the square is at %g, %g; the map says %g, %g", words, k, cx, cy, x, y);
    }
    if (seen < 40) fail_msg("%s: seen %d times", words, seen);
    gf_free(rgb);
    gf_free(to);
    gf_free(scratch);
}

static void points_go_where_pixels_go(void **state)
{
    (void)state;
    compare("flip", H, W);
    compare("zoom=0.3:fill=0", H, W);
    compare("shift=0.15:fill=0", H, W);
    compare("rotate=0.05:fill=0", H, W);
    compare("shear=0.1:fill=0", H, W);
    compare("vflip,flip,zoom=0.2:0.3:fill=0,shift=0.1:fill=0,rotate=0.1:fill=0", H, W);
    compare("resized-crop=0.5-1", H, W);
    compare("flip,zoom=0.3:fill=0", 128, 96); /* of another size and shape */
    compare("crop=60:90,flip", H, W);
}

static void words_that_cannot_be_followed_are_named(void **state)
{
    (void)state;
    static const char *const words[] = {"mixup", "cutmix", "torch:rotate=10deg", "torch:resized-crop=0.5-1:size=32"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        gf_augment_spec spec;
        assert_int_equal(gf_augment_parse(words[i], &spec, NULL), GRAFT_OK);
        assert_non_null(gf_augment_unmapped(&spec));
    }
}

static void fitted_images_have_their_points_there(void **state)
{
    (void)state;
    static const char *const how[] = {"stretch", "pad", "crop", "shortest=80,center"};
    uint8_t *rgb = gf_alloc(W * H, 3);
    float to[64 * 64 * 3];
    assert_non_null(rgb);
    for (int y = 24; y < 40; y++) memset(rgb + 3 * (y * W + 44), 255, 3 * 16); /* about (52, 32) */
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        gf_fit fit;
        double scale[2], offset[2], cx, cy;
        assert_int_equal(gf_fit_parse(&fit, how[i], NULL), GRAFT_OK);
        fit.gray = 0;
        assert_int_equal(gf_fit_image(&fit, rgb, H, W, to, 64, 64, true, NULL), GRAFT_OK);
        gf_fit_map(&fit, H, W, 64, 64, scale, offset);
        assert_true(center_of(to, 64, 64, &cx, &cy));
        if (!(fabs(cx - (52 * scale[0] + offset[0])) < 0.2 && fabs(cy - (32 * scale[1] + offset[1])) < 0.2))
            fail_msg("%s: at %g, %g", how[i], cx, cy);
    }
    gf_free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_go_where_pixels_go),
        cmocka_unit_test(words_that_cannot_be_followed_are_named),
        cmocka_unit_test(fitted_images_have_their_points_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
