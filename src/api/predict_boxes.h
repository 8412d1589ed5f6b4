/* predict_boxes.h - what a detector found in a list of images, and the files that are made of it. */
#ifndef GF_API_PREDICT_BOXES_H
#define GF_API_PREDICT_BOXES_H

#include "annotations/annotations.h"
#include "api/internal.h"

typedef struct gf_found_boxes {
    graft_model *m;
    gf_image_list *list;
    gf_annotations set; /* of the images that could be read: all that was found, best first, with its score */
    uint32_t *number;   /* of each of the set's images in the list */
} gf_found_boxes;

/* What is asked for ("predict.draw", "predict.save", "predict.save_to") can be done: makes the folders, which must be
 * new or empty (E3006). */
graft_status gf_found_boxes_check(const graft_model *m, graft_error *err);
graft_status gf_found_boxes_write(const gf_found_boxes *f, graft_error *err);

#endif
