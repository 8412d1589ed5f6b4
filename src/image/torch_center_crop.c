/* torchvision's CenterCrop; an image that is too small gets margins of 0. */
#include "image/random_change.h"

#include <math.h>
#include <string.h>

enum { HEIGHT, WIDTH };
static const gf_change_arg rows[] = {
    [HEIGHT] = {.name = "height", .kind = GF_CHANGE_WHOLE, .min = 1, .max = 4096, .help = "pixels"},
    [WIDTH] = {.name = "width",
               .kind = GF_CHANGE_WHOLE,
               .min = 1,
               .max = 4096,
               .default_value = "1",
               .help = "pixels; without, as the height"},
};

static void size(const gf_change_args *args, int *h, int *w)
{
    *h = (int)args->value[HEIGHT].low;
    *w = args->value[WIDTH].given ? (int)args->value[WIDTH].low : *h;
}

/* Halves of a pixel: to the even number where it is cut, down where margins are added. */
static float start(int side, int wanted)
{
    return wanted > side ? -(float)((wanted - side) / 2) : rintf((float)(side - wanted) / 2);
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)rng;
    size(args, &t->h, &t->w);
    memcpy(t->m, (float[6]){1, 0, start(w, t->w), 0, 1, start(h, t->h)}, sizeof t->m);
    t->within = t->h <= h && t->w <= w;
    t->border = GF_BORDER_CONSTANT;
}

const gf_random_change_class gf_random_change_torch_center_crop = {
    .families = GF_CHANGE_TORCH,
    .name = "center-crop",
    .help = "CenterCrop",
    GF_ROWS_OF(rows),
    .stream = 19,
    .draw = draw,
    .size = size,
};
