/* metric_weighted_precision.c - the mean of the classes' precisions, weighed by their images. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_WEIGHTED, gf_class_precision);
}

const gf_metric_class gf_metric_weighted_precision = {
    .name = "weighted_precision",
    .title = "weighted precision",
    .help = "the mean of the classes' precisions, weighed by their images",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_SHARE,
    .counts = &gf_counts_confusion,
    .value = value};
