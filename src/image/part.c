#include "image/part.h"

#include "base/distribution.h"

#include <math.h>

bool gf_draw_part(gf_rng *rng, int h, int w, const struct gf_change_value *area, const struct gf_change_value *ratio,
                  bool upright, bool smaller, gf_rect *part)
{
    enum { TRIES = 10 };
    float low = (float)gf_log(ratio->low), high = (float)gf_log(ratio->high);
    for (int i = 0; i < TRIES; i++) {
        double pixels = (double)h * w * (double)gf_rng_range(rng, (float)area->low, (float)area->high);
        double shape = gf_exp((double)gf_rng_range(rng, low, high));
        if (upright) shape = 1 / shape;
        int pw = (int)rint(sqrt(pixels * shape)), ph = (int)rint(sqrt(pixels / shape));
        int most_w = w - smaller, most_h = h - smaller;
        if (pw > most_w || ph > most_h || (!smaller && (pw < 1 || ph < 1))) continue;
        part->h = ph;
        part->w = pw;
        part->y = (int)gf_rng_below(rng, (uint32_t)(h - ph) + 1);
        part->x = (int)gf_rng_below(rng, (uint32_t)(w - pw) + 1);
        return true;
    }
    *part = (gf_rect){0, 0, 0, 0};
    return false;
}

/* ---- RandomResizedCrop */

const gf_change_arg gf_resized_crop_rows[GF_RESIZED_CROP_ROWS] = {
    [GF_RESIZED_CROP_SCALE] = {.name = "scale",
                               .kind = GF_CHANGE_SPAN,
                               .min = 0.0001,
                               .max = 1,
                               .default_value = "0.08-1",
                               .help = "share of the image's area"},
    [GF_RESIZED_CROP_RATIO] = {.name = "ratio",
                               .kind = GF_CHANGE_SPAN,
                               .min = 0.01,
                               .max = 100,
                               .default_value = "0.75-1.3333333",
                               .help = "width : height"},
    [GF_RESIZED_CROP_SIZE] = {.name = "size",
                              .kind = GF_CHANGE_WHOLE,
                              .min = 1,
                              .max = 4096,
                              .default_value = "1",
                              .help = "pixels a side; without, as it was"},
};

void gf_resized_crop_size(const gf_change_args *args, int *h, int *w)
{
    const struct gf_change_value *size = &args->value[GF_RESIZED_CROP_SIZE];
    if (size->given) *h = *w = (int)size->low;
}

static gf_rect draw_crop(gf_rng *rng, int h, int w, const struct gf_change_value *area,
                         const struct gf_change_value *ratio)
{
    gf_rect part;
    if (gf_draw_part(rng, h, w, area, ratio, false, false, &part)) return part;
    double shape = (double)w / h;
    part = (gf_rect){0, 0, w, h};
    if (shape < ratio->low) part.h = (int)rint(w / ratio->low);
    if (shape > ratio->high) part.w = (int)rint(h * ratio->high);
    part.h = part.h < 1 ? 1 : part.h > h ? h : part.h;
    part.w = part.w < 1 ? 1 : part.w > w ? w : part.w;
    part.y = (h - part.h) / 2;
    part.x = (w - part.w) / 2;
    return part;
}

gf_rect gf_draw_resized_crop(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    struct gf_change_value scale = args->value[GF_RESIZED_CROP_SCALE];
    if (!scale.pair) scale.high = 1;
    gf_resized_crop_size(args, &t->h, &t->w);
    return draw_crop(rng, h, w, &scale, &args->value[GF_RESIZED_CROP_RATIO]);
}

/* ---- windows */

const gf_change_arg gf_window_rows[GF_WINDOW_ROWS] = {
    [GF_WINDOW_HEIGHT] = {.name = "height", .kind = GF_CHANGE_WHOLE, .min = 1, .max = 4096, .help = "pixels"},
    [GF_WINDOW_WIDTH] = {.name = "width",
                         .kind = GF_CHANGE_WHOLE,
                         .min = 1,
                         .max = 4096,
                         .default_value = "1",
                         .help = "pixels; without, as the height"},
};

void gf_window_size(const gf_change_args *args, int *h, int *w)
{
    const struct gf_change_value *width = &args->value[GF_WINDOW_WIDTH];
    *h = (int)args->value[GF_WINDOW_HEIGHT].low;
    *w = width->given ? (int)width->low : *h;
}
