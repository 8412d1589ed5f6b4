/* metric_ap.c - average precision of detections, as pycocotools has it (boxes/coco_eval.h). */
#include "tasks/found.h"
#include "tasks/metric.h"

#include <math.h>

static double of_found(const gf_found_set *set) { return set->stat[GF_COCO_AP] < 0 ? NAN : set->stat[GF_COCO_AP]; }

const gf_metric_class gf_metric_ap = {
    .name = "AP",
    .title = "AP",
    .help = "of detections: COCO's mean over overlaps 0.5 to 0.95 and classes; of the whole validation set",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_NUMBER,
    .of_found = of_found};
