/* ridge.h - a linear classifier in closed form, to tell what coarser features of the same images would cost it.
 *
 * Ridge regression onto the classes on features of n images, in f64. Each image is judged by the classifier of all the
 * others (leave-one-out, also in closed form). Fitted on exact features that gives the noise there is anyway; fitted on
 * coarser ones, what training on those gives; and one may read what the other was fitted on. */
#ifndef GF_TRAIN_RIDGE_H
#define GF_TRAIN_RIDGE_H

#include "base/threads.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gf_ridge gf_ridge;

typedef struct gf_reading {
    size_t images; /* that were not lost */
    size_t right;  /* as the classifier of exact features labels them */
    size_t other;  /* labelled otherwise by the one that was fitted on coarser ones */
    double noise;  /* mean square of what scores are off their targets, of exact features */
    double added;  /* by which share that is more for a classifier fitted on coarser ones (negative: less); and */
    double
        crossed; /* where the classifier of exact ones reads coarser ones. NaN: nothing can be told, as of one class */
    double distance; /* of coarser features from exact ones, by the spread of these: L2, both as means over images */
} gf_reading;

/* exact[n][row]; label[n] 0 .. classes - 1; lost[n]: images that do not count. Nothing is borrowed but the pool. The
 * same bits for any number of threads. */
graft_status gf_ridge_create(gf_ridge **out, const float *exact, const int32_t *label, const bool *lost, size_t n,
                             size_t row, size_t classes, gf_pool *pool, graft_error *err);
void gf_ridge_destroy(gf_ridge *r); /* takes NULL */

/* Reads coarser features of the images first .. first + images - 1, coarse[images][row]: sets `images`, `crossed` and
 * `distance`. */
graft_status gf_ridge_read(const gf_ridge *exact, const float *coarse, size_t first, size_t images, gf_reading *out,
                           graft_error *err);
/* Compares two that were fitted on features of the same images: sets the rest. */
graft_status gf_ridge_compare(const gf_ridge *exact, const gf_ridge *coarse, gf_reading *out, graft_error *err);

#endif
