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

gf_rect gf_draw_crop(gf_rng *rng, int h, int w, const struct gf_change_value *area, const struct gf_change_value *ratio)
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
