/* Sheared along x and y about the center. */
#include "image/random_change.h"

enum { FACTOR, FILL, NEAREST };
static const gf_change_arg rows[] = {
    [FACTOR] = {.name = "factor", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "at most, pixels to the side per pixel"},
    [FILL] = GF_CHANGE_FILL_ROW("reflect"),
    [NEAREST] = GF_CHANGE_NEAREST_ROW,
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    float most = (float)args->value[FACTOR].low, x = gf_rng_range(rng, -most, most), y = gf_rng_range(rng, -most, most);
    gf_transform_about_center(t, h, w, 1, x, y, 1);
    gf_change_set_border(t, &args->value[FILL], &args->value[NEAREST]);
}

const gf_random_change_class gf_random_change_shear = {
    .families = GF_CHANGE_OWN,
    .name = "shear",
    .help = "sheared about the center",
    GF_ROWS_OF(rows),
    .stream = 3,
    .draw = draw,
};
