/* Zoom about the center, out and in: Keras's RandomZoom. A factor z shows z times the image's width and height. */
#include "image/random_change.h"

enum { FACTOR, WIDTH, FILL, NEAREST };
static const gf_change_arg rows[] = {
    [FACTOR] = {.name = "factor", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "at most by this share, in and out"},
    [WIDTH] = {.name = "width",
               .kind = GF_CHANGE_NUMBER,
               .max = 1,
               .default_value = "0",
               .help = "the width by a number of its own; without, as the height"},
    [FILL] = GF_CHANGE_FILL_ROW("reflect"),
    [NEAREST] = GF_CHANGE_NEAREST_ROW,
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    const struct gf_change_value *v = args->value;
    float zy = gf_rng_range(rng, 1 - (float)v[FACTOR].low, 1 + (float)v[FACTOR].low), zx = zy;
    if (v[WIDTH].given) zx = gf_rng_range(rng, 1 - (float)v[WIDTH].low, 1 + (float)v[WIDTH].low);
    gf_transform_about_center(t, h, w, zx, 0, 0, zy);
    gf_change_set_border(t, &v[FILL], &v[NEAREST]);
}

const gf_random_change_class gf_random_change_zoom = {
    .families = GF_CHANGE_OWN | GF_CHANGE_KERAS,
    .name = "zoom",
    .help = "zoomed about the center",
    GF_ROWS_OF(rows),
    .stream = 1,
    .draw = draw,
};
