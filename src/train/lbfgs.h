/* lbfgs.h - a smooth convex function of many variables is minimised: limited-memory BFGS (Nocedal, "Updating
 * quasi-Newton matrices with limited storage", 1980), steps halved until the function falls enough (Armijo). Sums are
 * in one order, so the bits follow from those of the function. */
#ifndef GF_TRAIN_LBFGS_H
#define GF_TRAIN_LBFGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gf_objective {
    void *ctx;
    size_t n;
    /* The value at x, and the gradient. */
    graft_status (*at)(void *ctx, const double *x, double *value, double *gradient, graft_error *err);
    /* Whether it is near enough to the least value. */
    bool (*done)(void *ctx, double value, const double *gradient);
} gf_objective;

typedef struct gf_minimum {
    double value;
    int steps, evaluations;
    bool done; /* as the objective said; else it did not fall any more, or there were too many steps */
} gf_minimum;

/* From x on, which becomes where it is least. */
graft_status gf_minimise(const gf_objective *f, int most_steps, double *x, gf_minimum *out, graft_error *err);

#endif
