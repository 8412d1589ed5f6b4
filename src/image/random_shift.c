/* Shifted by shares of the height and width: Keras's RandomTranslation, with its default border, reflection. */
#include "image/random_change.h"

#include <string.h>

enum { SHARE, WIDTH, FILL, NEAREST };
static const gf_change_arg rows[] = {
    [SHARE] = {.name = "share", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "at most, of the height, up and down"},
    [WIDTH] = {.name = "width",
               .kind = GF_CHANGE_NUMBER,
               .max = 1,
               .default_value = "0",
               .help = "at most, of the width; without, the same share"},
    [FILL] = GF_CHANGE_FILL_ROW("reflect"),
    [NEAREST] = GF_CHANGE_NEAREST_ROW,
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    const struct gf_change_value *v = args->value;
    float high = (float)v[SHARE].low, wide = v[WIDTH].given ? (float)v[WIDTH].low : high;
    float dy = gf_rng_range(rng, -high, high) * (float)h, dx = gf_rng_range(rng, -wide, wide) * (float)w;
    memcpy(t->m, (float[6]){1, 0, -dx, 0, 1, -dy}, sizeof t->m);
    t->within = false;
    gf_change_set_border(t, &v[FILL], &v[NEAREST]);
}

const gf_random_change_class gf_random_change_shift = {
    .families = GF_CHANGE_OWN | GF_CHANGE_KERAS,
    .name = "shift",
    .aliases = "translate|translation",
    .help = "shifted up or down and left or right",
    GF_ROWS_OF(rows),
    .stream = 2,
    .draw = draw,
};
