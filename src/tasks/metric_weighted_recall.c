/* metric_weighted_recall.c - the mean of the classes' recalls, weighed by their images: the accuracy. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_WEIGHTED, gf_class_recall);
}

const gf_metric_class gf_metric_weighted_recall = {
    .name = "weighted_recall",
    .title = "weighted recall",
    .help = "the mean of the classes' recalls, weighed by their images: the accuracy",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_SHARE,
    .counts = &gf_counts_confusion,
    .value = value};
