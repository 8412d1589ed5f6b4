/* detect.h - from a detector's output for an image to its detections. */
#ifndef GF_BOXES_DETECT_H
#define GF_BOXES_DETECT_H

#include "boxes/boxes.h"
#include "boxes/places.h"

/* Where nothing else is said. */
enum { GF_DETECTED_MOST = 100, GF_DETECT_CANDIDATES = 1000 };
#define GF_DETECT_OVERLAP 0.6
#define GF_DETECT_CONFIDENCE 0.3
#define GF_DETECT_ANY 0.001 /* the least score where all of them matter, as for curves over scores */

typedef struct gf_detected {
    gf_extent box; /* in pixels of the network's input */
    int32_t class_id;
    float score;
} gf_detected;

typedef struct gf_detect_options {
    double least;      /* scores below are left out; 0: none are */
    bool every_class;  /* of a place, not the best alone */
    double overlap;    /* above it a worse one of the same class is dropped; 1: none is */
    size_t candidates; /* the best so many are looked at */
    size_t most;       /* and so many kept */
} gf_detect_options;

/* Best first, equal scores by class, then by place. found[most] gets *n of them. E5001. */
graft_status gf_detect(const gf_grids *p, int classes, const float *out, const gf_detect_options *o, gf_detected *found,
                       size_t *n, graft_error *err);

#endif
