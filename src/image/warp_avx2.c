/* The affine map with AVX2, in blocks of 8 pixels: where all eight land and their weights at once, then two pixels at a
 * time, four floats each (R G B and one that means nothing), their source pixels fetched by whole words. FMA is not
 * used: a sum rounds as in gf_warp_plain. */
#include "image/warp.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 static inline __attribute__((always_inline))

enum { CHANNELS = 3, LANES = 8 };

/* Eight neighbors in the result: where the upper left of each one's four source pixels begins, in bytes, the weights
 * of the four, and that of the fill value. */
typedef struct block {
    int32_t offset[LANES];
    __m256 left, right, upper, lower, outside;
} block;

/* One coordinate of eight pixels, in vectors: scale x + row + shift. */
typedef struct axis {
    __m256 scale, row, shift, length, last;
} axis;

AVX2_INLINE axis make_axis(const float m[3], int y, int length)
{
    return (axis){_mm256_set1_ps(m[0]), _mm256_set1_ps(m[1] * (float)y), _mm256_set1_ps(m[2]),
                  _mm256_set1_ps((float)length), _mm256_set1_ps((float)(length - 1))};
}

AVX2_INLINE __m256 coordinate(__m256 x, const axis *a)
{
    return _mm256_add_ps(_mm256_add_ps(_mm256_mul_ps(a->scale, x), a->row), a->shift);
}

AVX2_INLINE __m256 clamp(__m256 c, __m256 low, __m256 high) { return _mm256_min_ps(_mm256_max_ps(c, low), high); }

AVX2_INLINE __m256 magnitude(__m256 c) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), c); }

AVX2_INLINE __m256 truncated(__m256 c) { return _mm256_round_ps(c, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }

/* The steps of warp.c's reflect; what more than one reflection takes only where a pixel needs it. */
AVX2_INLINE __m256 reflect(__m256 c, const axis *a)
{
    const __m256 one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);
    const __m256 period = _mm256_add_ps(a->length, a->length);
    const __m256 under = _mm256_cmp_ps(c, _mm256_setzero_ps(), _CMP_LT_OQ);
    __m256 deep = _mm256_setzero_ps();
    if (_mm256_movemask_ps(_mm256_cmp_ps(magnitude(c), a->length, _CMP_GE_OQ))) {
        __m256 periods = _mm256_mul_ps(period, truncated(_mm256_div_ps(magnitude(c), period)));
        c = _mm256_sub_ps(c, _mm256_xor_ps(periods, _mm256_and_ps(under, sign)));
        deep = _mm256_and_ps(under, _mm256_cmp_ps(c, _mm256_xor_ps(a->length, sign), _CMP_LT_OQ));
    }
    __m256 below = _mm256_blendv_ps(_mm256_sub_ps(_mm256_xor_ps(c, sign), one), _mm256_add_ps(c, period), deep);
    __m256 above = _mm256_sub_ps(_mm256_sub_ps(period, c), one);
    __m256 over = _mm256_andnot_ps(under, _mm256_cmp_ps(c, a->length, _CMP_GE_OQ));
    return _mm256_blendv_ps(_mm256_blendv_ps(c, below, under), above, over);
}

AVX2_INLINE __m256 wrap(__m256 c, const axis *a)
{
    const __m256 under = _mm256_cmp_ps(c, _mm256_setzero_ps(), _CMP_LT_OQ);
    const __m256 over = _mm256_cmp_ps(c, a->last, _CMP_GT_OQ);
    __m256 times = truncated(_mm256_div_ps(magnitude(c), a->last));
    __m256 below = _mm256_add_ps(c, _mm256_mul_ps(a->length, _mm256_add_ps(times, _mm256_set1_ps(1))));
    __m256 above = _mm256_sub_ps(c, _mm256_mul_ps(a->length, times));
    return _mm256_blendv_ps(_mm256_blendv_ps(c, below, under), above, over);
}

AVX2_INLINE __m256 inside(const gf_warp *p, __m256 c, const axis *a)
{
    const __m256 zero = _mm256_setzero_ps();
    if (p->border == GF_BORDER_CONSTANT) {
        c = clamp(c, _mm256_set1_ps(-2), _mm256_add_ps(a->length, _mm256_set1_ps(1)));
    } else {
        __m256 out = _mm256_or_ps(_mm256_cmp_ps(c, zero, _CMP_LT_OQ), _mm256_cmp_ps(c, a->last, _CMP_GT_OQ));
        if (!_mm256_testz_ps(out, out)) {
            if (p->border == GF_BORDER_REFLECT) c = reflect(c, a);
            if (p->border == GF_BORDER_WRAP) c = wrap(c, a);
            c = clamp(c, zero, a->last);
        }
    }
    return p->nearest ? _mm256_floor_ps(_mm256_add_ps(c, _mm256_set1_ps(0.5f))) : c;
}

/* The first of the pair of pixels that c lies between, the second being in the image as well, and the weights of both.
 * At the far edge the pair is moved in by one and the weight is all on its far side: the same value without reading
 * behind the row. */
AVX2_INLINE __m256i locate_pair(const gf_warp *p, __m256 c, int length, __m256 *near, __m256 *far)
{
    const __m256 one = _mm256_set1_ps(1), zero = _mm256_setzero_ps();
    __m256i at = _mm256_min_epi32(_mm256_cvttps_epi32(c), _mm256_set1_epi32(length - 2));
    if (p->border == GF_BORDER_CONSTANT) at = _mm256_max_epi32(at, _mm256_setzero_si256());
    __m256 d = _mm256_sub_ps(c, _mm256_cvtepi32_ps(at));
    if (p->border == GF_BORDER_CONSTANT) {
        *near = _mm256_max_ps(_mm256_sub_ps(one, magnitude(d)), zero);
        *far = _mm256_max_ps(_mm256_sub_ps(one, magnitude(_mm256_sub_ps(d, one))), zero);
    } else {
        *near = _mm256_sub_ps(one, d);
        *far = d;
    }
    return at;
}

/* A mirrored row is read from its other end, with the weights changed over. */
AVX2_INLINE void locate(const gf_warp *p, const axis *across, const axis *down, __m256 x, block *b)
{
    __m256 left, right;
    __m256i x0 = locate_pair(p, inside(p, coordinate(x, across), across), p->w, &left, &right);
    __m256i y0 = locate_pair(p, inside(p, coordinate(x, down), down), p->h, &b->upper, &b->lower);
    b->left = p->flip ? right : left;
    b->right = p->flip ? left : right;
    if (p->border == GF_BORDER_CONSTANT) {
        __m256 known = _mm256_mul_ps(_mm256_add_ps(left, right), _mm256_add_ps(b->upper, b->lower));
        b->outside = _mm256_mul_ps(_mm256_sub_ps(_mm256_set1_ps(1), known), _mm256_set1_ps(p->fill));
    }
    if (p->flip) x0 = _mm256_sub_epi32(_mm256_set1_epi32(p->w - 2), x0);
    __m256i pixel = _mm256_add_epi32(_mm256_mullo_epi32(y0, _mm256_set1_epi32(p->w)), x0);
    _mm256_storeu_si256((__m256i *)b->offset, _mm256_add_epi32(pixel, _mm256_add_epi32(pixel, pixel)));
}

/* Two pairs of neighbors blended along x: for each, 8 bytes that hold the pair's six from byte `skip` on. */
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
        const uint8_t *one = (rgb) + (b)->offset[i], *two = (rgb) + (b)->offset[(i) + 4];                             \
        __m256 left = TWO_OF((b)->left, i), right = TWO_OF((b)->right, i);                                            \
        __m256 top = blend(one, two, 0, left, right),                                                                 \
               bottom = blend(one + (stride)-2, two + (stride)-2, 2, left, right);                                    \
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

/* 24 floats to bytes. */
AVX2_INLINE void to_bytes(const float value[LANES * CHANNELS], const gf_quantize_map *map, uint8_t *to)
{
    const float *f = map->factor, *o = map->offset;
    const __m256 factor[CHANNELS] = {_mm256_setr_ps(f[0], f[1], f[2], f[0], f[1], f[2], f[0], f[1]),
                                     _mm256_setr_ps(f[2], f[0], f[1], f[2], f[0], f[1], f[2], f[0]),
                                     _mm256_setr_ps(f[1], f[2], f[0], f[1], f[2], f[0], f[1], f[2])};
    const __m256 offset[CHANNELS] = {_mm256_setr_ps(o[0], o[1], o[2], o[0], o[1], o[2], o[0], o[1]),
                                     _mm256_setr_ps(o[2], o[0], o[1], o[2], o[0], o[1], o[2], o[0]),
                                     _mm256_setr_ps(o[1], o[2], o[0], o[1], o[2], o[0], o[1], o[2])};
    __m256i q[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        __m256 v = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(value + i * LANES), factor[i]), offset[i]);
        q[i] = _mm256_cvttps_epi32(clamp(v, _mm256_setzero_ps(), _mm256_set1_ps(255)));
    }
    enum { HALVES_IN_ORDER = 0xd8 };
    __m256i first = _mm256_permute4x64_epi64(_mm256_packus_epi32(q[0], q[1]), HALVES_IN_ORDER);
    __m256i last = _mm256_permute4x64_epi64(_mm256_packus_epi32(q[2], q[2]), HALVES_IN_ORDER);
    __m256i all = _mm256_permute4x64_epi64(_mm256_packus_epi16(first, last), HALVES_IN_ORDER);
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(all));
    _mm_storel_epi64((__m128i *)(to + 2 * LANES), _mm256_extracti128_si256(all, 1));
}

AVX2_INLINE void eight_pixels(const gf_warp *p, const block *b, const uint8_t *rgb, size_t stride, float *to)
{
    __m256 out[4];
    TWO_PIXELS(b, 0, rgb, stride, out[0]);
    TWO_PIXELS(b, 1, rgb, stride, out[1]);
    TWO_PIXELS(b, 2, rgb, stride, out[2]);
    TWO_PIXELS(b, 3, rgb, stride, out[3]);
    if (p->border == GF_BORDER_CONSTANT) {
        out[0] = _mm256_add_ps(out[0], TWO_OF(b->outside, 0));
        out[1] = _mm256_add_ps(out[1], TWO_OF(b->outside, 1));
        out[2] = _mm256_add_ps(out[2], TWO_OF(b->outside, 2));
        out[3] = _mm256_add_ps(out[3], TWO_OF(b->outside, 3));
    }
    pack(out, to);
}

/* n <= LANES pixels of a row, as floats or, where there is a map, bytes. */
AVX2_INLINE void finish(const gf_warp *p, const block *b, const uint8_t *rgb, int n, const gf_quantize_map *map,
                        char *dst)
{
    float aside[LANES * CHANNELS];
    uint8_t bytes[LANES * CHANNELS];
    size_t stride = (size_t)p->w * CHANNELS;
    if (!map && n == LANES) {
        eight_pixels(p, b, rgb, stride, (float *)(void *)dst);
        return;
    }
    eight_pixels(p, b, rgb, stride, aside);
    if (!map) {
        memcpy(dst, aside, sizeof(float) * CHANNELS * (size_t)n);
    } else if (n == LANES) {
        to_bytes(aside, map, (uint8_t *)dst);
    } else {
        to_bytes(aside, map, bytes);
        memcpy(dst, bytes, CHANNELS * (size_t)n);
    }
}

AVX2_INLINE void warp(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, char *dst)
{
    const __m256 lane = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    const size_t size = CHANNELS * (map ? 1 : sizeof(float));
    gf_warp_fetch(p, rgb);
    for (int y = 0; y < p->oh; y++) {
        axis across = make_axis(p->m, y, p->w), down = make_axis(p->m + 3, y, p->h);
        for (int x = 0, n; x < p->ow; x += n, dst += size * (size_t)n) {
            block b;
            n = p->ow - x < LANES ? p->ow - x : LANES;
            locate(p, &across, &down, _mm256_add_ps(_mm256_set1_ps((float)x), lane), &b);
            finish(p, &b, rgb, n, map, dst);
        }
    }
}

#define TARGET AVX2
#include "image/warp_frequent.h"

bool gf_warp_avx2(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    if (!__builtin_cpu_supports("avx2") || !gf_warp_suits(p)) return false;
    warp_any(p, rgb, map, dst);
    return true;
}

#else

bool gf_warp_avx2(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    (void)p, (void)rgb, (void)map, (void)dst;
    return false;
}

#endif
