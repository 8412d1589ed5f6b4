/* A random part of the image, resized: what torchvision's RandomResizedCrop draws, by the one warp. */
#include "image/part.h"

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

/* Pixel areas onto each other. A single number is the least area; the most is all. */
static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    struct gf_change_value scale = args->value[SCALE];
    if (!scale.pair) scale.high = 1;
    gf_rect part = gf_draw_crop(rng, h, w, &scale, &args->value[RATIO]);
    size(args, &t->h, &t->w);
    float x = (float)part.w / (float)t->w, y = (float)part.h / (float)t->h;
    float left = (float)part.x + 0.5f * x - 0.5f, top = (float)part.y + 0.5f * y - 0.5f;
    memcpy(t->m, (float[6]){x, 0, left, 0, y, top}, sizeof t->m);
    t->within = false;
    t->border = GF_BORDER_NEAREST;
}

const gf_random_change_class gf_random_change_resized_crop = {
    .families = GF_CHANGE_OWN,
    .name = "resized-crop",
    .help = "a random part, resized",
    GF_ROWS_OF(rows),
    .stream = 16,
    .draw = draw,
    .size = size,
};
