/* Contrast about each channel's mean. */
#include "image/random_change.h"

static const gf_change_arg rows[] = {
    {.name = "factor", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "at most by this share, more and less"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    float most = (float)args->value[0].low;
    t->color = gf_color_contrast(gf_rng_range(rng, 1 - most, 1 + most));
}

const gf_random_change_class gf_random_change_contrast = {
    .families = GF_CHANGE_OWN,
    .name = "contrast",
    .help = "more or less contrast, each channel about its mean",
    GF_ROWS_OF(rows),
    .stream = 7,
    .draw = draw,
};
