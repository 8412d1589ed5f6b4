#include "train/run_labels.h"

#include "tasks/counts.h"
#include "tasks/ranking.h"

#include <math.h>

/* Precision at 101 recalls: the best at that recall or a higher one, as COCO draws it. `rank` as gf_rank_by has it. */
static void take_curve(double (*curve)[2], const gf_ranked *rank, size_t n)
{
    const double last = GF_COCO_RECALLS - 1;
    double positives = 0, right = 0;
    for (int k = 0; k < GF_COCO_RECALLS; k++) {
        curve[k][0] = k / last;
        curve[k][1] = 0;
    }
    for (size_t i = 0; i < n; i++) positives += rank[i].positive;
    for (size_t i = 0; i < n;) {
        size_t end = i;
        for (; end < n && rank[end].p >= rank[i].p; end++) right += rank[end].positive;
        int reached = (int)floor(right / positives * last + 1e-9);
        double *best = &curve[reached][1];
        *best = fmax(*best, right / (double)end);
        i = end;
    }
    for (int k = GF_COCO_RECALLS - 1; k > 0; k--) curve[k - 1][1] = fmax(curve[k - 1][1], curve[k][1]);
}

static void take_class(gf_run_labels *l, const gf_run *r, const gf_evaluation *e, gf_ranked *rank, size_t c)
{
    const gf_outcomes all = gf_evaluation_all(e);
    const gf_class_counts n = gf_label_counts_of(e->label_counts, c);
    double(*curve)[2] = l->curve + c * GF_COCO_RECALLS;
    gf_found_class *to = &l->item[c];
    gf_rank_by(rank, &all, c);
    double ap = gf_average_precision(rank, all.n);
    *to = (gf_found_class){.objects = (size_t)n.support, .told = (size_t)n.predicted, .right = (size_t)n.right};
    to->ap = to->ap50 = isnan(ap) ? -1 : ap;
    l->threshold[c] = gf_label_threshold(&r->task.labels, c);
    if (!to->objects) return;
    take_curve(curve, rank, all.n);
    to->curve = (const double(*)[2])curve;
    to->n_curve = GF_COCO_RECALLS;
}

graft_status gf_run_labels_gather(gf_run_labels *l, const gf_run *r, const gf_evaluation *e, const char *set,
                                  graft_error *err)
{
    size_t classes = r->facts->classes.n, n = e->all.n;
    *l = (gf_run_labels){0};
    if (!n || !e->all.score || !e->label_counts) return GRAFT_OK;
    l->item = gf_new_n(classes, gf_found_class);
    l->curve = gf_alloc(classes * GF_COCO_RECALLS, sizeof *l->curve);
    l->threshold = gf_new_n(classes, float);
    gf_ranked *rank = gf_new_n(n, gf_ranked);
    bool ok = l->item && l->curve && l->threshold && rank;
    for (size_t c = 0; ok && c < classes; c++) take_class(l, r, e, rank, c);
    gf_free(rank);
    l->record = (gf_labels_record){.set = set, .images = n, .item = l->item, .threshold = l->threshold};
    return ok ? GRAFT_OK : gf_fail_memory(err, classes * GF_COCO_RECALLS * sizeof *l->curve, "the report");
}

void gf_run_labels_free(gf_run_labels *l)
{
    gf_free(l->item);
    gf_free(l->curve);
    gf_free(l->threshold);
    *l = (gf_run_labels){0};
}

static char *finished(gf_text *t)
{
    if (!t->n) gf_text_add(t, "none");
    if (t->failed) gf_text_free(t);
    return t->s;
}

char *gf_run_labels_true(const gf_run *r, uint32_t sample)
{
    gf_text t = {0};
    const uint32_t *label;
    size_t n = gf_index_labels(r->data->index, sample, &label);
    for (size_t i = 0; i < n; i++) gf_text_printf(&t, "%s%s", i ? ", " : "", r->data->index->classes.item[label[i]]);
    return finished(&t);
}

char *gf_run_labels_told(const gf_run *r, const float *logits)
{
    gf_text t = {0};
    for (size_t c = 0; c < r->outputs; c++) {
        if (gf_label_holds(&r->task.labels, c, logits[c]))
            gf_text_printf(&t, "%s%s", t.n ? ", " : "", r->facts->classes.item[c]);
    }
    return finished(&t);
}
