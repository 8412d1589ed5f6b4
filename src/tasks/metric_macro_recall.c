/* metric_macro_recall.c - the mean of the classes' recalls, over those that occur or were predicted. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_MACRO, gf_class_recall);
}

const gf_metric_class gf_metric_macro_recall = {
    .name = "macro_recall",
    .title = "macro recall",
    .help = "the mean of the classes' recalls, over those that occur or were predicted",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_SHARE,
    .counts = &gf_counts_confusion,
    .value = value};
