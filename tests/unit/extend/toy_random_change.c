/* A toy of a random change: by chance the image upside down. */
#include "image/random_change.h"

static const gf_change_arg rows[] = {
    {.name = "p", .kind = GF_CHANGE_NUMBER, .max = 1, .default_value = "0.5", .help = "a toy's probability"}};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    if (gf_rng_f32(rng) < (float)args->value[0].low) gf_transform_about_center(t, h, w, -1, 0, 0, -1);
}

const gf_random_change_class gf_random_change_toy = {.families = GF_CHANGE_OWN,
                                                     .name = "toy-change",
                                                     .help = "a test's",
                                                     GF_ROWS_OF(rows),
                                                     .stream = 0xfff0,
                                                     .draw = draw};
