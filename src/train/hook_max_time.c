/* hook_max_time.c - train.max_time: training ends, after whatever step, so early that the evaluation of the epoch, that
 * of the end and the report fit into the time too. Unlike other hooks it looks at a clock; when it has, that the run is
 * over is part of the run's state, and a run that is taken up then ends to the same bits. What counts is the time of
 * the run's parts, not of the pause between them. */
#include "train/run.h"

#include "base/decide.h"
#include "base/number.h"
#include "base/sys.h"

#include <stdio.h>

extern const gf_hook_class gf_hook_max_time;

typedef struct limit {
    double seconds;    /* 0: none */
    int phase;         /* that the following are of: what trains decides how long they take */
    double evaluation; /* seconds, the longest of an epoch that was seen; 0: none yet */
    double steps;      /* seconds that n_steps steps took */
    int n_steps;
    double began;   /* the present evaluation */
    double stepped; /* when the last step had ended; 0: something else came between */
} limit;

static graft_status open_limit(gf_hook *h, gf_run *r, graft_error *err)
{
    const char *text = gf_settings_text(r->config->settings, GF_SET_TRAIN_MAX_TIME);
    limit *l = h->own = gf_new(limit);
    if (!l) return gf_fail_memory(err, sizeof *l, "a hook");
    if (!text || gf_number_seconds(text, &l->seconds)) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "as in 10m, 1h30m, 90s", "train.max_time: %s is no time", GF_ESC(text));
}

static void close_limit(gf_hook *h) { gf_free(h->own); }

/* What has to be done behind a step that is the last: so many evaluations as this epoch's, and a report. Before the
 * phase's first evaluation its batches are taken to last as long as steps, which compute more. */
static double seconds_behind(const gf_run *r, const limit *l)
{
    double validation = gf_run_split(r, GF_VALIDATION, NULL), test = gf_run_split(r, GF_TEST, NULL);
    double report = r->config->report ? 1 : 0;
    double evaluation = l->evaluation;
    if (evaluation == 0 && l->n_steps) evaluation = l->steps / l->n_steps * validation / (double)r->config->batch;
    return report + (validation > 0 ? evaluation * (2 + 2 * test / validation) : 0);
}

static graft_status look(const gf_hook *h, gf_run *r, bool epoch_ends, graft_error *err)
{
    const limit *l = h->own;
    double used = r->clock.seconds + gf_sys_seconds() - r->started;
    if (!l->seconds || r->state.phase_over == GF_RUN_OVER) return GRAFT_OK;
    bool over = used + seconds_behind(r, l) >= l->seconds;
    r->torn = true;
    GF_TRY(gf_run_agree(r, &over, sizeof over, err));
    r->torn = false;
    if (!over) return GRAFT_OK;
    r->state.phase_over = GF_RUN_OVER;
    char when[64];
    snprintf(when, sizeof when, "in epoch %d, after %d of %u batches", r->state.epoch + 1, r->state.batch,
             gf_order_batches(r->order));
    if (epoch_ends) snprintf(when, sizeof when, "after epoch %d", r->state.epoch);
    gf_decide(r->host.log, "training ends", when, "--max-time %s",
              gf_settings_text(r->config->settings, GF_SET_TRAIN_MAX_TIME));
    return GRAFT_OK;
}

static graft_status after_step(gf_hook *h, gf_run *r, graft_error *err)
{
    limit *l = h->own;
    double now = gf_sys_seconds();
    if (l->phase != r->state.phase) *l = (limit){.seconds = l->seconds, .phase = r->state.phase};
    if (l->stepped > 0) {
        l->steps += now - l->stepped;
        l->n_steps++;
    }
    l->stepped = now;
    return look(h, r, false, err);
}

static graft_status before_evaluation(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)r, (void)err;
    limit *l = h->own;
    l->began = gf_sys_seconds();
    l->stepped = 0;
    return GRAFT_OK;
}

static graft_status after_evaluation(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)row;
    limit *l = h->own;
    double seconds = gf_sys_seconds() - l->began;
    if (seconds > l->evaluation) l->evaluation = seconds;
    return look(h, r, true, err);
}

const gf_hook_class gf_hook_max_time = {
    .name = "max-time",
    .always = true,
    .open = open_limit,
    .step = after_step,
    .evaluation = before_evaluation,
    .epoch = after_evaluation,
    .close = close_limit,
};
