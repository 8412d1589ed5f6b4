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

/* The values that the optimizer moves, at the beginning of those that the run keeps. */
static size_t averaged(const gf_run *r)
{
    size_t n = r->model->n_trainable_values - r->trainable_offset;
    return n < r->trainable_count ? n : r->trainable_count;
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

/* What does not train in this phase is its own average, to the bit. */
static graft_status average(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    ema_state *s = h->state;
    const float *value = r->model->value + r->trainable_offset, m = (float)h->arguments.number[MOMENTUM];
    if (s->applied == r->state.applied) return GRAFT_OK; /* the step was left out */
    if (!s->applied) memcpy(h->values, value, averaged(r) * sizeof *value);
    const gf_param_groups *g = r->engine ? gf_engine_groups(r->engine) : NULL;
    for (size_t i = 0; s->applied && g && i < g->n_ranges; i++) {
        size_t at = g->range[i].first - r->trainable_offset;
        blend(h->values + at, value + at, g->range[i].count, m);
    }
    if (s->applied && !g) blend(h->values, value, averaged(r), m);
    s->applied = r->state.applied;
    return GRAFT_OK;
}

static graft_status swap(gf_hook *h, gf_run *r, graft_error *err)
{
    ema_state *s = h->state;
    float *value = r->model->value + r->trainable_offset;
    size_t n = averaged(r);
    for (size_t i = 0; i < n; i++) {
        float kept = value[i];
        value[i] = h->values[i];
        h->values[i] = kept;
    }
    s->swapped = !s->swapped;
    return r->engine ? gf_engine_reload(r->engine, err) : GRAFT_OK;
}

static graft_status put_average(gf_hook *h, gf_run *r, graft_error *err)
{
    const ema_state *s = h->state;
    return s->applied && !s->swapped ? swap(h, r, err) : GRAFT_OK; /* swapped: stopped while it was judged */
}

static graft_status put_values(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)row;
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
    .epoch = put_values,
};
