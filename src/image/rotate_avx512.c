/* Rotation with AVX-512 (VBMI), a row's 256 pixels at a time: first where all land and their weights, 16 at once, then
 * the pairs of source pixels, fetched by whole words, and their channels one by one, 16 floats each. In two loops,
 * because one block's fetches wait for its offsets: the second has several blocks' under way. FMA is not used: a sum
 * rounds as in gf_rotate_plain. */
#include "image/rotate.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vbmi")))
#define INLINE AVX512 static inline __attribute__((always_inline))

enum { CHANNELS = 3, LANES = 16, WORDS = LANES / 2, STRIP = 256 };

/* Neighbours in the result: where the upper left of each one's four source pixels begins, in bytes, and the weights of
 * the four. */
typedef struct strip {
    _Alignas(64) int32_t offset[STRIP];
    _Alignas(64) float left[STRIP], right[STRIP], upper[STRIP], lower[STRIP];
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

INLINE __m512 reflect(__m512 c, const axis *a)
{
    const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1);
    __mmask16 under = _mm512_cmp_ps_mask(c, zero, _CMP_LT_OQ);
    if (!(under | _mm512_cmp_ps_mask(c, a->last, _CMP_GT_OQ))) return c;
    c = _mm512_mask_sub_ps(c, under, _mm512_xor_ps(c, _mm512_set1_ps(-0.0f)), one);
    __m512 back = _mm512_sub_ps(_mm512_sub_ps(_mm512_add_ps(a->length, a->length), c), one);
    c = _mm512_mask_mov_ps(c, _mm512_cmp_ps_mask(c, a->length, _CMP_GE_OQ), back);
    return _mm512_min_ps(_mm512_max_ps(c, zero), a->last);
}

INLINE __m512 coordinate(__m512 x, const axis *a)
{
    return reflect(_mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(a->scale, x), a->row), a->shift), a);
}

/* At the right and lower edge the pair is moved in by one and the weight is all on its far side: the same value
 * without reading behind the row. A mirrored row is read from its other end, with the weights changed over. */
INLINE void locate(const gf_rotation *r, const axis *across, const axis *down, __m512 x, strip *s, int k)
{
    const __m512 one = _mm512_set1_ps(1);
    __m512 sx = coordinate(x, across), sy = coordinate(x, down);
    __m512i last_x = _mm512_set1_epi32(r->w - 2);
    __m512i x0 = _mm512_min_epi32(_mm512_cvttps_epi32(sx), last_x);
    __m512i y0 = _mm512_min_epi32(_mm512_cvttps_epi32(sy), _mm512_set1_epi32(r->h - 2));
    __m512 fx = _mm512_sub_ps(sx, _mm512_cvtepi32_ps(x0)), fy = _mm512_sub_ps(sy, _mm512_cvtepi32_ps(y0));
    _mm512_store_ps((r->flip ? s->left : s->right) + k, fx);
    _mm512_store_ps((r->flip ? s->right : s->left) + k, _mm512_sub_ps(one, fx));
    _mm512_store_ps(s->upper + k, _mm512_sub_ps(one, fy));
    _mm512_store_ps(s->lower + k, fy);
    if (r->flip) x0 = _mm512_sub_epi32(last_x, x0);
    __m512i pixel = _mm512_add_epi32(_mm512_mullo_epi32(y0, _mm512_set1_epi32(r->w)), x0);
    _mm512_store_si512(s->offset + k, _mm512_add_epi32(pixel, _mm512_add_epi32(pixel, pixel)));
}

INLINE __m256i four_words(const uint8_t *rgb, const int32_t *offset)
{
    __m128i pair[2];
    for (int i = 0; i < 2; i++) {
        const void *p = rgb + offset[2 * i], *q = rgb + offset[2 * i + 1];
        pair[i] = _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(_mm_loadl_epi64(p)), q));
    }
    return _mm256_inserti128_si256(_mm256_castsi128_si256(pair[0]), pair[1], 1);
}

/* The eight bytes from each of eight offsets on. */
INLINE __m512i words(const uint8_t *rgb, const int32_t *offset)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(four_words(rgb, offset)), four_words(rgb, offset + 4), 1);
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

/* The upper pair is read with two bytes behind it, the lower with two before it: neither leaves the picture. */
INLINE void sixteen_pixels(const strip *s, int k, const uint8_t *rgb, size_t stride, float *to)
{
    const uint8_t *under = rgb + stride - 2;
    const int32_t *offset = s->offset + k;
    const sixteen top = {words(rgb, offset), words(rgb, offset + WORDS)};
    const sixteen bottom = {words(under, offset), words(under, offset + WORDS)};
    __m512 left = _mm512_load_ps(s->left + k), right = _mm512_load_ps(s->right + k), out[CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
        __m512 above = _mm512_mul_ps(_mm512_load_ps(s->upper + k), blend(&top, c, left, right));
        __m512 below = _mm512_mul_ps(_mm512_load_ps(s->lower + k), blend(&bottom, c + 2, left, right));
        out[c] = _mm512_add_ps(above, below);
    }
    interleave(out, to);
}

/* n <= STRIP pixels of a row, from x on. */
AVX512 static void rotate_strip(const gf_rotation *r, const uint8_t *rgb, int x, int y, int n, float *dst)
{
    const __m512 lane = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    axis across = make_axis(r->m, y, r->w), down = make_axis(r->m + 3, y, r->h);
    size_t stride = (size_t)r->w * CHANNELS;
    strip s;
    for (int k = 0; k < n; k += LANES)
        locate(r, &across, &down, _mm512_add_ps(_mm512_set1_ps((float)(x + k)), lane), &s, k);
    int k = 0;
    for (; k + LANES <= n; k += LANES) sixteen_pixels(&s, k, rgb, stride, dst + k * CHANNELS);
    if (k == n) return;
    float aside[LANES * CHANNELS];
    sixteen_pixels(&s, k, rgb, stride, aside);
    memcpy(dst + k * CHANNELS, aside, sizeof(float) * CHANNELS * (size_t)(n - k));
}

static void rotate(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    gf_rotate_fetch(r, rgb);
    for (int y = 0, n; y < r->h; y++) {
        for (int x = 0; x < r->w; x += n, dst += n * CHANNELS) {
            n = r->w - x < STRIP ? r->w - x : STRIP;
            rotate_strip(r, rgb, x, y, n, dst);
        }
    }
}

bool gf_rotate_avx512(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    bool here = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq");
    if (!here || !gf_rotate_suits(r, LANES)) return false;
    rotate(r, rgb, dst);
    return true;
}

#else

bool gf_rotate_avx512(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    (void)r;
    (void)rgb;
    (void)dst;
    return false;
}

#endif
