/* metric_balanced_accuracy.c - the mean of the classes' recalls, over those that occur: what accuracy would be if all
 * were as common. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_MACRO_OF_TRUTH, gf_class_recall);
}

const gf_metric_class gf_metric_balanced_accuracy = {
    .name = "balanced_accuracy",
    .title = "balanced accuracy",
    .help = "the mean of the classes' recalls, over those that occur: what accuracy would be if all were as common",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_SHARE,
    .counts = &gf_counts_confusion,
    .value = value};
