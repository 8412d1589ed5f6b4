/* variant.h - other ways to compute an operation, for some shapes, types or processors. Each is a class of the same
 * interface; the planner takes what gf_op_choose says and knows none of them. */
#ifndef GF_OPS_VARIANT_H
#define GF_OPS_VARIANT_H

#include "ops/op.h"

#include <stdbool.h>

enum { GF_VARIANT_KEY = 160 }; /* bytes of a key, its end included */

typedef struct gf_op_variant {
    const gf_op_class *of, *cls; /* what cls may stand for: the same values, but for the order of sums */
    const char *of_name, *name;  /* of the two in a list of tuning choices */
    bool (*fits)(const gf_op_spec *spec, const gf_ops *ops);
    /* Writes what tells one timing from another into key: shapes, types and which gradients are wanted. NULL: it is
     * never timed, but taken wherever it fits. */
    void (*key)(const gf_op_spec *spec, char key[GF_VARIANT_KEY]);
    /* Whether it is taken unless timing is clearly against it; by processor and shape, never by a clock. NULL: yes. */
    bool (*preferred)(const gf_op_spec *spec, const gf_ops *ops);
} gf_op_variant;

#define GF_VARIANT(x) extern const gf_op_variant gf_variant_##x;
#include "ops/variants.def"
#undef GF_VARIANT

const gf_op_variant *gf_op_variant_at(size_t i); /* NULL behind the last */

/* Whether it fits this spec, whose class is v->of, and is the faster: timed once, then on record (gf_ops_choose). */
bool gf_op_variant_wins(const gf_op_variant *v, const gf_op_spec *spec, gf_ops *ops);

/* Sets spec->cls to the class that is to compute it here. */
void gf_op_choose(gf_op_spec *spec, gf_ops *ops);

#endif
