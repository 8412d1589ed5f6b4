/* voc_eval.h - the measures of the Pascal VOC challenge: average precision at an overlap of 0.5, boxes by whole pixels
 * (a width is x2 - x1 + 1). */
#ifndef GF_BOXES_VOC_EVAL_H
#define GF_BOXES_VOC_EVAL_H

#include "boxes/boxes.h"

typedef enum gf_voc_year {
    GF_VOC_2007, /* the mean over 11 recalls of the best precision at or beyond */
    GF_VOC_2010, /* the area under the curve of precision, made to fall; 2010 and later */
} gf_voc_year;

/* ap[set->categories]: of each category, in the set's order; -1 where nothing was to be found. Detections of all
 * images, best first, equal ones as listed, each look at the truth that they overlap most, taken or not: difficult and
 * crowd ones leave it out, one that is taken makes it false. E5001. */
graft_status gf_voc_evaluate(double *ap, const gf_detection_set *set, gf_voc_year year, graft_error *err);
/* Of the categories in which something was to be found; -1: there is none. */
double gf_voc_mean(const double *ap, size_t categories);

#endif
