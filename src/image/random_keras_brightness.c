/* Keras's RandomBrightness: one number, added to all values. */
#include "image/random_change.h"

static const gf_change_arg rows[] = {
    {.name = "factor", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "at most, as a share of 255, up and down"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    float most = (float)args->value[0].low;
    t->color = gf_color_shift(255 * gf_rng_range(rng, -most, most));
}

const gf_random_change_class gf_random_change_keras_brightness = {
    .families = GF_CHANGE_KERAS,
    .name = "brightness",
    .help = "RandomBrightness",
    GF_ROWS_OF(rows),
    .stream = 10,
    .draw = draw,
};
