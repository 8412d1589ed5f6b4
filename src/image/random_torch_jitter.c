/* torchvision's ColorJitter: brightness, contrast, saturation and hue in an order that is drawn anew. */
#include "image/pixel_ops.h"
#include "image/random_change.h"

#include <string.h>

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, KINDS, ORDER = KINDS };
static const gf_change_arg rows[] = {
    [BRIGHTNESS] = {.name = "brightness", .kind = GF_CHANGE_NUMBER, .max = 10, .default_value = "0", .help = "at most"},
    [CONTRAST] = {.name = "contrast", .kind = GF_CHANGE_NUMBER, .max = 10, .default_value = "0", .help = "at most"},
    [SATURATION] = {.name = "saturation", .kind = GF_CHANGE_NUMBER, .max = 10, .default_value = "0", .help = "at most"},
    [HUE] = {.name = "hue", .kind = GF_CHANGE_NUMBER, .max = 0.5, .default_value = "0", .help = "at most, in turns"},
};

static void (*const change[KINDS])(uint8_t *rgb, size_t n, float factor) = {gf_pixels_brightness, gf_pixels_contrast,
                                                                            gf_pixels_saturation, gf_pixels_hue};

/* args: the four factors, then the order; what changes nothing is left out. */
static void jitter(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    (void)oh, (void)ow;
    size_t n = (size_t)h * (size_t)w;
    memcpy(dst, src, n * 3);
    for (int i = 0; i < KINDS; i++) {
        int kind = (int)args[ORDER + i];
        if (args[kind] != (kind == HUE ? 0 : 1)) change[kind](dst, n, args[kind]);
    }
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    uint32_t order[KINDS] = {0, 1, 2, 3};
    bool any = false;
    gf_rng_shuffle(rng, order, KINDS);
    for (int i = 0; i < KINDS; i++) {
        float most = (float)args->value[i].low, middle = i == HUE ? 0 : 1;
        float low = i != HUE && most > 1 ? 0 : middle - most;
        t->pass_args[i] = most > 0 ? gf_rng_range(rng, low, middle + most) : middle;
        t->pass_args[ORDER + i] = (float)order[i];
        any = any || most > 0;
    }
    if (any) t->pass = jitter;
}

const gf_random_change_class gf_random_change_torch_jitter = {
    .families = GF_CHANGE_TORCH,
    .name = "jitter",
    .help = "ColorJitter: brightness, contrast, saturation, hue",
    GF_ROWS_OF(rows),
    .stream = 21,
    .draw = draw,
};
