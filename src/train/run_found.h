/* run_found.h - what a detector finds in the set that its run is judged by, as the report tells it. */
#ifndef GF_TRAIN_RUN_FOUND_H
#define GF_TRAIN_RUN_FOUND_H

#include "report/record.h"
#include "train/run.h"

typedef struct gf_run_found {
    gf_found_set set;   /* at the chosen thresholds */
    gf_matches matches; /* of it, at an overlap of 0.5 */
    gf_found_record record;
    double *missed, *worst; /* of each image of the set: objects that are missed; the score of the best mistake */
    gf_operating *point;
    gf_found_class *item;
    double (*curve)[2];
} gf_run_found;

/* A part's name, its evaluation, the logits of its samples and the first of these. */
typedef struct gf_judged_part {
    const char *name;
    const gf_evaluation *e;
    const float *logits;
    uint32_t first;
} gf_judged_part;

/* E5001. Freed in any case. */
graft_status gf_run_found_gather(gf_run_found *f, const gf_run *r, const gf_judged_part *part, graft_error *err);
void gf_run_found_free(gf_run_found *f);

/* The images of the set to show, at most `most`, into image[]: those with most missed objects; and those with the most
 * confident mistakes. Returns how many. */
size_t gf_run_found_misses(const gf_run_found *f, size_t *image, size_t most);
size_t gf_run_found_mistakes(const gf_run_found *f, size_t *image, size_t most);

/* Draws what was found in an image of the set, which is shown at the input's size. */
graft_status gf_run_found_draw(const gf_run *r, const gf_run_found *f, size_t image, gf_pixels *pixels,
                               graft_error *err);

#endif
