/* The affine map pixel by pixel, and the choice of a faster implementation. */
#include "image/warp.h"

#include <math.h>

enum { CHANNELS = 3 };

/* ---- borders: a coordinate c on a side of `length` pixels */

static float reflect(float c, float length)
{
    float period = 2 * length;
    if (c < 0) {
        c += period * truncf(-c / period);
        return c < -length ? c + period : -c - 1;
    }
    if (c > length - 1) {
        c -= period * truncf(c / period);
        if (c >= length) return period - c - 1;
    }
    return c;
}

/* TensorFlow's wrap has the side repeat after `length`, but counts the repetitions by length - 1. */
static float wrap(float c, float length)
{
    float last = length - 1;
    if (c < 0) return c + length * (truncf(-c / last) + 1);
    return c > last ? c - length * truncf(c / last) : c;
}

static float inside(const gf_warp *p, float c, float length)
{
    if (p->border == GF_BORDER_CONSTANT) return c < -2 ? -2 : c > length + 1 ? length + 1 : c;
    if (length <= 1) return 0;
    if (p->border == GF_BORDER_REFLECT) c = reflect(c, length);
    if (p->border == GF_BORDER_WRAP) c = wrap(c, length);
    return c < 0 ? 0 : c > length - 1 ? length - 1 : c;
}

/* ---- one pixel */

/* The two source pixels along one side and their weights; those outside, in GF_BORDER_CONSTANT, weigh nothing. */
typedef struct pair {
    int at[2];
    float weight[2];
} pair;

static float hat(float distance)
{
    float weight = 1 - fabsf(distance);
    return weight > 0 ? weight : 0;
}

static pair locate(const gf_warp *p, const float m[3], float x, float y, int length)
{
    float c = inside(p, m[0] * x + m[1] * y + m[2], (float)length);
    if (p->nearest) c = floorf(c + 0.5f);
    if (p->border != GF_BORDER_CONSTANT) {
        int at = (int)c < length ? (int)c : length - 1;
        float far = c - (float)at;
        return (pair){{at, at + 1 < length ? at + 1 : at}, {1 - far, far}};
    }
    int most = length > 1 ? length - 2 : 0, at = c < 0 ? 0 : (int)c;
    if (at > most) at = most;
    float d = c - (float)at;
    return (pair){{at, length > 1 ? at + 1 : at}, {hat(d), length > 1 ? hat(d - 1) : 0}};
}

static void warp_pixel(const gf_warp *p, const uint8_t *rgb, float *dst, int x, int y)
{
    pair across = locate(p, p->m, (float)x, (float)y, p->w), down = locate(p, p->m + 3, (float)x, (float)y, p->h);
    int x0 = p->flip ? p->w - 1 - across.at[0] : across.at[0], x1 = p->flip ? p->w - 1 - across.at[1] : across.at[1];
    const uint8_t *row0 = rgb + (size_t)down.at[0] * (size_t)p->w * CHANNELS,
                  *row1 = rgb + (size_t)down.at[1] * (size_t)p->w * CHANNELS;
    float left = across.weight[0], right = across.weight[1], upper = down.weight[0], lower = down.weight[1];
    float outside = (1 - (left + right) * (upper + lower)) * p->fill;
    for (int c = 0; c < CHANNELS; c++) {
        float top = left * (float)row0[CHANNELS * x0 + c] + right * (float)row0[CHANNELS * x1 + c];
        float bottom = left * (float)row1[CHANNELS * x0 + c] + right * (float)row1[CHANNELS * x1 + c];
        dst[c] = upper * top + lower * bottom;
        if (p->border == GF_BORDER_CONSTANT) dst[c] += outside;
    }
}

void gf_warp_plain(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    float *value = dst;
    uint8_t *byte = dst;
    for (int y = 0; y < p->oh; y++) {
        for (int x = 0; x < p->ow; x++) {
            float pixel[CHANNELS];
            warp_pixel(p, rgb, pixel, x, y);
            for (int c = 0; c < CHANNELS; c++) {
                if (map) {
                    *byte++ = gf_quantize_value(map, c, pixel[c]);
                } else {
                    *value++ = pixel[c];
                }
            }
        }
    }
}

/* ---- shared, and the choice */

bool gf_warp_suits(const gf_warp *p) { return p->w >= 2 && p->h >= 2 && (int64_t)p->w * p->h <= INT32_MAX / CHANNELS; }

void gf_warp_fetch(const gf_warp *p, const uint8_t *rgb)
{
    enum { LINE = 64, MOST = 512 << 10 };
    size_t bytes = (size_t)p->h * (size_t)p->w * CHANNELS;
    for (size_t i = 0; i < bytes && i < MOST; i += LINE) (void)*(const volatile uint8_t *)(rgb + i);
}

static void warp(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    if (gf_warp_avx512(p, rgb, map, dst) || gf_warp_avx2(p, rgb, map, dst)) return;
    gf_warp_plain(p, rgb, map, dst);
}

void gf_warp_floats(const gf_warp *p, const uint8_t *rgb, float *dst) { warp(p, rgb, NULL, dst); }

void gf_warp_int8(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst)
{
    warp(p, rgb, map, dst);
}
