/* hook_nan.c - steps whose loss or gradient is not finite: tried again, left out, or the end of the run (diverged.h).
 */
#include "train/run.h"

#include "base/io.h"
#include "train/folder.h"

extern const gf_hook_class gf_hook_nan;

static graft_status open_policy(gf_hook *h, gf_run *r, graft_error *err)
{
    h->own = gf_new(gf_nan_policy);
    if (!h->own) return gf_fail_memory(err, sizeof(gf_nan_policy), "a hook");
    return gf_nan_policy_parse(h->own, r->config->on_nan, err);
}

static void close_policy(gf_hook *h) { gf_free(h->own); }

static graft_status write_diverged(gf_run *r, const gf_nan_state *state, const gf_hook_step *step, gf_nan_action action,
                                   graft_error *err)
{
    const gf_batch *batch = step->batch;
    const char **paths = gf_new_n(batch->n, const char *);
    char *file = gf_path_join(r->dir, GF_FOLDER_DIVERGED);
    graft_status status = GRAFT_OK;
    if (!paths || !file) {
        status = gf_fail_memory(err, batch->n * sizeof *paths, "diverged.json");
        goto out;
    }
    for (size_t i = 0; i < batch->n; i++) paths[i] = gf_index_path(r->data->index, batch->sample[i]);
    gf_diverged d = {.epoch = r->state.epoch + 1,
                     .phase = r->state.phase,
                     .step = r->state.total_steps,
                     .lr = gf_run_lr(r, r->state.applied),
                     .loss = step->result->loss,
                     .gradient_norm = step->result->grad_norm,
                     .policy = r->config->on_nan,
                     .action = action,
                     .state = *state,
                     .sample = batch->sample,
                     .path = paths,
                     .n_samples = batch->n};
    if (gf_run_writes(r)) GF_GOTO(gf_diverged_write(file, &d, err));
    if (action != GF_NAN_END) goto out;
    GF_GOTO(gf_run_checkpoint(r, true, err)); /* the weights are those before this step: finite */
    status = gf_nan_fail(&d, file, err);
out:
    gf_free(paths);
    gf_free(file);
    return status;
}

static graft_status judge(gf_hook *h, gf_run *r, gf_hook_step *step, graft_error *err)
{
    gf_nan_action action =
        gf_nan_decide(h->own, h->state, r->state.total_steps, step->result->loss, step->result->grad_norm);
    if (action == GF_NAN_GO) return GRAFT_OK;
    step->verdict = action == GF_NAN_RETRY ? GF_STEP_AGAIN : GF_STEP_LEAVE;
    if (action == GF_NAN_RETRY) return GRAFT_OK;
    gf_log_say(r->host.log, GF_WARNING, "step %lld was not applied: its loss or gradient is not finite (diverged.json)",
               (long long)r->state.total_steps);
    return write_diverged(r, h->state, step, action, err);
}

static double lower_lr(const gf_hook *h, double lr) { return lr * gf_nan_lr_factor(h->state); }

/* Losses have their own policy. */
static graft_status refuse_no_step(gf_hook *h, gf_run *r, graft_error *err)
{
    const gf_nan_state *state = h->state;
    if (gf_running_samples(&r->running) || !state->in_a_row) return GRAFT_OK;
    return gf_fail(err, GF_E_DIVERGED, "lower --lr; diverged.json tells the last step",
                   "epoch %d: no step could be applied, every gradient holds NaN or infinity", r->state.epoch + 1);
}

const gf_hook_class gf_hook_nan = {
    .name = "nan",
    .always = true,
    .state_bytes = sizeof(gf_nan_state),
    .version = 1,
    .section = "nan",
    .open = open_policy,
    .gradient = judge,
    .lr = lower_lr,
    .evaluation = refuse_no_step,
    .close = close_policy,
};
