/* A rectangle of an image erased: torchvision's RandomErasing (Zhong et al., 2017). */
#include "image/erase.h"
#include "image/part.h"

enum { P, SCALE, RATIO, FILL };
static const gf_change_arg rows[] = {
    [P] = {.name = "p", .kind = GF_CHANGE_NUMBER, .max = 1, .default_value = "0.5", .help = "probability"},
    [SCALE] = {.name = "scale",
               .kind = GF_CHANGE_SPAN,
               .max = 1,
               .default_value = "0.02-0.33",
               .help = "share of the image's area"},
    [RATIO] = {.name = "ratio",
               .kind = GF_CHANGE_SPAN,
               .min = 0.01,
               .max = 100,
               .default_value = "0.3-3.3",
               .help = "height : width"},
    [FILL] = GF_CHANGE_ERASE_ROW("127"),
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    const struct gf_change_value *v = args->value;
    gf_rect part;
    if (!(gf_rng_f32(rng) < (float)v[P].low)) return;
    if (gf_draw_part(rng, h, w, &v[SCALE], &v[RATIO], true, true, &part))
        gf_transform_erase(t, part, (float)v[FILL].low, rng);
}

const gf_random_change_class gf_random_change_erase = {
    .families = GF_CHANGE_OWN | GF_CHANGE_TORCH,
    .name = "erase",
    .aliases = "erasing",
    .help = "a rectangle erased",
    GF_ROWS_OF(rows),
    .stream = 14,
    .draw = draw,
};
