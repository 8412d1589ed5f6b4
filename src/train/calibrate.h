/* calibrate.h - whether, and with which ranges, a network's frozen part may be computed in int8.
 *
 * Some images go through the network in f32: what each layer's output reaches is its range. Then the pooled features of
 * labelled images are computed in int8, and what a classifier loses by them is measured (ridge.h). Where that is too
 * much, the layers that spoil it stay in the plan's own precision (docs/design/precision.md). */
#ifndef GF_TRAIN_CALIBRATE_H
#define GF_TRAIN_CALIBRATE_H

#include "train/engine.h"
#include "train/ridge.h"

typedef struct gf_calibration_job {
    gf_model *model; /* its ranges are set */
    gf_ops *ops;
    gf_pool *pool;
    const gf_feed *feed;
    const uint32_t *sample; /* n, of which the first `ranged` give the ranges */
    const int32_t *label;   /* n, 0 .. classes - 1; NULL: nothing is judged, nothing is safe */
    size_t n, ranged, classes;
    gf_dtype dtype;                                                               /* of what is not in int8 */
    bool mix;                                                                     /* layers may stay out of int8 */
    graft_status (*tell)(void *ctx, size_t done, size_t total, graft_error *err); /* may be NULL; failing ends it */
    void *ctx;
} gf_calibration_job;

typedef struct gf_calibration {
    double int8_error;  /* of the features against f32, relative, in the L2 norm; as the ranges are left */
    gf_reading reading; /* what a classifier makes of them */
    bool safe;          /* training on such features loses nothing that can be seen */
    char *outside;      /* the layers whose output is not in int8 for that, "a, b"; NULL: none. gf_free */
} gf_calibration;

/* What is safe: the most that may be added to a classifier's noise, and the greatest distance (gf_reading). */
#define GF_MOST_ADDED 0.05
#define GF_MOST_DISTANCE 0.3

/* Lost samples are left out. A layer that is left out of int8 has ranges of 0, as one that calibration saw nothing of.
 */
graft_status gf_calibrate(const gf_calibration_job *job, gf_calibration *result, graft_error *err);

#endif
