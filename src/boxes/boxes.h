/* boxes.h - boxes of objects in images: labelled ones, detected ones, how far two overlap, which detections are one
 * object's.
 *
 * Coordinates are pixels of the image as it is displayed, 0 at its left or top outer edge, not rounded. */
#ifndef GF_BOXES_H
#define GF_BOXES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The left top corner, width and height. */
typedef struct gf_box {
    double x, y, w, h;
} gf_box;

/* A labelled box. */
typedef struct gf_truth {
    int64_t image, category; /* ids, of any value */
    gf_box box;
    double area;    /* of the object, not always of the box; its size class (small, medium, large) goes by it */
    bool crowd;     /* a region of many objects: detections in it are neither right nor wrong */
    bool difficult; /* VOC's word: is not looked for, and no mistake to find */
} gf_truth;

typedef struct gf_detection {
    int64_t image, category;
    gf_box box;
    double score;
} gf_detection;

/* What is compared: images and categories are the ids that there are, ascending, each once; every box's are among
 * them. Borrowed. */
typedef struct gf_detection_set {
    const int64_t *image, *category;
    size_t images, categories;
    const gf_truth *truth;
    size_t truths;
    const gf_detection *detection;
    size_t detections;
} gf_detection_set;

/* Area of the intersection over area of the union; of a crowd region over the area of `found` instead, as pycocotools
 * does. 0 where they do not meet. */
double gf_box_iou(const gf_box *found, const gf_box *truth, bool crowd);

/* Corners, as networks give them. */
typedef struct gf_corners {
    float x1, y1, x2, y2;
} gf_corners;

/* Whether intersection over union, computed in f32, is above `most`. */
bool gf_corners_overlap(const gf_corners *a, const gf_corners *b, double most);

/* Greedy non-maximum suppression of one class: in descending order of score (equal ones in the order they have), a box
 * is dropped where its intersection over union with one that was kept is above `most`. The ratio is computed in f32 and
 * compared as a double, as torchvision.ops.nms does. keep[n] gets the numbers of those kept, best first; *kept how
 * many. E5001 where memory is out. */
graft_status gf_nms(const gf_corners *box, const float *score, size_t n, double most, size_t *keep, size_t *kept,
                    graft_error *err);

/* The same within each image and category: those that are dropped go from the list, the others keep their order. */
graft_status gf_suppress(gf_detection *list, size_t *n, double most, graft_error *err);

#endif
