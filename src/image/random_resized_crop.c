/* A random part of the image, resized: what torchvision's RandomResizedCrop draws, by the one warp. */
#include "image/part.h"

#include <string.h>

/* Pixel areas onto each other. */
static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    gf_rect part = gf_draw_resized_crop(args, rng, h, w, t);
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
    .args = gf_resized_crop_rows,
    .n_args = GF_RESIZED_CROP_ROWS,
    .stream = 16,
    .draw = draw,
    .size = gf_resized_crop_size,
};
