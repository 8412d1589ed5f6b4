#include "tasks/counts.h"

#include <math.h>

static size_t cells(size_t classes)
{
    size_t n;
    return gf_mul_size(classes, classes, &n) ? n : SIZE_MAX; /* more than there is memory for */
}

static void add(double *counts, const gf_outcomes *o, int k)
{
    (void)k;
    for (size_t i = 0; i < o->n; i++) {
        size_t truth = (size_t)o->truth[i], predicted = (size_t)o->predicted[i];
        if (truth < o->classes && predicted < o->classes) counts[truth * o->classes + predicted]++;
    }
}

const gf_counts_class gf_counts_confusion = {.name = "confusion", .size = cells, .add = add};

gf_class_counts gf_class_counts_of(const double *confusion, size_t classes, size_t c)
{
    gf_class_counts s = {.right = confusion[c * classes + c]};
    for (size_t i = 0; i < classes; i++) {
        s.support += confusion[c * classes + i];
        s.predicted += confusion[i * classes + c];
    }
    return s;
}

/* 0 where b is. */
static double share(double a, double b) { return b > 0 ? a / b : 0; }
double gf_class_precision(gf_class_counts c) { return share(c.right, c.predicted); }
double gf_class_recall(gf_class_counts c) { return share(c.right, c.support); }
double gf_class_f1(gf_class_counts c) { return share(2 * c.right, c.support + c.predicted); }

double gf_class_mean(const double *confusion, size_t classes, gf_average average, double (*score)(gf_class_counts c))
{
    double sum = 0, all = 0;
    for (size_t k = 0; k < classes; k++) {
        gf_class_counts c = gf_class_counts_of(confusion, classes, k);
        double weight = average == GF_WEIGHTED         ? c.support
                        : average == GF_MACRO_OF_TRUTH ? (double)(c.support > 0)
                                                       : (double)(c.support + c.predicted > 0);
        if (weight > 0) sum += weight * score(c);
        all += weight;
    }
    return all > 0 ? sum / all : NAN;
}
