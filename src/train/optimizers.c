/* optimizers.c - the table of optimizers.def, and nothing else. */
#include "train/optimizer.h"

#define GF_OPTIMIZER(x) extern const gf_optimizer_class gf_optimizer_##x;
#include "train/optimizers.def"
#undef GF_OPTIMIZER

static const gf_optimizer_class *const classes[] = {
#define GF_OPTIMIZER(x) &gf_optimizer_##x,
#include "train/optimizers.def"
#undef GF_OPTIMIZER
};

const gf_optimizer_class *gf_optimizer_at(size_t i) { return i < sizeof classes / sizeof *classes ? classes[i] : NULL; }
