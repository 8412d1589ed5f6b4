/* The table of operations and its lookup, nothing else: the extension tests compile it a second time. */
#include "ops/op.h"

#include <string.h>

static const gf_op_class *const classes[] = {
#define GF_OP(x) &gf_op_##x,
#include "ops/ops.def"
#undef GF_OP
};

const gf_op_class *gf_op_at(size_t i) { return i < sizeof classes / sizeof *classes ? classes[i] : NULL; }

const gf_op_class *gf_op_find(const char *name)
{
    for (size_t i = 0; gf_op_at(i); i++) {
        if (!strcmp(gf_op_at(i)->name, name)) return gf_op_at(i);
    }
    return NULL;
}
