/* patches_int8.h - the first convolution of a network, over an image of up to 4 channels, in bytes: the windows of a
 * row of outputs are laid side by side and multiplied by pointwise_int8.c. Outside of the image lies the byte that
 * stands for 0. */
#ifndef GF_OPS_PATCHES_INT8_H
#define GF_OPS_PATCHES_INT8_H

#include "ops/int8_geometry.h"
#include "ops/pointwise_int8.h"

typedef struct gf_patches_int8 {
    gf_geometry g;
    uint8_t zero[4];       /* of each channel */
    gf_pointwise_int8 row; /* a row of outputs */
} gf_patches_int8;

/* Whether this is such a convolution, given that it has an end; then *p describes it. */
bool gf_patches_int8_fits(const gf_op_spec *s, gf_patches_int8 *p);

size_t gf_patches_int8_scratch_bytes(const gf_patches_int8 *p);

/* p->row's kernel is packed as it lies: (kh, kw c, oc). */
void gf_patches_int8_run(const gf_patches_int8 *p, const uint8_t *src, void *dst, void *scratch);

#endif
