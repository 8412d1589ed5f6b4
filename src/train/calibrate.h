/* calibrate.h - whether, and with which ranges, a network's frozen part may be computed in bytes.
 *
 * Some pictures go through the network in f32: what each layer's output reaches is its range. Then the pooled features
 * of the same pictures are computed in bytes and, for comparison, in the precision they would have otherwise. */
#ifndef GF_TRAIN_CALIBRATE_H
#define GF_TRAIN_CALIBRATE_H

#include "train/engine.h"

typedef struct gf_calibration {
    double error, int8_error; /* of the features against f32, relative, in the L2 norm: as `dtype`, in bytes */
    bool safe;                /* the bytes' error is small enough: training on such features loses nothing */
} gf_calibration;

/* Sets the ranges of the model's layers from n samples, and compares. Lost samples are left out. */
graft_status gf_calibrate(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_feed *feed, const uint32_t *sample,
                          size_t n, gf_dtype dtype, gf_calibration *result, graft_error *err);

#endif
