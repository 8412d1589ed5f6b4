/* target.h - a sample's target where boxes are learned: its objects, and where the image's points have gone. */
#ifndef GF_BOXES_TARGET_H
#define GF_BOXES_TARGET_H

#include "boxes/assign.h"

enum { GF_OBJECTS_MOST = 1000 }; /* of an image that is trained on */

typedef struct gf_boxes_target {
    const gf_object *object; /* borrowed from the data set; in pixels of the image before its random changes */
    uint32_t objects;        /* at most GF_OBJECTS_MOST */
    uint32_t sample;
    gf_extent image;   /* what of the network's input is image, where nothing was changed */
    double m[6];       /* x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5] */
    int width, height; /* of the input */
} gf_boxes_target;

/* The objects as the network sees them, to[t->objects]: hulls of their moved corners, cut at the input's edges. Those
 * of which nothing is left are not there; what is below two pixels or a quarter of its area is ignored. Returns how
 * many. */
size_t gf_target_objects(const gf_boxes_target *t, gf_object *to);

#endif
