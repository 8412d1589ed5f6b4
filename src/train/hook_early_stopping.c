/* hook_early_stopping.c - ends a phase whose monitored value has not become better for `patience` epochs: Keras's
 * EarlyStopping. Each phase begins anew. Values are compared as floats, as Keras does.
 *
 * With restore_best_weights the next phase goes on from the best epoch's values of this one; the run's best weights are
 * told apart from them and in the model at its end, whoever ended it. A value that is not finite is never better, and
 * never stands in the way of a later one. */
#include "train/run.h"

#include <math.h>
#include <string.h>

extern const gf_hook_class gf_hook_early_stopping;

enum { MONITOR, MIN_DELTA, PATIENCE, MODE, BASELINE, RESTORE, START };
static const gf_argument arguments[] = {
    [MONITOR] = {"monitor", GF_ARG_WORD, "auto", 0, 0, NULL, GF_MONITOR_HELP},
    [MIN_DELTA] = {"min_delta", GF_ARG_REAL, "0", -1e12, 1e12, NULL, "better is better by more than this"},
    [PATIENCE] = {"patience", GF_ARG_WHOLE, "0", 0, 1e6, NULL, "epochs that may pass without a better one"},
    [MODE] = {"mode", GF_ARG_WORD, "auto", 0, 0, "auto|min|max", "which way is better; auto: as the metric says"},
    [BASELINE] = {"baseline", GF_ARG_REAL, NULL, -1e12, 1e12, NULL, "what has to be reached as well"},
    [RESTORE] = {"restore_best_weights", GF_ARG_FLAG, "0", 0, 0, NULL, "the next phase goes on from the best epoch"},
    [START] = {"start_from_epoch", GF_ARG_WHOLE, "0", 0, 1e6, NULL, "epochs of the phase that are not looked at"},
};

typedef struct stopping_state {
    int32_t wait;
    int32_t best_epoch; /* of the phase, from 1; 0: none yet */
    int32_t kept;       /* 1: values are of an epoch of this phase */
    int32_t reserved;
    double best;
} stopping_state;

static graft_status open_monitor(gf_hook *h, gf_run *r, graft_error *err)
{
    gf_monitor *m = h->own = gf_new(gf_monitor);
    if (!m) return gf_fail_memory(err, sizeof *m, "a hook");
    return gf_hook_monitor(m, r, h, h->arguments.word[MONITOR], h->arguments.word[MODE], err);
}

static void close_monitor(gf_hook *h) { gf_free(h->own); }

static bool keeps_values(const gf_hook *h) { return h->arguments.number[RESTORE] > 0; }

static graft_status begin_phase(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    stopping_state *s = h->state;
    if (s->kept) gf_kept_put(&r->kept, r->model, h->values);
    *s = (stopping_state){0};
    return GRAFT_OK;
}

static bool improves(const gf_hook *h, double value, double reference)
{
    return gf_hook_improves(h->own, value, reference, h->arguments.number[MIN_DELTA]);
}

static void keep(gf_hook *h, const gf_run *r)
{
    stopping_state *s = h->state;
    s->best_epoch = r->state.phase_epoch;
    if (!h->values) return;
    s->kept = 1;
    gf_kept_take(&r->kept, r->model, h->values);
}

static graft_status look(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)err;
    stopping_state *s = h->state;
    const double *a = h->arguments.number, value = gf_monitor_value(h->own, row);
    if (r->state.phase_epoch <= (int32_t)a[START]) return GRAFT_OK;
    bool first = !s->best_epoch;
    if (first) keep(h, r);
    s->wait++;
    if (first || improves(h, value, s->best)) {
        s->best = value;
        keep(h, r);
        if (isnan(a[BASELINE]) || improves(h, value, a[BASELINE])) s->wait = 0;
    } else if (s->wait >= (int32_t)a[PATIENCE] && r->state.phase_epoch > 1) {
        r->state.phase_over = GF_PHASE_OVER;
        gf_log_say(r->host.log, GF_NOTE, "early stopping: %s has not become better since epoch %d of %s (%g)",
                   h->column, s->best_epoch, gf_run_phase(r)->name, s->best);
    }
    return GRAFT_OK;
}

const gf_hook_class gf_hook_early_stopping = {
    .name = "early-stopping",
    .help = "ends a phase that does not become better (Keras's EarlyStopping)",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .state_bytes = sizeof(stopping_state),
    .version = 1,
    .keeps_values = keeps_values,
    .open = open_monitor,
    .begin_phase = begin_phase,
    .epoch = look,
    .close = close_monitor,
};
