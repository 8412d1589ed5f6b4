/* metric_weighted_f1.c - the mean of the classes' F1, weighed by their images. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_WEIGHTED, gf_class_f1);
}

const gf_metric_class gf_metric_weighted_f1 = {.name = "weighted_f1",
                                               .title = "weighted F1",
                                               .help = "the mean of the classes' F1, weighed by their images",
                                               .better = GF_BETTER_MAX,
                                               .format = GF_METRIC_SHARE,
                                               .counts = &gf_counts_confusion,
                                               .value = value};
