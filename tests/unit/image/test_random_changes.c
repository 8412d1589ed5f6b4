/* Each random change beside its source: what Keras's and torchvision's functions make of the same image with the
 * numbers that the sample draws. The fixture's script computes the numbers anew (tools/philox.py), so the draws are
 * compared as well. */
#include "image/augment.h"
#include "support/fixture.h"
#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 3, MOST = 64 * 64 * 3 };
static uint8_t image[MOST];
static float got[MOST];
static _Alignas(64) uint8_t scratch[1 << 20];

/* The greatest difference of a word to its source, in levels of 0..255, and how many of a thousand values may differ by
 * more: where the nearest pixel is taken or a value is cut off to a byte, rounding decides. */
static const struct {
    const char *name, *words;
    double most;
    int odd;
} rows[] = {
    {"keras/zoom", "keras:zoom=0.3", 2e-3, 0},
    {"keras/zoom_width", "keras:zoom=1:width=0.4:fill=wrap", 2e-3, 0},
    {"keras/zoom_nearest", "keras:zoom=0.5:fill=20:nearest", 2e-3, 4},
};

static void one(const fixture *f, size_t row, const char *size, int h, int w, uint32_t sample, double *worst)
{
    gf_augment_spec spec;
    graft_error err = {0};
    gf_augment_drawn drawn;
    char name[96];
    int64_t dims[FIXTURE_MAX_RANK];
    snprintf(name, sizeof name, "%s/%s/%u", rows[row].name, size, (unsigned)sample);
    const float *wanted = fixture_f32(f, name, NULL);
    if (!wanted || fixture_shape(f, name, dims) != 3) fail_msg("no %s", name);
    if (gf_augment_parse(rows[row].words, &spec, &err) != GRAFT_OK) fail_msg("%s: %s", rows[row].words, err.message);
    int oh = (int)dims[0], ow = (int)dims[1];
    size_t n = (size_t)(oh * ow * 3), odd = 0;
    assert_true(n <= MOST && gf_augment_scratch_bytes(&spec, h, w, oh, ow) <= sizeof scratch);
    gf_augment_draw(&spec, 1, 0, sample, h, w, oh, ow, &drawn);
    gf_augment_apply(&drawn, image, got, scratch);
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)got[i] - (double)wanted[i]);
        bool fits = off <= rows[row].most;
        odd += !fits;
        if (fits && off > *worst) *worst = off;
    }
    if (odd * 1000 > (size_t)rows[row].odd * n) fail_msg("%s: %zu of %zu values differ", name, odd, n);
}

static void equal_their_sources(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int h, w;
    } sizes[] = {{"24x17", 24, 17}, {"9x40", 9, 40}};
    fixture *f = fixture_open(GRAFT_FIXTURES "/random_changes.safetensors");
    assert_non_null(f);
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        double worst = 0;
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            char name[32];
            snprintf(name, sizeof name, "change_%s", sizes[s].name);
            seeded_pixels(name, 1, image, (size_t)(sizes[s].h * sizes[s].w * 3));
            for (uint32_t sample = 0; sample < SAMPLES; sample++)
                one(f, row, sizes[s].name, sizes[s].h, sizes[s].w, sample, &worst);
        }
        print_message("%s: at most %.2g levels off\n", rows[row].name, worst);
    }
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_their_sources)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
