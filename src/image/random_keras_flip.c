/* Keras's RandomFlip. Its default, both axes, has one number for the two of them: half a turn, or nothing. */
#include "image/random_change.h"

#include <string.h>

enum { HORIZONTAL, VERTICAL }; /* and then both */
static const gf_change_arg rows[] = {
    {.name = "mode",
     .kind = GF_CHANGE_CHOICE,
     .choices = "horizontal|vertical|horizontal_and_vertical",
     .default_value = "horizontal_and_vertical",
     .help = "left to right, top to bottom, or both together"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)w;
    int mode = (int)args->value[0].low;
    if (!(gf_rng_f32(rng) <= 0.5f)) return;
    t->flip = mode != VERTICAL;
    if (mode != HORIZONTAL) memcpy(t->m, (float[6]){1, 0, 0, 0, -1, (float)(h - 1)}, sizeof t->m);
}

const gf_random_change_class gf_random_change_keras_flip = {
    .families = GF_CHANGE_KERAS,
    .name = "flip",
    .help = "RandomFlip",
    GF_ROWS_OF(rows),
    .stream = 5,
    .draw = draw,
};
