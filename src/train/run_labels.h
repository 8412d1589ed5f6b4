/* run_labels.h - what a model of several labels tells of the judged set: for the report. */
#ifndef GF_TRAIN_RUN_LABELS_H
#define GF_TRAIN_RUN_LABELS_H

#include "report/record.h"
#include "train/run.h"

typedef struct gf_run_labels {
    gf_labels_record record;
    gf_found_class *item;
    double (*curve)[2]; /* GF_COCO_RECALLS of each class */
    float *threshold;
} gf_run_labels;

/* Of an evaluation that keeps all of its samples; `set` is its name. Without any sample there is no record (images 0).
 * To be freed also after failure. */
graft_status gf_run_labels_gather(gf_run_labels *l, const gf_run *r, const gf_evaluation *e, const char *set,
                                  graft_error *err);
void gf_run_labels_free(gf_run_labels *l); /* takes a zeroed one */

/* The names of a sample's labels, and of those that are told by these logits; "none" where there are
 * none. Both gf_free; NULL: no memory. */
char *gf_run_labels_true(const gf_run *r, uint32_t sample);
char *gf_run_labels_told(const gf_run *r, const float *logits);

#endif
