/* torchvision's Resize: the shorter side becomes so many pixels. */
#include "image/pixel_ops.h"
#include "image/random_change.h"

#include <string.h>

static const gf_change_arg rows[] = {
    {.name = "size", .kind = GF_CHANGE_WHOLE, .min = 1, .max = 4096, .help = "pixels of the shorter side"},
};

static void size(const gf_change_args *args, int *h, int *w)
{
    int64_t shorter = (int64_t)args->value[0].low, most = 1 << 14;
    int64_t longer = *h < *w ? shorter * *w / *h : shorter * *h / *w;
    if (longer > most) longer = most;
    int64_t high = *h < *w ? shorter : longer, wide = *h < *w ? longer : shorter;
    *h = (int)high;
    *w = (int)wide;
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)rng;
    size(args, &t->h, &t->w);
    if (t->h == h && t->w == w) return;
    t->pass = gf_pass_resize;
    t->pass_h = t->h;
    t->pass_w = t->w;
    memcpy(t->pass_args, (float[]){0, 0, (float)w, (float)h}, 4 * sizeof(float));
}

const gf_random_change_class gf_random_change_torch_resize = {
    .families = GF_CHANGE_TORCH,
    .name = "resize",
    .help = "Resize",
    GF_ROWS_OF(rows),
    .stream = 18,
    .draw = draw,
    .size = size,
};
