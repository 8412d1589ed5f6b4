/* solvers.c - the table of solvers.def, and nothing else. */
#include "train/solver.h"

#define GF_SOLVER(x) extern const gf_solver_class gf_solver_##x;
#include "train/solvers.def"
#undef GF_SOLVER

static const gf_solver_class *const classes[] = {
#define GF_SOLVER(x) &gf_solver_##x,
#include "train/solvers.def"
#undef GF_SOLVER
};

const gf_solver_class *gf_solver_class_at(size_t i) { return i < sizeof classes / sizeof *classes ? classes[i] : NULL; }
