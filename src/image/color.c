#include "image/color.h"

#include "base/clones.h"

#include <string.h>

enum { CHANNELS = 3, BLOCK = 16, VALUES = CHANNELS * BLOCK, UNIT = 256 };

/* ---- maps */

static void multiply(const float a[9], const float *b, int columns, double *out)
{
    for (int r = 0; r < 3; r++) {
        for (int k = 0; k < columns; k++) {
            out[r * columns + k] = 0;
            for (int i = 0; i < 3; i++) out[r * columns + k] += (double)a[3 * r + i] * b[i * columns + k];
        }
    }
}

/* The means behind c are own mu + mean mu + add. */
void gf_color_merge(gf_color *c, const gf_color *then)
{
    if (!c->set) {
        *c = *then;
        return;
    }
    float sum[9];
    double own[9], mean[9], more[9], add[3], add_mean[3];
    for (int i = 0; i < 9; i++) sum[i] = c->own[i] + c->mean[i];
    multiply(then->own, c->own, 3, own);
    multiply(then->own, c->mean, 3, mean);
    multiply(then->mean, sum, 3, more);
    multiply(then->own, c->add, 1, add);
    multiply(then->mean, c->add, 1, add_mean);
    for (int i = 0; i < 9; i++) {
        c->own[i] = (float)own[i];
        c->mean[i] = (float)(mean[i] + more[i]);
    }
    for (int i = 0; i < 3; i++) c->add[i] = (float)(add[i] + add_mean[i] + (double)then->add[i]);
}

/* ---- means */

/* Sums of n <= 2^19 pixels' channels in 256ths, each rounded; VALUES running sums, of at most 2^15 values each. */
GF_CLONES static void sum_part(const float *restrict value, size_t n, int64_t sums[CHANNELS])
{
    int32_t sum[VALUES] = {0};
    for (; n >= BLOCK; n -= BLOCK, value += VALUES) {
        for (int i = 0; i < VALUES; i++) sum[i] += (int32_t)(value[i] * UNIT + 0.5f);
    }
    for (int i = 0; i < VALUES; i++) sums[i % CHANNELS] += sum[i];
    for (size_t i = 0; i < n * CHANNELS; i++) sums[i % CHANNELS] += (int32_t)(value[i] * UNIT + 0.5f);
}

static void means(const float *value, size_t n, double mean[CHANNELS])
{
    enum { MOST = 1 << 18 };
    int64_t sums[CHANNELS] = {0};
    for (size_t at = 0; at < n; at += MOST) sum_part(value + at * CHANNELS, n - at < MOST ? n - at : MOST, sums);
    for (int c = 0; c < CHANNELS; c++) mean[c] = (double)sums[c] / ((double)UNIT * (double)n);
}

/* ---- the pass. A map without anything off its diagonal is done on the values as they lie. */

typedef struct plain_map {
    float own[9], add[CHANNELS]; /* the means are in `add` */
    bool diagonal;
} plain_map;

static plain_map resolve(const gf_color *c, const float *value, size_t n)
{
    plain_map p = {.diagonal = true};
    bool by_mean = false;
    for (int i = 0; i < 9; i++) {
        by_mean = by_mean || c->mean[i] != 0;
        p.diagonal = p.diagonal && (i % 4 == 0 || c->own[i] == 0);
    }
    double mean[CHANNELS] = {0};
    if (by_mean) means(value, n, mean);
    memcpy(p.own, c->own, sizeof p.own);
    for (int r = 0; r < CHANNELS; r++) {
        double add = (double)c->add[r];
        for (int i = 0; i < CHANNELS; i++) add += (double)c->mean[3 * r + i] * mean[i];
        p.add[r] = (float)add;
    }
    return p;
}

static inline float clipped(float v)
{
    v = v > 0 ? v : 0;
    return v < 255 ? v : 255;
}

GF_CLONES static void scale_values(const plain_map *p, const float *restrict value, size_t n, float *restrict out)
{
    float own[VALUES], add[VALUES];
    for (int i = 0; i < VALUES; i++) {
        own[i] = p->own[4 * (i % CHANNELS)];
        add[i] = p->add[i % CHANNELS];
    }
    for (; n >= BLOCK; n -= BLOCK, value += VALUES, out += VALUES) {
        for (int i = 0; i < VALUES; i++) out[i] = clipped(value[i] * own[i] + add[i]);
    }
    for (size_t i = 0; i < n * CHANNELS; i++) out[i] = clipped(value[i] * own[i] + add[i]);
}

GF_CLONES static void mix_channels(const plain_map *p, const float *restrict value, size_t n, float *restrict out)
{
    const plain_map m = *p;
    for (size_t i = 0; i < n; i++) {
        float r = value[3 * i], g = value[3 * i + 1], b = value[3 * i + 2];
        for (int c = 0; c < CHANNELS; c++) {
            float sum = m.own[3 * c] * r + m.own[3 * c + 1] * g + m.own[3 * c + 2] * b + m.add[c];
            out[3 * i + (size_t)c] = clipped(sum);
        }
    }
}

GF_CLONES static void to_bytes(const gf_quantize_map *map, const float *restrict value, size_t n, uint8_t *restrict dst)
{
    float factor[VALUES], offset[VALUES];
    for (int i = 0; i < VALUES; i++) {
        factor[i] = map->factor[i % CHANNELS];
        offset[i] = map->offset[i % CHANNELS];
    }
    for (; n >= BLOCK; n -= BLOCK, value += VALUES, dst += VALUES) {
        for (int i = 0; i < VALUES; i++) {
            float v = clipped(value[i] * factor[i] + offset[i]);
            dst[i] = (uint8_t)(int32_t)v;
        }
    }
    for (size_t i = 0; i < n * CHANNELS; i++) dst[i] = gf_quantize_value(map, (int)(i % CHANNELS), value[i]);
}

/* A few pixels at a time, which stay in the first cache; `to` gets floats, or dst bytes. */
static void run(const gf_color *c, const float *value, size_t n, float *to, const gf_quantize_map *map, uint8_t *dst)
{
    enum { STRIP = 512 };
    plain_map p = resolve(c, value, n);
    for (size_t at = 0; at < n; at += STRIP) {
        float aside[STRIP * CHANNELS];
        size_t now = n - at < STRIP ? n - at : STRIP;
        const float *from = value + at * CHANNELS;
        (p.diagonal ? scale_values : mix_channels)(&p, from, now, aside);
        if (map) {
            to_bytes(map, aside, now, dst + at * CHANNELS);
        } else {
            memcpy(to + at * CHANNELS, aside, now * CHANNELS * sizeof *aside);
        }
    }
}

void gf_color_apply(const gf_color *c, float *value, size_t n) { run(c, value, n, value, NULL, NULL); }

void gf_color_int8(const gf_color *c, const float *value, size_t n, const gf_quantize_map *map, uint8_t *dst)
{
    run(c, value, n, NULL, map, dst);
}
