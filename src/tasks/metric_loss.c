/* metric_loss.c - the mean of the samples' losses. */
#include "tasks/metric.h"

#include <math.h>

size_t gf_counts_two(size_t classes)
{
    (void)classes;
    return 2;
}

double gf_metric_mean(const double *counts, size_t classes)
{
    (void)classes;
    return counts[1] > 0 ? counts[0] / counts[1] : NAN;
}

static void add(double *counts, const gf_outcomes *o, int k)
{
    (void)k;
    for (size_t i = 0; i < o->n; i++) counts[0] += (double)o->loss[i];
    counts[1] += (double)o->n;
}

static const gf_counts_class sum_of_losses = {.name = "loss", .size = gf_counts_two, .add = add};

const gf_metric_class gf_metric_loss = {.name = "loss",
                                        .title = "loss",
                                        .help = "what training makes smaller",
                                        .better = GF_BETTER_MIN,
                                        .format = GF_METRIC_NUMBER,
                                        .of = GF_OF_ANY,
                                        .counts = &sum_of_losses,
                                        .value = gf_metric_mean};
