/* metric_macro_precision.c - the mean of the classes' precisions. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_MACRO, gf_class_precision);
}

const gf_metric_class gf_metric_macro_precision = {.name = "macro_precision",
                                                   .title = "macro precision",
                                                   .help = "the mean of the classes' precisions",
                                                   .better = GF_BETTER_MAX,
                                                   .format = GF_METRIC_SHARE,
                                                   .counts = &gf_counts_confusion,
                                                   .value = value};
