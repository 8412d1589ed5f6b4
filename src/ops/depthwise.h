/* depthwise.h - the loops of depthwise convolutions, once for each width of vectors (depthwise_loops.h), for
 * depthwise.c alone.
 *
 * Channels are taken in blocks of GF_DW_BLOCK. The rows that a few rows of the result need are packed first: one
 * block's channels, f32, zeros round the image. Then a row of the result is a sum over taps, each a packed row and a
 * vector of weights; every channel is summed in the same order whatever the width of the vectors, with fused
 * multiply-add, so the bits are the same. */
#ifndef GF_OPS_DEPTHWISE_H
#define GF_OPS_DEPTHWISE_H

#include "ops/op.h"

enum { GF_DW_BLOCK = 32 };

/* dst[x] += w * p[x * step]: a packed row from where the result's first place reads it, and its weights. */
typedef struct gf_dw_tap {
    const float *p, *w;
} gf_dw_tap;

typedef struct gf_dw_loops {
    /* n places of `used` channels from src (places `stride` elements apart) into out (GF_DW_BLOCK apart). */
    void (*pack)(const void *src, gf_dtype type, size_t stride, int n, int used, float *out);
    /* And back; `add`: to what is there. */
    void (*unpack)(void *dst, gf_dtype type, size_t stride, int n, int used, const float *in, bool add);
    /* out[x * out_step] = start + sum over taps; start: GF_DW_BLOCK numbers. Steps in floats. */
    void (*row)(const gf_dw_tap *tap, int taps, int step, int n, int used, const float *start, float *out,
                int out_step);
    /* sum[t] += sum over x of dz[x] * tap[t].p[x * step]; sum: GF_DW_BLOCK numbers a tap. */
    void (*weights)(const gf_dw_tap *tap, int taps, int step, const float *dz, int n, int used, float *sum);
} gf_dw_loops;

/* The shapes, types and processors that gf_op_depthwise is for. */
bool gf_depthwise_fits(const gf_op_spec *spec);

extern const gf_dw_loops gf_dw_avx512, gf_dw_avx2;

#endif
