/* race.h - two classes that compute the same, timed against each other. */
#ifndef GF_OPS_AUTOTUNE_H
#define GF_OPS_AUTOTUNE_H

#include "ops/engine.h"
#include "ops/op.h"

/* Which of two classes to use for this op (gf_ops_choose, GF_MARGIN_OPERATION): forward is timed, and backward where it
 * is asked for gradients. */
int gf_ops_autotune(gf_ops *ops, const char *key, const char *const names[2], const gf_op_class *const cls[2],
                    int preferred, const gf_op_spec *spec);

#endif
