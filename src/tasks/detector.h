/* detector.h - the heads of a detector, as classes: which layers stand between a backbone's maps and its places. A new
 * one: src/tasks/detector_NAME.c with one gf_detector_class, and its line in detectors.def. */
#ifndef GF_TASKS_DETECTOR_H
#define GF_TASKS_DETECTOR_H

#include "boxes/places.h"
#include "graph/model.h"

typedef struct gf_detector_class {
    const char *name; /* "pan" */
    const char *help;
    /* Adds the head on a backbone whose last layer is `last`: sets output and features. */
    graft_status (*add_head)(gf_model *m, int last, int classes, float dropout, graft_error *err);
} gf_detector_class;

const gf_detector_class *gf_detector_at(size_t i); /* NULL behind the last; the first is the default */
/* E3002 with the names that there are. NULL: the first. */
graft_status gf_detector_parse(const gf_detector_class **out, const char *name, graft_error *err);
void gf_detector_words(gf_text *text);

/* ---- parts that heads share (detector.c) */

/* What a level's map of features becomes the output by: a convolution of 1 x 1 and a reshape to (places, classes + 4).
 * *places gets the reshape's number. */
graft_status gf_detector_level(gf_model *m, int map, int classes, int *places, graft_error *err);
/* The output: the levels, from fine to coarse, behind each other. */
graft_status gf_detector_end(gf_model *m, const int *places, int levels, graft_error *err);
/* A layer behind n others. */
graft_status gf_detector_put(gf_model *m, gf_layer l, const char *stem, const int *src, int n, int *at,
                             graft_error *err);

/* The convolutions of a model that ends in such a head, from fine to coarse; 0: it does not. */
int gf_detector_levels(const gf_model *m, int convolution[GF_MAX_LEVELS]);

#endif
