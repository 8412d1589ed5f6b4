/* kept.h - the values of a model that change in a run, without gaps: what checkpoints hold, and what hooks copy. */
#ifndef GF_TRAIN_KEPT_H
#define GF_TRAIN_KEPT_H

#include "train/param_groups.h"

/* Zeroed is empty. */
typedef struct gf_kept {
    gf_param_range
        *range;      /* of the model's block, in its order; one of them where nothing above the boundary is frozen */
    size_t n, count; /* floats in all */
} gf_kept;

/* What trains from a boundary on, with the words of parameter groups. */
typedef struct gf_kept_part {
    int boundary;
    const char *words;
} gf_kept_part;

/* What trains in any of n parts; with `statistics` all moving statistics too. The model is left at its own boundary.
 * E3310. */
graft_status gf_kept_create(gf_kept *k, gf_model *m, const gf_kept_part *part, size_t n, bool statistics,
                            graft_error *err);
void gf_kept_free(gf_kept *k);

void gf_kept_take(const gf_kept *k, const gf_model *m, float *to);  /* from the model: k->count floats */
void gf_kept_put(const gf_kept *k, gf_model *m, const float *from); /* into it */
size_t gf_kept_at(const gf_kept *k, size_t value); /* where that value of the model is among them; it is one of them */
bool gf_kept_finite(const gf_kept *k, const gf_model *m);
/* Of values as `of` lays them out those that k has too, to where it has them. */
void gf_kept_move(const gf_kept *k, float *to, const gf_kept *of, const float *values);

#endif
