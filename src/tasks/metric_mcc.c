/* metric_mcc.c - Matthews's correlation of truth and prediction, for any number of classes (Gorodkin, "Comparing two
 * K-category assignments by a K-category correlation coefficient", 2004):
 *   (c n - sum t_k p_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2)); 0 where the root is 0. */
#include "tasks/counts.h"

#include <math.h>

static double value(const double *confusion, size_t classes)
{
    double n = 0, right = 0, both = 0, truth = 0, predicted = 0;
    for (size_t k = 0; k < classes; k++) {
        gf_class_counts c = gf_class_counts_of(confusion, classes, k);
        n += c.support;
        right += c.right;
        both += c.support * c.predicted;
        truth += c.support * c.support;
        predicted += c.predicted * c.predicted;
    }
    double root = sqrt((n * n - predicted) * (n * n - truth));
    return root > 0 ? (right * n - both) / root : 0;
}

const gf_metric_class gf_metric_mcc = {.name = "mcc",
                                       .title = "MCC",
                                       .help = "Matthews's correlation of truth and prediction: 1 is perfect, 0 chance",
                                       .better = GF_BETTER_MAX,
                                       .format = GF_METRIC_NUMBER,
                                       .counts = &gf_counts_confusion,
                                       .value = value};
