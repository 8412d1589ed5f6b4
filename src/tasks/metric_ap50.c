/* metric_ap50.c - average precision of detections, as pycocotools has it (boxes/coco_eval.h). */
#include "tasks/found.h"
#include "tasks/metric.h"

#include <math.h>

static double of_found(const gf_found_set *set) { return set->stat[GF_COCO_AP50] < 0 ? NAN : set->stat[GF_COCO_AP50]; }

const gf_metric_class gf_metric_ap50 = {.name = "AP50",
                                        .title = "AP50",
                                        .help = "of detections: the same at an overlap of 0.5",
                                        .better = GF_BETTER_MAX,
                                        .format = GF_METRIC_NUMBER,
                                        .of_found = of_found};
