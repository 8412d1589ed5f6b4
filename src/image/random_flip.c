/* A mirrored image, left to right. The first number of stream 0 says whether. */
#include "image/random_change.h"

static const gf_change_arg rows[] = {
    {.name = "p", .kind = GF_CHANGE_NUMBER, .max = 1, .default_value = "0.5", .help = "probability"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    t->flip = gf_rng_f32(rng) < (float)args->value[0].low;
}

const gf_random_change_class gf_random_change_flip = {
    .families = GF_CHANGE_OWN | GF_CHANGE_TORCH,
    .name = "flip",
    .aliases = "hflip",
    .help = "mirrored left to right",
    GF_ROWS_OF(rows),
    .stream = 0,
    .draw = draw,
};
