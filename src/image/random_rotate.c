/* Rotation about the center, with the matrix of Keras 3's RandomRotation. The second number of stream 0 is the angle,
 * as it is since the first version. */
#include "image/random_change.h"

#include <math.h>

enum { ANGLE, FILL, NEAREST };
static const gf_change_arg rows[] = {
    [ANGLE] = {.name = "angle",
               .kind = GF_CHANGE_ANGLE,
               .max = 0.5,
               .help = "at most, to either side, in turns or as 15deg"},
    [FILL] = GF_CHANGE_FILL_ROW("reflect"),
    [NEAREST] = GF_CHANGE_NEAREST_ROW,
};

void gf_transform_rotate(gf_transform *t, int h, int w, float turns)
{
    float s, c, radians = (float)((double)turns * 360.0) * (float)(M_PI / 180.0);
    gf_sin_cos((double)radians, &s, &c);
    gf_transform_about_center(t, h, w, c, -s, s, c);
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)gf_rng_f32(rng); /* flip's */
    float turns = gf_rng_range(rng, -1, 1) * (float)args->value[ANGLE].high;
    if (turns == 0) return;
    gf_transform_rotate(t, h, w, turns);
    gf_change_set_border(t, &args->value[FILL], &args->value[NEAREST]);
}

const gf_random_change_class gf_random_change_rotate = {
    .families = GF_CHANGE_OWN,
    .name = "rotate",
    .aliases = "rotation",
    .help = "rotated about the center",
    GF_ROWS_OF(rows),
    .stream = 0,
    .draw = draw,
};
