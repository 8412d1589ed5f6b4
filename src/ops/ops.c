/* The table of operations and its lookup, nothing else: the extension tests compile it a second time. */
#include "ops/op.h"

#include <string.h>

static const gf_op_class *const classes[] = {
#define GF_OP(x) &gf_op_##x,
#include "ops/ops.def"
#undef GF_OP
};

const gf_op_class *gf_op_find(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (!strcmp(classes[i]->name, name)) return classes[i];
    }
    return NULL;
}
