/* counts.h - what several metrics are made of: the confusion matrix, and means over its classes, as scikit-learn takes
 * them (0/0 is 0). */
#ifndef GF_TASKS_COUNTS_H
#define GF_TASKS_COUNTS_H

#include "tasks/metric.h"

/* classes x classes, row = true class, column = predicted. A class outside of them is in no cell. */
extern const gf_counts_class gf_counts_confusion;

typedef struct gf_class_counts {
    double right, support, predicted; /* samples of the class that were found; that are of it; that were taken for it */
} gf_class_counts;
gf_class_counts gf_class_counts_of(const double *confusion, size_t classes, size_t c);

/* What is told of samples with any number of labels, {right, labelled, told} of each class, then samples. */
extern const gf_counts_class gf_counts_labels;
gf_class_counts gf_label_counts_of(const double *counts, size_t c);

double gf_class_precision(gf_class_counts c);
double gf_class_recall(gf_class_counts c);
double gf_class_f1(gf_class_counts c);

/* Means of a class's score: over the classes that occur in truth or prediction; over those that occur in truth; over
 * the samples of the truth. NaN where there are none. */
typedef enum gf_average { GF_MACRO, GF_MACRO_OF_TRUTH, GF_WEIGHTED } gf_average;
double gf_class_mean(const double *confusion, size_t classes, gf_average average, double (*score)(gf_class_counts c));

#endif
