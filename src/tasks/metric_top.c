/* metric_top.c - the share of samples whose class is among the k that score highest; of equal scores the lower class
 * comes first. */
#include "tasks/metric.h"

static bool is_among(const float *score, size_t classes, int32_t truth, int k)
{
    int before = 0;
    if (truth < 0 || (size_t)truth >= classes) return false;
    for (size_t c = 0; c < classes; c++) {
        bool behind = score[c] < score[truth] || (score[c] == score[truth] && c >= (size_t)truth);
        before += !behind; /* as does what is no number */
    }
    return before < k;
}

static void add(double *counts, const gf_outcomes *o, int k)
{
    for (size_t i = 0; i < o->n; i++) counts[0] += is_among(o->score + i * o->classes, o->classes, o->truth[i], k);
    counts[1] += (double)o->n;
}

static const gf_counts_class among_the_first = {.name = "top", .size = gf_counts_two, .add = add, .scores = true};

const gf_metric_class gf_metric_top = {.name = "top",
                                       .title = "top-%d accuracy",
                                       .help = "the share of images whose class is among the likeliest, as in top5",
                                       .better = GF_BETTER_MAX,
                                       .format = GF_METRIC_SHARE,
                                       .counts = &among_the_first,
                                       .proportion = true,
                                       .value = gf_metric_mean,
                                       .least = 1,
                                       .most = 1000};
