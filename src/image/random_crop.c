/* A part of the image, from a random place: Keras's RandomCrop, whose place is here each image's own. A side that is
 * not longer than what is asked for stays. */
#include "image/part.h"

#include <string.h>

static void size(const gf_change_args *args, int *h, int *w)
{
    int high, wide;
    gf_window_size(args, &high, &wide);
    *h = high < *h ? high : *h;
    *w = wide < *w ? wide : *w;
}

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    size(args, &t->h, &t->w);
    uint32_t y = gf_rng_below(rng, (uint32_t)(h - t->h) + 1), x = gf_rng_below(rng, (uint32_t)(w - t->w) + 1);
    memcpy(t->m, (float[6]){1, 0, (float)x, 0, 1, (float)y}, sizeof t->m);
}

const gf_random_change_class gf_random_change_crop = {
    .families = GF_CHANGE_OWN | GF_CHANGE_KERAS,
    .name = "crop",
    .help = "a part from a random place",
    .args = gf_window_rows,
    .n_args = GF_WINDOW_ROWS,
    .stream = 13,
    .draw = draw,
    .size = size,
};
