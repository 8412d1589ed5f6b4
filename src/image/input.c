#include "image/input.h"

#include <string.h>

enum { CHANNELS = 3 };

/* Luma as JPEG and TensorFlow have it (ITU-R BT.601). A gray image stays as it is. */
static float luma(float r, float g, float b)
{
    bool gray = r == g && g == b;
    return gray ? r : 0.299f * r + 0.587f * g + 0.114f * b;
}

static size_t pixels_of(const gf_input_layout *in) { return (size_t)(in->shape.dim[0] * in->shape.dim[1]); }

void gf_input_put_f32(const gf_input_layout *in, const float *rgb, void *dst)
{
    size_t n = pixels_of(in);
    float *values = dst;
    uint8_t *bytes = dst;
    if (in->gray) {
        for (size_t i = 0; i < n; i++, rgb += CHANNELS) values[i] = luma(rgb[0], rgb[1], rgb[2]);
    } else if (in->dtype == GF_U8) {
        for (size_t i = 0; i < CHANNELS * n; i++) bytes[i] = gf_quantize_value(&in->map, (int)(i % CHANNELS), rgb[i]);
    } else {
        memcpy(dst, rgb, CHANNELS * n * sizeof *rgb);
    }
}

void gf_input_put(const gf_input_layout *in, const gf_augment_drawn *change, const uint8_t *rgb, float *scratch,
                  void *for_change, void *dst)
{
    int h = (int)in->shape.dim[0], w = (int)in->shape.dim[1];
    const gf_augment_drawn none = {.h = h, .w = w, .oh = h, .ow = w};
    if (!change) change = &none;
    if (in->dtype == GF_U8) {
        gf_augment_int8(change, rgb, &in->map, dst, for_change);
    } else if (in->gray) {
        gf_augment_apply(change, rgb, scratch, for_change);
        gf_input_put_f32(in, scratch, dst);
    } else {
        gf_augment_apply(change, rgb, dst, for_change);
    }
}
