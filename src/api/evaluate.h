/* evaluate.h - an evaluation in parts, for those who want more of it than its result. */
#ifndef GF_API_EVALUATE_H
#define GF_API_EVALUATE_H

#include "api/judgement.h"
#include "train/config.h"

typedef struct gf_evaluating {
    gf_task task;
    gf_metric_list list;
    gf_evaluation result;
    gf_per_file rows;
    gf_judgement judgement;
    const gf_promise *promise;
    bool sure; /* intervals of all metrics are wanted */
    double bounds[GF_MAX_METRICS][2];
} gf_evaluating;

/* Labelled data as the model takes them, not opened yet; the path is borrowed. */
void gf_api_labelled(graft_data *d, const graft_model *m, const char *path);
/* Found and split as the run had them; the texts are the configuration's. */
void gf_api_data_of_run(graft_data *d, const gf_run_config *k);

/* Opened, and proven to be what the run began with: E1123. `run`, its folder, tells what differs; NULL: E8004, of a
 * rank that has other data than the first. `moved` (may be NULL) is where they are now. *out is freed in any case. */
graft_status gf_api_open_run_data(graft_context *c, const char *run, const gf_run_config *k, const char *moved,
                                  const gf_names *classes, graft_data **out, graft_error *err);

/* Instead of a part's name: the test set or, where there is none, the validation set. */
#define GF_HELD_OUT "held out"

/* What the settings ask for; nothing has been read yet. Closed in any case. */
graft_status gf_evaluating_open(gf_evaluating *ev, const graft_model *m, graft_error *err);
/* Opens the data (d->data is the caller's) and judges that part of them; NULL: all. */
graft_status gf_evaluating_run(gf_evaluating *ev, graft_model *m, graft_data *d, const char *split, graft_error *err);
/* The result of a model of several labels (judged_labels.c). */
graft_status gf_judged_labels_result(gf_evaluating *ev, const gf_metrics *m, graft_result **out, graft_error *err);
void gf_evaluating_close(gf_evaluating *ev); /* takes a zeroed one */

#endif
