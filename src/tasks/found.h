/* found.h - what was to be found in a set of images, and what was: measured as a whole, as COCO does. */
#ifndef GF_TASKS_FOUND_H
#define GF_TASKS_FOUND_H

#include "boxes/coco_eval.h"
#include "boxes/detect.h"
#include "boxes/places.h"

/* An image of the set. */
typedef struct gf_found_image {
    uint32_t sample;  /* of the data set */
    gf_extent within; /* what of the network's input is image */
} gf_found_image;

/* Zeroed is empty. Image and category numbers count from 0. */
typedef struct gf_found_set {
    gf_found_image *image; /* of each of `images` */
    size_t cap_images;
    gf_truth *truth;
    size_t truths, cap_truths;
    gf_detection *found;
    size_t n, cap;
    int64_t images, classes; /* of the samples so far */
    double stat[GF_COCO_STATS];
    bool measured;
} gf_found_set;

/* What was chosen on a run's validation set: from which score on a detection counts, above which overlap one is dropped
 * for a better one of its class; and how well it does so there, with an overlap of 0.5 being right. */
typedef struct gf_threshold {
    double confidence, overlap; /* 0: nothing was chosen */
    double precision, recall, f1;
    int images, objects;
} gf_threshold;
/* What counts by it; where nothing was chosen, by the usual figures. */
gf_detect_options gf_threshold_options(const gf_threshold *t);

/* E5001. */
graft_status gf_found_set_truth(gf_found_set *s, const gf_truth *truth, graft_error *err);
graft_status gf_found_set_add(gf_found_set *s, const gf_detection *found, graft_error *err);
/* Behind all that is in the image, whose number `images` then was. */
graft_status gf_found_set_image(gf_found_set *s, const gf_found_image *image, graft_error *err);
/* The set as boxes/ takes it: image and category numbers are made for it. Closed in any case. */
typedef struct gf_found_view {
    gf_detection_set set;
    int64_t *number;
} gf_found_view;
graft_status gf_found_view_open(gf_found_view *v, const gf_found_set *s, graft_error *err);
/* The same with the labelled boxes of another set, which is of the same images in the same order. */
graft_status gf_found_view_against(gf_found_view *v, const gf_found_set *s, const gf_found_set *labelled,
                                   graft_error *err);
void gf_found_view_close(gf_found_view *v);
/* Sets `stat` of a set that is not empty. E5001. */
graft_status gf_found_set_measure(gf_found_set *s, graft_error *err);
void gf_found_set_clear(gf_found_set *s); /* keeps the room */
void gf_found_set_free(gf_found_set *s);

#endif
