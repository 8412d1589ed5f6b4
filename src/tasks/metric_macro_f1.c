/* metric_macro_f1.c - the mean of the classes' F1: rare classes count as common ones do. */
#include "tasks/counts.h"

static double value(const double *confusion, size_t classes)
{
    return gf_class_mean(confusion, classes, GF_MACRO, gf_class_f1);
}

const gf_metric_class gf_metric_macro_f1 = {.name = "macro_f1",
                                            .title = "macro F1",
                                            .help = "the mean of the classes' F1: rare classes count as common ones do",
                                            .better = GF_BETTER_MAX,
                                            .format = GF_METRIC_SHARE,
                                            .counts = &gf_counts_confusion,
                                            .value = value};
