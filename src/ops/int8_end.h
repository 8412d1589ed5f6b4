/* int8_end.h - from a convolution's sums of bytes to what it leaves: the part that the loops in bytes share.
 *
 *   x[o] = scale[o] sum[o] + bias[o]
 *   bytes, a cut (linear, ReLU, ReLU6):    dst = round(x), cut to 0..255; scale, bias and the cut are dst's own
 *   bytes behind silu:                     dst = round(silu(x) per[o] + zero[o]), cut to 0..255
 *   bytes behind hard silu:                dst = round(x g + zero[o]), cut to 0..255; scale and bias are dst's own, and
 *                                          g = gate_scale[o] sum[o] + gate_bias[o], cut to 0..1: x is waited for once
 *   f32, bf16:                             dst = x + residual */
#ifndef GF_OPS_INT8_END_H
#define GF_OPS_INT8_END_H

#include "ops/op.h"

typedef enum gf_int8_kind { GF_INT8_CUT, GF_INT8_SILU, GF_INT8_HARD_SILU, GF_INT8_F32, GF_INT8_BF16 } gf_int8_kind;
enum { GF_INT8_KINDS = GF_INT8_BF16 + 1, GF_INT8_LANES = 16, GF_INT8_ALL = 0xffff };

/* The curve of silu in pieces, each a polynomial: coefficient i of piece p is curve[i * GF_CURVE_PIECES + p]. The
 * middle of the first is GF_CURVE_FROM. */
#define GF_CURVE_FROM (-8.0f)
#define GF_CURVE_DENSITY 2.0f
enum { GF_CURVE_PIECES = 32, GF_CURVE_ORDER = 3 };

typedef struct gf_int8_end {
    gf_int8_kind kind;
    size_t outputs;
    /* outputs of each, rounded up to whole vectors; one block with the curve */
    float *scale, *bias, *per, *zero, *gate_scale, *gate_bias;
    float *curve; /* of an activation */
} gf_int8_end;

/* Whether this processor has the instructions, and this op (its dst, activation, residual) an end: then *kind is it. A
 * real dst is left without its activation. */
bool gf_int8_end_fits(const gf_op_spec *s, gf_int8_kind *kind);

/* Memory for an op that fits; e->kind is the caller's to set, scales are set by gf_int8_end_set. */
graft_status gf_int8_end_create(gf_int8_end *e, const gf_op_spec *s, graft_error *err);
void gf_int8_end_destroy(gf_int8_end *e);

/* Output o: its sum times `scale` plus `bias` is a real number. */
void gf_int8_end_set(gf_int8_end *e, const gf_op_spec *s, size_t o, float scale, float bias);

#endif
