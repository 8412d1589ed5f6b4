/* measure.h - what is measured of samples by a list of metrics: as they come, of a whole set, and the best epoch. */
#ifndef GF_TASKS_MEASURE_H
#define GF_TASKS_MEASURE_H

#include "base/alloc.h"
#include "tasks/metric.h"
#include "tasks/task.h"
#include "json/json.h"

/* Whether x is neither NaN nor an infinity, told from its bits: holds under any compiler flag. */
bool gf_is_finite(double x);

/* ---- counts so far, of an epoch or a set */

typedef struct gf_running {
    const gf_metric_list *list; /* borrowed */
    size_t classes;
    double *counts; /* the samples so far; then those of each metric, of metrics with the same ones once */
    size_t n_counts;
    size_t at[GF_MAX_METRICS]; /* where each metric's begin */
} gf_running;

graft_status gf_running_init(gf_running *r, const gf_metric_list *list, size_t classes, graft_error *err);
void gf_running_clear(gf_running *r); /* back to no samples */
void gf_running_free(gf_running *r);  /* takes NULL and a zeroed one */
/* Samples in their order. */
void gf_running_add(gf_running *r, const gf_outcomes *o);
uint64_t gf_running_samples(const gf_running *r);
/* The value of metric i of the list; NaN before the first sample. */
double gf_running_value(const gf_running *r, size_t i);
/* Of all of them. */
void gf_running_values(const gf_running *r, double value[GF_MAX_METRICS]);

/* ---- one evaluation of a set */

/* What came out of it. */
typedef struct gf_metrics {
    const gf_metric_list *list;   /* borrowed */
    uint64_t images;              /* 0: not measured */
    double value[GF_MAX_METRICS]; /* as the list has them */
    const uint64_t *confusion;    /* classes x classes, row = true class, column = predicted; NULL: not kept */
    const double (*bounds)[2];    /* 95 % intervals by the bootstrap; NULL: none were made */
} gf_metrics;

/* The 95 % interval of a share of n samples (Wilson, "Probable inference", 1927). NaN for n = 0. */
void gf_wilson(double share, double n, double bounds[2]);

/* {"images",METRIC..,"confusion":[[..]],"intervals":{METRIC:[low,high]}} (no confusion where it was not kept; intervals
 * of the metrics that are shares of the samples, and where `bounds` are there of all). */
gf_json *gf_metrics_json(const gf_metrics *m, size_t classes);
/* "loss 0.1234, accuracy 0.9812" */
void gf_metrics_text(gf_text *t, const gf_metrics *m);
/* A line for each metric with an interval. */
void gf_intervals_text(gf_text *t, const gf_metrics *m);
/* NaN where it was not measured. */
double gf_metrics_value(const gf_metrics *m, size_t i);

typedef struct gf_evaluation {
    gf_running running;
    size_t classes;
    uint64_t *confusion; /* as in gf_metrics */
    float *score;        /* one sample's; NULL: no metric wants them */
    struct {
        size_t n, most; /* kept, room for */
        int32_t *truth, *predicted;
        float *loss;
        float *score; /* classes of each; NULL: no metric wants them */
        gf_ranked *rank;
    } all;                      /* for metrics of whole sets, and for intervals */
    struct gf_found_set *found; /* of a task that keeps such a set (found.h); NULL: nothing was kept */
    void *scratch;              /* the task's */
    const gf_labelling *labels; /* of samples with any number of labels, borrowed from the task; NULL: they are not */
    double *label_counts;       /* gf_counts_labels of them; NULL likewise */
} gf_evaluation;

graft_status gf_evaluation_init(gf_evaluation *e, const gf_metric_list *list, size_t classes, graft_error *err);
void gf_evaluation_clear(gf_evaluation *e); /* back to no samples */
void gf_evaluation_free(gf_evaluation *e);  /* takes NULL and a zeroed one */
/* So many samples are to come, at most: what metrics of whole sets need is kept, or with `keep` in any case. Without it
 * they are NaN. */
graft_status gf_evaluation_expect(gf_evaluation *e, size_t n, bool keep, graft_error *err);
/* Samples in their order. A class outside 0 .. classes - 1 is not in the matrix. */
void gf_evaluation_add(gf_evaluation *e, const gf_outcomes *o);
/* One sample, for which the network gave out[width]. E5001. */
graft_status gf_evaluation_add_output(gf_evaluation *e, const gf_task *t, const float *out, size_t width,
                                      const void *target, graft_error *err);
/* Behind the last one: measures the set that a task keeps. E5001. */
graft_status gf_evaluation_finish(gf_evaluation *e, graft_error *err);
/* Samples with any number of labels are to come, measured so; borrowed. E5001. */
graft_status gf_evaluation_of_labels(gf_evaluation *e, const gf_labelling *labels, graft_error *err);
/* All samples that are kept, with their scores. */
gf_outcomes gf_evaluation_all(const gf_evaluation *e);
/* The confusion matrix is borrowed. */
gf_metrics gf_evaluation_metrics(const gf_evaluation *e);

#endif
