/* metric_labels.c - metrics of samples with any number of labels, at the thresholds of their probabilities; 0/0 is 0,
 * and macro means are over all classes, as scikit-learn has them. */
#include "tasks/counts.h"
#include "tasks/loss.h"

#include <math.h>

float gf_label_threshold(const gf_labelling *l, size_t class_id)
{
    const float even = 0.5f;
    return l->same > 0 ? l->same : l->threshold ? l->threshold[class_id] : even;
}

bool gf_label_holds(const gf_labelling *l, size_t class_id, float logit)
{
    return gf_sigmoid(logit) >= gf_label_threshold(l, class_id);
}

/* ---- counts: right, labelled and told of each class; then samples */

enum { RIGHT, LABELLED, TOLD, COUNTS };

static size_t cells(size_t classes)
{
    size_t n;
    return gf_mul_size(classes, COUNTS, &n) && gf_add_size(n, 1, &n) ? n : SIZE_MAX;
}

static void add(double *counts, const gf_outcomes *o, int k)
{
    (void)k;
    for (size_t i = 0; o->labels && i < o->n; i++) {
        const uint32_t *label;
        size_t left = gf_label_sets_of(o->labels->sets, (uint32_t)o->truth[i], &label);
        for (size_t c = 0; c < o->classes; c++) {
            bool is = left && *label == c, told = gf_label_holds(o->labels, c, o->score[i * o->classes + c]);
            label += is;
            left -= is;
            counts[c * COUNTS + RIGHT] += is && told;
            counts[c * COUNTS + LABELLED] += is;
            counts[c * COUNTS + TOLD] += told;
        }
    }
    counts[o->classes * COUNTS] += (double)o->n;
}

const gf_counts_class gf_counts_labels = {.name = "labels", .size = cells, .add = add, .scores = true};

gf_class_counts gf_label_counts_of(const double *counts, size_t c)
{
    const double *of = counts + c * COUNTS;
    return (gf_class_counts){.right = of[RIGHT], .support = of[LABELLED], .predicted = of[TOLD]};
}

/* ---- means */

static double macro(const double *counts, size_t classes, double (*score)(gf_class_counts c))
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) sum += score(gf_label_counts_of(counts, c));
    return classes ? sum / (double)classes : NAN;
}

static gf_class_counts together(const double *counts, size_t classes)
{
    gf_class_counts all = {0};
    for (size_t c = 0; c < classes; c++) {
        const gf_class_counts one = gf_label_counts_of(counts, c);
        all.right += one.right;
        all.support += one.support;
        all.predicted += one.predicted;
    }
    return all;
}

static double macro_precision(const double *counts, size_t classes)
{
    return macro(counts, classes, gf_class_precision);
}
static double macro_recall(const double *counts, size_t classes) { return macro(counts, classes, gf_class_recall); }
static double macro_f1(const double *counts, size_t classes) { return macro(counts, classes, gf_class_f1); }
static double micro_precision(const double *counts, size_t classes)
{
    return gf_class_precision(together(counts, classes));
}
static double micro_recall(const double *counts, size_t classes) { return gf_class_recall(together(counts, classes)); }
static double micro_f1(const double *counts, size_t classes) { return gf_class_f1(together(counts, classes)); }

static double hamming(const double *counts, size_t classes)
{
    const gf_class_counts all = together(counts, classes);
    double decisions = counts[classes * COUNTS] * (double)classes;
    return decisions > 0 ? (all.support + all.predicted - 2 * all.right) / decisions : NAN;
}

#define OF_LABELS(name_, title_, help_, value_)                                                                  \
    {                                                                                                            \
        .name = (name_), .title = (title_), .help = (help_), .better = GF_BETTER_MAX, .format = GF_METRIC_SHARE, \
        .counts = &gf_counts_labels, .value = (value_), .of = GF_OF_LABELS                                       \
    }

const gf_metric_class gf_metric_micro_precision_of_labels = OF_LABELS(
    "micro_precision", "micro precision", "of the labels that are told, those that are right", micro_precision);
const gf_metric_class gf_metric_micro_recall_of_labels =
    OF_LABELS("micro_recall", "micro recall", "of the labels that samples have, those that are told", micro_recall);
const gf_metric_class gf_metric_micro_f1_of_labels =
    OF_LABELS("micro_f1", "micro F1", "the harmonic mean of micro precision and micro recall", micro_f1);
const gf_metric_class gf_metric_macro_precision_of_labels = OF_LABELS(
    "macro_precision", "macro precision", "of several labels: the mean of the classes' precision", macro_precision);
const gf_metric_class gf_metric_macro_recall_of_labels =
    OF_LABELS("macro_recall", "macro recall", "of several labels: the mean of the classes' recall", macro_recall);
const gf_metric_class gf_metric_macro_f1_of_labels =
    OF_LABELS("macro_f1", "macro F1", "of several labels: the mean of the classes' F1", macro_f1);

const gf_metric_class gf_metric_hamming_loss = {.name = "hamming_loss",
                                                .title = "Hamming loss",
                                                .help = "the share of samples and classes that are told wrongly",
                                                .better = GF_BETTER_MIN,
                                                .format = GF_METRIC_NUMBER,
                                                .counts = &gf_counts_labels,
                                                .value = hamming,
                                                .of = GF_OF_LABELS};

/* ---- all labels of a sample */

static void add_exact(double *counts, const gf_outcomes *o, int k)
{
    (void)k;
    for (size_t i = 0; o->labels && i < o->n; i++) counts[0] += o->truth[i] == o->predicted[i];
    counts[1] += (double)o->n;
}

static const gf_counts_class exact = {.name = "exact", .size = gf_counts_two, .add = add_exact};

const gf_metric_class gf_metric_exact_match = {.name = "exact_match",
                                               .title = "exact match",
                                               .help = "the share of samples whose labels are told, and no others",
                                               .better = GF_BETTER_MAX,
                                               .format = GF_METRIC_SHARE,
                                               .counts = &exact,
                                               .proportion = true,
                                               .value = gf_metric_mean,
                                               .of = GF_OF_LABELS};
