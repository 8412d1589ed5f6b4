/* found.h - what was to be found in a set of images, and what was: measured as a whole, as COCO does. */
#ifndef GF_TASKS_FOUND_H
#define GF_TASKS_FOUND_H

#include "boxes/coco_eval.h"

/* Zeroed is empty. Image and category numbers count from 0. */
typedef struct gf_found_set {
    gf_truth *truth;
    size_t truths, cap_truths;
    gf_detection *found;
    size_t n, cap;
    int64_t images, classes; /* of the samples so far */
    double stat[GF_COCO_STATS];
    bool measured;
} gf_found_set;

/* E5001. */
graft_status gf_found_set_truth(gf_found_set *s, const gf_truth *truth, graft_error *err);
graft_status gf_found_set_add(gf_found_set *s, const gf_detection *found, graft_error *err);
/* Sets `stat` of a set that is not empty. E5001. */
graft_status gf_found_set_measure(gf_found_set *s, graft_error *err);
void gf_found_set_clear(gf_found_set *s); /* keeps the room */
void gf_found_set_free(gf_found_set *s);

#endif
