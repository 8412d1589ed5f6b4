/* The table of variants and its lookup, nothing else: the extension tests compile it a second time. */
#include "ops/variant.h"

static const gf_op_variant *const variants[] = {
#define GF_VARIANT(x) &gf_variant_##x,
#include "ops/variants.def"
#undef GF_VARIANT
};

const gf_op_variant *gf_op_variant_at(size_t i) { return i < sizeof variants / sizeof *variants ? variants[i] : NULL; }
