/* torchvision's CenterCrop; an image that is too small gets margins of 0. */
#include "image/part.h"

#include <math.h>
#include <string.h>

/* Halves of a pixel: to the even number where it is cut, down where margins are added. */
static float start(int side, int wanted)
{
    return wanted > side ? -(float)((wanted - side) / 2) : rintf((float)(side - wanted) / 2);
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)rng;
    gf_window_size(args, &t->h, &t->w);
    memcpy(t->m, (float[6]){1, 0, start(w, t->w), 0, 1, start(h, t->h)}, sizeof t->m);
    t->within = t->h <= h && t->w <= w;
    t->border = GF_BORDER_CONSTANT;
}

const gf_random_change_class gf_random_change_torch_center_crop = {
    .families = GF_CHANGE_TORCH,
    .name = "center-crop",
    .help = "CenterCrop",
    .args = gf_window_rows,
    .n_args = GF_WINDOW_ROWS,
    .stream = 19,
    .draw = draw,
    .size = gf_window_size,
};
