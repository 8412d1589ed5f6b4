/* hook_reduce_lr.c - multiplies the learning rate by a factor where a monitored value has not become better for
 * `patience` epochs: Keras's ReduceLROnPlateau. Each phase begins anew. Values are compared as floats, as Keras does;
 * one that is not finite is never better. */
#include "train/run.h"

#include <math.h>

extern const gf_hook_class gf_hook_reduce_lr;

enum { MONITOR, FACTOR, PATIENCE, MODE, MIN_DELTA, COOLDOWN, MIN_LR };
static const gf_argument arguments[] = {
    [MONITOR] = {"monitor", GF_ARG_WORD, "auto", 0, 0, NULL, GF_MONITOR_HELP},
    [FACTOR] = {"factor", GF_ARG_REAL, "0.1", 1e-12, 0.999999, NULL, "what the rate is multiplied by"},
    [PATIENCE] = {"patience", GF_ARG_WHOLE, "10", 0, 1e6, NULL, "epochs that may pass without a better value"},
    [MODE] = {"mode", GF_ARG_WORD, "auto", 0, 0, "auto|min|max", "which way is better; auto: as the metric says"},
    [MIN_DELTA] = {"min_delta", GF_ARG_REAL, "0.0001", -1e12, 1e12, NULL, "better is better by more than this"},
    [COOLDOWN] = {"cooldown", GF_ARG_WHOLE, "0", 0, 1e6, NULL, "epochs that are waited for after a reduction"},
    [MIN_LR] = {"min_lr", GF_ARG_REAL, "0", 0, 100, NULL, "the rate is not made lower than this"},
};

typedef struct plateau_state {
    int32_t wait, cooldown, reductions; /* of the phase */
    int32_t seen;                       /* 1: best is a value of the phase */
    double best;
} plateau_state;

static graft_status open_monitor(gf_hook *h, gf_run *r, graft_error *err)
{
    gf_monitor *m = h->own = gf_new(gf_monitor);
    if (!m) return gf_fail_memory(err, sizeof *m, "a hook");
    return gf_hook_monitor(m, r, h, h->arguments.word[MONITOR], h->arguments.word[MODE], err);
}

static void close_monitor(gf_hook *h) { gf_free(h->own); }

static graft_status begin_phase(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)r, (void)err;
    *(plateau_state *)h->state = (plateau_state){0};
    return GRAFT_OK;
}

static double reduced(const gf_hook *h, double lr)
{
    const plateau_state *s = h->state;
    const double *a = h->arguments.number;
    for (int32_t i = 0; i < s->reductions && lr > a[MIN_LR]; i++) lr = fmax(lr * a[FACTOR], a[MIN_LR]);
    return lr;
}

static graft_status look(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)err;
    plateau_state *s = h->state;
    const double *a = h->arguments.number, value = gf_monitor_value(h->own, row);
    if (s->cooldown) {
        s->cooldown--;
        s->wait = 0;
    }
    if (!s->seen || gf_hook_improves(h->own, value, s->best, a[MIN_DELTA])) {
        s->best = value;
        s->seen = 1;
        s->wait = 0;
    } else if (!s->cooldown && ++s->wait >= (int32_t)a[PATIENCE] && reduced(h, gf_run_phase(r)->lr) > a[MIN_LR]) {
        s->reductions++;
        s->cooldown = (int32_t)a[COOLDOWN];
        s->wait = 0;
        gf_log_say(r->host.log, GF_NOTE, "%s has not become better: the learning rate is now %g", h->column,
                   reduced(h, gf_run_phase(r)->lr));
    }
    return GRAFT_OK;
}

const gf_hook_class gf_hook_reduce_lr = {
    .name = "reduce-lr",
    .help = "lowers the learning rate where nothing becomes better (Keras's ReduceLROnPlateau)",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .state_bytes = sizeof(plateau_state),
    .version = 1,
    .open = open_monitor,
    .begin_phase = begin_phase,
    .lr = reduced,
    .epoch = look,
    .close = close_monitor,
};
