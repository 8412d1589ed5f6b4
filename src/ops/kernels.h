/* kernels.h - loops over elements that several ops use, for f32 and bf16. Each gives the same bits on every
 * machine: plain C, no contraction to fma, sums in one fixed order. */
#ifndef GF_OPS_KERNELS_H
#define GF_OPS_KERNELS_H

#include "base/clones.h"
#include "ops/op.h"

/* f32 <-> bf16 and copies, n elements. */
void gf_convert(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n);

/* dst += src */
void gf_accumulate(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n);
void gf_accumulate_f32(float *dst, const float *src, size_t n);

/* One of the two: dst += src where `add`, else dst = src. */
void gf_put(void *dst, gf_dtype dst_type, const void *src, gf_dtype src_type, size_t n, bool add);

/* ---- blocks: what an op computes, it computes on pieces of at most GF_BLOCK values in f32, which stay in the first
 * cache. So types are one function's business and each loop is written once. */

enum { GF_BLOCK = 512 };

/* n values of x from element `at` on: where they lie if they are f32, else converted in `room`. */
const float *gf_block_in(const void *x, gf_dtype type, size_t at, size_t n, float room[GF_BLOCK]);
/* The same, always in `room`. */
void gf_block_copy(const void *x, gf_dtype type, size_t at, size_t n, float room[GF_BLOCK]);
/* Stores n values into x, or adds them. */
void gf_block_out(void *x, gf_dtype type, size_t at, size_t n, const float *value, bool add);

/* An op's diff_dst act', n values from element `at` on; act(z) into its dst. */
void gf_block_dz(const gf_op_spec *s, const gf_op_args *a, size_t at, size_t n, float dz[GF_BLOCK]);
void gf_block_act_out(const gf_op_spec *s, void *dst, size_t at, size_t n, float z[GF_BLOCK]);

/* Loops over blocks (or any f32): z *= x, z += x y, z = z x + y, z *= a, z += a x. */
void gf_multiply(float *z, const float *x, size_t n);
void gf_multiply_add(float *z, const float *x, const float *y, size_t n);
void gf_scale_shift(float *z, const float *x, const float *y, size_t n);
void gf_scale(float *z, float a, size_t n);
void gf_scale_add(float *z, float a, const float *x, size_t n);
void gf_larger(float *z, const float *x, size_t n); /* z = the larger; a NaN stays */
float gf_sum(const float *x, size_t n);
float gf_dot(const float *x, const float *y, size_t n);
float gf_maximum(const float *x, size_t n);

/* y = act(y) in place */
void gf_act_forward(gf_act act, float alpha, void *y, gf_dtype type, size_t n);

/* diff *= act'(.) in place. By means of the activation's dst before GF_ACT_NEEDS_SRC (src may be NULL), of src and dst
 * from there on: where one is a factor times the other, that saves computing the factor again. */
void gf_act_backward(gf_act act, float alpha, float *diff, const float *src, const float *dst, size_t n);

/* gf_act_backward, before GF_ACT_NEEDS_SRC, on rows x c of any type, and dbias[c] = sum over rows of the result; dst
 * may be NULL where act is linear, dbias NULL where it is not wanted. */
void gf_act_backward_bias(gf_act act, float alpha, void *diff, const void *dst, gf_dtype type, size_t rows, size_t c,
                          float *dbias);

/* What a convolution's backward begins with: diff_dst becomes dz, and goes to the residual's diff_src; dbias (may be
 * NULL) is set where there is a bias. */
void gf_conv_backward_end(gf_exec *exec, float *dbias);

/* sum[c] = sums over rows of src (rows x c). */
void gf_sum_rows(const void *src, gf_dtype type, size_t rows, size_t c, float *sum);

/* dst[i] = src[i] * scale[i % channels] + offset[i % channels], at most 4 channels. */
void gf_rescale(const float *src, void *dst, gf_dtype type, size_t n, int channels, const float scale[4],
                const float offset[4]);

/* Of a rescale that leaves bytes: src v of channel k becomes v factor[k] + offset[k], cut off to 0..255 and its
 * fraction. */
void gf_rescale_byte_map(const gf_op_spec *s, float *factor, float *offset);

/* dst[i] = src[i] * factor[i % period] + offset[i % period], cut off to 0..255 (so 0.5 in the offset rounds). src: f32
 * or bf16. Fast where the period is long and a multiple of 16. */
void gf_quantize(uint8_t *dst, const void *src, gf_dtype type, size_t n, const float *factor, const float *offset,
                 size_t period);
/* sum[c] = sums over rows of src (rows x c); exact while a sum stays below 2^24. */
void gf_sum_u8(const uint8_t *src, size_t rows, size_t c, float *sum);

/* One element, for the reference implementations. */
float gf_load(const void *x, gf_dtype type, size_t i);
void gf_store(void *x, gf_dtype type, size_t i, float value);
float gf_act_value(gf_act act, float alpha, float x);
float gf_act_slope(gf_act act, float alpha, float v); /* the derivative by dst; from GF_ACT_NEEDS_SRC on by src */

#endif
