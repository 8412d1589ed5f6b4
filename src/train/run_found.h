/* run_found.h - what a detector finds in the set that its run is judged by, as the report tells it. */
#ifndef GF_TRAIN_RUN_FOUND_H
#define GF_TRAIN_RUN_FOUND_H

#include "report/record.h"
#include "train/run.h"

typedef struct gf_run_found {
    gf_found_set set; /* at the chosen thresholds */
} gf_run_found;

/* By the logits of an evaluation whose first sample is `first`. E5001. Freed in any case. */
graft_status gf_run_found_gather(gf_run_found *f, const gf_run *r, const gf_evaluation *e, const float *logits,
                                 uint32_t first, graft_error *err);
void gf_run_found_free(gf_run_found *f);

/* Draws what was found in an image of the set, which is shown at the input's size. */
graft_status gf_run_found_draw(const gf_run *r, const gf_run_found *f, size_t image, gf_pixels *pixels,
                               graft_error *err);

#endif
