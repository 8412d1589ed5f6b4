/* run.c - a run's life: setting up, beginning. Its checkpoints are in run_state.c. */
#include "train/run.h"

#include "base/decide.h"
#include "base/io.h"
#include "base/sys.h"
#include "data/manifest.h"
#include "data/split_rules.h"
#include "train/checkpoint.h"
#include "train/decisions.h"
#include "train/folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

double gf_run_peak_rss_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) ? 0 : (double)usage.ru_maxrss / 1024;
}

uint32_t gf_run_split(const gf_run *r, gf_split split, uint32_t *first)
{
    const gf_index *x = r->data->index;
    if (first) *first = x->first[split];
    return x->first[split + 1] - x->first[split];
}

gf_run_progress gf_run_progress_of(const gf_run *r, int stage, int64_t done, int64_t total)
{
    gf_run_progress p = {.stage = stage,
                         .done = done,
                         .total = total,
                         .epoch = r->state.epoch,
                         .phase = r->state.phase,
                         .metrics = &r->metrics,
                         .seconds_left = -1};
    for (size_t i = 0; i < GF_MAX_METRICS; i++) p.value[GF_ON_TRAINING][i] = p.value[GF_ON_VALIDATION][i] = NAN;
    return p;
}

void gf_run_report_progress(gf_run *r, gf_run_progress *p, bool always)
{
    const double interval = 0.05;
    double now = gf_sys_seconds();
    bool other = (int)p->stage != r->last_stage; /* a stage is told of, however short */
    if (!r->host.progress || (!always && !other && now - r->last_tick < interval)) return;
    r->last_tick = now;
    r->last_stage = (int)p->stage;
    p->epochs = (int)gf_phases_epochs(&r->phases);
    p->phase_name = r->state.phase ? gf_run_phase(r)->name : NULL;
    r->host.progress(r->host.ctx, p);
}

void gf_run_tell_stage(gf_run *r, int stage, int64_t done, int64_t total)
{
    gf_run_progress p = gf_run_progress_of(r, stage, done, total);
    gf_run_report_progress(r, &p, true);
}

gf_feed gf_run_feed(gf_run *r) { return gf_data_feed_of(&r->feed); }

/* ---- setting up */

/* Each phase's words at the least boundary of the phases with these words: a group that freezes what a phase above it
 * does not reach is none there. */
static size_t parts_of(const gf_phases *phases, const gf_model *m, gf_kept_part *part)
{
    size_t n = 0;
    for (size_t i = 0; i < phases->n; i++) {
        const gf_phase *p = &phases->item[i];
        int boundary = p->epochs ? p->boundary : (int)gf_model_backbone_layers(m);
        size_t k = 0;
        while (k < n && strcmp(part[k].words, p->groups) != 0) k++;
        if (k == n) part[n++] = (gf_kept_part){boundary, p->groups};
        if (boundary < part[k].boundary) part[k].boundary = boundary;
    }
    return n;
}

graft_status gf_run_kept(gf_run *r, const gf_phases *phases, gf_kept *kept, graft_error *err)
{
    gf_kept_part *part = gf_new_n(phases->n, gf_kept_part);
    if (!part) return gf_fail_memory(err, phases->n * sizeof *part, "parameter groups");
    size_t n = parts_of(phases, r->model, part);
    bool statistics = gf_phases_use_batch_stats(phases) || gf_config_head(r->config).norms;
    graft_status status = gf_kept_create(kept, r->model, part, n, statistics, err);
    gf_free(part);
    return status;
}

static graft_status make_phases(gf_run *r, graft_error *err)
{
    GF_TRY(gf_phases_of(&r->phases, r->config, r->model, err));
    r->history.phase = r->phases.name;
    r->history.n_phases = r->phases.n;
    r->phase_end = gf_new_n(r->phases.n, gf_phase_end);
    return r->phase_end ? GRAFT_OK : gf_fail_memory(err, r->phases.n * sizeof *r->phase_end, "the phases of a run");
}

static graft_status make_blocks(gf_run *r, graft_error *err)
{
    gf_model *m = r->model;
    GF_TRY(gf_run_kept(r, &r->phases, &r->kept, err));
    m->boundary = (int)gf_model_backbone_layers(m);
    size_t bytes = r->kept.count * sizeof(float);
    r->packed = r->kept.n > 1 ? gf_alloc_tensor(bytes) : NULL;
    const gf_index *x = r->data->index;
    r->lost = gf_new_n(x->n, uint8_t);
    uint32_t held = gf_run_split(r, GF_VALIDATION, NULL) + gf_run_split(r, GF_TEST, NULL);
    r->logits = gf_new_n(held * r->outputs, float);
    bool ok = r->lost && r->logits && (r->packed || r->kept.n <= 1);
    if (!ok) return gf_fail_memory(err, bytes, "training");
    return GRAFT_OK;
}

static graft_status identify(gf_run *r, graft_error *err)
{
    gf_free(r->identity);
    r->identity = gf_config_identity(r->config);
    return r->identity ? GRAFT_OK : gf_fail_memory(err, 4096, "a run");
}

static graft_status prepare_task(gf_run *r, graft_error *err)
{
    const gf_settings *s = r->config->settings;
    const gf_names *classes = &r->facts->classes;
    uint64_t *images = gf_new_n(classes->n, uint64_t);
    if (!images) return gf_fail_memory(err, classes->n * sizeof *images, "a run");
    for (size_t k = 0; k < classes->n; k++) images[k] = gf_index_count(r->data->index, GF_TRAIN, (uint32_t)k);
    const gf_task_options o = {.name = gf_settings_text(s, GF_SET_TRAIN_TASK),
                               .classes = (int)classes->n,
                               .end = r->model->end,
                               .loss = gf_settings_text(s, GF_SET_TRAIN_LOSS),
                               .class_weight = gf_settings_text(s, GF_SET_TRAIN_CLASS_WEIGHT),
                               .class_name = (const char *const *)classes->item,
                               .images = images,
                               .all = gf_run_split(r, GF_TRAIN, NULL),
                               .sets = r->data->index->sets};
    graft_status status = gf_task_open(&r->task, &o, err);
    gf_free(images);
    r->facts->task[0] = '\0'; /* what a model was for before */
    if (r->task.cls && r->task.cls != gf_task_find(NULL)) {
        snprintf(r->facts->task, sizeof r->facts->task, "%s", r->task.cls->name);
    }
    if (r->task.cls) gf_task_bind(&r->task, r->model);
    r->outputs = gf_count(&r->model->layer[r->model->output].shape);
    return status;
}

static graft_status prepare_metrics(gf_run *r, graft_error *err)
{
    const char *asked = gf_settings_text(r->config->settings, GF_SET_TRAIN_METRICS);
    const char *named = gf_settings_text(r->config->settings, GF_SET_TRAIN_MONITOR);
    size_t classes = r->facts->classes.n;
    GF_TRY(gf_metric_list_parse(&r->metrics, gf_task_measures(r->task.cls), r->task.cls->metrics, asked, err));
    char column[GF_METRIC_NAME + 4];
    for (int i = 0; i < 2; i++) { /* between epochs that are as good, the loss decides */
        size_t metric = i ? 0 : gf_metric_list_headline(&r->metrics);
        snprintf(column, sizeof column, "val_%s", r->metrics.item[metric].name);
        GF_TRY(gf_monitor_parse(&r->monitor[i], &r->metrics, !i && named ? named : column, err));
    }
    if (named && r->monitor[0].on == GF_ON_VALIDATION && !gf_run_split(r, GF_VALIDATION, NULL)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "give the data a validation part, or look at a column of training",
                       "train.monitor: there is no validation set for %s", GF_ESC(named));
    }
    r->history.metrics = &r->metrics;
    GF_TRY(gf_running_init(&r->running, &r->metrics, classes, err));
    GF_TRY(gf_evaluation_init(&r->validation, &r->metrics, classes, err));
    GF_TRY(gf_evaluation_init(&r->test, &r->metrics, classes, err));
    const gf_labelling *labels = gf_task_labelling(&r->task);
    if (labels) GF_TRY(gf_evaluation_of_labels(&r->validation, labels, err));
    return labels ? gf_evaluation_of_labels(&r->test, labels, err) : GRAFT_OK;
}

/* Images that a step takes. */
static uint32_t step_images(const gf_run_config *c)
{
    return (uint32_t)(c->batch * gf_settings_whole(c->settings, GF_SET_TRAIN_ACCUMULATE));
}

static graft_status make_writer(gf_run *r, graft_error *err)
{
    char *checkpoints;
    GF_TRY(gf_run_path(r, GF_FOLDER_CHECKPOINTS, &checkpoints, err));
    graft_status status = gf_make_dirs(checkpoints, err);
    if (status == GRAFT_OK) {
        status = gf_checkpoint_writer_create(&r->writer, checkpoints, r->config->checkpoint_seconds, r->host.log, err);
    }
    gf_free(checkpoints);
    return status;
}

graft_status gf_run_open(gf_run *r, const gf_run_host *host, const char *dir, gf_run_config *config, gf_model *model,
                         gf_model_facts *facts, gf_dataset *data, graft_error *err)
{
    *r = (gf_run){.host = *host, .config = config, .model = model, .facts = facts, .data = data};
    facts->fitted = (gf_fitted){0}; /* what its weights were before had another one */
    gf_label_thresholds_free(&facts->labels);
    r->started = gf_sys_seconds();
    graft_status status = GRAFT_OK;
    r->dir = gf_strdup(dir);
    if (!r->dir) {
        status = gf_fail_memory(err, strlen(dir), "a run");
        goto out;
    }
    GF_GOTO(identify(r, err));
    GF_GOTO(gf_data_feed_open(&r->feed, data, (size_t)gf_pool_threads(host->pool), err));
    GF_GOTO(
        gf_feature_words_parse(&r->feature_words, gf_settings_text(config->settings, GF_SET_TRAIN_FEATURE_CACHE), err));
    GF_GOTO(make_phases(r, err));
    GF_GOTO(gf_order_create(&r->order, data->index, GF_TRAIN, step_images(config), err));
    GF_GOTO(prepare_task(r, err));
    GF_GOTO(prepare_metrics(r, err));
    GF_GOTO(make_blocks(r, err));
    GF_GOTO(gf_hooks_open(&r->hooks, gf_settings_text(config->settings, GF_SET_TRAIN_HOOKS), r, err));
    if (gf_run_writes(r)) status = make_writer(r, err);
out:
    if (status != GRAFT_OK) gf_run_close(r);
    return status;
}

void gf_run_close(gf_run *r)
{
    gf_engine_destroy(r->engine);
    gf_checkpoint_writer_destroy(r->writer);
    gf_order_free(r->order);
    gf_feature_cache_free(&r->feature_cache);
    gf_feature_cache_free(&r->train_feature_cache);
    gf_history_free(&r->history);
    gf_task_close(&r->task);
    gf_running_free(&r->running);
    gf_hooks_close(&r->hooks);
    gf_phases_free(&r->phases);
    gf_free(r->phase_end);
    gf_evaluation_free(&r->validation);
    gf_evaluation_free(&r->test);
    gf_data_feed_close(&r->feed);
    gf_kept_free(&r->kept);
    gf_free(r->packed);
    gf_free(r->slots);
    gf_free(r->lost);
    gf_free(r->logits);
    gf_free(r->identity);
    gf_free(r->dir);
    *r = (gf_run){0};
}

/* ---- beginning */

graft_status gf_run_path(const gf_run *r, const char *name, char **path, graft_error *err)
{
    *path = gf_path_join(r->dir, name);
    return *path ? GRAFT_OK : gf_fail_memory(err, strlen(name), "a file name");
}

graft_status gf_run_write_classes(const char *dir, const gf_names *classes, graft_error *err)
{
    gf_text t = {0};
    for (size_t i = 0; i < classes->n; i++) gf_text_printf(&t, "%s\n", classes->item[i]);
    char *path = gf_path_join(dir, GF_FOLDER_CLASSES);
    graft_status status = path ? GRAFT_OK : gf_fail_memory(err, strlen(dir), "a file name");
    if (status == GRAFT_OK && t.failed) status = gf_fail_memory(err, t.n, "class names");
    if (status == GRAFT_OK) status = gf_file_write(path, &(gf_bytes){t.s, t.n}, 1, err);
    gf_free(path);
    gf_text_free(&t);
    return status;
}

static graft_status write_manifest(const gf_run *r, graft_error *err)
{
    char *path, *text = NULL;
    GF_TRY(gf_run_path(r, GF_FOLDER_DATA, &path, err));
    graft_status status = gf_manifest_text(r->data->index, &text, err);
    if (status == GRAFT_OK) status = gf_file_write_text(path, text, err);
    gf_free(text);
    gf_free(path);
    return status;
}

graft_status gf_run_write_split(const gf_run *r, graft_error *err)
{
    char *path, *text = NULL;
    if (!r->data->index->shared_out) return GRAFT_OK;
    GF_TRY(gf_run_path(r, GF_FOLDER_SPLIT, &path, err));
    graft_status status = gf_split_text(r->data->index, &text, err);
    if (status == GRAFT_OK) status = gf_file_write_text(path, text, err);
    gf_free(text);
    gf_free(path);
    return status;
}

graft_status gf_run_write_decisions(const gf_run *r, graft_error *err)
{
    char *path;
    GF_TRY(gf_run_path(r, GF_FOLDER_DECISIONS, &path, err));
    graft_status status = gf_decisions_write(path, r->host.log ? r->host.log->decisions : NULL, err);
    gf_free(path);
    return status;
}

static graft_status phases_text(const gf_run *r, char **text, graft_error *err)
{
    gf_json *j = gf_phases_json(&r->phases);
    *text = gf_json_text(j, 0);
    gf_json_free(j);
    return *text ? GRAFT_OK : gf_fail_memory(err, 1024, "the phases of a run");
}

graft_status gf_run_check_phases(const gf_run *r, graft_error *err)
{
    gf_json *list;
    const char *kept = r->config->phases;
    if (!kept) return GRAFT_OK;
    GF_TRY(gf_json_parse(&list, kept, strlen(kept), GF_FOLDER_CONFIG, err));
    bool same;
    graft_status status = gf_phases_agree(&r->phases, list, &same, err);
    gf_json_free(list);
    if (status != GRAFT_OK || same) return status;
    return gf_fail(err, GF_E_CONFIG, "undo the change of config.json, or train anew",
                   "%s/" GF_FOLDER_CONFIG ": its phases are not those that its options make", GF_ESC(r->dir));
}

graft_status gf_run_tie(gf_run *r, graft_error *err)
{
    gf_sha256 digest;
    char hex[65], *base, *phases;
    GF_TRY(phases_text(r, &phases, err));
    gf_free(r->config->phases);
    r->config->phases = phases;
    GF_TRY(gf_run_path(r, GF_FOLDER_BASE, &base, err));
    graft_status status = gf_file_sha256(base, &digest, err);
    gf_free(base);
    GF_TRY(status);
    gf_sha256_hex(&digest, hex);
    GF_TRY(gf_config_text(&r->config->base_digest, hex, err));
    return identify(r, err);
}

graft_status gf_run_check_base(const char *dir, const gf_run_config *config, graft_error *err)
{
    gf_sha256 digest;
    char hex[65];
    graft_error why = {0};
    char *path = gf_path_join(dir, GF_FOLDER_BASE);
    if (!path) return gf_fail_memory(err, strlen(dir), "a file name");
    graft_status status = GRAFT_OK;
    static const char hint[] = "put the file back; `graft train --force` begins anew";
    if (!gf_is_file(path)) {
        status = gf_fail(err, GF_E_CHECKPOINT_BASE, hint, "%s: is missing; the run goes on from it", GF_ESC(path));
    } else if (config->base_digest) {
        status = gf_file_sha256(path, &digest, &why);
        gf_sha256_hex(&digest, hex);
        if (status != GRAFT_OK && err) *err = why;
        if (status == GRAFT_OK && strcmp(hex, config->base_digest)) {
            status = gf_fail(err, GF_E_CHECKPOINT_BASE, hint,
                             "%s: is not the model that this run began with: its SHA-256 is %s, config.json says %s",
                             GF_ESC(path), hex, GF_ESC(config->base_digest));
        }
    }
    gf_free(path);
    return status;
}

graft_status gf_run_begin(gf_run *r, graft_error *err)
{
    char *base = NULL, *config = NULL;
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_run_path(r, GF_FOLDER_BASE, &base, err));
    GF_GOTO(gf_run_path(r, GF_FOLDER_CONFIG, &config, err));
    GF_GOTO(gf_model_file_write(base, r->model, r->facts, err));
    GF_GOTO(gf_run_tie(r, err));
    GF_GOTO(gf_run_write_classes(r->dir, &r->facts->classes, err));
    GF_GOTO(write_manifest(r, err));
    GF_GOTO(gf_run_write_split(r, err));
    GF_GOTO(gf_run_write_decisions(r, err));
    GF_GOTO(gf_config_write(config, r->config, err)); /* last: with it the folder is a run */
out:
    gf_free(base);
    gf_free(config);
    return status;
}
