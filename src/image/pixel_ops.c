#include "image/pixel_ops.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 3, LEVELS = 256 };

static inline uint8_t cut_off(float v)
{
    v = v > 0 ? v : 0;
    return (uint8_t)(int32_t)(v < 255 ? v : 255);
}

/* torchvision's weights, and its floor for 8-bit images. */
static inline int32_t gray_of(const uint8_t *p)
{
    return (int32_t)((float)p[0] * 0.2989f + 0.587f * (float)p[1] + 0.114f * (float)p[2]);
}

void gf_pixels_brightness(uint8_t *rgb, size_t n, float factor)
{
    for (size_t i = 0; i < n * CHANNELS; i++) rgb[i] = cut_off((float)rgb[i] * factor);
}

void gf_pixels_contrast(uint8_t *rgb, size_t n, float factor)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += (uint32_t)gray_of(rgb + CHANNELS * i);
    float add = (float)((double)sum / (double)n) * (1 - factor);
    for (size_t i = 0; i < n * CHANNELS; i++) rgb[i] = cut_off((float)rgb[i] * factor + add);
}

void gf_pixels_saturation(uint8_t *rgb, size_t n, float factor)
{
    for (uint8_t *p = rgb; p < rgb + n * CHANNELS; p += CHANNELS) {
        float add = (float)gray_of(p) * (1 - factor);
        for (int c = 0; c < CHANNELS; c++) p[c] = cut_off((float)p[c] * factor + add);
    }
}

/* ---- hue: to HSV and back, values 0..1 */

static inline float clamped(float v)
{
    v = v > 0 ? v : 0;
    return v < 1 ? v : 1;
}

static inline float hue_of(const float v[CHANNELS], float most, float range)
{
    float r = (most - v[0]) / range, g = (most - v[1]) / range, b = (most - v[2]) / range;
    float h = most == v[0] ? b - g : most == v[1] ? r + 2.0f - b : g + 4.0f - r;
    h = h * (1.0f / 6.0f) + 1.0f;
    return h - (float)(int32_t)h;
}

void gf_pixels_hue(uint8_t *rgb, size_t n, float turns)
{
    static const uint8_t from[6][CHANNELS] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
    float unit[LEVELS]; /* a division less */
    for (int i = 0; i < LEVELS; i++) unit[i] = (float)i / 255;
    for (uint8_t *p = rgb; p < rgb + n * CHANNELS; p += CHANNELS) {
        float v[CHANNELS] = {unit[p[0]], unit[p[1]], unit[p[2]]};
        float most = v[0] > v[1] ? v[0] : v[1], least = v[0] < v[1] ? v[0] : v[1];
        most = v[2] > most ? v[2] : most;
        least = v[2] < least ? v[2] : least;
        float range = most - least;
        if (range == 0) continue;
        float s = range / most, h = hue_of(v, most, range) + turns;
        h = (h < 0 ? h + 1 : h >= 1 ? h - 1 : h) * 6;
        int32_t sector = (int32_t)h;
        float f = h - (float)sector;
        float value[4] = {most, clamped((1 - s) * most), clamped((1 - s * f) * most),
                          clamped((s * f + (1 - s)) * most)};
        const uint8_t *which = from[sector % 6];
        for (int c = 0; c < CHANNELS; c++) p[c] = (uint8_t)(int32_t)(value[which[c]] * 255.999f);
    }
}

/* ---- passes */

#define COPY_ALL(dst, src, h, w) memcpy((dst), (src), (size_t)(h) * (size_t)(w)*CHANNELS)

/* A pass of one of those above. */
#define PASS_OF(name)                                                                                           \
    void gf_pass_##name(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, \
                        int ow)                                                                                 \
    {                                                                                                           \
        COPY_ALL(dst, src, oh, ow);                                                                             \
        gf_pixels_##name(dst, (size_t)h *(size_t)w, args[0]);                                                   \
    }
PASS_OF(brightness)
PASS_OF(contrast)
PASS_OF(saturation)
PASS_OF(hue)

/* rintf of a number from 0 to 255, without a call: the sum has no bits left for a fraction. */
static inline float nearest_even(float v) { return (v + 0x1.8p23f) - 0x1.8p23f; }

/* Against a blur of its neighbors; the outermost pixels stay. */
void gf_pass_sharpness(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    COPY_ALL(dst, src, oh, ow);
    const float factor = args[0], around = 1.0f / 13, center = 5.0f / 13;
    size_t row = (size_t)w * CHANNELS;
    for (int y = 1; y < h - 1; y++) {
        for (size_t x = CHANNELS; x < row - CHANNELS; x++) {
            const uint8_t *p = src + (size_t)y * row + x, *up = p - row, *low = p + row;
            int sum = up[-CHANNELS] + up[0] + up[CHANNELS] + p[-CHANNELS] + p[CHANNELS] + low[-CHANNELS] + low[0] +
                      low[CHANNELS];
            float blurred = nearest_even((float)sum * around + (float)*p * center);
            dst[(size_t)y * row + x] = cut_off((float)*p + (blurred - (float)*p) * (1 - factor));
        }
    }
}

void gf_pass_posterize(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    (void)oh, (void)ow;
    uint8_t mask = (uint8_t)(0xff << (8 - (int)args[0]));
    for (size_t i = 0; i < (size_t)h * (size_t)w * CHANNELS; i++) dst[i] = src[i] & mask;
}

void gf_pass_solarize(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    (void)oh, (void)ow;
    for (size_t i = 0; i < (size_t)h * (size_t)w * CHANNELS; i++)
        dst[i] = (float)src[i] >= args[0] ? (uint8_t)(255 - src[i]) : src[i];
}

/* Each channel by a table. */
static void look_up(uint8_t table[CHANNELS][LEVELS], const uint8_t *src, size_t n, uint8_t *dst)
{
    for (size_t i = 0; i < n * CHANNELS; i++) dst[i] = table[i % CHANNELS][src[i]];
}

static void count(const uint8_t *src, size_t n, uint32_t times[CHANNELS][LEVELS])
{
    memset(times, 0, sizeof(uint32_t) * CHANNELS * LEVELS);
    for (size_t i = 0; i < n * CHANNELS; i++) times[i % CHANNELS][src[i]]++;
}

void gf_pass_autocontrast(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh,
                          int ow)
{
    (void)args, (void)oh, (void)ow;
    uint32_t times[CHANNELS][LEVELS];
    uint8_t table[CHANNELS][LEVELS];
    count(src, (size_t)h * (size_t)w, times);
    for (int c = 0; c < CHANNELS; c++) {
        int low = 0, high = LEVELS - 1;
        while (low < high && !times[c][low]) low++;
        while (high > low && !times[c][high]) high--;
        float scale = (float)(high - low) * (1.0f / 255);
        for (int v = 0; v < LEVELS; v++) table[c][v] = high == low ? (uint8_t)v : cut_off((float)(v - low) / scale);
    }
    look_up(table, src, (size_t)h * (size_t)w, dst);
}

/* Pillow's way of rounding. */
void gf_pass_equalize(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    (void)args, (void)oh, (void)ow;
    uint32_t times[CHANNELS][LEVELS], n = (uint32_t)h * (uint32_t)w;
    uint8_t table[CHANNELS][LEVELS];
    count(src, n, times);
    for (int c = 0; c < CHANNELS; c++) {
        int high = LEVELS - 1;
        while (high > 0 && !times[c][high]) high--;
        uint32_t step = (n - times[c][high]) / 255, sum = step / 2;
        for (int v = 0; v < LEVELS; v++) {
            uint32_t to = step ? sum / step : (uint32_t)v;
            table[c][v] = (uint8_t)(to > 255 ? 255 : to);
            sum += times[c][v];
        }
    }
    look_up(table, src, n, dst);
}

/* ---- resize */

/* The source pixels that output i of a side blends, and the sum of their weights. */
typedef struct span {
    int first, end;
    float center, scale, sum;
} span;

static float weight(const span *s, int i)
{
    float d = fabsf(((float)i - s->center + 0.5f) / s->scale);
    return d < 1 ? 1 - d : 0;
}

static span span_of(int i, int in, int out)
{
    float ratio = (float)in / (float)out;
    span s = {.center = ratio * ((float)i + 0.5f), .scale = ratio > 1 ? ratio : 1};
    s.first = (int)(s.center - s.scale + 0.5f);
    s.end = (int)(s.center + s.scale + 0.5f);
    if (s.first < 0) s.first = 0;
    if (s.end > in) s.end = in;
    for (int k = s.first; k < s.end; k++) s.sum += weight(&s, k);
    return s;
}

enum { TILE = 64, TAPS = 8 }; /* columns whose weights are computed once, where each has no more than so many */

typedef struct tile {
    span across[TILE];
    float weight[TILE][TAPS];
} tile;

static void make_tile(tile *t, int x, int n, int in, int out)
{
    for (int k = 0; k < n; k++) {
        t->across[k] = span_of(x + k, in, out);
        for (int i = 0; i < TAPS; i++) t->weight[k][i] = weight(&t->across[k], t->across[k].first + i);
    }
}

static void blend(const uint8_t *part, size_t stride, const span *down, const tile *t, int k, uint8_t *to)
{
    const span *across = &t->across[k];
    const bool few = across->end - across->first <= TAPS;
    float sum[CHANNELS] = {0};
    for (int y = down->first; y < down->end; y++) {
        float row[CHANNELS] = {0}, high = weight(down, y);
        for (int x = across->first; x < across->end; x++) {
            const uint8_t *p = part + (size_t)y * stride + (size_t)x * CHANNELS;
            float wide = few ? t->weight[k][x - across->first] : weight(across, x);
            for (int c = 0; c < CHANNELS; c++) row[c] += wide * (float)p[c];
        }
        for (int c = 0; c < CHANNELS; c++) sum[c] += high * row[c];
    }
    for (int c = 0; c < CHANNELS; c++) to[c] = cut_off(sum[c] / (down->sum * across->sum) + 0.5f);
}

void gf_pass_resize(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow)
{
    enum { X, Y, W, H };
    (void)h;
    size_t stride = (size_t)w * CHANNELS;
    const uint8_t *part = src + (size_t)args[Y] * stride + (size_t)args[X] * CHANNELS;
    for (int x = 0, n; x < ow; x += n) {
        tile t;
        n = ow - x < TILE ? ow - x : TILE;
        make_tile(&t, x, n, (int)args[W], ow);
        for (int y = 0; y < oh; y++) {
            span down = span_of(y, (int)args[H], oh);
            uint8_t *to = dst + ((size_t)y * (size_t)ow + (size_t)x) * CHANNELS;
            for (int k = 0; k < n; k++) blend(part, stride, &down, &t, k, to + k * CHANNELS);
        }
    }
}
