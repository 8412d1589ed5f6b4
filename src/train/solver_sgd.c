/* solver_sgd.c - the training loop: epochs of steps down the gradient of a batch.
 *
 *     each epoch   shuffle the training set
 *         each batch     gradient -> hooks: gradient -> the optimizer's update -> hooks: step
 *                        stop, if it was asked for; a checkpoint, if one is due
 *         hooks: evaluation -> the validation set -> a row of the history -> hooks: epoch -> checkpoint
 *
 * Rows, best weights, progress, learning rates that fall, early stopping: hooks (hook.h). */
#include "train/run.h"

#include "base/sys.h"
#include "train/checkpoint.h"

#include <math.h>
#include <string.h>

extern const gf_solver_class gf_solver_sgd;

static gf_batch batch_at(const gf_run *r, uint32_t b)
{
    gf_batch batch = {.epoch = (uint32_t)r->state.epoch,
                      .variants = gf_run_variants(r),
                      .start = (uint32_t)r->phase_start,
                      .number = (uint64_t)r->state.epoch * gf_order_batches(r->order) + b};
    batch.n = gf_order_batch(r->order, b, &batch.sample);
    return batch;
}

/* next: what comes after it, so that its frozen part can run meanwhile; NULL: nothing. */
static graft_status step(gf_run *r, const gf_batch *batch, const gf_batch *next, graft_error *err)
{
    gf_feed feed = gf_run_feed(r);
    const gf_feature_cache *cache = r->train_feature_cache.n ? &r->train_feature_cache : NULL;
    gf_step_result result;
    gf_hook_step s = {batch, &result, GF_STEP_AGAIN};
    while (s.verdict == GF_STEP_AGAIN) {
        s.verdict = GF_STEP_APPLY;
        GF_TRY(gf_engine_gradient(r->engine, &feed, cache, batch, next, &result, err));
        r->rank_samples += (int64_t)gf_engine_own_samples(r->engine);
        GF_TRY(gf_hooks_gradient(r, &s, err));
    }
    if (s.verdict == GF_STEP_APPLY && result.n) {
        GF_TRY(
            gf_engine_apply(r->engine, &r->optimizer, gf_run_lr(r, r->state.applied), r->state.applied, r->slots, err));
        r->state.applied++;
        const gf_outcomes o = {result.n,         r->facts->classes.n, result.sample_loss,         result.label,
                               result.predicted, result.score,        gf_task_labelling(&r->task)};
        gf_running_add(&r->running, &o);
    }
    r->state.total_steps++;
    r->state.batch++;
    r->pace.images += batch->n;
    GF_TRY(gf_dataset_tell_lost(r->data, err));
    return gf_hooks_step(r, err);
}

static graft_status steps(gf_run *r, graft_error *err)
{
    uint32_t batches = gf_order_batches(r->order);
    for (uint32_t b; (b = (uint32_t)r->state.batch) < batches && r->state.phase_over != GF_RUN_OVER;) {
        gf_batch batch = batch_at(r, b), next = {0};
        if (b + 1 < batches) next = batch_at(r, b + 1);
        GF_TRY(step(r, &batch, b + 1 < batches ? &next : NULL, err));
        GF_TRY(gf_run_stop_asked(r, err));
        if (gf_run_writes(r) && gf_checkpoint_writer_due(r->writer)) GF_TRY(gf_run_checkpoint(r, false, err));
    }
    return GRAFT_OK;
}

static graft_status epoch(gf_run *r, graft_error *err)
{
    gf_order_shuffle(r->order, r->data->index, GF_TRAIN, (uint64_t)r->config->seed, (uint32_t)r->state.epoch);
    r->pace = (gf_run_pace){.start = gf_sys_seconds()};
    graft_status status = steps(r, err);
    gf_engine_drain_prefetch(r->engine);
    double seconds = gf_sys_seconds() - r->pace.start;
    if (status == GRAFT_OK) {
        /* the rate of its last step */
        status = gf_run_end_epoch(r, gf_run_lr(r, r->state.applied ? r->state.applied - 1 : 0), seconds, err);
    }
    if (status != GRAFT_OK) r->clock.epoch_seconds += seconds;
    return status;
}

static graft_status train(gf_run *r, const gf_arguments *a, graft_error *err)
{
    (void)a;
    for (int phase = r->state.phase; gf_run_next_phase(r) == phase;) {
        GF_TRY(gf_run_stop_asked(r, err));
        GF_TRY(epoch(r, err));
    }
    return GRAFT_OK;
}

const gf_solver_class gf_solver_sgd = {.name = "sgd", .help = "epochs of steps by the optimizer", .train = train};
