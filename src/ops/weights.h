/* weights.h - kernel and bias of an op, in graft's layout. */
#ifndef GF_OPS_WEIGHTS_H
#define GF_OPS_WEIGHTS_H

#include "ops/op.h"

typedef struct gf_weights {
    float *kernel;
    float *bias; /* zeros where the op has none */
} gf_weights;

graft_status gf_weights_create(gf_weights *w, const gf_op_spec *spec, graft_error *err);
void gf_weights_destroy(gf_weights *w);

/* bias may be NULL: it stays as it is. */
void gf_weights_fill(gf_weights *w, const gf_op_spec *spec, const float *kernel, const float *bias);

#endif
