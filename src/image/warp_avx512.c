/* The affine map with AVX-512 (VBMI), a row's 256 pixels at a time: first where all land and their weights, 16 at once,
 * then the pairs of source pixels, fetched by whole words, and their channels one by one, 16 floats each. In two loops,
 * because one block's fetches wait for its offsets: the second has several blocks' under way. FMA is not used: a sum
 * rounds as in gf_warp_plain. */
#include "image/warp.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vbmi")))
#define INLINE AVX512 static inline __attribute__((always_inline))

enum { CHANNELS = 3, LANES = 16, WORDS = LANES / 2, STRIP = 256 };

/* Neighbors in the result: where the upper left of each one's four source pixels begins, in bytes, and how far to the
 * right of it, before it is mirrored, and below it they land. With GF_BORDER_CONSTANT they are the weights of the right
 * and lower pixels, beside those of the left and upper ones and what the fill value adds. */
typedef struct strip {
    _Alignas(64) int32_t offset[STRIP];
    _Alignas(64) float across[STRIP], down[STRIP];
    _Alignas(64) float left[STRIP], upper[STRIP], outside[STRIP];
} strip;

/* One coordinate of sixteen pixels, in vectors: scale x + row + shift. */
typedef struct axis {
    __m512 scale, row, shift, length, last;
} axis;

INLINE axis make_axis(const float m[3], int y, int length)
{
    return (axis){_mm512_set1_ps(m[0]), _mm512_set1_ps(m[1] * (float)y), _mm512_set1_ps(m[2]),
                  _mm512_set1_ps((float)length), _mm512_set1_ps((float)(length - 1))};
}

INLINE __m512 truncated(__m512 c) { return _mm512_roundscale_ps(c, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }

INLINE __m512 clamp(__m512 c, __m512 low, __m512 high) { return _mm512_min_ps(_mm512_max_ps(c, low), high); }

/* The steps of warp.c's reflect; what more than one reflection takes only where a pixel needs it. */
INLINE __m512 reflect(__m512 c, const axis *a)
{
    const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1), sign = _mm512_set1_ps(-0.0f);
    const __m512 period = _mm512_add_ps(a->length, a->length);
    const __mmask16 under = _mm512_cmp_ps_mask(c, zero, _CMP_LT_OQ);
    __mmask16 deep = 0;
    if (_mm512_cmp_ps_mask(_mm512_abs_ps(c), a->length, _CMP_GE_OQ)) {
        __m512 periods = _mm512_mul_ps(period, truncated(_mm512_div_ps(_mm512_abs_ps(c), period)));
        c = _mm512_sub_ps(c, _mm512_mask_xor_ps(periods, under, periods, sign));
        deep = under & _mm512_cmp_ps_mask(c, _mm512_xor_ps(a->length, sign), _CMP_LT_OQ);
    }
    __mmask16 over = (__mmask16)~under & _mm512_cmp_ps_mask(c, a->length, _CMP_GE_OQ);
    __m512 back = _mm512_sub_ps(_mm512_sub_ps(period, c), one), again = _mm512_add_ps(c, period);
    c = _mm512_mask_sub_ps(c, under, _mm512_xor_ps(c, sign), one);
    c = _mm512_mask_mov_ps(c, over, back);
    return _mm512_mask_mov_ps(c, deep, again);
}

INLINE __m512 wrap(__m512 c, const axis *a)
{
    const __mmask16 under = _mm512_cmp_ps_mask(c, _mm512_setzero_ps(), _CMP_LT_OQ);
    const __mmask16 over = _mm512_cmp_ps_mask(c, a->last, _CMP_GT_OQ);
    __m512 times = truncated(_mm512_div_ps(_mm512_abs_ps(c), a->last));
    __m512 more = _mm512_mul_ps(a->length, _mm512_add_ps(times, _mm512_set1_ps(1)));
    c = _mm512_mask_sub_ps(c, over, c, _mm512_mul_ps(a->length, times));
    return _mm512_mask_add_ps(c, under, c, more);
}

INLINE __m512 coordinate(__m512 x, const axis *a)
{
    return _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(a->scale, x), a->row), a->shift);
}

/* By the signs of all distances from the edges at once. */
INLINE bool any_outside(__m512 x, const axis *across, __m512 y, const axis *down)
{
    __m512 ends = _mm512_or_ps(_mm512_sub_ps(across->last, x), _mm512_sub_ps(down->last, y));
    return _mm512_movepi32_mask(_mm512_castps_si512(_mm512_or_ps(_mm512_or_ps(x, y), ends))) != 0;
}

INLINE __m512 inside(const gf_warp *p, __m512 c, const axis *a)
{
    if (p->border == GF_BORDER_CONSTANT)
        return clamp(c, _mm512_set1_ps(-2), _mm512_add_ps(a->length, _mm512_set1_ps(1)));
    if (p->border == GF_BORDER_REFLECT) c = reflect(c, a);
    if (p->border == GF_BORDER_WRAP) c = wrap(c, a);
    return clamp(c, _mm512_setzero_ps(), a->last);
}

INLINE __m512 hat(__m512 distance)
{
    return _mm512_max_ps(_mm512_sub_ps(_mm512_set1_ps(1), _mm512_abs_ps(distance)), _mm512_setzero_ps());
}

/* The weights with GF_BORDER_CONSTANT: what is outside weighs nothing, and the fill value has the rest. */
INLINE void weigh(const gf_warp *p, __m512 dx, __m512 dy, strip *s, int k)
{
    const __m512 one = _mm512_set1_ps(1);
    __m512 left = hat(dx), right = hat(_mm512_sub_ps(dx, one)), upper = hat(dy), lower = hat(_mm512_sub_ps(dy, one));
    __m512 known = _mm512_mul_ps(_mm512_add_ps(left, right), _mm512_add_ps(upper, lower));
    _mm512_store_ps(s->left + k, left);
    _mm512_store_ps(s->across + k, right);
    _mm512_store_ps(s->upper + k, upper);
    _mm512_store_ps(s->down + k, lower);
    _mm512_store_ps(s->outside + k, _mm512_mul_ps(_mm512_sub_ps(one, known), _mm512_set1_ps(p->fill)));
}

/* At the right and lower edge the pair is moved in by one and the weight is all on its far side: the same value
 * without reading behind the row. A mirrored row is read from its other end. */
INLINE void locate(const gf_warp *p, const axis *across, const axis *down, __m512 x, strip *s, int k)
{
    __m512 sx = coordinate(x, across), sy = coordinate(x, down);
    if (any_outside(sx, across, sy, down)) {
        sx = inside(p, sx, across);
        sy = inside(p, sy, down);
    }
    if (p->nearest) {
        const __m512 half = _mm512_set1_ps(0.5f);
        sx = _mm512_floor_ps(_mm512_add_ps(sx, half));
        sy = _mm512_floor_ps(_mm512_add_ps(sy, half));
    }
    __m512i last_x = _mm512_set1_epi32(p->w - 2);
    __m512i x0 = _mm512_min_epi32(_mm512_cvttps_epi32(sx), last_x);
    __m512i y0 = _mm512_min_epi32(_mm512_cvttps_epi32(sy), _mm512_set1_epi32(p->h - 2));
    if (p->border == GF_BORDER_CONSTANT) {
        x0 = _mm512_max_epi32(x0, _mm512_setzero_si512());
        y0 = _mm512_max_epi32(y0, _mm512_setzero_si512());
    }
    __m512 dx = _mm512_sub_ps(sx, _mm512_cvtepi32_ps(x0)), dy = _mm512_sub_ps(sy, _mm512_cvtepi32_ps(y0));
    if (p->border == GF_BORDER_CONSTANT) {
        weigh(p, dx, dy, s, k);
    } else {
        _mm512_store_ps(s->across + k, dx);
        _mm512_store_ps(s->down + k, dy);
    }
    if (p->flip) x0 = _mm512_sub_epi32(last_x, x0);
    __m512i pixel = _mm512_add_epi32(_mm512_mullo_epi32(y0, _mm512_set1_epi32(p->w)), x0);
    _mm512_store_si512(s->offset + k, _mm512_add_epi32(pixel, _mm512_add_epi32(pixel, pixel)));
}

/* The eight bytes from each of two places on. */
INLINE __m128i two_words(const uint8_t *p, const uint8_t *q)
{
    return _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(_mm_loadl_epi64((const void *)p)), (const void *)q));
}

INLINE __m512i join(const __m128i w[4])
{
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(w[0]), w[1], 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(w[2]), w[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* The words at eight offsets from each of two bases: an offset is used up at once, there are few registers for them. */
INLINE void words(const uint8_t *upper, const uint8_t *lower, const int32_t *offset, __m512i *top, __m512i *bottom)
{
    __m128i above[4], below[4];
    for (int i = 0; i < 4; i++) {
        ptrdiff_t p = offset[2 * i], q = offset[2 * i + 1];
        above[i] = two_words(upper + p, upper + q);
        below[i] = two_words(lower + p, lower + q);
    }
    *top = join(above);
    *bottom = join(below);
}

/* Sixteen words; byte `at` of each as a float, at < 8. */
typedef struct sixteen {
    __m512i first, second;
} sixteen;

INLINE __m512 bytes_of(const sixteen *s, int at)
{
    const __m512i word =
        _mm512_setr_epi32(0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120); /* where each begins */
    __m512i from = _mm512_add_epi32(word, _mm512_set1_epi32(at));
    return _mm512_cvtepi32_ps(_mm512_maskz_permutex2var_epi8(0x1111111111111111, s->first, from, s->second));
}

/* A channel of pairs of neighbours, the left of which begins at byte `at`, blended along x. */
INLINE __m512 blend(const sixteen *s, int at, __m512 left, __m512 right)
{
    return _mm512_add_ps(_mm512_mul_ps(left, bytes_of(s, at)), _mm512_mul_ps(right, bytes_of(s, at + CHANNELS)));
}

/* Where the floats of R, G and B come from in each third of 48: FROM_RG of R (0 ..) and G (16 ..), FROM_B with a mask.
 */
INLINE void interleave(const __m512 c[CHANNELS], float *to)
{
    static const int32_t from[CHANNELS][LANES] = {{0, 16, 0, 1, 17, 1, 2, 18, 2, 3, 19, 3, 4, 20, 4, 5},
                                                  {21, 5, 6, 22, 6, 7, 23, 7, 8, 24, 8, 9, 25, 9, 10, 26},
                                                  {10, 11, 27, 11, 12, 28, 12, 13, 29, 13, 14, 30, 14, 15, 31, 15}};
    static const __mmask16 blue[CHANNELS] = {0x4924, 0x2492, 0x9249};
    for (int i = 0; i < CHANNELS; i++) {
        __m512i at = _mm512_loadu_si512(from[i]);
        __m512 out = _mm512_permutex2var_ps(c[0], at, c[1]);
        _mm512_storeu_ps(to + i * LANES, _mm512_mask_permutexvar_ps(out, blue[i], at, c[2]));
    }
}

/* Packing cuts off to 0..255 and works in quarters of a vector: each then holds four pixels' R, their G, their B, and
 * B again. */
INLINE void interleave_bytes(const gf_quantize_map *map, const __m512 c[CHANNELS], uint8_t *to)
{
    const __m512i four =
        _mm512_setr_epi32(0x01080400, 0x06020905, 0x0b07030a, 0x11181410, 0x16121915, 0x1b17131a, 0x21282420,
                          0x26222925, 0x2b27232a, 0x31383430, 0x36323935, 0x3b37333a, 0, 0, 0, 0);
    __m512i q[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        __m512 x = _mm512_add_ps(_mm512_mul_ps(c[i], _mm512_set1_ps(map->factor[i])), _mm512_set1_ps(map->offset[i]));
        q[i] = _mm512_cvttps_epi32(x);
    }
    __m512i all = _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[2]));
    all = _mm512_permutexvar_epi8(four, all);
    _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(all));
    _mm_storeu_si128((__m128i *)(to + 32), _mm512_extracti64x2_epi64(all, 2));
}

/* The upper pair is read with two bytes behind it, the lower with two before it: neither leaves the image. Where it
 * is mirrored, left and right change over. To bytes where there is a map. */
INLINE void sixteen_pixels(const gf_warp *p, const strip *s, int k, const uint8_t *rgb, const gf_quantize_map *map,
                           void *to)
{
    const uint8_t *under = rgb + (size_t)p->w * CHANNELS - 2;
    const int32_t *offset = s->offset + k;
    const bool constant = p->border == GF_BORDER_CONSTANT;
    sixteen top, bottom;
    words(rgb, under, offset, &top.first, &bottom.first);
    words(rgb, under, offset + WORDS, &top.second, &bottom.second);
    const __m512 one = _mm512_set1_ps(1), far = _mm512_load_ps(s->across + k), lower = _mm512_load_ps(s->down + k);
    const __m512 near = constant ? _mm512_load_ps(s->left + k) : _mm512_sub_ps(one, far);
    const __m512 upper = constant ? _mm512_load_ps(s->upper + k) : _mm512_sub_ps(one, lower);
    const __m512 left = p->flip ? far : near, right = p->flip ? near : far;
    __m512 out[CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
        __m512 above = _mm512_mul_ps(upper, blend(&top, c, left, right));
        __m512 below = _mm512_mul_ps(lower, blend(&bottom, c + 2, left, right));
        out[c] = _mm512_add_ps(above, below);
        if (constant) out[c] = _mm512_add_ps(out[c], _mm512_load_ps(s->outside + k));
    }
    if (map) {
        interleave_bytes(map, out, to);
    } else {
        interleave(out, to);
    }
}

/* n <= STRIP pixels of a row, from x on; `size` bytes each in dst. */
INLINE void warp_strip(const gf_warp *p, const uint8_t *rgb, int x, int y, int n, const gf_quantize_map *map,
                       size_t size, char *dst)
{
    const __m512 lane = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    axis across = make_axis(p->m, y, p->w), down = make_axis(p->m + 3, y, p->h);
    strip s;
    for (int k = 0; k < n; k += LANES)
        locate(p, &across, &down, _mm512_add_ps(_mm512_set1_ps((float)(x + k)), lane), &s, k);
    int k = 0;
    for (; k + LANES <= n; k += LANES) sixteen_pixels(p, &s, k, rgb, map, dst + (size_t)k * size);
    if (k == n) return;
    char aside[LANES * CHANNELS * sizeof(float)];
    sixteen_pixels(p, &s, k, rgb, map, aside);
    memcpy(dst + (size_t)k * size, aside, (size_t)(n - k) * size);
}

INLINE void warp(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, char *dst)
{
    const size_t size = CHANNELS * (map ? 1 : sizeof(float));
    gf_warp_fetch(p, rgb);
    for (int y = 0, n; y < p->oh; y++) {
        for (int x = 0; x < p->ow; x += n, dst += (size_t)n * size) {
            n = p->ow - x < STRIP ? p->ow - x : STRIP;
            warp_strip(p, rgb, x, y, n, map, size, dst);
        }
    }
}

#define TARGET AVX512
#include "image/warp_frequent.h"

bool gf_warp_avx512(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    bool here = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq");
    if (!here || !gf_warp_suits(p)) return false;
    warp_any(p, rgb, map, dst);
    return true;
}

#else

bool gf_warp_avx512(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    (void)p, (void)rgb, (void)map, (void)dst;
    return false;
}

#endif
