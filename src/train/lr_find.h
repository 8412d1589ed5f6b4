/* lr_find.h - a learning rate is looked for (Smith, "Cyclical Learning Rates", 2017, as fastai does it): the loss of
 * steps whose rate grows, and rules that read a rate off it. */
#ifndef GF_TRAIN_LR_FIND_H
#define GF_TRAIN_LR_FIND_H

#include "train/run.h"

enum { GF_LR_STEPS = 100 };

typedef struct gf_lr_curve {
    size_t n; /* steps that were made: up to where the loss rises steeply */
    double lr[GF_LR_STEPS], loss[GF_LR_STEPS], smooth[GF_LR_STEPS];
} gf_lr_curve;

typedef struct gf_lr_found {
    double valley;  /* in the longest fall, where a third and a half of it is behind: what is suggested */
    double steep;   /* where it falls fastest */
    double minimum; /* a tenth of where it is least */
} gf_lr_found;

/* The rate of step i: from 1e-7 to 10, each the same factor larger. */
double gf_lr_at(size_t i);
/* Adds a step's loss; false: it is the last one that is worth making. */
bool gf_lr_add(gf_lr_curve *c, double loss);
/* The first ten steps and the last five say nothing. False: there are too few others. */
bool gf_lr_read(const gf_lr_curve *c, gf_lr_found *out);

/* Steps of the first phase that has epochs of steps; the model is then as it was. E3002 where there is no such phase.
 */
graft_status gf_lr_find(gf_run *r, gf_lr_curve *out, graft_error *err);

#endif
