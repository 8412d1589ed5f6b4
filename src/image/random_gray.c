/* Now and then an image in gray. */
#include "image/random_change.h"

static const gf_change_arg rows[] = {
    {.name = "p", .kind = GF_CHANGE_NUMBER, .max = 1, .help = "probability"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    if (gf_rng_f32(rng) < (float)args->value[0].low) t->color = gf_color_saturation(0, gf_luma);
}

const gf_random_change_class gf_random_change_gray = {
    .families = GF_CHANGE_OWN,
    .name = "gray",
    .help = "without colors",
    GF_ROWS_OF(rows),
    .stream = 12,
    .draw = draw,
};
