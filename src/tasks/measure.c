#include "tasks/measure.h"

#include "tasks/counts.h"
#include "tasks/found.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool gf_is_finite(double x)
{
    const uint64_t exponent = UINT64_C(0x7ff) << 52;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & exponent) != exponent;
}

/* ---- counts */

/* The first metric that shares metric i's counts: i itself, or one before it. */
static size_t owner(const gf_metric_list *list, size_t i)
{
    const gf_metric *m = list->item;
    for (size_t j = 0; j < i; j++) {
        if (m[j].cls->counts == m[i].cls->counts && m[j].k == m[i].k) return j; /* NULL: none of them has any */
    }
    return i;
}

graft_status gf_running_init(gf_running *r, const gf_metric_list *list, size_t classes, graft_error *err)
{
    *r = (gf_running){.list = list, .classes = classes, .n_counts = 1};
    bool fits = true;
    for (size_t i = 0; i < list->n; i++) {
        size_t first = owner(list, i);
        r->at[i] = first < i ? r->at[first] : r->n_counts;
        if (first == i && list->item[i].cls->counts) {
            fits = fits && gf_add_size(r->n_counts, list->item[i].cls->counts->size(classes), &r->n_counts);
        }
    }
    r->counts = fits ? gf_new_n(r->n_counts, double) : NULL;
    if (r->counts) return GRAFT_OK;
    size_t bytes = r->n_counts * sizeof(double);
    *r = (gf_running){0};
    return gf_fail_memory(err, bytes, "the metrics");
}

void gf_running_clear(gf_running *r) { memset(r->counts, 0, r->n_counts * sizeof *r->counts); }

void gf_running_free(gf_running *r)
{
    if (!r) return;
    gf_free(r->counts);
    *r = (gf_running){0};
}

void gf_running_add(gf_running *r, const gf_outcomes *o)
{
    for (size_t i = 0; i < r->list->n; i++) {
        const gf_metric *m = &r->list->item[i];
        if (m->cls->counts && owner(r->list, i) == i) m->cls->counts->add(r->counts + r->at[i], o, m->k);
    }
    r->counts[0] += (double)o->n;
}

uint64_t gf_running_samples(const gf_running *r) { return r->counts ? (uint64_t)r->counts[0] : 0; }

double gf_running_value(const gf_running *r, size_t i)
{
    if (!gf_running_samples(r) || !r->list->item[i].cls->counts) return NAN;
    return r->list->item[i].cls->value(r->counts + r->at[i], r->classes);
}

void gf_running_values(const gf_running *r, double value[GF_MAX_METRICS])
{
    for (size_t i = 0; i < GF_MAX_METRICS; i++) value[i] = i < r->list->n ? gf_running_value(r, i) : NAN;
}

/* ---- evaluations */

static void forget_all(gf_evaluation *e)
{
    gf_free(e->all.truth);
    gf_free(e->all.predicted);
    gf_free(e->all.loss);
    gf_free(e->all.score);
    gf_free(e->all.rank);
    memset(&e->all, 0, sizeof e->all);
}

graft_status gf_evaluation_init(gf_evaluation *e, const gf_metric_list *list, size_t classes, graft_error *err)
{
    size_t cells;
    *e = (gf_evaluation){.classes = classes};
    e->confusion = gf_mul_size(classes, classes, &cells) ? gf_new_n(cells, uint64_t) : NULL;
    if (!e->confusion) {
        *e = (gf_evaluation){0};
        return gf_fail(err, GF_E_NO_MEMORY, NULL, "no memory for a confusion matrix of %zu classes", classes);
    }
    graft_status status = gf_running_init(&e->running, list, classes, err);
    if (status == GRAFT_OK && gf_metric_list_wants_scores(list)) {
        e->score = gf_new_n(classes, float);
        if (!e->score) status = gf_fail_memory(err, classes * sizeof *e->score, "the metrics");
    }
    if (status != GRAFT_OK) gf_evaluation_free(e);
    return status;
}

graft_status gf_evaluation_expect(gf_evaluation *e, size_t n, bool keep, graft_error *err)
{
    bool wanted = keep;
    for (size_t i = 0; i < e->running.list->n; i++) wanted = wanted || e->running.list->item[i].cls->of_set;
    if (!wanted || n <= e->all.most) return GRAFT_OK;
    forget_all(e);
    size_t scores;
    bool fits = gf_mul_size(n, e->classes, &scores), scored = e->score != NULL;
    e->all.truth = gf_new_n(n, int32_t);
    e->all.predicted = gf_new_n(n, int32_t);
    e->all.loss = gf_new_n(n, float);
    e->all.score = fits && scored ? gf_new_n(scores, float) : NULL;
    e->all.rank = gf_new_n(n, gf_ranked);
    e->all.most = n;
    bool ok = e->all.truth && e->all.predicted && e->all.loss && e->all.rank;
    if (ok && (e->all.score || !scored)) return GRAFT_OK;
    forget_all(e);
    return gf_fail_memory(err, n * e->classes * sizeof(float), "the metrics of a whole set");
}

graft_status gf_evaluation_of_labels(gf_evaluation *e, const gf_labelling *labels, graft_error *err)
{
    size_t n = gf_counts_labels.size(e->classes);
    e->labels = labels;
    if (!e->label_counts) e->label_counts = gf_new_n(n, double);
    if (!e->score) e->score = gf_new_n(e->classes, float);
    return e->label_counts && e->score ? GRAFT_OK : gf_fail_memory(err, n * sizeof(double), "the metrics");
}

void gf_evaluation_clear(gf_evaluation *e)
{
    gf_running_clear(&e->running);
    if (e->label_counts) memset(e->label_counts, 0, gf_counts_labels.size(e->classes) * sizeof *e->label_counts);
    if (e->found) gf_found_set_clear(e->found);
    e->all.n = 0;
    memset(e->confusion, 0, e->classes * e->classes * sizeof *e->confusion);
}

void gf_evaluation_free(gf_evaluation *e)
{
    if (!e) return;
    gf_running_free(&e->running);
    gf_free(e->confusion);
    gf_free(e->score);
    gf_free(e->label_counts);
    gf_free(e->scratch);
    if (e->found) gf_found_set_free(e->found);
    gf_free(e->found);
    forget_all(e);
    *e = (gf_evaluation){0};
}

void gf_evaluation_add(gf_evaluation *e, const gf_outcomes *o)
{
    if (e->label_counts) gf_counts_labels.add(e->label_counts, o, 0);
    for (size_t i = 0; i < o->n && !o->labels; i++) {
        bool known = o->truth[i] >= 0 && (size_t)o->truth[i] < e->classes && o->predicted[i] >= 0 &&
                     (size_t)o->predicted[i] < e->classes;
        if (known) e->confusion[(size_t)o->truth[i] * e->classes + (size_t)o->predicted[i]]++;
    }
    gf_running_add(&e->running, o);
    if (o->n > e->all.most - e->all.n || (e->all.score && !o->score)) return;
    memcpy(e->all.truth + e->all.n, o->truth, o->n * sizeof *o->truth);
    memcpy(e->all.predicted + e->all.n, o->predicted, o->n * sizeof *o->predicted);
    memcpy(e->all.loss + e->all.n, o->loss, o->n * sizeof *o->loss);
    float *score = e->all.score ? e->all.score + e->all.n * e->classes : NULL;
    if (score) memcpy(score, o->score, o->n * e->classes * sizeof *score);
    e->all.n += o->n;
}

graft_status gf_evaluation_add_output(gf_evaluation *e, const gf_task *t, const float *out, size_t width,
                                      const void *target, graft_error *err)
{
    float loss;
    int32_t truth, predicted;
    if (!e->scratch) e->scratch = gf_alloc(gf_task_scratch(t), 1);
    if (!e->scratch) return gf_fail_memory(err, gf_task_scratch(t), "an evaluation");
    t->cls->step(t, &(gf_task_batch){.n = 1,
                                     .width = width,
                                     .out = out,
                                     .target = target,
                                     .scratch = e->scratch,
                                     .loss = &loss,
                                     .truth = &truth,
                                     .predicted = &predicted,
                                     .score = e->score});
    gf_evaluation_add(e, &(gf_outcomes){1, e->classes, &loss, &truth, &predicted, e->score, e->labels});
    if (!t->cls->keep) return GRAFT_OK;
    if (!e->found) e->found = gf_new(gf_found_set);
    return e->found ? t->cls->keep(t, e->found, out, target, err) : gf_fail_memory(err, 64, "an evaluation");
}

graft_status gf_evaluation_finish(gf_evaluation *e, graft_error *err)
{
    return e->found ? gf_found_set_measure(e->found, err) : GRAFT_OK;
}

gf_outcomes gf_evaluation_all(const gf_evaluation *e)
{
    return (gf_outcomes){.n = e->all.n,
                         .classes = e->classes,
                         .loss = e->all.loss,
                         .truth = e->all.truth,
                         .predicted = e->all.predicted,
                         .score = e->all.score,
                         .labels = e->labels};
}

gf_metrics gf_evaluation_metrics(const gf_evaluation *e)
{
    gf_metrics m = {.list = e->running.list, .images = gf_running_samples(&e->running), .confusion = e->confusion};
    gf_running_values(&e->running, m.value);
    const gf_outcomes all = gf_evaluation_all(e);
    if (e->labels) m.confusion = NULL;
    for (size_t i = 0; i < m.list->n; i++) {
        const gf_metric_class *c = m.list->item[i].cls;
        if (c->of_set && all.n && all.n == m.images) m.value[i] = c->of_set(&all, e->all.rank);
        if (c->of_found && e->found && e->found->measured) m.value[i] = c->of_found(e->found);
    }
    return m;
}

double gf_metrics_value(const gf_metrics *m, size_t i) { return m->images ? m->value[i] : NAN; }

static gf_json *confusion_json(const uint64_t *confusion, size_t n)
{
    gf_json *rows = gf_json_array();
    for (size_t i = 0; i < n; i++) {
        gf_json *row = gf_json_array();
        for (size_t j = 0; j < n; j++) gf_json_add(row, gf_json_int((int64_t)confusion[i * n + j]));
        gf_json_add(rows, row);
    }
    return rows;
}

void gf_wilson(double share, double n, double bounds[2])
{
    const double z = 1.959963984540054; /* the normal distribution's 97.5 % */
    double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
    double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    bounds[0] = n > 0 ? fmax(middle - half, 0) : NAN;
    bounds[1] = n > 0 ? fmin(middle + half, 1) : NAN;
}

/* False: it has none. */
static bool interval_of(const gf_metrics *m, size_t i, double bounds[2])
{
    if (m->list->item[i].cls->proportion) {
        gf_wilson(m->value[i], (double)m->images, bounds);
        return m->images > 0;
    }
    if (m->bounds) memcpy(bounds, m->bounds[i], 2 * sizeof *bounds);
    return m->bounds && gf_is_finite(bounds[0]);
}

static gf_json *intervals_json(const gf_metrics *m)
{
    gf_json *j = gf_json_object();
    for (size_t i = 0; i < m->list->n; i++) {
        double bounds[2];
        if (!interval_of(m, i, bounds)) continue;
        gf_json *pair = gf_json_array();
        gf_json_add(pair, gf_json_real(bounds[0]));
        gf_json_add(pair, gf_json_real(bounds[1]));
        gf_json_set(j, m->list->item[i].name, pair);
    }
    return j;
}

void gf_intervals_text(gf_text *t, const gf_metrics *m)
{
    for (size_t i = 0; i < m->list->n; i++) {
        double bounds[2];
        if (!interval_of(m, i, bounds)) continue;
        gf_text_printf(t, "%-20s %.4f, with 95 %% confidence from %.4f to %.4f\n", m->list->item[i].name, m->value[i],
                       bounds[0], bounds[1]);
    }
}

gf_json *gf_metrics_json(const gf_metrics *m, size_t classes)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "images", gf_json_int((int64_t)m->images));
    for (size_t i = 0; i < m->list->n; i++) gf_json_set(j, m->list->item[i].name, gf_json_real(m->value[i]));
    if (m->confusion) gf_json_set(j, "confusion", confusion_json(m->confusion, classes));
    if (m->images) gf_json_set(j, "intervals", intervals_json(m));
    return j;
}

void gf_metrics_text(gf_text *t, const gf_metrics *m)
{
    for (size_t i = 0; i < m->list->n; i++) {
        gf_text_printf(t, "%s%s %.4f", i ? ", " : "", m->list->item[i].name, m->value[i]);
    }
}
