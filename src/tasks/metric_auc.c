/* metric_auc.c - the area under the ROC curve: how often an image of the class ranks before one that is not, ties
 * counted half; one class against the rest, the mean over classes that have both kinds. */
#include "tasks/ranking.h"

#include <math.h>

static double of_class(const gf_ranked *rank, size_t n)
{
    double before = 0, wins = 0, positives = 0; /* positives ranked above; pairs in the right order; positives */
    for (size_t i = 0; i < n;) {
        size_t end = i;
        double here = 0;
        for (; end < n && rank[end].p == rank[i].p; end++) here += rank[end].positive;
        wins += ((double)(end - i) - here) * (before + here / 2);
        before += here;
        i = end;
    }
    positives = before;
    double pairs = positives * ((double)n - positives);
    return pairs > 0 ? wins / pairs : NAN;
}

static double of_set(const gf_outcomes *all, gf_ranked *rank) { return gf_mean_of_rankings(all, rank, of_class); }

const gf_metric_class gf_metric_auc = {
    .name = "auc",
    .title = "ROC AUC",
    .help = "area under the ROC curve, the mean over classes against the rest; of the whole validation set",
    .better = GF_BETTER_MAX,
    .format = GF_METRIC_NUMBER,
    .of = GF_OF_ANY,
    .of_set = of_set};
