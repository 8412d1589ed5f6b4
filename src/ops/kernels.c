#include "ops/kernels.h"

#include <math.h>
#include <string.h>

float gf_load(const void *x, gf_dtype type, size_t i)
{
    return type == GF_BF16 ? gf_bf16_to_f32(((const uint16_t *)x)[i]) : ((const float *)x)[i];
}

void gf_store(void *x, gf_dtype type, size_t i, float value)
{
    if (type == GF_BF16) {
        ((uint16_t *)x)[i] = gf_f32_to_bf16(value);
    } else {
        ((float *)x)[i] = value;
    }
}

float gf_act_value(gf_act act, float x)
{
    switch (act) {
    case GF_ACT_RELU: return x < 0 ? 0 : x;
    case GF_ACT_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case GF_ACT_SIGMOID: return 1 / (1 + expf(-x));
    case GF_ACT_TANH: return tanhf(x);
    default: return x;
    }
}

float gf_act_slope(gf_act act, float y)
{
    switch (act) {
    case GF_ACT_RELU: return y > 0;
    case GF_ACT_RELU6: return y > 0 && y < 6;
    case GF_ACT_SIGMOID: return y * (1 - y);
    case GF_ACT_TANH: return 1 - y * y;
    default: return 1;
    }
}

/* Rounds to nearest even without a branch: a NaN may become infinite here, which the check of the loss sees as well. */
static inline uint16_t round_bf16(float x)
{
    union {
        float f;
        uint32_t u;
    } v = {x};
    return (uint16_t)((v.u + 0x7fffu + (v.u >> 16 & 1)) >> 16);
}

GF_CLONES static void to_bf16(uint16_t *restrict dst, const float *restrict src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = round_bf16(src[i]);
}

GF_CLONES static void from_bf16(float *restrict dst, const uint16_t *restrict src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = gf_bf16_to_f32(src[i]);
}

void gf_convert(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n)
{
    if (dst_type == src_type) {
        memcpy(dst, src, n * gf_dtype_size(dst_type));
    } else if (dst_type == GF_BF16) {
        to_bf16(dst, src, n);
    } else {
        from_bf16(dst, src, n);
    }
}

GF_CLONES void gf_accumulate_f32(float *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] += src[i];
}

GF_CLONES static void accumulate_bf16(uint16_t *dst, const uint16_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = round_bf16(gf_bf16_to_f32(dst[i]) + gf_bf16_to_f32(src[i]));
}

GF_CLONES static void accumulate_mixed(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) dst[i] = round_bf16(gf_bf16_to_f32(dst[i]) + src[i]);
}

void gf_accumulate(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n)
{
    if (dst_type == GF_F32) {
        gf_accumulate_f32(dst, src, n);
    } else if (src_type == GF_BF16) {
        accumulate_bf16(dst, src, n);
    } else {
        accumulate_mixed(dst, src, n);
    }
}

void gf_act_forward(gf_act act, void *y, gf_dtype type, size_t n)
{
    if (act == GF_ACT_LINEAR) return;
    for (size_t i = 0; i < n; i++) gf_store(y, type, i, gf_act_value(act, gf_load(y, type, i)));
}

/* ReLU and ReLU6 differ in the upper bound alone; f32 and bf16 are compared as f32. */
GF_CLONES static void clip_backward_f32(float *restrict diff, const float *restrict y, size_t n, float top)
{
    for (size_t i = 0; i < n; i++) diff[i] = y[i] > 0 && y[i] < top ? diff[i] : 0;
}

GF_CLONES static void clip_backward_bf16(uint16_t *restrict diff, const uint16_t *restrict y, size_t n, uint16_t top)
{
    /* y is in [0, top]: then the order of its bits is the order of its values */
    for (size_t i = 0; i < n; i++) diff[i] = (uint16_t)(y[i] - 1) < (uint16_t)(top - 1) ? diff[i] : 0;
}

void gf_act_backward(gf_act act, void *diff, const void *y, gf_dtype type, size_t n)
{
    if (act == GF_ACT_LINEAR) return;
    if (act == GF_ACT_RELU || act == GF_ACT_RELU6) {
        float top = act == GF_ACT_RELU6 ? 6.0f : INFINITY;
        if (type == GF_BF16) {
            clip_backward_bf16(diff, y, n, gf_f32_to_bf16(top));
        } else {
            clip_backward_f32(diff, y, n, top);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        gf_store(diff, type, i, gf_load(diff, type, i) * gf_act_slope(act, gf_load(y, type, i)));
    }
}

GF_CLONES static void add_row_f32(float *restrict sum, const float *restrict row, size_t c)
{
    for (size_t i = 0; i < c; i++) sum[i] += row[i];
}

GF_CLONES static void add_row_bf16(float *restrict sum, const uint16_t *restrict row, size_t c)
{
    for (size_t i = 0; i < c; i++) sum[i] += gf_bf16_to_f32(row[i]);
}

void gf_act_backward_bias(gf_act act, void *diff, const void *y, gf_dtype type, size_t rows, size_t c, float *dbias)
{
    size_t width = c * gf_dtype_size(type);
    if (dbias) memset(dbias, 0, c * sizeof *dbias);
    for (size_t r = 0; r < rows; r++) {
        void *d = (char *)diff + r * width;
        if (y) gf_act_backward(act, d, (const char *)y + r * width, type, c);
        if (!dbias) continue;
        if (type == GF_BF16) {
            add_row_bf16(dbias, d, c);
        } else {
            add_row_f32(dbias, d, c);
        }
    }
}
