/* Hue shifted in HSV. */
#include "image/pixel_ops.h"
#include "image/random_change.h"

static const gf_change_arg rows[] = {
    {.name = "turns", .kind = GF_CHANGE_NUMBER, .max = 0.5, .help = "at most, to either side"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    float most = (float)args->value[0].low;
    t->pass_args[0] = gf_rng_range(rng, -most, most);
    if (t->pass_args[0] != 0) t->pass = gf_pass_hue;
}

const gf_random_change_class gf_random_change_hue = {
    .families = GF_CHANGE_OWN,
    .name = "hue",
    .help = "all hues shifted",
    GF_ROWS_OF(rows),
    .stream = 22,
    .draw = draw,
};
