/* metric.h - a metric: what is measured of a set of samples; and the list of those that a run measures.
 *
 * A metric is a column: of the history, progress, metrics.json, TensorBoard, the curves and the page's tables. It is
 * made of counts, which are doubles: samples add to them in their order, so that the bits are the same for any number
 * of threads, and two sets' counts added number by number are those of both. Metrics that need the same counts share
 * them. What cannot be counted (the area under a curve) is made of all samples of an evaluated set, which are then
 * kept.
 *
 * A new metric: src/tasks/metric_NAME.c with one gf_metric_class, and its line in metrics.def. */
#ifndef GF_TASKS_METRIC_H
#define GF_TASKS_METRIC_H

#include "base/alloc.h"
#include "base/error.h"
#include "data/label_sets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_MAX_METRICS = 24, GF_METRIC_NAME = 32 };

/* What samples with any number of labels are measured by. */
typedef struct gf_labelling {
    const gf_label_sets *sets; /* that `truth` is a number of; NULL: samples are of one class each */
    const float *threshold;    /* of each class: from which probability on a sample is said to have it; NULL: 0.5 */
    float same;                /* that of all classes instead; 0: none is */
} gf_labelling;
float gf_label_threshold(const gf_labelling *l, size_t class_id);
/* Whether it is, with that logit. */
bool gf_label_holds(const gf_labelling *l, size_t class_id, float logit);

/* What n samples came to, in their order. */
typedef struct gf_outcomes {
    size_t n, classes;
    const float *loss;          /* n */
    const int32_t *truth;       /* n: class of each */
    const int32_t *predicted;   /* n: the class predicted for it */
    const float *score;         /* n x classes, larger where likelier; NULL where no counts of the list want it */
    const gf_labelling *labels; /* of samples with any number of them, whose scores are logits; NULL: they are not */
} gf_outcomes;

typedef struct gf_counts_class {
    const char *name;
    size_t (*size)(size_t classes); /* how many numbers */
    /* Adds samples to them. k: the number behind the metric's name; 0 where it has none. */
    void (*add)(double *counts, const gf_outcomes *o, int k);
    bool scores; /* reads gf_outcomes.score */
} gf_counts_class;

/* A sample of a set as one class ranks it. */
typedef struct gf_ranked {
    double p; /* of the class */
    bool positive;
} gf_ranked;

/* What a metric may be of. */
enum { GF_OF_CLASSES = 1, GF_OF_LABELS = 2, GF_OF_ANY = 3 };

typedef enum gf_better { GF_BETTER_NONE, GF_BETTER_MAX, GF_BETTER_MIN } gf_better;
typedef enum gf_metric_format {
    GF_METRIC_NUMBER,
    GF_METRIC_SHARE /* 0 to 1, shown as a percentage */
} gf_metric_format;

struct gf_found_set;

typedef struct gf_metric_class {
    const char *name;  /* "accuracy": the column, and what a user asks for. With a number behind it: "top" for top5 */
    const char *title; /* "accuracy": within a sentence. With a number: printf's, "top-%d accuracy" */
    const char *help;  /* of the list that users see */
    gf_better better;
    gf_metric_format format;
    const gf_counts_class *counts;
    double (*value)(const double *counts, size_t classes); /* NaN where there is nothing to tell */
    /* Instead of counts and value: of all samples of an evaluated set, in their order, with their scores; `rank` is
     * scratch of as many. While an epoch trains it is not measured. NULL: it is made of counts. */
    double (*of_set)(const gf_outcomes *all, gf_ranked *rank);
    double (*of_found)(const struct gf_found_set *set); /* likewise, of what a task keeps of a set (task.h) */
    bool proportion; /* its counts are {so many of, samples}: how sure it is can be told */
    int least, most; /* the number behind its name must be from..to; 0, 0: it takes none */
    unsigned of;     /* GF_OF_..: samples of one class each, with any number of labels, or both; 0: the first */
} gf_metric_class;

/* ---- every metric (metrics.def) */

#define GF_METRIC(x) extern const gf_metric_class gf_metric_##x;
#include "tasks/metrics.def"
#undef GF_METRIC
/* NULL behind the last. */
const gf_metric_class *gf_metric_class_at(size_t i);

/* ---- a list of them */

typedef struct gf_metric {
    const gf_metric_class *cls;
    int k; /* the number behind its name; 0: none */
    char name[GF_METRIC_NAME], title[GF_METRIC_NAME];
} gf_metric;

typedef struct gf_metric_list {
    gf_metric item[GF_MAX_METRICS];
    size_t n;
} gf_metric_list;

/* Of samples as `of` has them (GF_OF_.., boxes are with those of one class): the words of `own` (that the task always
 * has; "": none), then of `asked` (may be NULL), "NAME,NAME,..", each once. E3002 for a word that is none, with all
 * there are. */
graft_status gf_metric_list_parse(gf_metric_list *list, unsigned of, const char *own, const char *asked,
                                  graft_error *err);
/* Its position; -1: not in the list. */
int gf_metric_list_find(const gf_metric_list *list, const char *name);
/* The one that a run is known by: the first that is better when it is higher; else the first. */
size_t gf_metric_list_headline(const gf_metric_list *list);
bool gf_metric_list_wants_scores(const gf_metric_list *list);
/* What may be asked for, "NAME - help" and a line feed each. */
void gf_metric_words(gf_text *text);
/* Its title as a heading: "Top-5 accuracy". Returns buf. */
const char *gf_metric_heading(const gf_metric *m, char buf[GF_METRIC_NAME]);

/* ---- parts of metrics that several files use */

/* {sum, samples} -> their quotient: what means and shares are. */
double gf_metric_mean(const double *counts, size_t classes);
size_t gf_counts_two(size_t classes);

#endif
