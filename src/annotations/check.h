/* check.h - what stands between reading labels and using them: looking at the images, and putting boxes into pixels of
 * what is displayed. */
#ifndef GF_ANNOTATIONS_CHECK_H
#define GF_ANNOTATIONS_CHECK_H

#include "annotations/annotations.h"

/* Reads every image: size as displayed and as stored, orientation, digest. One that cannot be read is a problem or,
 * with skip_bad, leaves the set. Counts groups of equal files. */
graft_status gf_annotations_look(gf_annotations *a, const gf_annotation_options *o, gf_pool *pool, graft_error *err);

/* Shares become pixels; labels of the stored or of a scaled image are turned and scaled; corners are put in order;
 * boxes are cut at the image's edges, empty and equal ones dropped. What cannot be put right is a problem. Boxes must
 * be sorted by image. */
graft_status gf_annotations_check(gf_annotations *a, const gf_annotation_options *o, graft_error *err);

/* Notes on classes and sizes that are worth a look. */
graft_status gf_annotations_judge(gf_annotations *a, const gf_log *log, graft_error *err);

#endif
