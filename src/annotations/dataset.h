/* dataset.h - labelled boxes as a data set: images as any other's, with the objects of each as its target. */
#ifndef GF_ANNOTATIONS_DATASET_H
#define GF_ANNOTATIONS_DATASET_H

#include "annotations/annotations.h"
#include "data/images.h"

/* Opened by its own call, since its labels have options of their own: `labels` is borrowed for the length of it. Bad
 * labels are E1130 to E1137 with all that is wrong. Where o->classes are given, classes that are not among them are
 * E1137. */
graft_status gf_boxes_open(gf_dataset **out, const char *path, const gf_annotation_options *labels,
                           const gf_data_options *o, gf_pool *pool, graft_error *err);

#endif
