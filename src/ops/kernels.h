/* kernels.h - loops over elements that several ops use, for f32 and bf16. Each gives the same bits on every
 * machine: plain C, no contraction to fma, sums in one fixed order. */
#ifndef GF_OPS_KERNELS_H
#define GF_OPS_KERNELS_H

#include "ops/op.h"

/* The compiler makes versions of a loop for wider vectors and picks one when the library is loaded. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(GF_NO_CLONES) && defined(__GNUC__) && !defined(__clang__)
#define GF_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define GF_CLONES
#endif

/* f32 <-> bf16 and copies, n elements. */
void gf_convert(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n);

/* dst += src; a bf16 dst takes bf16 or f32. */
void gf_accumulate(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n);
void gf_accumulate_f32(float *dst, const float *src, size_t n);

/* y = act(y) in place */
void gf_act_forward(gf_act act, void *y, gf_dtype type, size_t n);

/* diff *= act'(.) by means of y = act(.): in place. */
void gf_act_backward(gf_act act, void *diff, const void *y, gf_dtype type, size_t n);

/* gf_act_backward on rows x c, and dbias[c] = sum over rows of the result; y may be NULL where act is linear, dbias
 * NULL where it is not wanted. */
void gf_act_backward_bias(gf_act act, void *diff, const void *y, gf_dtype type, size_t rows, size_t c, float *dbias);

/* dst[i] = src[i] * scale[i % channels] + offset[i % channels], at most 4 channels. */
void gf_rescale(const float *src, void *dst, gf_dtype type, size_t n, int channels, const float scale[4],
                const float offset[4]);

/* dst[i] = src[i] * factor[i % period] + offset[i % period], cut off to 0..255 (so 0.5 in the offset rounds). src: f32
 * or bf16. Fast where the period is long and a multiple of 16. */
void gf_quantise(uint8_t *dst, const void *src, gf_dtype type, size_t n, const float *factor, const float *offset,
                 size_t period);
/* sum[c] = sums over rows of src (rows x c); exact while a sum stays below 2^24. */
void gf_sum_u8(const uint8_t *src, size_t rows, size_t c, float *sum);

/* One element, for the naive twins. */
float gf_load(const void *x, gf_dtype type, size_t i);
void gf_store(void *x, gf_dtype type, size_t i, float value);
float gf_act_value(gf_act act, float x);
float gf_act_slope(gf_act act, float y); /* the derivative, by means of y */

#endif
