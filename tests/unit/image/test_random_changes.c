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

enum { MOST = 64 * 64 * 3 };
static uint8_t image[MOST];
static float got[MOST];
static _Alignas(64) uint8_t scratch[1 << 20];

/* The greatest difference of a word to its source, in levels of 0..255, and how many of a thousand values may differ by
 * more: where the nearest pixel is taken or a value is cut off to a byte, rounding decides. */
static const struct {
    const char *name, *words;
    double most;
    int odd;
    uint32_t samples;
} rows[] = {
    {"keras/zoom", "keras:zoom=0.3", 2e-3, 0, 3},
    {"keras/zoom_width", "keras:zoom=1:width=0.4:fill=wrap", 2e-3, 0, 3},
    {"keras/zoom_nearest", "keras:zoom=0.5:fill=20:nearest", 2e-3, 4, 3},
    {"keras/flip", "keras:flip", 0, 0, 3},
    {"keras/flip_horizontal", "keras:flip=horizontal", 0, 0, 3},
    {"keras/flip_vertical", "keras:flip=vertical", 0, 0, 3},
    {"keras/rotate", "keras:rotate=0.2", 2e-3, 0, 3},
    {"keras/rotate_between", "keras:rotate=0.3-0.9:fill=nearest", 2e-3, 0, 3},
    {"keras/rotate_wrap", "keras:rotate=1:fill=wrap", 2e-3, 0, 3},
    {"keras/rotate_constant", "keras:rotate=36deg:fill=200", 2e-3, 0, 3},
    {"keras/rotate_nearest", "keras:rotate=0.1:fill=0:nearest", 2e-3, 4, 3},
    {"keras/shift", "keras:translation=0.4", 2e-3, 0, 3},
    {"keras/shift_constant", "keras:translation=1:0.2:fill=0", 2e-3, 0, 3},
    {"keras/contrast", "keras:contrast=0.8", 2e-3, 0, 3},
    {"keras/contrast_both", "keras:contrast=0.5:lower=0.9", 2e-3, 0, 3},
    {"keras/brightness", "keras:brightness=0.6", 1e-3, 0, 3},
    {"keras/crop", "keras:crop=7:12", 0, 0, 3},
    {"keras/erase", "keras:erase:fill=90", 0, 0, 3},
    {"torch/hflip", "torch:hflip", 0, 0, 3},
    {"torch/vflip", "torch:vflip", 0, 0, 3},
    {"torch/rotate", "torch:rotate=45deg", 0, 4, 3},
    {"torch/resized_crop", "torch:resized-crop=0.08-1", 1, 0, 3},
    {"torch/resized_crop_size", "torch:resized-crop=0.5-1:size=12", 1, 0, 3},
    {"torch/resize", "torch:resize=13", 1, 0, 3},
    {"torch/center_crop", "torch:center-crop=11:13", 0, 0, 3},
    {"torch/center_crop_margins", "torch:center-crop=30", 0, 0, 3},
    {"torch/brightness", "torch:jitter=0.9", 0, 4, 3},
    {"torch/contrast", "torch:jitter=0:0.9", 1, 0, 3},
    {"torch/saturation", "torch:jitter=0:0:0.9", 0, 4, 3},
    {"torch/hue", "torch:jitter=hue=0.5", 1, 0, 3},
    {"torch/jitter", "torch:jitter=0.4:0.4:0.4:0.2", 2, 20, 3},
    {"torch/erase", "torch:erase=1:fill=0", 0, 0, 3},
    {"torch/randaugment", "torch:randaugment", 1, 20, 24},
    {"torch/randaugment_strong", "torch:randaugment=4:30", 1, 20, 24},
    {"torch/trivial", "torch:trivial", 1, 10, 24},
};

/* Of floats or bytes. */
static float at(const void *values, bool bytes, size_t i)
{
    return bytes ? (float)((const uint8_t *)values)[i] : ((const float *)values)[i];
}

static void one(const fixture *f, size_t row, const char *size, int h, int w, uint32_t sample, double *worst)
{
    gf_augment_spec spec;
    graft_error err = {0};
    gf_augment_drawn drawn;
    char name[96];
    int64_t dims[FIXTURE_MAX_RANK];
    snprintf(name, sizeof name, "%s/%s/%u", rows[row].name, size, (unsigned)sample);
    bool bytes = !fixture_f32(f, name, NULL);
    const void *wanted = bytes ? (const void *)fixture_u8(f, name, NULL) : (const void *)fixture_f32(f, name, NULL);
    if (!wanted || fixture_shape(f, name, dims) != 3) fail_msg("no %s", name);
    if (gf_augment_parse(rows[row].words, &spec, &err) != GRAFT_OK) fail_msg("%s: %s", rows[row].words, err.message);
    int oh = (int)dims[0], ow = (int)dims[1];
    size_t n = (size_t)(oh * ow * 3), odd = 0;
    assert_true(n <= MOST && gf_augment_scratch_bytes(&spec, h, w, oh, ow) <= sizeof scratch);
    gf_augment_draw(&spec, 1, 0, sample, h, w, oh, ow, &drawn);
    gf_augment_apply(&drawn, image, got, scratch);
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)got[i] - (double)at(wanted, bytes, i));
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
    fixture *keras = fixture_open(GRAFT_FIXTURES "/random_changes.safetensors");
    fixture *torch = fixture_open(GRAFT_FIXTURES "/random_changes_torch.safetensors");
    assert_true(keras && torch);
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        double worst = 0;
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            char name[32];
            snprintf(name, sizeof name, "change_%s", sizes[s].name);
            seeded_pixels(name, 1, image, (size_t)(sizes[s].h * sizes[s].w * 3));
            for (uint32_t sample = 0; sample < rows[row].samples; sample++)
                one(rows[row].name[0] == 'k' ? keras : torch, row, sizes[s].name, sizes[s].h, sizes[s].w, sample,
                    &worst);
        }
        print_message("%s: at most %.2g levels off\n", rows[row].name, worst);
    }
    fixture_close(keras);
    fixture_close(torch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_their_sources)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
