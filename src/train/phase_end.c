#include "train/run.h"

#include <string.h>

/* The hook of every run that keeps the best values. */
static gf_hook *best_of(gf_run *r)
{
    for (size_t i = 0; i < r->hooks.n; i++)
        if (!strcmp(r->hooks.item[i].class->name, "best")) return &r->hooks.item[i];
    return NULL;
}

static graft_status measure(gf_run *r, double value[GF_MAX_METRICS], graft_error *err)
{
    uint32_t first, n = gf_run_split(r, GF_TEST, &first);
    GF_TRY(gf_run_evaluate(r, first, n, &r->test, NULL, err));
    gf_metrics m = gf_evaluation_metrics(&r->test);
    memcpy(value, m.value, r->metrics.n * sizeof *value);
    return GRAFT_OK;
}

/* The values that are judged: a hook may have an average of them. */
static graft_status measure_last(gf_run *r, gf_phase_end *e, graft_error *err)
{
    GF_TRY(gf_hooks_show(r, true, err));
    GF_TRY(measure(r, e->last, err));
    return gf_hooks_show(r, false, err);
}

/* The model's values and the hook's, exchanged. */
static graft_status exchange(gf_run *r, gf_hook *best, graft_error *err)
{
    for (size_t i = 0; i < r->kept.n; i++) {
        const gf_param_range *k = &r->kept.range[i];
        float *value = r->model->value + k->first, *other = best->values + k->at;
        for (size_t j = 0; j < k->count; j++) {
            float kept = value[j];
            value[j] = other[j];
            other[j] = kept;
        }
    }
    return gf_engine_reload(r->engine, err);
}

/* Both are back in their places whatever happens: a checkpoint may be next. */
static graft_status measure_best(gf_run *r, gf_hook *best, gf_phase_end *e, graft_error *err)
{
    graft_status status = exchange(r, best, err);
    if (status == GRAFT_OK) status = measure(r, e->best, err);
    graft_status back = exchange(r, best, status == GRAFT_OK ? err : NULL);
    return status == GRAFT_OK ? back : status;
}

/* That of an earlier phase with the same best epoch: NULL where the best epoch is one of the present phase. */
static const gf_phase_end *earlier_best(const gf_run *r, int32_t epoch)
{
    for (int i = r->state.phase - 2; i >= 0; i--) {
        const gf_phase_end *e = &r->phase_end[i];
        if (e->last_epoch && e->best_epoch == epoch && e->best_done) return e;
    }
    return NULL;
}

static bool of_this_phase(const gf_run *r, int32_t epoch)
{
    return epoch > r->state.epoch - r->state.phase_epoch && epoch <= r->state.epoch;
}

graft_status gf_run_end_phase(gf_run *r, bool is_last, graft_error *err)
{
    gf_hook *best = best_of(r);
    gf_phase_end *kept = r->state.phase ? &r->phase_end[r->state.phase - 1] : NULL;
    if (!kept || !best || !r->state.phase_epoch || kept->last_epoch == r->state.epoch) return GRAFT_OK;
    gf_phase_end e = {.last_epoch = r->state.epoch,
                      .best_epoch = ((const gf_best *)best->state)->epoch,
                      .images = gf_run_split(r, GF_TEST, NULL)};
    bool same = e.best_epoch == e.last_epoch;
    if (e.images && !(same && is_last)) { /* which the run's finish measures */
        const gf_phase_end *earlier = earlier_best(r, e.best_epoch);
        bool now = of_this_phase(r, e.best_epoch) && !is_last;
        GF_TRY(measure_last(r, &e, err));
        if (!same && now) GF_TRY(measure_best(r, best, &e, err));
        if (same || earlier) memcpy(e.best, same ? e.last : earlier->best, sizeof e.best);
        e.best_done = same || earlier || now;
    }
    *kept = e;
    return GRAFT_OK;
}
