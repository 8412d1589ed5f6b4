/* metrics.h - what is measured of a network: loss, accuracy, confusion; which epoch was best; is a number a number.
 *
 * Sums are doubles, taken in the order of the samples: the same bits for any number of threads. */
#ifndef GF_TRAIN_METRICS_H
#define GF_TRAIN_METRICS_H

#include "base/error.h"
#include "report/record.h"
#include "json/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- a running mean, of an epoch so far. Plain data: a checkpoint keeps it as it is. */

typedef struct gf_running {
    double loss_sum;
    uint64_t images, right;
} gf_running;

/* n samples: loss of each, class of each and the class predicted for it. */
void gf_running_add(gf_running *r, const float *loss, const int32_t *truth, const int32_t *predicted, size_t n);
double gf_running_loss(const gf_running *r);     /* NaN before the first sample */
double gf_running_accuracy(const gf_running *r); /* 0 to 1; NaN before the first sample */

/* ---- one evaluation of a set */

typedef struct gf_evaluation {
    gf_running running;
    size_t classes;
    uint64_t *confusion; /* classes x classes, row = true class, column = predicted */
} gf_evaluation;

graft_status gf_evaluation_init(gf_evaluation *e, size_t classes, graft_error *err);
void gf_evaluation_clear(gf_evaluation *e); /* back to no samples */
void gf_evaluation_free(gf_evaluation *e);  /* takes NULL and a zeroed one */
/* Samples in their order. A class outside 0 .. classes - 1 counts as wrong and is not in the matrix. */
void gf_evaluation_add(gf_evaluation *e, const float *loss, const int32_t *truth, const int32_t *predicted, size_t n);
/* As the report takes it; the confusion matrix is borrowed. */
gf_metrics gf_evaluation_metrics(const gf_evaluation *e);

/* ---- the best epoch. Plain data. Zeroed: none yet. */

typedef struct gf_best {
    int32_t epoch; /* 0: none yet */
    int32_t reserved;
    double accuracy, loss;
} gf_best;

/* Whether this epoch (from 1) is the best so far: higher accuracy, or the same with a lower loss. One with a NaN or an
 * infinity in it never is, and never stands in the way of a later one. Keeps it where it is. */
bool gf_best_offer(gf_best *best, int32_t epoch, double accuracy, double loss);

/* ---- finite or not, told from the bits: holds under any compiler flag */

bool gf_is_finite(double x);

/* The sum of squares of n floats, in f64, in a fixed order: 8 sums of every 8th element, then their tree. NaN or
 * infinite exactly where an element is. For a sum that threads share out, cut the block into pieces of
 * GF_SQUARES_BLOCK and add their sums in order. */
enum { GF_SQUARES_BLOCK = 65536 };
double gf_sum_squares(const float *x, size_t n);
/* The Euclidean norm of a flat block (of gradients) by such pieces. */
double gf_norm(const float *x, size_t n);

#endif
