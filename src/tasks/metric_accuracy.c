/* metric_accuracy.c - the share of samples whose class was predicted. A class outside of the classes is never right. */
#include "tasks/metric.h"

static void add(double *counts, const gf_outcomes *o, int k)
{
    (void)k;
    for (size_t i = 0; i < o->n; i++) {
        counts[0] += o->truth[i] == o->predicted[i] && o->truth[i] >= 0 && (size_t)o->truth[i] < o->classes;
    }
    counts[1] += (double)o->n;
}

static const gf_counts_class right = {.name = "right", .size = gf_counts_two, .add = add};

const gf_metric_class gf_metric_accuracy = {.name = "accuracy",
                                            .title = "accuracy",
                                            .help = "the share of images whose class was predicted",
                                            .better = GF_BETTER_MAX,
                                            .format = GF_METRIC_SHARE,
                                            .counts = &right,
                                            .proportion = true,
                                            .value = gf_metric_mean};
