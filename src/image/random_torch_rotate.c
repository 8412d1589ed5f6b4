/* torchvision's RandomRotation: the nearest pixel, and 0 outside of the image. */
#include "image/random_change.h"

enum { DEGREES, FILL };
static const gf_change_arg rows[] = {
    [DEGREES] = {.name = "degrees",
                 .kind = GF_CHANGE_ANGLES,
                 .min = -1,
                 .max = 1,
                 .help = "to either side, as 15deg, or in turns; or LOW-HIGH"},
    [FILL] = GF_CHANGE_FILL_ROW("0"),
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    const struct gf_change_value *v = args->value;
    float low = (float)(v[DEGREES].pair ? v[DEGREES].low : -v[DEGREES].high), high = (float)v[DEGREES].high;
    gf_transform_rotate(t, h, w, gf_rng_range(rng, low, high));
    gf_change_set_border(t, &v[FILL], NULL);
    t->nearest = true;
}

const gf_random_change_class gf_random_change_torch_rotate = {
    .families = GF_CHANGE_TORCH,
    .name = "rotate",
    .aliases = "rotation",
    .help = "RandomRotation",
    GF_ROWS_OF(rows),
    .stream = 20,
    .draw = draw,
};
