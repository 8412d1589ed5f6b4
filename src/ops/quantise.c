/* quantise.c - loops between real numbers and bytes. */
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

void gf_quantise(uint8_t *dst, const void *src, gf_dtype type, size_t n, const float *factor, const float *offset,
                 size_t period)
{
    for (size_t at = 0; at < n; at += period) {
        size_t m = n - at < period ? n - at : period;
        if (type == GF_BF16) {
            from_bf16(dst + at, (const uint16_t *)src + at, m, factor, offset);
        } else {
            from_f32(dst + at, (const float *)src + at, m, factor, offset);
        }
    }
}

/* Some channels over all rows; n is a constant where it matters: the sums are registers. */
static inline __attribute__((always_inline)) void sum_columns(const uint8_t *src, size_t rows, size_t c, size_t n,
                                                              float *sum)
{
    enum { MOST = 64 };
    uint32_t s[MOST] = {0};
    for (size_t i = 0; i < rows; i++, src += c) {
        for (size_t k = 0; k < n; k++) s[k] += src[k];
    }
    for (size_t k = 0; k < n; k++) sum[k] = (float)s[k];
}

GF_CLONES void gf_sum_u8(const uint8_t *src, size_t rows, size_t c, float *sum)
{
    enum { WIDE = 64, NARROW = 16 };
    size_t k = 0;
    for (; k + WIDE <= c; k += WIDE) sum_columns(src + k, rows, c, WIDE, sum + k);
    for (; k + NARROW <= c; k += NARROW) sum_columns(src + k, rows, c, NARROW, sum + k);
    if (k < c) sum_columns(src + k, rows, c, c - k, sum + k);
}
