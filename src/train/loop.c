/* loop.c - the phases of a run, one after the other: each begins with an engine of its own and is trained by its
 * solver. */
#include "train/run.h"

#include "base/sys.h"
#include "data/memory.h"
#include "train/checkpoint.h"
#include "train/folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const gf_phase *gf_run_phase(const gf_run *r) { return r->state.phase ? &r->phases.item[r->state.phase - 1] : NULL; }

int gf_run_next_phase(const gf_run *r)
{
    const gf_phase *p = gf_run_phase(r);
    bool begun = r->state.batch > 0; /* an epoch that was cut short is ended */
    if (p && (begun || (!r->state.phase_over && r->state.phase_epoch < p->epochs))) return r->state.phase;
    if (r->state.phase_over == GF_RUN_OVER) return 0;
    for (size_t i = (size_t)r->state.phase; i < r->phases.n; i++) {
        if (r->phases.item[i].epochs) return (int)i + 1;
    }
    return 0;
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
    spec.frozen_dropout = !strcmp(gf_settings_text(c->settings, GF_SET_TRAIN_HEAD_DROPOUT), "fine-tuning");
    spec.accumulate = (int)gf_settings_whole(c->settings, GF_SET_TRAIN_ACCUMULATE);
    spec.clip = gf_clip_of(c->settings);
    spec.groups = p->groups ? p->groups : gf_settings_text(c->settings, GF_SET_TRAIN_GROUPS);
    spec.at_features = p->solver_parsed.class && p->solver_parsed.class->solves;
    spec.backbone_dropout = p->backbone_dropout && !strcmp(p->backbone_dropout, "on");
    const gf_head_spec head = gf_config_head(c);
    bool backbone_measures = gf_phase_uses_batch_stats(p);
    if (backbone_measures || head.norms) gf_engine_use_batch_stats(&spec); /* the head too needs such micro-batches */
    spec.batch_norm = backbone_measures;
    spec.head_norm = head.norms;
    spec.l2 = head.l2;
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

/* What the words of the phase's groups came to: a pattern may fit nothing that trains. */
static void tell_groups(const gf_run *r, const gf_phase *p)
{
    const gf_param_groups *g = gf_engine_groups(r->engine);
    double least = g->group[0].lr_scale, most = least;
    if (!strcmp(p->groups, gf_setting_rows[GF_SET_TRAIN_GROUPS].default_value)) return;
    for (size_t i = 1; i < g->n_groups; i++) {
        least = fmin(least, g->group[i].lr_scale);
        most = fmax(most, g->group[i].lr_scale);
    }
    gf_log_say(r->host.log, GF_NOTE, "%zu tensors of %zu values train in %zu groups, learning rates times %g to %g",
               g->n_tensors, g->values, g->n_groups, least, most);
}

graft_status gf_run_open_phase(gf_run *r, int phase, graft_error *err)
{
    const gf_phase *p = &r->phases.item[phase - 1];
    r->phase_start = r->state.epoch - (r->state.phase == phase ? r->state.phase_epoch : 0);
    gf_run_tell_stage(r, GF_RUN_PLANNING, 0, 0);
    gf_engine_destroy(r->engine);
    r->engine = NULL;
    r->model->boundary = p->boundary;
    gf_engine_spec spec = gf_run_engine_spec(r->config, p);
    spec.task = &r->task;
    spec.comm = r->host.comm;
    spec.scores = gf_metric_list_wants_scores(&r->metrics);
    GF_TRY(gf_engine_create(&r->engine, r->model, r->host.ops, r->host.pool, &spec, err));
    r->optimizer = p->optimizer_parsed;
    GF_TRY(gf_data_feed_change(&r->feed, &p->augment_parsed, (uint64_t)r->config->seed, err));
    GF_TRY(make_slots(r, err));
    tell_groups(r, p);
    r->state.phase = phase;
    r->state.applied = 0;
    r->state.phase_epoch = r->state.phase_over = 0;
    return gf_run_make_features(r, err);
}

/* ---- the run */

double gf_run_lr(const gf_run *r, int64_t applied)
{
    const gf_phase *p = gf_run_phase(r);
    int64_t each = gf_order_batches(r->order);
    const gf_schedule_at at = {.lr = p->lr, .step = applied, .steps = p->epochs * each, .epoch_steps = each};
    return gf_hooks_lr(r, gf_schedule_lr(&p->schedule_parsed, &at));
}

static graft_status validate(gf_run *r, graft_error *err)
{
    uint32_t first, n = gf_run_split(r, GF_VALIDATION, &first);
    return gf_run_evaluate(r, first, n, &r->validation, NULL, err);
}

graft_status gf_run_end_epoch(gf_run *r, double lr, double seconds, graft_error *err)
{
    GF_TRY(gf_hooks_evaluation(r, err));
    GF_TRY(validate(r, err));
    r->state.epoch++;
    r->state.phase_epoch++;
    gf_history_row row = {.epoch = r->state.epoch,
                          .phase = r->state.phase - 1,
                          .lr = lr,
                          .seconds = r->clock.epoch_seconds + seconds,
                          .images_per_second = seconds > 0 ? (double)r->pace.images / seconds : NAN};
    gf_running_values(&r->running, row.value[GF_ON_TRAINING]);
    gf_metrics validation = gf_evaluation_metrics(&r->validation);
    memcpy(row.value[GF_ON_VALIDATION], validation.value, sizeof validation.value);
    GF_TRY(gf_history_add(&r->history, &row, err));
    GF_TRY(gf_hooks_epoch(r, &row, err));
    GF_TRY(gf_hooks_after_epoch(r, err));
    r->state.batch = 0;
    gf_running_clear(&r->running);
    r->clock.epoch_seconds = 0;
    return gf_run_checkpoint(r, false, err);
}

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
    if (!gf_run_writes(r)) return asked;
    GF_TRY(written ? gf_checkpoint_writer_wait(r->writer, err) : gf_run_checkpoint(r, true, err));
    if (err) *err = (graft_error){.status = asked};
    if (err) snprintf(err->message, sizeof err->message, "stopped after %lld steps", (long long)r->state.total_steps);
    if (err) snprintf(err->hint, sizeof err->hint, "go on with: graft resume %s", GF_ESC(r->dir));
    return asked;
}

/* Where the phase has not begun, or only its values are there: a run of no epochs ends with the first one's engine. */
static graft_status be_in_phase(gf_run *r, int phase, graft_error *err)
{
    if (r->state.phase != phase) GF_TRY(gf_hooks_begin_phase(r, err));
    if (!r->engine || r->state.phase != phase) GF_TRY(gf_run_open_phase(r, phase, err));
    return measure_before(r, err);
}

static graft_status go(gf_run *r, graft_error *err)
{
    GF_TRY(gf_hooks_begin_run(r, err));
    for (int phase; (phase = gf_run_next_phase(r));) {
        if (phase != r->state.phase) GF_TRY(gf_run_end_phase(r, false, err));
        GF_TRY(be_in_phase(r, phase, err));
        const gf_solver *solver = &gf_run_phase(r)->solver_parsed;
        GF_TRY(solver->class->train(r, &solver->arguments, err));
    }
    GF_TRY(be_in_phase(r, r->state.phase ? r->state.phase : 1, err));
    GF_TRY(gf_run_end_phase(r, true, err));
    r->finishing = true;
    return gf_run_finish(r, err);
}

graft_status gf_run_train(gf_run *r, graft_error *err)
{
    graft_status status = go(r, err);
    if (gf_is_stop(status)) return keep_state(r, status, err);
    return status == GRAFT_OK ? status : gf_run_break(r, status, err);
}
