/* loop.c - the training loop: the epochs of each phase, step by step. */
#include "train/run.h"

#include "base/sys.h"
#include "data/memory.h"
#include "train/checkpoint.h"
#include "train/folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const gf_phase *gf_run_phase(const gf_run *r) { return r->state.phase ? &r->phases.item[r->state.phase - 1] : NULL; }

/* The phase (from 1) of the next epoch; 0: every epoch is done. */
static int next_phase(const gf_run *r)
{
    const gf_phase *p = gf_run_phase(r);
    if (p && !r->state.phase_over && r->state.phase_epoch < p->epochs) return r->state.phase;
    for (size_t i = (size_t)r->state.phase; i < r->phases.n; i++) {
        if (r->phases.item[i].epochs) return (int)i + 1;
    }
    return 0;
}

/* Keeps what crosses the split point where it does not change and memory allows. */
static graft_status make_feature_caches(gf_run *r, graft_error *err)
{
    gf_feature_cache_free(&r->feature_cache);
    gf_feature_cache_free(&r->train_feature_cache);
    const uint64_t share = 4; /* of the memory that is free: a quarter at most */
    uint64_t room = gf_memory_available() / share;
    uint32_t first, held = gf_run_split(r, GF_VALIDATION, &first) + gf_run_split(r, GF_TEST, NULL);
    if (held && gf_feature_cache_bytes(r->engine, held) <= room) {
        room -= gf_feature_cache_bytes(r->engine, held);
        GF_TRY(gf_feature_cache_create(&r->feature_cache, r->engine, first, held, err));
    }
    uint32_t n = gf_run_split(r, GF_TRAIN, &first);
    if (!next_phase(r) || gf_augment_any(&r->feed.augment) || gf_feature_cache_bytes(r->engine, n) > room)
        return GRAFT_OK;
    return gf_feature_cache_create(&r->train_feature_cache, r->engine, first, n, err);
}

/* Fills the training feature cache by running every training image once. */
static graft_status fill_train_feature_cache(gf_run *r, graft_error *err)
{
    enum { CHUNK = 256 }; /* images between two looks at progress and stop; whole micro-batches */
    uint32_t sample[CHUNK];
    bool lost[CHUNK];
    gf_feed feed = gf_run_feed(r);
    size_t total = r->train_feature_cache.n;
    float *out = total ? gf_new_n(CHUNK * gf_engine_outputs(r->engine), float) : NULL;
    graft_status status = out || !total ? GRAFT_OK : gf_fail_memory(err, CHUNK * sizeof *out, "training images");
    for (size_t at = 0; status == GRAFT_OK && at < total; at += CHUNK) {
        size_t n = total - at < CHUNK ? total - at : CHUNK;
        for (size_t i = 0; i < n; i++) sample[i] = r->train_feature_cache.first + (uint32_t)(at + i);
        gf_run_tell_stage(r, GF_RUN_EVALUATING, (int64_t)at, (int64_t)total);
        status = gf_engine_forward(r->engine, &feed, &r->train_feature_cache, sample, n, out, lost, err);
        if (status == GRAFT_OK) status = gf_run_stop_asked(r, err);
    }
    gf_free(out);
    return status;
}

gf_engine_spec gf_run_engine_spec(const gf_run_config *c, const gf_phase *p)
{
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.batch = (int)c->batch;
    spec.dtype = c->dtype && !strcmp(c->dtype, "bf16") ? GF_BF16 : GF_F32;
    if (gf_config_frozen_in_int8(c)) spec.int8_layers = p->int8_layers;
    spec.seed = (uint64_t)c->seed;
    spec.accumulate = (int)gf_settings_whole(c->settings, GF_SET_TRAIN_ACCUMULATE);
    spec.clip = gf_clip_of(c->settings);
    spec.groups = gf_settings_text(c->settings, GF_SET_TRAIN_GROUPS);
    if (gf_phase_uses_batch_stats(p)) gf_engine_use_batch_stats(&spec);
    return spec;
}

size_t gf_run_slot_bytes(const gf_run *r)
{
    if (!r->engine) return 0;
    return (size_t)gf_optimizer_slots(&r->optimizer) * gf_engine_trainable(r->engine) * sizeof *r->slots;
}

/* As many as the phase's optimizer needs, zeroed. */
static graft_status make_slots(gf_run *r, graft_error *err)
{
    size_t bytes = gf_run_slot_bytes(r);
    gf_free(r->slots);
    r->slots = bytes ? gf_alloc_tensor(bytes) : NULL;
    return r->slots || !bytes ? GRAFT_OK : gf_fail_memory(err, bytes, "the optimizer");
}

/* What the words of train.groups came to: a pattern may fit nothing that trains. */
static void tell_groups(const gf_run *r)
{
    const gf_param_groups *g = gf_engine_groups(r->engine);
    double least = g->group[0].lr_scale, most = least;
    if (!gf_settings_kept(r->config->settings, GF_SET_TRAIN_GROUPS)) return;
    for (size_t i = 1; i < g->n_groups; i++) {
        least = fmin(least, g->group[i].lr_scale);
        most = fmax(most, g->group[i].lr_scale);
    }
    gf_log_say(r->host.log, GF_NOTE, "%zu tensors of %zu values train in %zu groups, learning rates times %g to %g",
               g->n_tensors, g->values, g->n_groups, least, most);
}

graft_status gf_run_begin_phase(gf_run *r, int phase, graft_error *err)
{
    const gf_phase *p = &r->phases.item[phase - 1];
    gf_run_tell_stage(r, GF_RUN_PLANNING, 0, 0);
    gf_engine_destroy(r->engine);
    r->engine = NULL;
    r->model->boundary = p->boundary;
    gf_engine_spec spec = gf_run_engine_spec(r->config, p);
    spec.task = &r->task;
    spec.scores = gf_metric_list_wants_scores(&r->metrics);
    GF_TRY(gf_engine_create(&r->engine, r->model, r->host.ops, r->host.pool, &spec, err));
    r->optimizer = p->optimizer_parsed;
    GF_TRY(gf_data_feed_change(&r->feed, p->augment, (uint64_t)r->config->seed, err));
    GF_TRY(make_slots(r, err));
    tell_groups(r);
    r->state.phase = phase;
    r->state.applied = 0;
    r->state.phase_epoch = r->state.phase_over = 0;
    GF_TRY(make_feature_caches(r, err));
    return fill_train_feature_cache(r, err);
}

/* ---- a step */

/* Of the step after `applied` ones of the phase. */
static double rate_of(const gf_run *r, int64_t applied)
{
    const gf_phase *p = gf_run_phase(r);
    int64_t each = gf_order_batches(r->order);
    gf_schedule_at at = {.lr = p->lr, .step = applied, .steps = p->epochs * each, .epoch_steps = each};
    return gf_schedule_lr(&p->schedule_parsed, &at) * gf_nan_lr_factor(&r->nan);
}

static graft_status write_diverged(gf_run *r, const gf_batch *batch, const gf_step_result *step, gf_nan_action action,
                                   double lr, graft_error *err)
{
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
                     .lr = lr,
                     .loss = step->loss,
                     .gradient_norm = step->grad_norm,
                     .policy = r->config->on_nan,
                     .action = action,
                     .state = r->nan,
                     .sample = batch->sample,
                     .path = paths,
                     .n_samples = batch->n};
    GF_GOTO(gf_diverged_write(file, &d, err));
    if (action != GF_NAN_END) goto out;
    GF_GOTO(gf_run_checkpoint(r, true, err)); /* the weights are those before this step: finite */
    status = gf_nan_fail(&d, file, err);
out:
    gf_free(paths);
    gf_free(file);
    return status;
}

static graft_status one_step(gf_run *r, const gf_batch *batch, const gf_batch *next, graft_error *err)
{
    gf_feed feed = gf_run_feed(r);
    const gf_feature_cache *feature_cache = r->train_feature_cache.n ? &r->train_feature_cache : NULL;
    gf_step_result step;
    gf_nan_action action;
    double lr;
    do {
        GF_TRY(gf_engine_gradient(r->engine, &feed, feature_cache, batch, next, &step, err));
        action = gf_nan_decide(&r->nan_policy, &r->nan, r->state.total_steps, step.loss, step.grad_norm);
        lr = rate_of(r, r->state.applied);
    } while (action == GF_NAN_RETRY);
    if (action == GF_NAN_GO && step.n) {
        GF_TRY(gf_engine_apply(r->engine, &r->optimizer, lr, r->state.applied, r->slots, err));
        r->state.applied++;
        const gf_outcomes o = {step.n, r->facts->classes.n, step.sample_loss, step.label, step.predicted, step.score};
        gf_running_add(&r->running, &o);
    } else if (action != GF_NAN_GO) {
        gf_log_say(r->host.log, GF_WARNING,
                   "step %lld was not applied: its loss or gradient is not finite (diverged.json)",
                   (long long)r->state.total_steps);
        GF_TRY(write_diverged(r, batch, &step, action, lr, err));
    }
    r->state.total_steps++;
    r->state.batch++;
    return gf_cache_tell_lost(r->data->cache, err);
}

/* ---- an epoch */

typedef struct epoch_clock {
    double start;    /* of this call's share of the epoch */
    uint64_t images; /* done in it */
} epoch_clock;

static void tell_training(gf_run *r, const epoch_clock *clock, bool always)
{
    double seconds = gf_sys_seconds() - clock->start;
    gf_run_progress p = gf_run_progress_of(r, GF_RUN_TRAINING, (int64_t)gf_running_samples(&r->running), r->order->n);
    p.epoch++;
    gf_running_values(&r->running, p.value[GF_ON_TRAINING]);
    p.images_per_second = seconds > 0 ? (double)clock->images / seconds : 0;
    if (p.images_per_second > 0) p.seconds_left = (double)(p.total - p.done) / p.images_per_second;
    gf_run_report_progress(r, &p, always);
}

static gf_batch batch_at(const gf_run *r, uint32_t b)
{
    gf_batch batch = {.epoch = (uint32_t)r->state.epoch,
                      .number = (uint64_t)r->state.epoch * gf_order_batches(r->order) + b};
    batch.n = gf_order_batch(r->order, b, &batch.sample);
    return batch;
}

static graft_status train_batches(gf_run *r, epoch_clock *clock, graft_error *err)
{
    uint32_t batches = gf_order_batches(r->order);
    while ((uint32_t)r->state.batch < batches) {
        uint32_t b = (uint32_t)r->state.batch;
        gf_batch batch = batch_at(r, b), next = {0};
        if (b + 1 < batches) next = batch_at(r, b + 1);
        GF_TRY(one_step(r, &batch, b + 1 < batches ? &next : NULL, err));
        clock->images += batch.n;
        tell_training(r, clock, false);
        GF_TRY(gf_run_stop_asked(r, err));
        if (gf_checkpoint_writer_due(r->writer)) GF_TRY(gf_run_checkpoint(r, false, err));
    }
    return GRAFT_OK;
}

static graft_status validate(gf_run *r, graft_error *err)
{
    uint32_t first, n = gf_run_split(r, GF_VALIDATION, &first);
    return gf_run_evaluate(r, first, n, &r->validation, NULL, err);
}

static graft_status end_epoch(gf_run *r, double seconds, uint64_t images, graft_error *err)
{
    GF_TRY(validate(r, err));
    gf_metrics val = gf_evaluation_metrics(&r->validation);
    bool judged = val.images > 0;
    r->state.epoch++;
    r->state.phase_epoch++;
    gf_history_row row = {.epoch = r->state.epoch,
                          .phase = r->state.phase - 1,
                          .lr = rate_of(r, r->state.applied ? r->state.applied - 1 : 0), /* of its last step */
                          .seconds = r->clock.epoch_seconds + seconds,
                          .images_per_second = seconds > 0 ? (double)images / seconds : NAN};
    gf_running_values(&r->running, row.value[GF_ON_TRAINING]);
    memcpy(row.value[GF_ON_VALIDATION], val.value, sizeof val.value);
    GF_TRY(gf_history_add(&r->history, &row, err));
    gf_run_log(r);
    bool best = judged ? gf_best_offer(&r->best, &r->monitor[0], &r->monitor[1], &row) : true;
    if (best)
        memcpy(r->best_values, r->model->value + r->trainable_offset, r->trainable_count * sizeof *r->best_values);
    if (!judged) r->best.epoch = row.epoch;
    gf_run_progress p = gf_run_progress_of(r, GF_RUN_EPOCH_END, r->order->n, r->order->n);
    memcpy(p.value, row.value, sizeof p.value);
    p.images_per_second = row.images_per_second;
    p.seconds_left = 0;
    p.seconds = row.seconds;
    gf_run_report_progress(r, &p, true);
    r->state.batch = 0;
    gf_running_clear(&r->running);
    r->clock.epoch_seconds = 0;
    return gf_run_checkpoint(r, false, err);
}

static graft_status train_epoch(gf_run *r, graft_error *err)
{
    gf_order_shuffle(r->order, r->data->index, GF_TRAIN, (uint64_t)r->config->seed, (uint32_t)r->state.epoch);
    epoch_clock clock = {.start = gf_sys_seconds()};
    graft_status status = train_batches(r, &clock, err);
    gf_engine_drain_prefetch(r->engine);
    double seconds = gf_sys_seconds() - clock.start;
    bool none = !gf_running_samples(&r->running) && r->nan.in_a_row; /* losses have their own policy */
    if (status == GRAFT_OK && none) {
        status =
            gf_fail(err, GF_E_DIVERGED, "lower --lr; diverged.json tells the last step",
                    "epoch %d: no step could be applied, every gradient holds NaN or infinity", r->state.epoch + 1);
    }
    if (status == GRAFT_OK) status = end_epoch(r, seconds, clock.images, err);
    if (status != GRAFT_OK) r->clock.epoch_seconds += seconds;
    return status;
}

/* ---- the run */

static graft_status measure_before(gf_run *r, graft_error *err)
{
    if (r->state.before_done) return GRAFT_OK;
    GF_TRY(validate(r, err));
    gf_metrics m = gf_evaluation_metrics(&r->validation);
    r->before.images = m.images;
    memcpy(r->before.value, m.value, sizeof m.value);
    r->state.before_done = 1;
    return GRAFT_OK;
}

/* A stop, wherever it was asked for: the state is that of the last whole step, since a gradient that is not finished
 * changes nothing. It is written, but where the last checkpoint is as good: at the end, and between two phases, where
 * there is no engine. */
static graft_status keep_state(gf_run *r, graft_status asked, graft_error *err)
{
    bool written = r->finishing || !r->engine;
    if (!written) gf_engine_drain_prefetch(r->engine);
    GF_TRY(written ? gf_checkpoint_writer_wait(r->writer, err) : gf_run_checkpoint(r, true, err));
    if (err) *err = (graft_error){.status = asked};
    if (err) snprintf(err->message, sizeof err->message, "stopped after %lld steps", (long long)r->state.total_steps);
    if (err) snprintf(err->hint, sizeof err->hint, "go on with: graft resume %s", GF_ESC(r->dir));
    return asked;
}

/* Where the phase has not begun, or only its values are there: a run of no epochs ends with the first one's engine. */
static graft_status be_in_phase(gf_run *r, int phase, graft_error *err)
{
    if (!r->engine || r->state.phase != phase) GF_TRY(gf_run_begin_phase(r, phase, err));
    return measure_before(r, err);
}

static graft_status go(gf_run *r, graft_error *err)
{
    if (next_phase(r)) gf_run_log(r); /* without rows of a later state than the checkpoint's */
    for (int phase; (phase = next_phase(r));) {
        GF_TRY(be_in_phase(r, phase, err));
        GF_TRY(gf_run_stop_asked(r, err));
        GF_TRY(train_epoch(r, err));
    }
    GF_TRY(be_in_phase(r, r->state.phase ? r->state.phase : 1, err));
    GF_TRY(gf_run_stop_asked(r, err));
    r->finishing = true;
    return gf_run_finish(r, err);
}

graft_status gf_run_train(gf_run *r, graft_error *err)
{
    graft_status status = go(r, err);
    return gf_is_stop(status) ? keep_state(r, status, err) : status;
}
