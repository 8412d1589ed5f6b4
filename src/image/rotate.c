/* Rotation, pixel by pixel, and the choice of a faster way. It is tensorflow/core/kernels/image/image_ops.h
 * (ImageProjectiveTransformV3, BILINEAR, REFLECT) in float32. */
#include "image/rotate.h"

enum { CHANNELS = 3 };

/* A coordinate on a side of `length` pixels continued by reflection (d c b a | a b c d | d c b a), then held to the
 * pixels' centres: TensorFlow reflects the coordinate itself, so half a pixel at each edge takes the edge's value. */
static float reflect(float c, float length)
{
    if (length <= 1) return 0;
    float period = 2 * length;
    if (c < 0) {
        if (c < period) c += period * (float)(int)(-c / period);
        c = c < -length ? c + period : -c - 1;
    } else if (c > length - 1) {
        c -= period * (float)(int)(c / period);
        if (c >= length) c = period - c - 1;
    }
    return c < 0 ? 0 : c > length - 1 ? length - 1 : c;
}

static void rotate_pixel(const gf_rotation *r, const uint8_t *rgb, float *dst, int x, int y)
{
    float sx = reflect(r->m[0] * (float)x + r->m[1] * (float)y + r->m[2], (float)r->w);
    float sy = reflect(r->m[3] * (float)x + r->m[4] * (float)y + r->m[5], (float)r->h);
    int x0 = (int)sx, y0 = (int)sy;
    float fx = sx - (float)x0, fy = sy - (float)y0;
    int x1 = x0 + 1 < r->w ? x0 + 1 : x0, y1 = y0 + 1 < r->h ? y0 + 1 : y0;
    if (r->flip) {
        x0 = r->w - 1 - x0;
        x1 = r->w - 1 - x1;
    }
    const uint8_t *row0 = rgb + (size_t)y0 * (size_t)r->w * CHANNELS,
                  *row1 = rgb + (size_t)y1 * (size_t)r->w * CHANNELS;
    for (int c = 0; c < CHANNELS; c++) {
        float top = (1 - fx) * (float)row0[CHANNELS * x0 + c] + fx * (float)row0[CHANNELS * x1 + c];
        float bottom = (1 - fx) * (float)row1[CHANNELS * x0 + c] + fx * (float)row1[CHANNELS * x1 + c];
        dst[c] = (1 - fy) * top + fy * bottom;
    }
}

void gf_rotate_plain(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    for (int y = 0; y < r->h; y++) {
        for (int x = 0; x < r->w; x++, dst += CHANNELS) rotate_pixel(r, rgb, dst, x, y);
    }
}

/* An affine map is furthest out at a corner. */
bool gf_rotate_suits(const gf_rotation *r, int lanes)
{
    if (r->w < 2 || r->h < 2 || (int64_t)r->w * r->h > INT32_MAX / CHANNELS) return false;
    for (int corner = 0; corner < 4; corner++) {
        float x = corner & 1 ? (float)(r->w + lanes) : 0, y = corner & 2 ? (float)r->h : 0;
        float sx = r->m[0] * x + r->m[1] * y + r->m[2], sy = r->m[3] * x + r->m[4] * y + r->m[5];
        if (!(sx > 1.0f - (float)r->w && sx < 2 * (float)r->w - 1)) return false;
        if (!(sy > 1.0f - (float)r->h && sy < 2 * (float)r->h - 1)) return false;
    }
    return true;
}

void gf_rotate_fetch(const gf_rotation *r, const uint8_t *rgb)
{
    enum { LINE = 64, MOST = 512 << 10 };
    size_t bytes = (size_t)r->h * (size_t)r->w * CHANNELS;
    for (size_t i = 0; i < bytes && i < MOST; i += LINE) (void)*(const volatile uint8_t *)(rgb + i);
}

void gf_rotate(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    if (gf_rotate_avx512(r, rgb, dst) || gf_rotate_avx2(r, rgb, dst)) return;
    gf_rotate_plain(r, rgb, dst);
}

void gf_rotate_int8(const gf_rotation *r, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst)
{
    if (gf_rotate_int8_avx512(r, rgb, map, dst)) return;
    for (int y = 0; y < r->h; y++) {
        for (int x = 0; x < r->w; x++, dst += CHANNELS) {
            float value[CHANNELS];
            rotate_pixel(r, rgb, value, x, y);
            for (int c = 0; c < CHANNELS; c++) dst[c] = gf_quantize_value(map, c, value[c]);
        }
    }
}
