/* coco_eval.h - COCO's measures of detections: average precision and recall, as pycocotools 2.0 computes them, to the
 * bit (tests/unit/boxes/test_coco_eval.c). */
#ifndef GF_BOXES_COCO_EVAL_H
#define GF_BOXES_COCO_EVAL_H

#include "boxes/boxes.h"

enum {
    GF_COCO_OVERLAPS = 10, /* 0.5, 0.55 .. 0.95 */
    GF_COCO_RECALLS = 101, /* 0, 0.01 .. 1 */
    GF_COCO_AREAS = 4,     /* all, small (to 32 x 32), medium (to 96 x 96), large; both ends belong to a range */
    GF_COCO_MOSTS = 3      /* the best 1, 10, 100 detections of each image */
};

typedef enum gf_coco_stat {
    GF_COCO_AP,   /* mean over overlaps and categories, all areas, 100 detections */
    GF_COCO_AP50, /* overlap 0.5 */
    GF_COCO_AP75,
    GF_COCO_AP_SMALL,
    GF_COCO_AP_MEDIUM,
    GF_COCO_AP_LARGE,
    GF_COCO_AR1, /* recall, mean over overlaps and categories, of 1 detection per image */
    GF_COCO_AR10,
    GF_COCO_AR100,
    GF_COCO_AR_SMALL,
    GF_COCO_AR_MEDIUM,
    GF_COCO_AR_LARGE,
    GF_COCO_STATS
} gf_coco_stat;

/* Zeroed is empty. -1 stands where nothing was to be found. */
typedef struct gf_coco {
    size_t categories;
    double *precision; /* [overlap][recall][category][area][most], pycocotools's order */
    double *recall;    /* [overlap][category][area][most] */
    double stat[GF_COCO_STATS];
} gf_coco;

/* Names as pycocotools's users know them: "AP", "AP50", "APs", "AR100", ... */
const char *gf_coco_stat_name(gf_coco_stat stat);

/* Difficult truths count as crowds. Detections whose score or box is not finite are the caller's to refuse. E5001. */
graft_status gf_coco_evaluate(gf_coco *out, const gf_detection_set *set, graft_error *err);
void gf_coco_free(gf_coco *c); /* takes an empty one; leaves it empty */

/* Mean over recalls of one category's precision at one overlap (0: 0.5), all areas, 100 detections; `overlap` < 0: over
 * all overlaps too. -1: nothing was to be found. */
double gf_coco_average_precision(const gf_coco *c, size_t category, int overlap);
/* One category's precision at one overlap and recall (by number), all areas, 100 detections. */
double gf_coco_precision(const gf_coco *c, size_t category, int overlap, int recall);

#endif
