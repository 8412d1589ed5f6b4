/* metric_average_precision.c - the sum of (R_k - R_k-1) P_k over distinct probabilities, without interpolation; the
 * mean over classes that occur. */
#include "tasks/ranking.h"

#include <math.h>

double gf_average_precision(const gf_ranked *rank, size_t n)
{
    double positives = 0, found = 0, sum = 0;
    for (size_t i = 0; i < n; i++) positives += rank[i].positive;
    for (size_t i = 0; i < n;) {
        size_t end = i;
        double here = 0;
        for (; end < n && rank[end].p == rank[i].p; end++) here += rank[end].positive;
        found += here;
        sum += here / positives * (found / (double)end);
        i = end;
    }
    return positives > 0 ? sum : NAN;
}

static double of_set(const gf_outcomes *all, gf_ranked *rank)
{
    return gf_mean_of_rankings(all, rank, gf_average_precision);
}

const gf_metric_class gf_metric_average_precision = {
    .name = "average_precision",
    .title = "average precision",
    .help = "precision over recall, the mean over classes that occur; of the whole validation set",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_NUMBER,
    .of_set = of_set};

const gf_metric_class gf_metric_map = {
    .name = "map",
    .title = "mAP",
    .help =
        "mean average precision: precision over recall, the mean over classes that occur; of the whole validation set",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_NUMBER,
    .of = GF_OF_LABELS,
    .of_set = of_set};
