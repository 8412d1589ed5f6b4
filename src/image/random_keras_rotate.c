/* Keras's RandomRotation: a factor in turns, or two between which the angle lies. */
#include "image/random_change.h"

enum { FACTOR, FILL, NEAREST };
static const gf_change_arg rows[] = {
    [FACTOR] = {.name = "factor",
                .kind = GF_CHANGE_ANGLES,
                .min = -1,
                .max = 1,
                .help = "to either side, in turns or as 15deg; or LOW-HIGH"},
    [FILL] = GF_CHANGE_FILL_ROW("reflect"),
    [NEAREST] = GF_CHANGE_NEAREST_ROW,
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    const struct gf_change_value *v = args->value;
    float low = (float)(v[FACTOR].pair ? v[FACTOR].low : -v[FACTOR].high), high = (float)v[FACTOR].high;
    gf_transform_rotate(t, h, w, gf_rng_range(rng, low, high));
    gf_change_set_border(t, &v[FILL], &v[NEAREST]);
}

const gf_random_change_class gf_random_change_keras_rotate = {
    .families = GF_CHANGE_KERAS,
    .name = "rotate",
    .aliases = "rotation",
    .help = "RandomRotation",
    GF_ROWS_OF(rows),
    .stream = 6,
    .draw = draw,
};
