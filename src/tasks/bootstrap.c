#include "tasks/bootstrap.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

/* A worker's resample. */
typedef struct resample {
    gf_running running;
    float *loss, *score; /* score NULL: no metric wants them */
    int32_t *truth, *predicted;
    gf_ranked *rank;
} resample;

typedef struct job {
    const gf_evaluation *e;
    resample *worker;
    double *value; /* metrics x GF_RESAMPLES */
} job;

static graft_status make_resample(resample *s, const gf_evaluation *e, graft_error *err)
{
    size_t n = e->all.n, scores = e->all.score ? n * e->classes : 0;
    GF_TRY(gf_running_init(&s->running, e->running.list, e->classes, err));
    s->loss = gf_new_n(n, float);
    s->truth = gf_new_n(n, int32_t);
    s->predicted = gf_new_n(n, int32_t);
    s->rank = gf_new_n(n, gf_ranked);
    s->score = gf_new_n(scores, float);
    bool ok = s->loss && s->truth && s->predicted && s->rank && s->score;
    return ok ? GRAFT_OK : gf_fail_memory(err, (n + scores) * sizeof(float), "the intervals");
}

static void free_resample(resample *s)
{
    gf_running_free(&s->running);
    gf_free(s->loss);
    gf_free(s->truth);
    gf_free(s->predicted);
    gf_free(s->rank);
    gf_free(s->score);
}

static graft_status resample_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)err;
    const job *j = ctx;
    const gf_evaluation *e = j->e;
    resample *s = &j->worker[worker];
    gf_rng rng = gf_rng_make(0, GF_PURPOSE_BOOTSTRAP, 0, (uint32_t)item);
    for (size_t i = 0; i < e->all.n; i++) {
        size_t from = gf_rng_below(&rng, (uint32_t)e->all.n);
        s->loss[i] = e->all.loss[from];
        s->truth[i] = e->all.truth[from];
        s->predicted[i] = e->all.predicted[from];
        for (size_t c = 0; e->all.score && c < e->classes; c++) {
            s->score[i * e->classes + c] = e->all.score[from * e->classes + c];
        }
    }
    const float *score = e->all.score ? s->score : NULL;
    const gf_outcomes o = {e->all.n, e->classes, s->loss, s->truth, s->predicted, score, e->labels};
    const gf_metric_list *list = e->running.list;
    gf_running_clear(&s->running);
    gf_running_add(&s->running, &o);
    for (size_t i = 0; i < list->n; i++) {
        const gf_metric_class *c = list->item[i].cls;
        j->value[i * GF_RESAMPLES + item] = c->of_set ? c->of_set(&o, s->rank) : gf_running_value(&s->running, i);
    }
    return GRAFT_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Between the two values around it, as numpy has it. */
static double percentile(const double *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

void gf_percentile_bounds(double value[GF_RESAMPLES], double bounds[2])
{
    const double tail = 0.025;
    bounds[0] = bounds[1] = NAN;
    for (size_t k = 0; k < GF_RESAMPLES; k++) {
        if (!gf_is_finite(value[k])) return;
    }
    qsort(value, GF_RESAMPLES, sizeof *value, ascending);
    bounds[0] = percentile(value, GF_RESAMPLES, tail);
    bounds[1] = percentile(value, GF_RESAMPLES, 1 - tail);
}

graft_status gf_bootstrap(const gf_evaluation *e, gf_pool *pool, double bounds[GF_MAX_METRICS][2], graft_error *err)
{
    size_t threads = (size_t)gf_pool_threads(pool), metrics = e->running.list->n;
    for (size_t i = 0; i < GF_MAX_METRICS; i++) bounds[i][0] = bounds[i][1] = NAN;
    if (!e->all.n || !e->all.loss) return GRAFT_OK;
    job j = {e, gf_new_n(threads, resample), gf_new_n(metrics * GF_RESAMPLES, double)};
    graft_status status =
        j.worker && j.value ? GRAFT_OK : gf_fail_memory(err, metrics * GF_RESAMPLES * sizeof(double), "the intervals");
    for (size_t k = 0; status == GRAFT_OK && k < threads; k++) status = make_resample(&j.worker[k], e, err);
    if (status == GRAFT_OK) status = gf_pool_run_watched(pool, GF_RESAMPLES, resample_item, &j, err);
    for (size_t i = 0; status == GRAFT_OK && i < metrics; i++)
        gf_percentile_bounds(j.value + i * GF_RESAMPLES, bounds[i]);
    for (size_t k = 0; j.worker && k < threads; k++) free_resample(&j.worker[k]);
    gf_free(j.worker);
    gf_free(j.value);
    return status;
}
