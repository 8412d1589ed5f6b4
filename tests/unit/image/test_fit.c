/* fit: what becomes of images of other proportions, as Keras, torchvision and letterboxes have it; its words. */
#include "image/fit.h"
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

/* What tools/make_fit_fixtures.py wrote into fit.safetensors. */
static const struct {
    int h, w, oh, ow;
} sizes[] = {{37, 53, 24, 24}, {53, 37, 24, 32}, {20, 90, 16, 24}, {24, 24, 32, 32}, {16, 40, 32, 20}};

static const struct {
    const char *words;
    bool antialias;
    double tolerance; /* the weights are rounded otherwise there */
} ways[] = {{"crop", false, 1e-3}, {"pad", false, 1e-3}, {"shortest=28,center", true, 1e-3}};

static void equals_its_source(void **state)
{
    (void)state;
    fixture *f = fixture_open(GRAFT_FIXTURES "/fit.safetensors");
    assert_non_null(f);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int h = sizes[i].h, w = sizes[i].w, oh = sizes[i].oh, ow = sizes[i].ow;
        size_t count = (size_t)oh * ow * 3, n;
        char name[64];
        snprintf(name, sizeof name, "fit_%dx%d", h, w);
        uint8_t *src = malloc((size_t)h * w * 3), *bytes = malloc(count);
        float *dst = malloc(count * sizeof *dst);
        assert_true(src && dst && bytes);
        seeded_pixels(name, 1, src, (size_t)h * w * 3);
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            gf_fit fit;
            assert_int_equal(gf_fit_parse(&fit, ways[k].words, NULL), GRAFT_OK);
            snprintf(name, sizeof name, "%s/%dx%d_%dx%d", ways[k].words, h, w, oh, ow);
            const float *wanted = fixture_f32(f, name, &n);
            assert_non_null(wanted);
            assert_int_equal(n, count);
            assert_int_equal(gf_fit_image(&fit, src, h, w, dst, oh, ow, ways[k].antialias, NULL), GRAFT_OK);
            assert_int_equal(gf_fit_image_u8(&fit, src, h, w, bytes, oh, ow, ways[k].antialias, NULL), GRAFT_OK);
            for (size_t v = 0; v < count; v++) {
                if (!(fabs((double)dst[v] - wanted[v]) <= ways[k].tolerance)) {
                    fail_msg("%s, value %zu: %.9g, wanted %.9g", name, v, dst[v], wanted[v]);
                }
                assert_int_equal(bytes[v], (int)floorf(dst[v] + 0.5f));
            }
        }
        free(src);
        free(dst);
        free(bytes);
    }
    fixture_close(f);
}

static void words_are_read_and_written(void **state)
{
    (void)state;
    static const char *const same[] = {"stretch", "crop", "pad=0", "pad=114", "shortest=256,center"};
    char text[GF_FIT_TEXT];
    gf_fit fit;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(gf_fit_parse(&fit, same[i], NULL), GRAFT_OK);
        assert_string_equal(gf_fit_text(&fit, text), same[i]);
    }
    assert_int_equal(gf_fit_parse(&fit, NULL, NULL), GRAFT_OK);
    assert_string_equal(gf_fit_text(&fit, text), "stretch");
    assert_int_equal(gf_fit_parse(&fit, "pad", NULL), GRAFT_OK);
    assert_string_equal(gf_fit_text(&fit, text), "pad=114");
}

static void other_words_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "Crop",
                                      "crop ",
                                      "pad=",
                                      "pad=256",
                                      "pad=-1",
                                      "padding",
                                      "shortest",
                                      "shortest=0",
                                      "shortest=256",
                                      "shortest=,center",
                                      "shortest=256,middle",
                                      "shortest=16385,center",
                                      "shortest=99999999999999999999,center"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_fit fit;
        graft_error err;
        assert_int_equal(gf_fit_parse(&fit, bad[i], &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_OPTION_VALUE);
        assert_non_null(strstr(err.message, "wanted is stretch"));
    }
}

/* Sides of one pixel, and images that are as narrow as they come, in every way. */
static void extremes_stay_inside(void **state)
{
    (void)state;
    static const char *const all[] = {"stretch", "crop", "pad", "shortest=1,center", "shortest=16384,center"};
    static const int sides[][2] = {{1, 1}, {1, 3000}, {3000, 1}, {2, 3}};
    static uint8_t src[3000 * 3];
    memset(src, 200, sizeof src);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        gf_fit fit;
        assert_int_equal(gf_fit_parse(&fit, all[i], NULL), GRAFT_OK);
        for (size_t k = 0; k < 4; k++) {
            uint8_t *dst = malloc(9 * 7 * 3); /* of its own, so that sanitizers see its ends */
            assert_non_null(dst);
            assert_int_equal(gf_fit_image_u8(&fit, src, sides[k][0], sides[k][1], dst, 7, 9, k % 2, NULL), GRAFT_OK);
            assert_true(dst[(3 * 9 + 4) * 3] == 200); /* the middle is the image */
            free(dst);
        }
        uint8_t one[3];
        assert_int_equal(gf_fit_image_u8(&fit, src, 0, 5, one, 1, 1, false, NULL), GRAFT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_its_source),
        cmocka_unit_test(words_are_read_and_written),
        cmocka_unit_test(other_words_are_refused),
        cmocka_unit_test(extremes_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
