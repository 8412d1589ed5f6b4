/* conv.h - what conv.c and the timing of its ways (conv_benchmark.c) share. */
#ifndef GF_OPS_CONV_H
#define GF_OPS_CONV_H

#include "ops/onednn.h"

/* A convolution's primitives; the transposed one is forward, of a 1x1 convolution's diff_dst with the transposed
 * kernel. */
typedef enum gf_conv_kind {
    GF_CONV_FORWARD,
    GF_CONV_BACKWARD_DATA,
    GF_CONV_BACKWARD_DATA_TRANSPOSED,
    GF_CONV_BACKWARD_WEIGHTS
} gf_conv_kind;

/* Makes one of them in the given type. */
graft_status gf_conv_make(const gf_op_spec *spec, const gf_ops *ops, gf_conv_kind kind, gf_dtype dtype, gf_prim *p,
                          graft_error *err);

/* diff_kernel (ic, oc) = src transposed round (ic, pixels) times dz (pixels, oc), of a 1x1 convolution. */
graft_status gf_conv_make_product(const gf_op_spec *spec, const gf_ops *ops, gf_prim *p, graft_error *err);

/* Whether backward-data is the faster in f32 between conversions; in f32 always. */
bool gf_conv_data_in_f32(const gf_op_spec *spec, gf_ops *ops);

/* Whether a 1x1 convolution's kernel gradient is the faster as a matrix product; in f32 never. */
bool gf_conv_weights_by_product(const gf_op_spec *spec, gf_ops *ops);

#endif
