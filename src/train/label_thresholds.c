/* label_thresholds.c - the last fit of a model of several labels: from which probability on a sample is said to have a
 * label, for each class by F1 on the validation set. */
#include "train/run.h"

#include "base/decide.h"
#include "base/number.h"
#include "tasks/counts.h"
#include "tasks/ranking.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const float even = 0.5f;

/* Between two probabilities that lie apart, so that rounding does not matter: the upper one holds, the lower does not.
 */
static float between(float upper, float lower)
{
    float middle = (upper + lower) / 2;
    return middle > lower ? middle : upper;
}

/* The threshold of best F1, of equal ones the highest; 0.5 where no sample is of the class. */
static float best_threshold(gf_ranked *rank, size_t n, double *f1)
{
    gf_class_counts at = {0};
    float best = even;
    *f1 = 0;
    for (size_t i = 0; i < n; i++) {
        rank[i].p = (double)gf_sigmoid((float)rank[i].p); /* keeps the order */
        at.support += rank[i].positive;
    }
    for (size_t i = 0; i < n && at.support > 0;) {
        size_t end = i;
        for (; end < n && rank[end].p >= rank[i].p; end++) at.right += rank[end].positive;
        at.predicted = (double)end;
        if (gf_class_f1(at) > *f1) {
            *f1 = gf_class_f1(at);
            best = between((float)rank[i].p, end < n ? (float)rank[end].p : 0);
        }
        i = end;
    }
    return best;
}

static double macro_f1(const gf_evaluation *e)
{
    double sum = 0;
    for (size_t c = 0; c < e->classes; c++) sum += gf_class_f1(gf_label_counts_of(e->label_counts, c));
    return sum / (double)e->classes;
}

/* The evaluation once more, of the same outputs. */
static graft_status measure_again(gf_run *r, gf_evaluation *e, uint32_t first, uint32_t n, const float *logits,
                                  graft_error *err)
{
    gf_evaluation_clear(e);
    for (uint32_t i = 0; i < n; i++) {
        const gf_class_target target = gf_target_of(r->data->index->sample[first + i].class_id);
        if (gf_dataset_is_lost(r->data, first + i)) continue;
        GF_TRY(gf_evaluation_add_output(e, &r->task, logits + i * r->outputs, r->outputs, &target, err));
    }
    return gf_evaluation_finish(e, err);
}

static void tell(const gf_run *r, double before)
{
    const gf_label_thresholds *t = &r->facts->labels;
    float least = 1, most = 0;
    for (size_t c = 0; c < t->n; c++) {
        least = fminf(least, t->value[c]);
        most = fmaxf(most, t->value[c]);
    }
    char range[64];
    snprintf(range, sizeof range, "%s to %s", GF_GENERAL((double)least, 3), GF_GENERAL((double)most, 3));
    gf_decide(r->host.log, "thresholds", range,
              "of each class's probability, by its F1 on %d validation images, of equal ones the highest: macro F1 is "
              "%.3f there, at 0.5 it is %.3f; 0.5 for classes that no image there is of",
              t->images, t->macro_f1, before);
}

graft_status gf_run_choose_label_thresholds(gf_run *r, graft_error *err)
{
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t);
    const gf_outcomes all = gf_evaluation_all(&r->validation);
    size_t classes = r->facts->classes.n;
    gf_label_thresholds *out = &r->facts->labels;
    const gf_metrics test = gf_evaluation_metrics(&r->test);
    memcpy(r->test_at_half, test.value, sizeof r->test_at_half);
    gf_label_thresholds_free(out);
    r->task.labels.threshold = NULL;
    if (!r->task.cls->labels || !all.n || !all.score) return GRAFT_OK;
    gf_ranked *rank = gf_new_n(all.n, gf_ranked);
    out->value = gf_new_n(classes, float);
    if (!rank || !out->value) {
        gf_free(rank);
        return gf_fail_memory(err, all.n * sizeof *rank, "thresholds");
    }
    out->n = classes;
    out->images = (int)all.n;
    for (size_t c = 0; c < classes; c++) {
        double f1;
        gf_rank_by(rank, &all, c);
        out->value[c] = best_threshold(rank, all.n, &f1);
    }
    gf_free(rank);
    double before = macro_f1(&r->validation);
    r->task.labels.threshold = out->value;
    GF_TRY(measure_again(r, &r->validation, v, nv, r->logits, err));
    GF_TRY(measure_again(r, &r->test, t, nt, r->logits + nv * r->outputs, err));
    out->macro_f1 = macro_f1(&r->validation);
    tell(r, before);
    return GRAFT_OK;
}
