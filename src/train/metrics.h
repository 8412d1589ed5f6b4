/* metrics.h - which epoch was best; norms of gradients.
 *
 * Sums are doubles, taken in a fixed order: the same bits for any number of threads. */
#ifndef GF_TRAIN_METRICS_H
#define GF_TRAIN_METRICS_H

#include "tasks/history.h"
#include "tasks/measure.h"

/* ---- the best epoch. Plain data, as graft 0.1 kept it in checkpoints. Zeroed: none yet. */

typedef struct gf_best {
    int32_t epoch; /* 0: none yet */
    int32_t reserved;
    double value, second; /* of the monitored column, and of the one that decides between equal ones */
} gf_best;

/* Whether this epoch (from 1) is the best so far: better in `by`, or the same and better in `then`. One with a NaN or
 * an infinity in either never is, and never stands in the way of a later one. Keeps it where it is. */
bool gf_best_offer(gf_best *best, const gf_monitor *by, const gf_monitor *then, const gf_history_row *row);

/* The sum of squares of n floats, in f64, in a fixed order: 8 sums of every 8th element, then their tree. NaN or
 * infinite exactly where an element is. For a sum that threads share out, cut the block into pieces of
 * GF_SQUARES_BLOCK and add their sums in order. */
enum { GF_SQUARES_BLOCK = 65536 };
double gf_sum_squares(const float *x, size_t n);
/* The Euclidean norm of a flat block (of gradients) by such pieces. */
double gf_norm(const float *x, size_t n);

#endif
