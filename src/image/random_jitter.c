/* Hue, then brightness, contrast and saturation, each by a number of its own. */
#include "image/pixel_ops.h"
#include "image/random_change.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE };
static const gf_change_arg rows[] = {
    [BRIGHTNESS] = {.name = "brightness", .kind = GF_CHANGE_NUMBER, .max = 10, .default_value = "0", .help = "at most"},
    [CONTRAST] = {.name = "contrast", .kind = GF_CHANGE_NUMBER, .max = 10, .default_value = "0", .help = "at most"},
    [SATURATION] = {.name = "saturation", .kind = GF_CHANGE_NUMBER, .max = 10, .default_value = "0", .help = "at most"},
    [HUE] = {.name = "hue", .kind = GF_CHANGE_NUMBER, .max = 0.5, .default_value = "0", .help = "at most, in turns"},
};

static float factor(const gf_change_args *args, gf_rng *rng, int kind)
{
    float most = (float)args->value[kind].low;
    return gf_rng_range(rng, most > 1 ? 0 : 1 - most, 1 + most);
}

/* All but hue are one color map. All numbers are drawn, so that none depends on which are asked for. */
static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    gf_color row[] = {gf_color_scale(factor(args, rng, BRIGHTNESS)),
                      gf_color_gray_contrast(factor(args, rng, CONTRAST), gf_luma),
                      gf_color_saturation(factor(args, rng, SATURATION), gf_luma)};
    float hue = (float)args->value[HUE].low;
    t->pass_args[0] = gf_rng_range(rng, -hue, hue);
    for (int i = 0; i < HUE; i++) {
        if (args->value[i].low > 0) gf_color_merge(&t->color, &row[i]);
    }
    if (hue > 0) t->pass = gf_pass_hue;
}

const gf_random_change_class gf_random_change_jitter = {
    .families = GF_CHANGE_OWN,
    .name = "jitter",
    .help = "brightness, contrast, saturation and hue",
    GF_ROWS_OF(rows),
    .stream = 28,
    .draw = draw,
};
