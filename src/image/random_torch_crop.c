/* torchvision's RandomResizedCrop, with its filter. */
#include "image/part.h"
#include "image/pixel_ops.h"

#include <string.h>

enum { SCALE, RATIO, SIZE };
static const gf_change_arg rows[] = {
    [SCALE] = {.name = "scale",
               .kind = GF_CHANGE_SPAN,
               .min = 0.0001,
               .max = 1,
               .default_value = "0.08-1",
               .help = "share of the image's area"},
    [RATIO] = {.name = "ratio",
               .kind = GF_CHANGE_SPAN,
               .min = 0.01,
               .max = 100,
               .default_value = "0.75-1.3333333",
               .help = "width : height"},
    [SIZE] = {.name = "size",
              .kind = GF_CHANGE_WHOLE,
              .min = 1,
              .max = 4096,
              .default_value = "1",
              .help = "pixels a side; without, as it was"},
};

static void size(const gf_change_args *args, int *h, int *w)
{
    if (args->value[SIZE].given) *h = *w = (int)args->value[SIZE].low;
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    struct gf_change_value scale = args->value[SCALE];
    if (!scale.pair) scale.high = 1;
    gf_rect part = gf_draw_crop(rng, h, w, &scale, &args->value[RATIO]);
    size(args, &t->h, &t->w);
    t->pass = gf_pass_resize;
    t->pass_h = t->h;
    t->pass_w = t->w;
    memcpy(t->pass_args, (float[]){(float)part.x, (float)part.y, (float)part.w, (float)part.h}, 4 * sizeof(float));
}

const gf_random_change_class gf_random_change_torch_crop = {
    .families = GF_CHANGE_TORCH,
    .name = "resized-crop",
    .help = "RandomResizedCrop",
    GF_ROWS_OF(rows),
    .stream = 17,
    .draw = draw,
    .size = size,
};
