/* torchvision's RandomResizedCrop, with its filter. */
#include "image/part.h"
#include "image/pixel_ops.h"

#include <string.h>

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    gf_rect part = gf_draw_resized_crop(args, rng, h, w, t);
    t->pass = gf_pass_resize;
    t->pass_h = t->h;
    t->pass_w = t->w;
    memcpy(t->pass_args, (float[]){(float)part.x, (float)part.y, (float)part.w, (float)part.h}, 4 * sizeof(float));
}

const gf_random_change_class gf_random_change_torch_crop = {
    .families = GF_CHANGE_TORCH,
    .name = "resized-crop",
    .help = "RandomResizedCrop",
    .args = gf_resized_crop_rows,
    .n_args = GF_RESIZED_CROP_ROWS,
    .stream = 17,
    .draw = draw,
    .size = gf_resized_crop_size,
};
