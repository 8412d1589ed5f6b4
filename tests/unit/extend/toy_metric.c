/* A toy of a metric: the share of images that were taken for class 0. */
#include "tasks/metric.h"

static void add(double *counts, const gf_outcomes *o, int k)
{
    (void)k;
    for (size_t i = 0; i < o->n; i++) counts[0] += o->predicted[i] == 0;
    counts[1] += (double)o->n;
}

static const gf_counts_class zeros = {.name = "toy", .size = gf_counts_two, .add = add};

const gf_metric_class gf_metric_toy_metric = {.name = "toy_metric",
                                              .title = "toy share",
                                              .help = "a test's",
                                              .format = GF_METRIC_SHARE,
                                              .counts = &zeros,
                                              .value = gf_metric_mean};
