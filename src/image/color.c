#include "image/color.h"

#include "base/clones.h"

#include <string.h>

enum { CHANNELS = 3, BLOCK = 16, VALUES = CHANNELS * BLOCK, UNIT = 256 };

/* ---- maps */

const float gf_luma[CHANNELS] = {0.299f, 0.587f, 0.114f};

static gf_color of_diagonals(float own, float mean, float add)
{
    return (gf_color){{own, 0, 0, 0, own, 0, 0, 0, own}, {mean, 0, 0, 0, mean, 0, 0, 0, mean}, {add, add, add}, true};
}

gf_color gf_color_shift(float add) { return of_diagonals(1, 0, add); }
gf_color gf_color_scale(float factor) { return of_diagonals(factor, 0, 0); }
gf_color gf_color_contrast(float factor) { return of_diagonals(factor, 1 - factor, 0); }

gf_color gf_color_saturation(float factor, const float weight[3])
{
    gf_color c = of_diagonals(factor, 0, 0);
    for (int i = 0; i < 9; i++) c.own[i] += (1 - factor) * weight[i % 3];
    return c;
}

gf_color gf_color_gray_contrast(float factor, const float weight[3])
{
    gf_color c = of_diagonals(factor, 0, 0);
    for (int i = 0; i < 9; i++) c.mean[i] = (1 - factor) * weight[i % 3];
    return c;
}

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

/* What is done to each value of a block, channel by channel: own v + add, clipped, then the map to bytes. */
typedef struct block {
    _Alignas(64) float own[VALUES], add[VALUES], factor[VALUES], offset[VALUES];
} block;

static void make_block(block *b, const plain_map *p, const gf_quantize_map *map)
{
    for (int i = 0; i < VALUES; i++) {
        b->own[i] = p->own[4 * (i % CHANNELS)];
        b->add[i] = p->add[i % CHANNELS];
        b->factor[i] = map ? map->factor[i % CHANNELS] : 1;
        b->offset[i] = map ? map->offset[i % CHANNELS] : 0;
    }
}

GF_CLONES static void scale_floats(const block *b, float *value, size_t n)
{
    for (; n >= BLOCK; n -= BLOCK, value += VALUES) {
        for (int i = 0; i < VALUES; i++) value[i] = clipped(value[i] * b->own[i] + b->add[i]);
    }
    for (size_t i = 0; i < n * CHANNELS; i++) value[i] = clipped(value[i] * b->own[i] + b->add[i]);
}

static void scale_bytes_plain(const block *b, const float *value, size_t n, uint8_t *dst)
{
    for (size_t i = 0; i < n * CHANNELS; i++) {
        size_t k = i % VALUES;
        float v = clipped(value[i] * b->own[k] + b->add[k]);
        dst[i] = (uint8_t)(int32_t)clipped(v * b->factor[k] + b->offset[k]);
    }
}

#ifdef __x86_64__
#include <immintrin.h>

/* Of n pixels, as many as fill blocks; their number. */
__attribute__((target("avx512f"))) static size_t scale_bytes_avx512(const block *b, const float *value, size_t n,
                                                                    uint8_t *dst)
{
    enum { LANES = 16 };
    const __m512 zero = _mm512_setzero_ps(), most = _mm512_set1_ps(255);
    __m512 own[CHANNELS], add[CHANNELS], factor[CHANNELS], offset[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        own[i] = _mm512_load_ps(b->own + i * LANES);
        add[i] = _mm512_load_ps(b->add + i * LANES);
        factor[i] = _mm512_load_ps(b->factor + i * LANES);
        offset[i] = _mm512_load_ps(b->offset + i * LANES);
    }
    size_t done = 0;
    for (; done + BLOCK <= n; done += BLOCK) {
        for (int i = 0; i < CHANNELS; i++, value += LANES, dst += LANES) {
            __m512 v = _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(value), own[i]), add[i]);
            v = _mm512_min_ps(_mm512_max_ps(v, zero), most);
            v = _mm512_max_ps(_mm512_add_ps(_mm512_mul_ps(v, factor[i]), offset[i]), zero);
            _mm_storeu_si128((__m128i *)dst, _mm512_cvtusepi32_epi8(_mm512_cvttps_epi32(v)));
        }
    }
    return done;
}

__attribute__((target("avx2"))) static inline __m256i to_whole(const block *b, const float *value, int i)
{
    const __m256 zero = _mm256_setzero_ps(), most = _mm256_set1_ps(255);
    __m256 v = _mm256_mul_ps(_mm256_loadu_ps(value + i), _mm256_load_ps(b->own + i));
    v = _mm256_min_ps(_mm256_max_ps(_mm256_add_ps(v, _mm256_load_ps(b->add + i)), zero), most);
    v = _mm256_add_ps(_mm256_mul_ps(v, _mm256_load_ps(b->factor + i)), _mm256_load_ps(b->offset + i));
    return _mm256_cvttps_epi32(v);
}

/* Packing cuts off to 0..255 and works in halves of a vector: words of four bytes are put in order behind it. */
__attribute__((target("avx2"))) static size_t scale_bytes_avx2(const block *b, const float *value, size_t n,
                                                               uint8_t *dst)
{
    enum { LANES = 8, PIXELS = 32 };
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    size_t done = 0;
    for (; done + PIXELS <= n; done += PIXELS) {
        for (int k = 0; k < CHANNELS; k++, value += 4 * LANES, dst += 4 * LANES) {
            __m256i whole[4];
            for (int i = 0; i < 4; i++) {
                int at = (k * 4 + i) * LANES % VALUES;
                whole[i] = to_whole(b, value + i * LANES - at, at);
            }
            __m256i low = _mm256_packs_epi32(whole[0], whole[1]), high = _mm256_packs_epi32(whole[2], whole[3]);
            __m256i all = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
            _mm256_storeu_si256((__m256i *)dst, all);
        }
    }
    return done;
}

static size_t scale_bytes_wide(const block *b, const float *value, size_t n, uint8_t *dst)
{
    if (__builtin_cpu_supports("avx512f")) return scale_bytes_avx512(b, value, n, dst);
    return __builtin_cpu_supports("avx2") ? scale_bytes_avx2(b, value, n, dst) : 0;
}
#else
static size_t scale_bytes_wide(const block *b, const float *value, size_t n, uint8_t *dst)
{
    (void)b, (void)value, (void)n, (void)dst;
    return 0;
}
#endif

static void scale_bytes(const block *b, const float *value, size_t n, uint8_t *dst)
{
    size_t done = scale_bytes_wide(b, value, n, dst);
    scale_bytes_plain(b, value + done * CHANNELS, n - done, dst + done * CHANNELS);
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

/* A few pixels at a time, which stay in the first cache. */
static void mix(const plain_map *p, float *value, size_t n)
{
    enum { STRIP = 512 };
    for (size_t at = 0; at < n; at += STRIP) {
        float aside[STRIP * CHANNELS];
        size_t now = n - at < STRIP ? n - at : STRIP;
        mix_channels(p, value + at * CHANNELS, now, aside);
        memcpy(value + at * CHANNELS, aside, now * CHANNELS * sizeof *aside);
    }
}

void gf_color_apply(const gf_color *c, float *value, size_t n)
{
    plain_map p = resolve(c, value, n);
    block b;
    if (!p.diagonal) {
        mix(&p, value, n);
        return;
    }
    make_block(&b, &p, NULL);
    scale_floats(&b, value, n);
}

void gf_color_int8(const gf_color *c, float *value, size_t n, const gf_quantize_map *map, uint8_t *dst)
{
    static const plain_map none = {.own = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    plain_map p = resolve(c, value, n);
    block b;
    if (!p.diagonal) mix(&p, value, n);
    make_block(&b, p.diagonal ? &p : &none, map);
    scale_bytes(&b, value, n, dst);
}
