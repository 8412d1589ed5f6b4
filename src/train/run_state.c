/* run_state.c - what a checkpoint keeps of a run, and taking it up. */
#include "train/run.h"

#include "base/io.h"
#include "base/sys.h"
#include "train/checkpoint.h"
#include "train/decisions.h"
#include "train/folder.h"
#include "train/state_parts.h"

#include <stddef.h>
#include <string.h>

/* The first layout of "running": loss and accuracy, which a list of metrics begins with. Since then: samples, and the
 * counts of each metric. */
static bool upgrade_running(void *data, uint32_t version, const void *bytes, size_t size)
{
    struct {
        double loss_sum;
        uint64_t images, right;
    } first;
    if (version != 1 || size != sizeof first) return false;
    memcpy(&first, bytes, size);
    const double images = (double)first.images,
                 counts[] = {images, first.loss_sum, images, (double)first.right, images};
    memcpy(data, counts, sizeof counts);
    return true;
}

/* Of "before": the same two. Since then: images, and the value of each metric. */
static bool upgrade_before(void *data, uint32_t version, const void *bytes, size_t size)
{
    struct {
        double loss, accuracy;
        uint64_t images;
    } first;
    if (version != 1 || size != sizeof first) return false;
    memcpy(&first, bytes, size);
    gf_run_before *before = data;
    before->images = first.images;
    before->value[0] = first.loss;
    before->value[1] = first.accuracy;
    return true;
}

/* Version 1 ended before phase_epoch, which then follows from the phases' epochs. */
static bool run_of_version_1(void *data, uint32_t version, const void *bytes, size_t size)
{
    gf_run_state *s = data;
    if (version != 1 || size != offsetof(gf_run_state, phase_epoch)) return false;
    memcpy(s, bytes, size);
    s->phase_epoch = -1;
    s->phase_over = 0;
    return true;
}

/* The plain state of the run's parts and of its hooks, a section each; how many. */
enum { OWN_PARTS = 5, MOST_PARTS = OWN_PARTS + GF_MOST_HOOKS };
static size_t parts_of(gf_run *r, gf_state_part part[MOST_PARTS])
{
    const size_t counts = r->running.n_counts * sizeof *r->running.counts,
                 before = offsetof(gf_run_before, value) + r->metrics.n * sizeof *r->before.value;
    bool first = r->metrics.n == 2; /* what had the first layouts: loss and accuracy alone */
    const gf_state_part own[OWN_PARTS] = {
        {"run", 2, &r->state, sizeof r->state, false, run_of_version_1},
        {"running", 2, r->running.counts, counts, false, first ? upgrade_running : NULL},
        {"before", 2, &r->before, before, false, first ? upgrade_before : NULL},
        {"clock", 1, &r->clock, sizeof r->clock},
        {"phase.ends", 1, r->phase_end, r->phases.n * sizeof *r->phase_end, true, NULL},
    };
    memcpy(part, own, sizeof own);
    for (size_t i = 0; i < r->hooks.n; i++) {
        const gf_hook *h = &r->hooks.item[i];
        const gf_hook_class *k = h->class;
        part[OWN_PARTS + i] = (gf_state_part){h->section, k->version, h->state, k->state_bytes, false, k->upgrade};
    }
    return OWN_PARTS + r->hooks.n;
}

/* ---- taking up */

static graft_status take_history(gf_run *r, const gf_checkpoint *c, graft_error *err)
{
    const gf_section *rows = gf_checkpoint_find(c, "history"), *columns = gf_checkpoint_find(c, "history.columns");
    if (!rows) {
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, NULL, "%s: has no section \"history\"", GF_ESC(c->path));
    }
    return gf_history_take(&r->history, columns ? columns->data : NULL, columns ? columns->size : 0, rows->data,
                           rows->size, c->path, err);
}

/* Those of the run, should decisions.json be lost. */
static graft_status take_decisions(gf_run *r, const gf_checkpoint *c, graft_error *err)
{
    const gf_section *s = gf_checkpoint_find(c, "decisions");
    gf_decisions *own = r->host.log ? r->host.log->decisions : NULL, kept = {0};
    if (!s || !own) return GRAFT_OK;
    graft_status status = gf_decisions_parse(&kept, s->data, s->size, c->path, err);
    if (status == GRAFT_OK && !own->n) status = gf_decisions_merge(own, &kept, err);
    gf_decisions_free(&kept);
    return status;
}

/* The run's phases as they were when the checkpoint was written: it may have been given more epochs since. */
static graft_status earlier_phases(const gf_run *r, const gf_config_length *length, gf_phases *was, graft_error *err)
{
    gf_run_config then = *r->config; /* texts are borrowed */
    then.epochs = length->epochs;
    then.fine_tune_epochs = length->fine_tune_epochs;
    then.fine_tune_at = length->fine_tune_at;
    return gf_phases_of(was, &then, r->model, err);
}

/* Whether phase i may be what it is now. */
static bool phase_may_be(const gf_phase *now, const gf_phase *was, const gf_run_state *s, int i)
{
    bool same_place = now->boundary == was->boundary;
    if (i < s->phase - 1) return same_place && now->epochs == was->epochs;
    if (i == s->phase - 1) {
        bool begun = s->phase_epoch || s->applied, stretched = begun && now->schedule_parsed.class->stretches;
        return same_place && (stretched ? now->epochs == was->epochs : now->epochs >= s->phase_epoch);
    }
    return !was->epochs || (same_place && now->epochs);
}

/* A run may be given more or fewer epochs as long as what is done is what the longer run would have done: those of a
 * phase that is over stay as they were, those of the present one are at least what is done. */
static graft_status check_length(gf_run *r, const gf_phases *was, const char *path, graft_error *err)
{
    gf_run_state *s = &r->state;
    bool ok = s->phase >= 0 && (size_t)s->phase <= was->n && was->n == r->phases.n;
    if (!ok)
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, NULL, "%s: of phase %d, which is none", GF_ESC(path), s->phase);
    if (s->phase_epoch < 0) {
        s->phase_epoch = s->epoch;
        for (int i = 0; i < s->phase - 1; i++) s->phase_epoch -= (int32_t)was->item[i].epochs;
    }
    for (int i = 0; (size_t)i < was->n; i++) {
        const gf_phase *p = &was->item[i];
        if (phase_may_be(&r->phases.item[i], p, s, i)) continue;
        return gf_fail(
            err, GF_E_CHECKPOINT_OTHER_RUN,
            "the present phase may be given more epochs where its schedule does not depend on them, and a later one "
            "may be added",
            "%s: written after %d epochs, with %lld epochs of %s from layer %d on, which config.json no longer "
            "allows",
            GF_ESC(path), s->epoch, (long long)p->epochs, p->name, p->boundary);
    }
    return GRAFT_OK;
}

/* Values, and hooks' copies of them. A run that was to end without fine-tuning, and now has some, kept only its head's:
 * the others are as they began. */
static graft_status take_values(gf_run *r, const gf_checkpoint *c, const gf_phases *was, graft_error *err)
{
    gf_kept then;
    GF_TRY(gf_run_kept(r, was, &then, err));
    size_t bytes = then.count * sizeof(float);
    const void *values;
    graft_status status = gf_checkpoint_get(c, "params", bytes, &values, err);
    if (status == GRAFT_OK) gf_kept_put(&then, r->model, values);
    for (size_t i = 0; i < r->hooks.n && status == GRAFT_OK; i++) {
        const gf_hook *h = &r->hooks.item[i];
        if (!h->values) continue;
        status = gf_checkpoint_get(c, h->values_section, bytes, &values, err);
        if (status == GRAFT_OK) gf_kept_move(&r->kept, h->values, &then, values);
    }
    gf_kept_free(&then);
    return status;
}

static graft_status restore(gf_run *r, const gf_checkpoint *c, graft_error *err)
{
    gf_phases was = {0};
    graft_status status = GRAFT_OK;
    gf_state_part part[MOST_PARTS];
    gf_config_length length;
    const gf_section *options = gf_checkpoint_find(c, "options");
    GF_GOTO(gf_config_check_identity(r->config, options ? options->data : "", options ? options->size : 0, c->path,
                                     &length, err));
    GF_GOTO(gf_run_check_phases(r, err));
    GF_GOTO(gf_parts_take(c, part, parts_of(r, part), err));
    GF_GOTO(earlier_phases(r, &length, &was, err));
    GF_GOTO(check_length(r, &was, c->path, err));
    GF_GOTO(take_values(r, c, &was, err));
    GF_GOTO(take_history(r, c, err));
    GF_GOTO(take_decisions(r, c, err));
    GF_GOTO(gf_checkpoint_copy(c, "lost", r->lost, r->data->index->n, err));
    for (uint32_t i = 0; i < r->data->index->n; i++) {
        if (r->lost[i]) gf_dataset_mark_lost(r->data, i);
    }
    if (r->state.phase) {
        gf_run_state kept = r->state; /* a phase begins with no step applied */
        GF_GOTO(gf_run_open_phase(r, kept.phase, err));
        r->state = kept;
        GF_GOTO(gf_checkpoint_copy(c, "slots", r->slots, gf_run_slot_bytes(r), err));
    }
out:
    gf_phases_free(&was);
    return status;
}

graft_status gf_run_restore(gf_run *r, graft_error *err)
{
    char *dir;
    gf_checkpoint c = {0};
    GF_TRY(gf_run_path(r, GF_FOLDER_CHECKPOINTS, &dir, err));
    bool there = gf_checkpoint_exists(dir); /* not: killed before the first one, it goes on from the beginning */
    graft_status status = there ? gf_checkpoint_read_latest(&c, dir, 0, r->host.log, err) : gf_run_check_phases(r, err);
    if (status == GRAFT_OK && there) status = restore(r, &c, err);
    gf_checkpoint_free(&c);
    gf_free(dir);
    return status;
}

graft_status gf_run_restore_bytes(gf_run *r, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_checkpoint c = {0};
    if (!n) return gf_run_check_phases(r, err);
    graft_status status = gf_checkpoint_parse(&c, bytes, n, "the first rank's checkpoint", err);
    if (status == GRAFT_OK) status = restore(r, &c, err);
    gf_checkpoint_free(&c);
    return status;
}

/* ---- writing */

/* What is not finite is never saved: the checkpoint before it stays the latest. An update can overflow where its
 * gradient was finite; the loss of the next step then tells. */
static bool finite(const gf_run *r)
{
    if (gf_kept_finite(&r->kept, r->model)) return true;
    gf_log_say(r->host.log, GF_WARNING, "no checkpoint of step %lld: its weights are not finite",
               (long long)r->state.total_steps);
    return false;
}

static graft_status write_sections(gf_run *r, const gf_section *section, size_t n, bool last, graft_error *err)
{
    if (last) return gf_checkpoint_writer_finish(r->writer, r->state.total_steps, section, n, err);
    gf_checkpoint_writer_start(r->writer, r->state.total_steps, section, n);
    return GRAFT_OK;
}

graft_status gf_run_checkpoint(gf_run *r, bool last, graft_error *err)
{
    GF_TRY(gf_hooks_checkpoint(r, err));
    if (!gf_run_writes(r) || !finite(r)) return GRAFT_OK;
    r->clock.seconds += gf_sys_seconds() - r->started;
    r->started = gf_sys_seconds();
    for (uint32_t i = 0; i < r->data->index->n; i++) r->lost[i] = gf_dataset_is_lost(r->data, i);
    size_t history_bytes;
    char *columns = gf_history_columns(&r->metrics);
    void *history = gf_history_rows(&r->history, &history_bytes);
    const float *values = r->packed ? r->packed : r->model->value + r->kept.range[0].first;
    if (r->packed) gf_kept_take(&r->kept, r->model, r->packed);
    const gf_section blocks[] = {
        {"options", r->identity, strlen(r->identity)},
        {"params", values, r->kept.count * sizeof(float)},
        {"slots", r->slots, gf_run_slot_bytes(r)},
        {"lost", r->lost, r->data->index->n},
        {"history.columns", columns, columns ? strlen(columns) : 0},
        {"history", history, history_bytes},
    };
    gf_section section[sizeof blocks / sizeof *blocks + MOST_PARTS + GF_MOST_HOOKS + 1];
    size_t n = sizeof blocks / sizeof *blocks;
    memcpy(section, blocks, sizeof blocks);
    char *decisions = gf_decisions_text(r->host.log ? r->host.log->decisions : NULL);
    if (decisions)
        section[n++] = (gf_section){"decisions", decisions, strlen(decisions)}; /* no state: better without */
    for (size_t i = 0; i < r->hooks.n; i++) {
        const gf_hook *h = &r->hooks.item[i];
        if (h->values) section[n++] = (gf_section){h->values_section, h->values, r->kept.count * sizeof(float)};
    }
    gf_state_part part[MOST_PARTS];
    gf_packed_parts packed;
    graft_error why = {0};
    graft_status status = gf_parts_pack(&packed, part, parts_of(r, part), section, &n, &why);
    if (status == GRAFT_OK && (!columns || !history)) status = gf_fail_memory(&why, history_bytes, "a checkpoint");
    if (status == GRAFT_OK) {
        status = write_sections(r, section, n, last, err);
    } else if (last) {
        if (err) *err = why;
    } else { /* as a write that fails: no end of training */
        gf_log_say(r->host.log, GF_WARNING, "no checkpoint of step %lld: %s", (long long)r->state.total_steps,
                   why.message);
        status = GRAFT_OK;
    }
    gf_packed_parts_free(&packed);
    gf_free(decisions);
    gf_free(history);
    gf_free(columns);
    return status;
}
