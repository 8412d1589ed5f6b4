/* quantise.c - loops between real numbers and bytes. */
#include "ops/cpu.h"
#include "ops/kernels.h"

static inline uint8_t cut_off(float v)
{
    v = v > 0 ? v : 0; /* a NaN becomes 0 */
    return (uint8_t)(int32_t)(v < 255 ? v : 255);
}

GF_CLONES static void from_f32(uint8_t *restrict dst, const float *restrict src, size_t n, const float *restrict factor,
                               const float *restrict offset)
{
    for (size_t i = 0; i < n; i++) dst[i] = cut_off(src[i] * factor[i] + offset[i]);
}

GF_CLONES static void from_bf16(uint8_t *restrict dst, const uint16_t *restrict src, size_t n,
                                const float *restrict factor, const float *restrict offset)
{
    for (size_t i = 0; i < n; i++) dst[i] = cut_off(gf_bf16_to_f32(src[i]) * factor[i] + offset[i]);
}

/* The same bits, by AVX-512: twice as fast as what compilers make of these loops. */
#if defined(__x86_64__)
#include "ops/int8_pack.h"

#define TARGET __attribute__((target("avx512f,avx512bw")))

enum { LANES = 16, PARTS = 4, VECTOR = LANES * PARTS };

TARGET static inline __attribute__((always_inline)) __m512 load_real(const void *src, gf_dtype type, size_t i)
{
    if (type == GF_F32) return _mm512_loadu_ps((const float *)src + i);
    __m256i half = _mm256_loadu_si256((const __m256i *)((const uint16_t *)src + i));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* n a multiple of VECTOR. The packing cuts off to 0..255, but for what no int holds: 255 at most goes into it, and a
 * NaN (min gives its second operand then) becomes the least int, which is cut off to 0. */
TARGET static inline __attribute__((always_inline)) void wide(uint8_t *dst, const void *src, gf_dtype type, size_t n,
                                                              const float *factor, const float *offset)
{
    const __m512 most = _mm512_set1_ps(255);
    for (size_t i = 0; i < n; i += VECTOR) {
        __m512i q[PARTS];
        for (size_t k = 0, at = i; k < PARTS; k++, at += LANES) {
            __m512 x = _mm512_mul_ps(load_real(src, type, at), _mm512_loadu_ps(factor + at));
            q[k] = _mm512_cvttps_epi32(_mm512_min_ps(most, _mm512_add_ps(x, _mm512_loadu_ps(offset + at))));
        }
        _mm512_storeu_si512(dst + i, gf_pack_bytes(q));
    }
}

TARGET static void wide_f32(uint8_t *dst, const float *src, size_t n, const float *factor, const float *offset)
{
    wide(dst, src, GF_F32, n, factor, offset);
}

TARGET static void wide_bf16(uint8_t *dst, const uint16_t *src, size_t n, const float *factor, const float *offset)
{
    wide(dst, src, GF_BF16, n, factor, offset);
}
#else
enum { VECTOR = 1 };
static void wide_f32(uint8_t *dst, const float *src, size_t n, const float *factor, const float *offset)
{
    from_f32(dst, src, n, factor, offset);
}
static void wide_bf16(uint8_t *dst, const uint16_t *src, size_t n, const float *factor, const float *offset)
{
    from_bf16(dst, src, n, factor, offset);
}
#endif

void gf_quantize(uint8_t *dst, const void *src, gf_dtype type, size_t n, const float *factor, const float *offset,
                 size_t period)
{
    bool is_wide = gf_cpu_has(GF_CPU_AVX512);
    for (size_t at = 0; at < n; at += period) {
        size_t m = n - at < period ? n - at : period, done = is_wide ? m / VECTOR * VECTOR : 0;
        if (type == GF_BF16) {
            const uint16_t *x = (const uint16_t *)src + at;
            wide_bf16(dst + at, x, done, factor, offset);
            from_bf16(dst + at + done, x + done, m - done, factor + done, offset + done);
        } else {
            const float *x = (const float *)src + at;
            wide_f32(dst + at, x, done, factor, offset);
            from_f32(dst + at + done, x + done, m - done, factor + done, offset + done);
        }
    }
}

/* Some channels over all rows; n is a constant where it matters: the sums are registers. So many rows at a time as
 * cannot fill 16 bits. */
static inline __attribute__((always_inline)) void sum_columns(const uint8_t *src, size_t rows, size_t c, size_t n,
                                                              float *sum)
{
    enum { MOST = 64, STRETCH = 65535 / 255 };
    uint32_t all[MOST] = {0};
    while (rows > 0) {
        uint16_t s[MOST] = {0};
        size_t stretch = rows < STRETCH ? rows : STRETCH;
        for (size_t i = 0; i < stretch; i++, src += c) {
            for (size_t k = 0; k < n; k++) s[k] = (uint16_t)(s[k] + src[k]);
        }
        for (size_t k = 0; k < n; k++) all[k] += s[k];
        rows -= stretch;
    }
    for (size_t k = 0; k < n; k++) sum[k] = (float)all[k];
}

GF_CLONES void gf_sum_u8(const uint8_t *src, size_t rows, size_t c, float *sum)
{
    enum { WIDE = 64, NARROW = 16 };
    size_t k = 0;
    for (; k + WIDE <= c; k += WIDE) sum_columns(src + k, rows, c, WIDE, sum + k);
    for (; k + NARROW <= c; k += NARROW) sum_columns(src + k, rows, c, NARROW, sum + k);
    if (k < c) sum_columns(src + k, rows, c, c - k, sum + k);
}
