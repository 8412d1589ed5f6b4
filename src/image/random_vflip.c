/* Mirrored top to bottom. */
#include "image/random_change.h"

#include <string.h>

static const gf_change_arg rows[] = {
    {.name = "p", .kind = GF_CHANGE_NUMBER, .max = 1, .default_value = "0.5", .help = "probability"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)w;
    if (!(gf_rng_f32(rng) < (float)args->value[0].low)) return;
    memcpy(t->m, (float[6]){1, 0, 0, 0, -1, (float)(h - 1)}, sizeof t->m);
}

const gf_random_change_class gf_random_change_vflip = {
    .families = GF_CHANGE_OWN | GF_CHANGE_TORCH,
    .name = "vflip",
    .help = "mirrored top to bottom",
    GF_ROWS_OF(rows),
    .stream = 4,
    .draw = draw,
};
