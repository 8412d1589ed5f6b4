/* Keras's RandomContrast, whose single factor only raises contrast. */
#include "image/random_change.h"

enum { FACTOR, LOWER };
static const gf_change_arg rows[] = {
    [FACTOR] = {.name = "factor", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "at most so much more"},
    [LOWER] =
        {.name = "lower", .kind = GF_CHANGE_NUMBER, .max = 1, .default_value = "0", .help = "at most so much less"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    const struct gf_change_value *v = args->value;
    t->color = gf_color_contrast(gf_rng_range(rng, 1 - (float)v[LOWER].low, 1 + (float)v[FACTOR].low));
}

const gf_random_change_class gf_random_change_keras_contrast = {
    .families = GF_CHANGE_KERAS,
    .name = "contrast",
    .help = "RandomContrast: more contrast alone, unless lower= is given",
    GF_ROWS_OF(rows),
    .stream = 8,
    .draw = draw,
};
