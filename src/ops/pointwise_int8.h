/* pointwise_int8.h - 1x1 convolution of bytes by AVX-512 VNNI: a matrix product (pixels, ic) x (ic, oc) with its end
 * (int8_end.h) while the sums are in registers. With rows that overlap it is any convolution of few channels.
 *
 * A tile is some pixels by up to 48 outputs: four bytes of a pixel, broadcast, meet four rows of 16 outputs' kernels in
 * one instruction. A tile's end waits for one instruction after the other; so it is done a quarter at a time while the
 * next tile's products are under way. */
#ifndef GF_OPS_POINTWISE_INT8_H
#define GF_OPS_POINTWISE_INT8_H

#include "ops/int8_end.h"

typedef struct gf_pointwise_int8 {
    size_t pixels, oc;
    size_t step; /* bytes from a pixel's src to the next one's */
    /* What meets one output lies in `lines` pieces, `line` bytes apart, of `part` bytes each; `depth` is that rounded
     * up to 4: what is read there besides counts for nothing. */
    size_t lines, line, part, depth;
    const gf_int8_end *end;
    int8_t *kernel; /* [block of outputs][line][depth / 4][output][4] */
} gf_pointwise_int8;

/* Whether these loops do a convolution, given that it has an end; then *p has its sizes. */
bool gf_pointwise_int8_fits(const gf_op_spec *s, gf_pointwise_int8 *p);

size_t gf_pointwise_int8_kernel_bytes(const gf_pointwise_int8 *p);

/* kernel: (lines, part, oc) */
void gf_pointwise_int8_pack(gf_pointwise_int8 *p, const int8_t *kernel);
void gf_pointwise_int8_run(const gf_pointwise_int8 *p, const uint8_t *src, void *dst, const void *residual);

#endif
