/* metric_kappa.c - Cohen's kappa: how far truth and prediction agree beyond chance. NaN where there is but one class.
 */
#include "tasks/counts.h"

#include <math.h>

static double value(const double *confusion, size_t classes)
{
    double n = 0, right = 0, by_chance = 0;
    for (size_t k = 0; k < classes; k++) {
        gf_class_counts c = gf_class_counts_of(confusion, classes, k);
        n += c.support;
        right += c.right;
        by_chance += c.support * c.predicted;
    }
    double expected = n - by_chance / n; /* samples that differ, were they drawn at random */
    return expected > 0 ? 1 - (n - right) / expected : NAN;
}

const gf_metric_class gf_metric_kappa = {.name = "kappa",
                                         .title = "Cohen's kappa",
                                         .help = "Cohen's kappa: agreement beyond chance, 1 is perfect",
                                         .better = GF_BETTER_MAX,
                                         .format = GF_METRIC_NUMBER,
                                         .counts = &gf_counts_confusion,
                                         .value = value};
