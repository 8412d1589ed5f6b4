/* Rotation with AVX2, in blocks of 8 pixels: where all eight land and their weights at once, then two pixels at a time,
 * four floats each (R G B and one that means nothing), their source pixels fetched by whole words. FMA is not used: a
 * sum rounds as in gf_rotate_plain. */
#include "image/rotate.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 static inline __attribute__((always_inline))

enum { CHANNELS = 3, LANES = 8 };

/* Eight neighbours in the result: where the upper left of each one's four source pixels begins, in bytes, and the
 * weights of the four. */
typedef struct block {
    int32_t offset[LANES];
    __m256 left, right, upper, lower;
} block;

/* One coordinate of eight pixels, in vectors: scale x + row + shift. */
typedef struct axis {
    __m256 scale, row, shift, length, last;
} axis;

AVX2_INLINE void reflect(__m256 *at, const axis *a)
{
    const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1);
    __m256 c = *at;
    __m256 out = _mm256_or_ps(_mm256_cmp_ps(c, zero, _CMP_LT_OQ), _mm256_cmp_ps(c, a->last, _CMP_GT_OQ));
    if (_mm256_testz_ps(out, out)) return;
    __m256 below = _mm256_sub_ps(_mm256_xor_ps(c, _mm256_set1_ps(-0.0f)), one);
    c = _mm256_blendv_ps(c, below, _mm256_cmp_ps(c, zero, _CMP_LT_OQ));
    __m256 above = _mm256_sub_ps(_mm256_sub_ps(_mm256_add_ps(a->length, a->length), c), one);
    c = _mm256_blendv_ps(c, above, _mm256_cmp_ps(c, a->length, _CMP_GE_OQ));
    *at = _mm256_min_ps(_mm256_max_ps(c, zero), a->last);
}

AVX2_INLINE __m256 coordinate(__m256 x, const axis *a)
{
    return _mm256_add_ps(_mm256_add_ps(_mm256_mul_ps(a->scale, x), a->row), a->shift);
}

AVX2_INLINE axis make_axis(const float m[3], int y, int length)
{
    return (axis){_mm256_set1_ps(m[0]), _mm256_set1_ps(m[1] * (float)y), _mm256_set1_ps(m[2]),
                  _mm256_set1_ps((float)length), _mm256_set1_ps((float)(length - 1))};
}

/* At the right and lower edge the pair is moved in by one and the weight is all on its far side: the same value
 * without reading behind the row. A mirrored row is read from its other end, with the weights changed over. */
AVX2_INLINE void locate(const gf_rotation *r, const axis *across, const axis *down, __m256 x, block *b)
{
    const __m256 one = _mm256_set1_ps(1);
    __m256 sx = coordinate(x, across), sy = coordinate(x, down);
    reflect(&sx, across);
    reflect(&sy, down);
    __m256i last_x = _mm256_set1_epi32(r->w - 2);
    __m256i x0 = _mm256_min_epi32(_mm256_cvttps_epi32(sx), last_x);
    __m256i y0 = _mm256_min_epi32(_mm256_cvttps_epi32(sy), _mm256_set1_epi32(r->h - 2));
    __m256 fx = _mm256_sub_ps(sx, _mm256_cvtepi32_ps(x0)), fy = _mm256_sub_ps(sy, _mm256_cvtepi32_ps(y0));
    b->left = r->flip ? fx : _mm256_sub_ps(one, fx);
    b->right = r->flip ? _mm256_sub_ps(one, fx) : fx;
    b->upper = _mm256_sub_ps(one, fy);
    b->lower = fy;
    if (r->flip) x0 = _mm256_sub_epi32(last_x, x0);
    __m256i pixel = _mm256_add_epi32(_mm256_mullo_epi32(y0, _mm256_set1_epi32(r->w)), x0);
    _mm256_storeu_si256((__m256i *)b->offset, _mm256_add_epi32(pixel, _mm256_add_epi32(pixel, pixel)));
}

/* Two pairs of neighbours blended along x: for each, 8 bytes that hold the pair's six from byte `skip` on. */
AVX2_INLINE __m256 blend(const uint8_t *p, const uint8_t *q, int skip, __m256 left, __m256 right)
{
    const __m256i spread =
        _mm256_setr_epi8(0, -128, -128, -128, 1, -128, -128, -128, 2, -128, -128, -128, -128, -128, -128, -128, 0, -128,
                         -128, -128, 1, -128, -128, -128, 2, -128, -128, -128, -128, -128, -128, -128);
    __m256i at = _mm256_add_epi8(spread, _mm256_set1_epi32(skip)), next = _mm256_add_epi8(at, _mm256_set1_epi32(3));
    __m128i first = _mm_loadl_epi64((const __m128i *)p), second = _mm_loadl_epi64((const __m128i *)q);
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
    __m256 a = _mm256_cvtepi32_ps(_mm256_shuffle_epi8(both, at));
    __m256 b = _mm256_cvtepi32_ps(_mm256_shuffle_epi8(both, next));
    return _mm256_add_ps(_mm256_mul_ps(left, a), _mm256_mul_ps(right, b));
}

/* Pixels i and i + 4 of a block, i < 4. The upper pair is read with two bytes behind it, the lower with two before it:
 * neither leaves the image. */
#define TWO_OF(v, i) _mm256_permute_ps(v, (i)*0x55)
#define TWO_PIXELS(b, i, rgb, stride, out)                                                                            \
    do {                                                                                                              \
        const uint8_t *p = (rgb) + (b)->offset[i], *q = (rgb) + (b)->offset[(i) + 4];                                 \
        __m256 left = TWO_OF((b)->left, i), right = TWO_OF((b)->right, i);                                            \
        __m256 top = blend(p, q, 0, left, right), bottom = blend(p + (stride)-2, q + (stride)-2, 2, left, right);     \
        out = _mm256_add_ps(_mm256_mul_ps(TWO_OF((b)->upper, i), top), _mm256_mul_ps(TWO_OF((b)->lower, i), bottom)); \
    } while (0)

/* out[i] holds pixels i and i + 4, each R G B and one that means nothing: to 24 floats without gaps. */
AVX2_INLINE void pack(const __m256 out[4], float *to)
{
    enum { FIRST_R = 0x00, B_FIRST = 0x02, RGB_LATE = 0x90, GB_RG = 0x49 };
    __m256 a = _mm256_blend_ps(out[0], _mm256_permute_ps(out[1], FIRST_R), 0x88); /* R0 G0 B0 R1 */
    __m256 b = _mm256_shuffle_ps(out[1], out[2], GB_RG);                          /* G1 B1 R2 G2 */
    __m256 c = _mm256_blend_ps(_mm256_permute_ps(out[3], RGB_LATE), _mm256_permute_ps(out[2], B_FIRST), 0x11);
    _mm256_storeu_ps(to, _mm256_permute2f128_ps(a, b, 0x20));
    _mm256_storeu_ps(to + LANES, _mm256_permute2f128_ps(c, a, 0x30));
    _mm256_storeu_ps(to + 2 * LANES, _mm256_permute2f128_ps(b, c, 0x31));
}

AVX2_INLINE void eight_pixels(const block *b, const uint8_t *rgb, size_t stride, float *to)
{
    __m256 out[4];
    TWO_PIXELS(b, 0, rgb, stride, out[0]);
    TWO_PIXELS(b, 1, rgb, stride, out[1]);
    TWO_PIXELS(b, 2, rgb, stride, out[2]);
    TWO_PIXELS(b, 3, rgb, stride, out[3]);
    pack(out, to);
}

AVX2 static void rotate(const gf_rotation *rotation, const uint8_t *rgb, float *dst)
{
    const gf_rotation r = *rotation; /* a copy that no store through dst can be thought to change */
    const __m256 lane = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    size_t stride = (size_t)r.w * CHANNELS;
    gf_rotate_fetch(&r, rgb);
    for (int y = 0; y < r.h; y++) {
        axis across = make_axis(r.m, y, r.w), down = make_axis(r.m + 3, y, r.h);
        for (int x = 0; x < r.w; x += LANES, dst += LANES * CHANNELS) {
            block b;
            locate(&r, &across, &down, _mm256_add_ps(_mm256_set1_ps((float)x), lane), &b);
            if (r.w - x >= LANES) {
                eight_pixels(&b, rgb, stride, dst);
            } else {
                float aside[LANES * CHANNELS];
                eight_pixels(&b, rgb, stride, aside);
                memcpy(dst, aside, sizeof(float) * CHANNELS * (size_t)(r.w - x));
                dst -= CHANNELS * (LANES - (r.w - x));
            }
        }
    }
}

bool gf_rotate_avx2(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    if (!__builtin_cpu_supports("avx2") || !gf_rotate_suits(r, LANES)) return false;
    rotate(r, rgb, dst);
    return true;
}

#else

bool gf_rotate_avx2(const gf_rotation *r, const uint8_t *rgb, float *dst)
{
    (void)r;
    (void)rgb;
    (void)dst;
    return false;
}

#endif
