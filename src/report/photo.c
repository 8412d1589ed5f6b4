#include "report/photo.h"

#include "base/alloc.h"
#include "image/resize.h"

#include <math.h>

static int at_least_one(double x) { return x < 1 ? 1 : (int)lround(x); }

graft_status gf_photo_fit(const gf_pixels *photo, int box_w, int box_h, gf_image *out, graft_error *err)
{
    *out = (gf_image){0};
    if (!photo->rgb || photo->w <= 0 || photo->h <= 0 || box_w <= 0 || box_h <= 0) return GRAFT_OK;
    double scale = fmin((double)box_w / photo->w, (double)box_h / photo->h);
    int w = at_least_one(photo->w * scale), h = at_least_one(photo->h * scale);
    uint8_t *rgb = gf_alloc_raw((size_t)w * (size_t)h, 3);
    if (!rgb) return gf_fail_memory(err, (size_t)w * (size_t)h * 3, "a photo of the report");
    graft_status status = gf_resize_u8(photo->rgb, photo->h, photo->w, rgb, h, w, true, err);
    if (status != GRAFT_OK) {
        gf_free(rgb);
        return status;
    }
    *out = (gf_image){w, h, rgb};
    return GRAFT_OK;
}
