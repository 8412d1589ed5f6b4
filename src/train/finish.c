/* finish.c - the end of a run: best weights, final measures, model.safetensors, and all that is shown to people. */
#include "train/run.h"

#include "base/decide.h"
#include "base/io.h"
#include "base/sys.h"
#include "base/threads.h"
#include "report/events.h"
#include "report/report.h"
#include "train/checkpoint.h"
#include "train/folder.h"
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_SAMPLES = 9,
    SHOWN_AUGMENTED = 9,
    SHOWN_PREDICTIONS = 12,
    SHOWN_MISTAKES = 12,
    MAX_FACTS = 96,
    MAX_DECISIONS = 32
};

/* Everything the record points to, in one place. */
typedef struct report_images {
    gf_run *r;
    gf_run_record record;
    gf_photo samples[SHOWN_SAMPLES], augmented[SHOWN_AUGMENTED], predictions[SHOWN_PREDICTIONS],
        mistakes[SHOWN_MISTAKES];
    gf_data_split split[GF_SPLITS];
    uint64_t *per_class;
    gf_fact options[MAX_FACTS], model[8], data[8], versions[4], decisions[MAX_DECISIONS];
    size_t n_options, n_model, n_data, n_versions, n_decisions;
    void *owned[2 * MAX_FACTS + MAX_DECISIONS];
    size_t n_owned;
} report_images;

static void *own(report_images *g, void *p)
{
    if (p && g->n_owned < sizeof g->owned / sizeof *g->owned) {
        g->owned[g->n_owned++] = p;
        return p;
    }
    gf_free(p);
    return NULL;
}

static graft_status fact(report_images *g, gf_fact *list, size_t *n, size_t max, const char *key, char *value,
                         graft_error *err)
{
    if (!own(g, value)) return gf_fail_memory(err, 64, "the report");
    if (*n < max) list[(*n)++] = (gf_fact){key, value};
    return GRAFT_OK;
}

/* ---- photos */

static graft_status take_pixels(report_images *g, uint32_t sample, gf_photo *photo, graft_error *err)
{
    gf_run *r = g->r;
    size_t bytes = gf_cache_image_bytes(r->data->cache);
    const uint8_t *pixels;
    GF_TRY(gf_cache_get(r->data->cache, sample, r->feed.pixels[0], &pixels, err));
    uint8_t *copy = own(g, gf_alloc_raw(bytes, 1));
    if (!copy) return gf_fail_memory(err, bytes, "a photo of the report");
    memcpy(copy, pixels, bytes);
    *photo = (gf_photo){.pixels = {(int)r->config->width, (int)r->config->height, copy},
                        .path = gf_index_path(r->data->index, sample),
                        .truth = (int)r->data->index->sample[sample].class_id,
                        .predicted = -1};
    return GRAFT_OK;
}

/* Photos of the training set in the first epoch's order: a mixture of classes, the same for equal runs. */
static graft_status sample_photos(report_images *g, graft_error *err)
{
    gf_run *r = g->r;
    gf_order_shuffle(r->order, r->data->index, GF_TRAIN, (uint64_t)r->config->seed, 0);
    for (uint32_t i = 0; i < r->order->n && g->record.samples.n < SHOWN_SAMPLES; i++) {
        graft_status status = take_pixels(g, r->order->sample[i], &g->samples[g->record.samples.n], err);
        if (status == GRAFT_OK) g->record.samples.n++;
        if (status == GRAFT_RESOURCE && err && err->number == GF_E_NO_MEMORY) return status;
    }
    g->record.samples.item = g->samples;
    return GRAFT_OK;
}

static graft_status augmented_photos(report_images *g, graft_error *err)
{
    gf_run *r = g->r;
    if (!g->record.samples.n || !gf_augment_any(&r->feed.augment)) return GRAFT_OK;
    int w = (int)r->config->width, h = (int)r->config->height;
    size_t n = (size_t)(w * h * 3);
    float *values = gf_new_n(n, float);
    if (!values) return gf_fail_memory(err, n * sizeof *values, "a photo of the report");
    graft_status status = GRAFT_OK;
    uint32_t sample = r->order->sample[0];
    for (int k = 0; k < SHOWN_AUGMENTED && status == GRAFT_OK; k++) {
        uint8_t *rgb = own(g, gf_alloc_raw(n, 1));
        if (!rgb) {
            status = gf_fail_memory(err, n, "a photo of the report");
            break;
        }
        gf_augment_drawn drawn;
        gf_augment_draw(&r->feed.augment, r->feed.seed, (uint32_t)k, sample, h, w, h, w, &drawn);
        gf_augment_apply(&drawn, g->samples[0].pixels.rgb, values, r->feed.for_change[0]);
        for (size_t i = 0; i < n; i++) rgb[i] = (uint8_t)(values[i] + 0.5f);
        g->augmented[k] = g->samples[0];
        g->augmented[k].pixels.rgb = rgb;
        g->record.augmentations.n++;
    }
    g->record.augmentations.item = g->augmented;
    gf_free(values);
    return status;
}

typedef struct judged {
    uint32_t sample;
    int32_t predicted;
    float probability;
    bool right;
} judged;

static int most_confident(const void *a, const void *b)
{
    const judged *x = a, *y = b;
    if (x->probability != y->probability) return x->probability < y->probability ? 1 : -1;
    return x->sample < y->sample ? -1 : x->sample > y->sample;
}

static graft_status judge(gf_run *r, uint32_t first, size_t n, const float *logits, judged *out, graft_error *err)
{
    size_t outputs = r->outputs;
    float *p = gf_new_n((size_t)r->model->classes, float);
    if (!p) return gf_fail_memory(err, (size_t)r->model->classes * sizeof *p, "the report");
    for (size_t i = 0; i < n; i++) {
        judged *j = &out[i];
        j->sample = first + (uint32_t)i;
        int32_t label = (int32_t)r->data->index->sample[j->sample].class_id;
        float loss;
        r->task.cls->step(&r->task, &(gf_task_batch){.n = 1,
                                                     .width = outputs,
                                                     .out = logits + i * outputs,
                                                     .target = &label,
                                                     .loss = &loss,
                                                     .predicted = &j->predicted});
        r->task.cls->decode(&r->task, logits + i * outputs, outputs, p);
        j->probability = p[j->predicted];
        j->right = j->predicted == label;
    }
    gf_free(p);
    return GRAFT_OK;
}

static graft_status show(report_images *g, const judged *j, gf_photo *list, gf_photos *photos, size_t max,
                         graft_error *err)
{
    if (photos->n >= max || gf_cache_is_lost(g->r->data->cache, j->sample)) return GRAFT_OK;
    gf_photo *photo = &list[photos->n];
    GF_TRY(take_pixels(g, j->sample, photo, err));
    photo->predicted = j->predicted;
    photo->probability = j->probability;
    photos->item = list;
    photos->n++;
    return GRAFT_OK;
}

/* Predictions of the set that the run is judged by: some spread over it, and the most confident mistakes. */
static graft_status judged_photos(report_images *g, graft_error *err)
{
    gf_run *r = g->r;
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t);
    uint32_t first = nt ? t : v;
    size_t n = nt ? nt : nv;
    if (!n) return GRAFT_OK;
    judged *all = gf_new_n(n, judged);
    if (!all) return gf_fail_memory(err, n * sizeof *all, "the report");
    graft_status status = GRAFT_OK;
    GF_GOTO(judge(r, first, n, r->logits + (nt ? nv : 0) * r->outputs, all, err));
    for (size_t i = 0; i < SHOWN_PREDICTIONS && i < n; i++) {
        size_t at = i * n / (n < SHOWN_PREDICTIONS ? n : SHOWN_PREDICTIONS);
        GF_GOTO(show(g, &all[at], g->predictions, &g->record.predictions, SHOWN_PREDICTIONS, err));
    }
    qsort(all, n, sizeof *all, most_confident);
    for (size_t i = 0; i < n; i++) {
        if (!all[i].right) GF_GOTO(show(g, &all[i], g->mistakes, &g->record.mistakes, SHOWN_MISTAKES, err));
    }
out:
    gf_free(all);
    return status;
}

/* ---- facts */

static graft_status option_fact(void *ctx, const char *section, const char *name, const char *value)
{
    report_images *g = ctx;
    static const char *const elsewhere[] = {"choices", "machine", "graft", "command_line", "digest"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        if (!strcmp(name, elsewhere[i])) return GRAFT_OK;
    }
    (void)section;
    return fact(g, g->options, &g->n_options, MAX_FACTS, name, gf_strdup(value), NULL);
}

static char *precision_text(const gf_run_config *c)
{
    return gf_config_frozen_in_int8(c) ? gf_sprintf("%s, frozen part %s", c->dtype, c->frozen) : gf_strdup(c->dtype);
}

static graft_status gather_decisions(report_images *g, graft_error *err)
{
    const gf_decisions *d = g->r->host.log ? g->r->host.log->decisions : NULL;
    for (size_t i = 0; d && i < d->n; i++) {
        GF_TRY(fact(g, g->decisions, &g->n_decisions, MAX_DECISIONS, d->item[i].what,
                    gf_sprintf("%s (%s)", d->item[i].value, d->item[i].why), err));
    }
    return GRAFT_OK;
}

static graft_status gather_facts(report_images *g, graft_error *err)
{
    gf_run *r = g->r;
    gf_run_config *c = r->config;
    if (c->fine_tune_epochs > 0 && c->fine_tune_at >= 0) r->model->boundary = (int)c->fine_tune_at;
    gf_counts n = gf_model_counts(r->model);
    size_t m = 8;
    GF_TRY(fact(g, g->model, &g->n_model, m, "Weights", gf_strdup(c->weights ? c->weights : "random"), err));
    GF_TRY(fact(g, g->model, &g->n_model, m, "Image size",
                gf_sprintf("%lld x %lld", (long long)c->width, (long long)c->height), err));
    GF_TRY(fact(g, g->model, &g->n_model, m, "Parameters", gf_sprintf("%zu", n.total), err));
    GF_TRY(fact(g, g->model, &g->n_model, m, "Trainable at the end",
                gf_sprintf("%zu in %zu variables", n.trainable, n.trainable_variables), err));
    GF_TRY(fact(g, g->model, &g->n_model, m, "Precision", precision_text(c), err));
    GF_TRY(fact(g, g->data, &g->n_data, m, "Folder", gf_strdup(c->data), err));
    GF_TRY(fact(g, g->data, &g->n_data, m, "Digest", gf_strdup(c->digest ? c->digest : ""), err));
    GF_TRY(fact(g, g->data, &g->n_data, m, "Bad images left out",
                gf_sprintf("%zu", r->data->report ? r->data->report->n_bad : 0), err));
    GF_TRY(fact(g, g->versions, &g->n_versions, 4, "graft", gf_strdup(c->graft), err));
    GF_TRY(fact(g, g->versions, &g->n_versions, 4, "Machine", gf_strdup(c->machine), err));
    return gf_config_each(c, option_fact, g);
}

static graft_status gather_splits(report_images *g, graft_error *err)
{
    gf_run *r = g->r;
    size_t classes = r->facts->classes.n;
    g->per_class = own(g, gf_alloc(GF_SPLITS * classes, sizeof *g->per_class));
    if (!g->per_class) return gf_fail_memory(err, GF_SPLITS * classes * 8, "the report");
    for (int s = 0; s < GF_SPLITS; s++) {
        uint64_t *counts = g->per_class + (size_t)s * classes;
        for (size_t k = 0; k < classes; k++) counts[k] = gf_index_count(r->data->index, (gf_split)s, (uint32_t)k);
        g->split[s] = (gf_data_split){gf_split_name((gf_split)s), gf_run_split(r, (gf_split)s, NULL), counts};
    }
    return GRAFT_OK;
}

static graft_status gather(report_images *g, graft_error *err)
{
    gf_run *r = g->r;
    GF_TRY(gather_facts(g, err));
    GF_TRY(gather_decisions(g, err));
    GF_TRY(gather_splits(g, err));
    GF_TRY(sample_photos(g, err));
    GF_TRY(augmented_photos(g, err));
    GF_TRY(judged_photos(g, err));
    const char *slash = strrchr(r->dir, '/');
    g->record.title = slash && slash[1] ? slash + 1 : r->dir;
    g->record.model = r->config->architecture;
    g->record.command = r->config->command_line;
    g->record.classes = (const char *const *)r->facts->classes.item;
    g->record.n_classes = r->facts->classes.n;
    g->record.splits = g->split;
    g->record.n_splits = GF_SPLITS;
    g->record.model_facts = (gf_facts){g->model, g->n_model};
    g->record.data_facts = (gf_facts){g->data, g->n_data};
    g->record.options = (gf_facts){g->options, g->n_options};
    g->record.decisions = (gf_facts){g->decisions, g->n_decisions};
    g->record.versions = (gf_facts){g->versions, g->n_versions};
    g->record.history = &r->history;
    g->record.metrics = &r->metrics;
    g->record.before = (gf_metrics){.list = &r->metrics, .images = r->before.images};
    memcpy(g->record.before.value, r->before.value, sizeof r->before.value);
    g->record.validation = gf_evaluation_metrics(&r->validation);
    g->record.test = gf_evaluation_metrics(&r->test);
    g->record.best_epoch = r->best.epoch;
    g->record.seconds = r->clock.seconds + gf_sys_seconds() - r->started;
    g->record.peak_rss_mb = gf_run_peak_rss_mb();
    return GRAFT_OK;
}

typedef struct drawing {
    const char *dir;
    const gf_run_record *record;
} drawing;

/* On a worker, whose stack is deep enough for drawing libraries; who waits for it looks up meanwhile. */
static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    const drawing *d = ctx;
    (void)item, (void)worker;
    return gf_report_write(d->dir, d->record, err);
}

static graft_status stop_asked(void *pool) { return gf_pool_asked(pool); }

static graft_status write_report(gf_run *r, graft_error *err)
{
    report_images *g = gf_new(report_images);
    if (!g) return gf_fail_memory(err, sizeof *g, "the report");
    g->r = r;
    gf_run_tell_stage(r, GF_RUN_REPORTING, 0, 1);
    g->record.watch = &(gf_watch){stop_asked, r->host.pool};
    graft_status status = gather(g, err);
    char *metrics = gf_path_join(r->dir, GF_REPORT_METRICS), *history = gf_path_join(r->dir, GF_REPORT_HISTORY);
    if (!metrics || !history) status = gf_fail_memory(err, 64, "the report");
    if (status == GRAFT_OK && r->config->report) {
        status = gf_pool_run_watched(r->host.pool, 1, draw, &(drawing){r->dir, &g->record}, err);
    } else if (status == GRAFT_OK) {
        status = gf_history_write(history, &r->history, err);
        if (status == GRAFT_OK) status = gf_record_write_json(metrics, &g->record, err);
    }
    gf_free(metrics);
    gf_free(history);
    for (size_t i = 0; i < g->n_owned; i++) gf_free(g->owned[i]);
    gf_free(g);
    return status;
}

/* ---- while it runs */

static graft_status log_to(const gf_run *r, const char *name,
                           graft_status (*add_rows)(const char *path, const gf_history *h, graft_error *err),
                           graft_error *err)
{
    char *path = gf_path_join(r->dir, name);
    graft_status status = path ? add_rows(path, &r->history, err) : gf_fail_memory(err, strlen(r->dir), "a file name");
    gf_free(path);
    return status;
}

void gf_run_log(gf_run *r)
{
    graft_error why = {0};
    bool add = r->logged && r->history.n;
    r->logged = false;
    graft_status status = log_to(r, GF_REPORT_HISTORY, add ? gf_history_append : gf_history_write, &why);
    if (status == GRAFT_OK && r->config->report) {
        status = log_to(r, GF_EVENTS_NAME, add ? gf_events_append : gf_events_write, &why);
    }
    r->logged = status == GRAFT_OK;
    if (status == GRAFT_OK) return;
    gf_log_say(r->host.log, GF_WARNING, "E%d: %s; tried again after the next epoch", why.number, why.message);
}

/* ---- the end */

static graft_status measure(gf_run *r, graft_error *err)
{
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t);
    GF_TRY(gf_run_evaluate(r, v, nv, &r->validation, r->logits, err));
    return gf_run_evaluate(r, t, nt, &r->test, r->logits + nv * r->outputs, err);
}

static graft_status run_self_test(gf_run *r, gf_engine *e, float *result, graft_error *err)
{
    size_t outputs = gf_engine_outputs(e);
    float *out = gf_new_n(outputs, float);
    if (!out) return gf_fail_memory(err, outputs * sizeof *out, "the self-test");
    gf_feed feed = gf_self_test_feed();
    graft_status status = gf_engine_forward(e, &feed, NULL, &(uint32_t){0}, 1, out, NULL, err);
    r->facts->n_self_test = (int)(outputs < GF_SELF_TEST_MAX ? outputs : GF_SELF_TEST_MAX);
    memcpy(result, out, (size_t)r->facts->n_self_test * sizeof *out);
    gf_free(out);
    return status;
}

/* What the model makes of a fixed image goes into its file: whoever reads it can tell that it is still the same; also
 * a machine that does not compute in bytes. */
static graft_status self_test(gf_run *r, graft_error *err)
{
    r->facts->saved_dtype = r->facts->dtype;
    GF_TRY(run_self_test(r, r->engine, r->facts->self_test, err));
    if (!r->facts->int8_layers) return GRAFT_OK;
    gf_engine *plain = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = r->facts->dtype;
    GF_TRY(gf_engine_create(&plain, r->model, r->host.ops, r->host.pool, &spec, err));
    graft_status status = run_self_test(r, plain, r->facts->plain_self_test, err);
    gf_engine_destroy(plain);
    return status;
}

static bool same_classes(const gf_names *a, const gf_names *b)
{
    for (size_t i = 0; i < a->n && a->n == b->n; i++) {
        if (strcmp(a->item[i], b->item[i])) return false;
    }
    return a->n == b->n;
}

/* Reads the run's model file as every verb does; *same: it is this very model. */
static graft_status read_back(const gf_run *r, const char *path, bool *same, graft_error *err)
{
    gf_model m;
    gf_model_facts f;
    *same = false;
    GF_TRY(gf_model_file_read(&m, &f, path, err));
    *same = m.n_values == r->model->n_values && !memcmp(m.value, r->model->value, m.n_values * sizeof *m.value) &&
            f.int8_layers == r->facts->int8_layers && same_classes(&f.classes, &r->facts->classes);
    gf_model_free(&m);
    gf_model_facts_free(&f);
    return GRAFT_OK;
}

/* The model's file stays where it is this very model; what is written must read back as it. */
static graft_status write_model(gf_run *r, graft_error *err)
{
    bool same = false;
    char *path = gf_path_join(r->dir, GF_FOLDER_MODEL);
    if (!path) return gf_fail_memory(err, strlen(r->dir), "a file name");
    graft_status status = GRAFT_OK;
    if (gf_is_file(path) && read_back(r, path, &same, NULL) == GRAFT_OK && same) goto out;
    GF_GOTO(gf_model_file_write(path, r->model, r->facts, err));
    GF_GOTO(read_back(r, path, &same, err));
    if (!same) {
        status = gf_fail(err, GF_E_NOT_A_MODEL, "is the disk sound? graft resume writes it again",
                         "%s: reads back as another model than was written", GF_ESC(path));
    }
out:
    gf_free(path);
    return status;
}

graft_status gf_run_finish(gf_run *r, graft_error *err)
{
    gf_folder_remove(r->dir, GF_FOLDER_LIST); /* until all is there again */
    memcpy(r->model->value + r->trainable_offset, r->best_values, r->trainable_count * sizeof *r->best_values);
    GF_TRY(gf_engine_reload(r->engine, err));
    GF_TRY(measure(r, err));
    r->facts->int8_layers = gf_engine_int8_layers(r->engine);
    GF_TRY(self_test(r, err));
    GF_TRY(gf_run_elsewhere(r, err));
    gf_checkpoint_writer_wait(r->writer, NULL); /* before there is a model: whatever comes, no epoch is trained again */
    gf_engine_destroy(r->engine);               /* room for reading the model back */
    r->engine = NULL;
    GF_TRY(write_model(r, err));
    GF_TRY(gf_run_write_classes(r->dir, &r->facts->classes, err));
    GF_TRY(gf_run_write_decisions(r, err));
    GF_TRY(write_report(r, err));
    GF_TRY(gf_folder_write_list(r->dir, err));
    gf_folder_remove_tmp(r->dir);
    return GRAFT_OK;
}
