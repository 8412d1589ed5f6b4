/* depthwise_int8.h - depthwise convolution of bytes, up to 7 rows high, stride 1 or 2, by AVX-512 VNNI, with its end
 * (int8_end.h).
 *
 * 16 channels at a time. Four rows' bytes of a place are packed side by side, so that one instruction makes the sum
 * over a column of four rows; the same bytes give the output row below by a kernel moved down by one. 4, 5 or 7 places
 * are made at a time, as they go into a row: 7, 14, 28, 56, 112 are whole sevens. Outside of the image lies the byte
 * that stands for 0. */
#ifndef GF_OPS_DEPTHWISE_INT8_H
#define GF_OPS_DEPTHWISE_INT8_H

#include "ops/int8_end.h"
#include "ops/int8_geometry.h"

typedef struct gf_depthwise_int8 {
    gf_geometry g;
    const gf_int8_end *end;
    void *table; /* packed kernel and the bytes for 0 */
} gf_depthwise_int8;

/* Whether these loops do a convolution, given that it has an end; then *d describes it. */
bool gf_depthwise_int8_fits(const gf_op_spec *s, gf_depthwise_int8 *d);

size_t gf_depthwise_int8_table_bytes(const gf_depthwise_int8 *d);
size_t gf_depthwise_int8_scratch_bytes(const gf_depthwise_int8 *d);

/* kernel: (kh, kw, c); zero: of each channel, NULL: 0. Fills the table (64-byte aligned) that run reads. */
void gf_depthwise_int8_pack(gf_depthwise_int8 *d, const int8_t *kernel, const float *zero);
void gf_depthwise_int8_run(const gf_depthwise_int8 *d, const uint8_t *src, void *dst, void *scratch);

#endif
