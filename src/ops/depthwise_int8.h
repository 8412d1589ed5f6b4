/* depthwise_int8.h - 3x3 depthwise convolution, stride 1 or 2, from bytes to bytes by AVX-512 VNNI:
 *
 *   dst[c] = round(scale[c] sum src[c] kernel[c] + bias[c]), cut to 0..255
 *
 * A row of a picture is taken as one line of w c bytes: a vector of 64 bytes needs no regard for where a pixel ends,
 * and the tap to the right is the same line c bytes on. Of a column of four rows' bytes one instruction makes the sum
 * of three rows; the same four give the output row below by a kernel moved down by one. */
#ifndef GF_OPS_DEPTHWISE_INT8_H
#define GF_OPS_DEPTHWISE_INT8_H

#include "ops/op.h"

typedef struct gf_depthwise_int8 {
    int n, h, w, c, oh, ow, stride, pt, pl; /* src, dst, rows and columns of zeros before src */
} gf_depthwise_int8;

/* Whether this processor and these loops do a convolution; then *d describes it. */
bool gf_depthwise_int8_fits(const gf_op_spec *s, gf_depthwise_int8 *d);

size_t gf_depthwise_int8_table_bytes(const gf_depthwise_int8 *d);
size_t gf_depthwise_int8_scratch_bytes(const gf_depthwise_int8 *d);

/* kernel: (3, 3, c); scale, bias: c. Fills the table (64-byte aligned) that run reads. */
void gf_depthwise_int8_pack(const gf_depthwise_int8 *d, const int8_t *kernel, const float *scale, const float *bias,
                            void *table);
void gf_depthwise_int8_run(const gf_depthwise_int8 *d, const void *table, const uint8_t *src, uint8_t *dst,
                           void *scratch);

#endif
