/* judged_labels.c - what an evaluation tells of samples with any number of labels: each class by itself, and where the
 * model was most wrong. */
#include "api/evaluate.h"

#include "report/record.h"
#include "tasks/counts.h"
#include "tasks/ranking.h"

#include <math.h>

typedef struct scores {
    gf_class_counts n;
    double ap, threshold, precision, recall, f1; /* NaN where there is nothing to divide by */
} scores;

static double ratio(double a, double b) { return b > 0 ? a / b : NAN; }

static scores scores_of(const gf_evaluating *ev, gf_ranked *rank, size_t c)
{
    const gf_outcomes all = gf_evaluation_all(&ev->result);
    scores s = {.n = gf_label_counts_of(ev->result.label_counts, c), .ap = NAN};
    s.threshold = (double)gf_label_threshold(&ev->task.labels, c);
    s.precision = ratio(s.n.right, s.n.predicted);
    s.recall = ratio(s.n.right, s.n.support);
    s.f1 = ratio(2 * s.n.right, s.n.support + s.n.predicted);
    if (!all.n || !all.score) return s;
    gf_rank_by(rank, &all, c);
    s.ap = gf_average_precision(rank, all.n);
    return s;
}

static gf_json *scores_json(const scores *s, const char *name)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "class", gf_json_string(name));
    gf_json_set(j, "images", gf_json_int((int64_t)s->n.support));
    gf_json_set(j, "predicted", gf_json_int((int64_t)s->n.predicted));
    gf_json_set(j, "AP", gf_json_real(s->ap));
    gf_json_set(j, "threshold", gf_json_real(s->threshold));
    gf_json_set(j, "precision", gf_json_real(s->precision));
    gf_json_set(j, "recall", gf_json_real(s->recall));
    gf_json_set(j, "f1", gf_json_real(s->f1));
    return j;
}

static graft_status add_classes(const gf_evaluating *ev, const gf_names *classes, gf_json *document, gf_text *text,
                                graft_error *err)
{
    enum { SHOWN = 60 };
    gf_ranked *rank = gf_new_n(ev->result.all.n, gf_ranked);
    if (!rank) return gf_fail_memory(err, ev->result.all.n * sizeof *rank, "an evaluation");
    gf_json *list = gf_json_array();
    gf_text_printf(text, "%-20s %8s %8s %9s %9s %9s %9s\n", "class", "samples", "AP", "threshold", "precision",
                   "recall", "F1");
    for (size_t c = 0; c < classes->n; c++) {
        const scores s = scores_of(ev, rank, c);
        gf_json_add(list, scores_json(&s, classes->item[c]));
        if (c >= SHOWN) continue;
        gf_text_printf(text, "%-20.20s %8.0f %8.4f %9.3f %9.3f %9.3f %9.3f\n", GF_ESC(classes->item[c]), s.n.support,
                       s.ap, s.threshold, s.precision, s.recall, s.f1);
    }
    gf_json_set(document, "per_class", list);
    gf_free(rank);
    return GRAFT_OK;
}

static graft_status add_loss(const gf_evaluating *ev, const gf_judged *o, gf_json *list, gf_text *text,
                             graft_error *err)
{
    const gf_judgement *j = &ev->judgement;
    const gf_names *classes = &j->m->facts.classes;
    const char *path = gf_index_path(j->data->index, o->sample);
    const float *score = ev->result.all.score + (size_t)(o - j->item) * classes->n;
    gf_text truth = {0}, told = {0};
    gf_index_label_text(j->data->index, o->sample, &truth);
    gf_api_labels_told(&ev->task, classes, score, &told);
    gf_json *row = gf_json_object();
    gf_json_set(row, "path", gf_json_string(path));
    gf_json_set(row, "true", gf_json_string(truth.s ? truth.s : ""));
    gf_json_set(row, "predicted", gf_json_string(told.s ? told.s : ""));
    gf_json_set(row, "loss", gf_json_real((double)o->loss));
    if (gf_json_size(list) < GF_SHOWN_LOSSES) {
        gf_text_printf(text, "%s%s: %s is told as %s, loss %.4f\n",
                       gf_json_size(list) ? "             " : "worst:       ", GF_ESC(path),
                       truth.n ? GF_ESC(truth.s) : "none", told.n ? GF_ESC(told.s) : "none", (double)o->loss);
    }
    gf_json_add(list, row);
    bool failed = truth.failed || told.failed;
    gf_text_free(&truth);
    gf_text_free(&told);
    return failed ? gf_fail_memory(err, 256, "an evaluation") : GRAFT_OK;
}

static graft_status add_losses(const gf_evaluating *ev, gf_json *document, gf_text *text, graft_error *err)
{
    const gf_judgement *j = &ev->judgement;
    const gf_judged **order;
    GF_TRY(gf_judgement_worst(j, &order, err));
    gf_json *list = gf_json_array();
    graft_status status = GRAFT_OK;
    for (size_t i = 0; status == GRAFT_OK && i < j->n && i < GF_MOST_LOSSES; i++)
        status = add_loss(ev, order[i], list, text, err);
    gf_json_set(document, "top_losses", list);
    gf_free(order);
    return status;
}

graft_status gf_judged_labels_result(gf_evaluating *ev, const gf_metrics *m, graft_result **out, graft_error *err)
{
    const graft_model *model = ev->judgement.m;
    const gf_names *classes = &model->facts.classes;
    gf_text text = {0};
    gf_json *j = gf_metrics_json(m, classes->n);
    gf_text_printf(&text, "%llu %s, ", (unsigned long long)m->images, gf_api_samples(&model->model));
    gf_metrics_text(&text, m);
    gf_text_add(&text, "\n");
    if (m->bounds) gf_intervals_text(&text, m);
    graft_status status = add_classes(ev, classes, j, &text, err);
    if (status == GRAFT_OK) status = add_losses(ev, j, &text, err);
    gf_api_add_arithmetic(j, model);
    if (status == GRAFT_OK && text.failed) status = gf_fail_memory(err, text.n, "an evaluation");
    if (status == GRAFT_OK) return gf_result_create(out, j, text.s, err);
    gf_text_free(&text);
    gf_json_free(j);
    return status;
}
