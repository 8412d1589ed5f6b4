/* hook_ema.c - an average of the parameters over the steps of a phase: average = m average + (1 - m) value, the value
 * itself at the first step (Keras's use_ema, ema_momentum). What is judged, kept as the best and written as the model
 * is the average; training goes on with the values. Statistics of batch normalization stay as they are.
 *
 * h->values is the average; while the average is in the model, it is the values. */
#include "train/run.h"

#include <string.h>

extern const gf_hook_class gf_hook_ema;

enum { MOMENTUM };
static const gf_argument arguments[] = {
    [MOMENTUM] = {"momentum", GF_ARG_REAL, "0.99", 0, 1, NULL, "how much of the average a step leaves"},
};

typedef struct ema_state {
    int64_t applied; /* steps of the phase that are in the average */
    int32_t swapped; /* 1: the average is in the model */
    int32_t reserved;
} ema_state;

static bool keeps_values(const gf_hook *h)
{
    (void)h;
    return true;
}

/* How many values of a range that the run keeps the optimizer may move: statistics lie behind them. */
static size_t averaged(const gf_run *r, const gf_param_range *range)
{
    size_t end = r->model->n_trainable_values, left = range->first < end ? end - range->first : 0;
    return left < range->count ? left : range->count;
}

static graft_status begin_phase(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)r, (void)err;
    *(ema_state *)h->state = (ema_state){0};
    return GRAFT_OK;
}

static void blend(float *average, const float *value, size_t n, float m)
{
    for (size_t i = 0; i < n; i++) average[i] = m * average[i] + (1 - m) * value[i];
}

static void blend_all(gf_hook *h, const gf_run *r, float m)
{
    for (size_t i = 0; i < r->kept.n; i++) {
        const gf_param_range *k = &r->kept.range[i];
        blend(h->values + k->at, r->model->value + k->first, averaged(r, k), m);
    }
}

/* What does not train in this phase is its own average, to the bit. */
static graft_status average(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    ema_state *s = h->state;
    const float m = (float)h->arguments.number[MOMENTUM];
    if (s->applied == r->state.applied) return GRAFT_OK; /* the step was left out */
    const gf_param_groups *g = r->engine ? gf_engine_groups(r->engine) : NULL;
    for (size_t i = 0; i < r->kept.n && !s->applied; i++) {
        const gf_param_range *k = &r->kept.range[i];
        memcpy(h->values + k->at, r->model->value + k->first, averaged(r, k) * sizeof *h->values);
    }
    for (size_t i = 0; s->applied && g && i < g->n_ranges; i++) {
        size_t first = g->range[i].first;
        blend(h->values + gf_kept_at(&r->kept, first), r->model->value + first, g->range[i].count, m);
    }
    if (s->applied && !g) blend_all(h, r, m);
    s->applied = r->state.applied;
    return GRAFT_OK;
}

static graft_status swap(gf_hook *h, gf_run *r, graft_error *err)
{
    ema_state *s = h->state;
    for (size_t i = 0; i < r->kept.n; i++) {
        const gf_param_range *k = &r->kept.range[i];
        float *value = r->model->value + k->first, *other = h->values + k->at;
        for (size_t j = 0; j < averaged(r, k); j++) {
            float kept = value[j];
            value[j] = other[j];
            other[j] = kept;
        }
    }
    s->swapped = !s->swapped;
    return r->engine ? gf_engine_reload(r->engine, err) : GRAFT_OK;
}

static graft_status put_average(gf_hook *h, gf_run *r, graft_error *err)
{
    const ema_state *s = h->state;
    return s->applied && !s->swapped ? swap(h, r, err) : GRAFT_OK; /* swapped: stopped while it was judged */
}

static graft_status put_values(gf_hook *h, gf_run *r, graft_error *err)
{
    const ema_state *s = h->state;
    return s->swapped ? swap(h, r, err) : GRAFT_OK;
}

const gf_hook_class gf_hook_ema = {
    .name = "ema",
    .help = "judges and keeps an average of the parameters over the steps (Keras's use_ema)",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .state_bytes = sizeof(ema_state),
    .version = 1,
    .keeps_values = keeps_values,
    .begin_phase = begin_phase,
    .step = average,
    .evaluation = put_average,
    .after_epoch = put_values,
};
