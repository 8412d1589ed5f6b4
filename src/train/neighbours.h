/* neighbours.h - two classifiers that need no training, by the cosine of features less their mean: what there is to
 * compare a trained head with. */
#ifndef GF_TRAIN_NEIGHBOURS_H
#define GF_TRAIN_NEIGHBOURS_H

#include "train/logistic.h"

/* What is known: scaled rows and their classes. */
typedef struct gf_known {
    const gf_rows *rows;
    const int32_t *label;
    size_t classes;
    gf_pool *pool;
} gf_known;

/* Of each row of `of` (scaled alike) the class that most of its k <= GF_MOST_NEIGHBOURS nearest rows have, of several
 * the lowest; of more than GF_MOST_KNOWN rows so many are looked at, spread evenly. */
enum { GF_MOST_NEIGHBOURS = 32, GF_MOST_KNOWN = 5000 };
graft_status gf_nearest_neighbours(const gf_known *known, const gf_rows *of, size_t k, int32_t *predicted,
                                   graft_error *err);
/* The class whose mean is nearest. */
graft_status gf_nearest_centroid(const gf_known *known, const gf_rows *of, int32_t *predicted, graft_error *err);

#endif
