/* probe.h - the parts of solver_probe.c: features of a part of the data, and how strongly weights are to be kept small.
 */
#ifndef GF_TRAIN_PROBE_H
#define GF_TRAIN_PROBE_H

#include "train/logistic.h"
#include "train/run.h"

/* Samples that are there: features, as the network gives them, class and number in the index. */
typedef struct gf_probe_set {
    gf_rows rows;
    int32_t *label;
    int32_t *target; /* the same, or of samples with any number of labels the number of their set */
    size_t classes;  /* that `label` is one of */
    uint32_t *sample;
    double *weight; /* of its class; 1 where none weighs more */
} gf_probe_set;

/* Of the first `n` samples of a feature cache, which are filled. */
graft_status gf_probe_set_take(gf_probe_set *s, const gf_run *r, const gf_feature_cache *cache, size_t n,
                               graft_error *err);
void gf_probe_set_free(gf_probe_set *s);

/* Which lambda, of GF_PROBE_LAMBDAS from 10 to 0.0001: that with the least log loss on samples that are not fitted on:
 * the validation set, or, where it is small, each of `folds` parts of the training set in turn. */
enum { GF_PROBE_LAMBDAS = 11 };
typedef struct gf_probe_choice {
    double lambda[GF_PROBE_LAMBDAS], loss[GF_PROBE_LAMBDAS];
    size_t best;
    size_t folds; /* 0: the validation set told */
} gf_probe_choice;
/* Both scaled alike. Without `held` (NULL) by folds: samples of the same content are in the same one, and a sample's
 * fold does not depend on names or order. */
graft_status gf_probe_choose(gf_probe_choice *out, gf_run *r, const gf_probe_set *train, const gf_probe_set *held,
                             size_t folds, graft_error *err);
/* The optimum for that lambda, by way of the larger ones: w[outputs][stride], gf_free. */
graft_status gf_probe_solve(const gf_probe_set *s, gf_pool *pool, double lambda, double **w, gf_minimum *out,
                            graft_error *err);

/* ---- several labels: each class against the rest, all with one lambda (probe_labels.c). What `label`, `classes` and
 * `weight` hold is lost. */

bool gf_probe_enough_labels(const gf_run *r, const gf_probe_set *s, size_t few); /* samples of each class */
/* As gf_probe_choose: of the mean of the classes' log losses. */
graft_status gf_probe_choose_labels(gf_probe_choice *out, gf_run *r, gf_probe_set *train, gf_probe_set *held,
                                    size_t folds, graft_error *err);
graft_status gf_probe_solve_labels(gf_probe_set *s, gf_run *r, double lambda, double **w, gf_minimum *out,
                                   graft_error *err);

#endif
