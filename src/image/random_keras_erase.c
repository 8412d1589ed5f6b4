/* Keras's RandomErasing: sides of their own, and a probability that is itself drawn, so that factor 0.5 erases a
 * quarter of the images. */
#include "image/erase.h"

#include <math.h>

enum { FACTOR, SCALE, FILL };
static const gf_change_arg rows[] = {
    [FACTOR] = {.name = "factor",
                .kind = GF_CHANGE_NUMBER,
                .max = 1,
                .default_value = "1",
                .help = "the probability is uniform up to this"},
    [SCALE] = {.name = "scale",
               .kind = GF_CHANGE_SPAN,
               .max = 1,
               .default_value = "0.02-0.33",
               .help = "squares of the sides' shares"},
    [FILL] = GF_CHANGE_ERASE_ROW("-1"),
};

/* A stretch of a side, real in place and length: the pixels whose numbers lie in it. */
static void stretch(gf_rng *rng, int side, float share, int *at, int *length)
{
    float pixels = share * (float)side, start = gf_rng_f32(rng) * ((float)side - pixels);
    *at = (int)ceilf(start);
    *length = (int)ceilf(start + pixels) - *at;
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    const struct gf_change_value *v = args->value;
    float low = (float)v[SCALE].low, high = (float)v[SCALE].high;
    float wide = sqrtf(gf_rng_range(rng, low, high)), tall = sqrtf(gf_rng_range(rng, low, high));
    gf_rect part;
    stretch(rng, w, wide, &part.x, &part.w);
    stretch(rng, h, tall, &part.y, &part.h);
    float p = gf_rng_range(rng, 0, (float)v[FACTOR].low);
    if (gf_rng_f32(rng) < p) gf_transform_erase(t, part, (float)v[FILL].low, rng);
}

const gf_random_change_class gf_random_change_keras_erase = {
    .families = GF_CHANGE_KERAS,
    .name = "erase",
    .aliases = "erasing",
    .help = "RandomErasing",
    GF_ROWS_OF(rows),
    .stream = 15,
    .draw = draw,
};
