/* A part of the image, from a random place: Keras's RandomCrop, whose place is here each image's own. A side that is
 * not longer than what is asked for stays. */
#include "image/random_change.h"

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
    int high = (int)args->value[HEIGHT].low, wide = args->value[WIDTH].given ? (int)args->value[WIDTH].low : high;
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
    GF_ROWS_OF(rows),
    .stream = 13,
    .draw = draw,
    .size = size,
};
