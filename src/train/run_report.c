/* run_report.c - the record of a finished run, gathered for report/: facts, splits, photos, measures. */
#include "train/run_found.h"
#include "train/run_labels.h"

#include "base/decide.h"
#include "base/sys.h"
#include "base/threads.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_SAMPLES = 9, SHOWN_AUGMENTED = 9, SHOWN_PREDICTIONS = 12, SHOWN_MISTAKES = 12 };

typedef struct fact_list {
    gf_fact *item;
    size_t n, cap;
} fact_list;

/* The record, and everything that it points to. */
typedef struct gathering {
    gf_run *r;
    gf_run_record record;
    gf_photo samples[SHOWN_SAMPLES], augmented[SHOWN_AUGMENTED], predictions[SHOWN_PREDICTIONS],
        mistakes[SHOWN_MISTAKES], false_detections[SHOWN_MISTAKES];
    gf_data_split split[GF_SPLITS];
    uint64_t *per_class;
    fact_list options, model, data, versions, decisions;
    gf_run_found found;
    gf_run_labels labels;
    void **owned; /* texts and pixels */
    size_t n_owned, owned_cap;
} gathering;

/* p, which is freed with the rest; NULL where it is NULL or there is no memory. */
static void *own(gathering *g, void *p)
{
    if (p && gf_grow(&g->owned, g->n_owned, &g->owned_cap)) return g->owned[g->n_owned++] = p;
    gf_free(p);
    return NULL;
}

/* Takes `value` over. */
static graft_status fact(gathering *g, fact_list *list, const char *key, char *value, graft_error *err)
{
    if (!own(g, value) || !gf_grow(&list->item, list->n, &list->cap)) return gf_fail_memory(err, 64, "the report");
    list->item[list->n++] = (gf_fact){key, value};
    return GRAFT_OK;
}

static void free_all(gathering *g)
{
    fact_list *const list[] = {&g->options, &g->model, &g->data, &g->versions, &g->decisions};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) gf_free(list[i]->item);
    for (size_t i = 0; i < g->n_owned; i++) gf_free(g->owned[i]);
    gf_free(g->owned);
    gf_run_found_free(&g->found);
    gf_run_labels_free(&g->labels);
    gf_free(g);
}

/* ---- photos */

static graft_status take_photo(gathering *g, uint32_t sample, bool changed, uint32_t epoch, gf_photo *photo,
                               graft_error *err)
{
    gf_run *r = g->r;
    gf_shown shown;
    graft_status status = gf_data_feed_show(&r->feed, sample, changed, epoch, &shown, err);
    if (!own(g, shown.text ? (void *)shown.text : shown.rgb) && status == GRAFT_OK)
        status = gf_fail_memory(err, 64, "a photo of the report");
    if (status != GRAFT_OK) return status;
    *photo = (gf_photo){.pixels = {shown.w, shown.h, shown.rgb},
                        .text = shown.text,
                        .path = gf_index_path(r->data->index, sample),
                        .truth = (int)r->data->index->sample[sample].class_id,
                        .predicted = -1};
    if (!r->data->index->sets) return GRAFT_OK;
    photo->truth = 0;
    photo->truths = own(g, gf_run_labels_true(r, sample));
    return photo->truths ? GRAFT_OK : gf_fail_memory(err, 64, "a photo of the report");
}

/* Photos of the training set in the first epoch's order: a mixture of classes, the same for equal runs. */
static graft_status sample_photos(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    gf_order_shuffle(r->order, r->data->index, GF_TRAIN, (uint64_t)r->config->seed, 0);
    for (uint32_t i = 0; i < r->order->n && g->record.samples.n < SHOWN_SAMPLES; i++) {
        graft_status status = take_photo(g, r->order->sample[i], false, 0, &g->samples[g->record.samples.n], err);
        if (status == GRAFT_OK) g->record.samples.n++;
        if (status == GRAFT_RESOURCE && err && err->number == GF_E_NO_MEMORY) return status;
    }
    g->record.samples.item = g->samples;
    return GRAFT_OK;
}

/* The first phase that changes images; NULL: there is none. */
static const gf_phase *changing_phase(const gf_run *r)
{
    for (size_t i = 0; i < r->phases.n; i++) {
        const gf_phase *p = &r->phases.item[i];
        if ((p->epochs || i == 0) && gf_augment_any(&p->augment_parsed)) return p;
    }
    return NULL;
}

static graft_status augmented_photos(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    const gf_phase *changing = changing_phase(r);
    if (!g->record.samples.n || !changing) return GRAFT_OK;
    GF_TRY(gf_data_feed_change(&r->feed, &changing->augment_parsed, r->feed.seed, err));
    for (uint32_t k = 0; k < SHOWN_AUGMENTED; k++) {
        GF_TRY(take_photo(g, r->order->sample[0], true, k, &g->augmented[k], err));
        g->record.augmentations.n++;
    }
    g->record.augmentations.item = g->augmented;
    return GRAFT_OK;
}

typedef struct judged {
    uint32_t sample;
    int32_t predicted;
    float probability; /* of several labels the loss */
    bool right;
    const float *logits;
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
        j->logits = logits + i * outputs;
        gf_class_target target = gf_target_of(r->data->index->sample[j->sample].class_id);
        float loss;
        r->task.cls->step(&r->task, &(gf_task_batch){.n = 1,
                                                     .width = outputs,
                                                     .out = logits + i * outputs,
                                                     .target = &target,
                                                     .loss = &loss,
                                                     .predicted = &j->predicted});
        j->right = j->predicted == target.label;
        j->probability = loss;
        if (r->task.cls->labels) continue;
        r->task.cls->decode(&r->task, logits + i * outputs, outputs, p);
        j->probability = p[j->predicted];
    }
    gf_free(p);
    return GRAFT_OK;
}

static graft_status show(gathering *g, const judged *j, gf_photo *list, gf_photos *photos, size_t max, graft_error *err)
{
    if (photos->n >= max || gf_dataset_is_lost(g->r->data, j->sample)) return GRAFT_OK;
    gf_photo *photo = &list[photos->n];
    GF_TRY(take_photo(g, j->sample, false, 0, photo, err));
    photo->predicted = j->predicted;
    photo->probability = j->probability;
    if (g->r->task.cls->labels) {
        photo->predicted = !j->right; /* the truth is 0 */
        photo->probability = NAN;
        photo->predictions = own(g, gf_run_labels_told(g->r, j->logits));
        if (!photo->predictions) return gf_fail_memory(err, 64, "a photo of the report");
    }
    photos->item = list;
    photos->n++;
    return GRAFT_OK;
}

/* Images of the judged set with their labelled boxes and, over them, what was found. */
static graft_status show_found(gathering *g, const size_t *image, size_t n, gf_photo *list, gf_photos *photos,
                               graft_error *err)
{
    for (size_t i = 0; i < n; i++) {
        gf_photo *photo = &list[photos->n];
        graft_status status = take_photo(g, g->found.set.image[image[i]].sample, false, 0, photo, err);
        if (status == GRAFT_RESOURCE && err && err->number == GF_E_NO_MEMORY) return status;
        if (status != GRAFT_OK) continue;
        GF_TRY(gf_run_found_draw(g->r, &g->found, image[i], &photo->pixels, err));
        photos->n++;
    }
    photos->item = list;
    return GRAFT_OK;
}

/* Some spread over the set, those with most missed objects, those with the most confident mistakes. */
static graft_status found_photos(gathering *g, graft_error *err)
{
    size_t n = (size_t)g->found.set.images, shown = n < SHOWN_PREDICTIONS ? n : SHOWN_PREDICTIONS;
    size_t image[SHOWN_PREDICTIONS];
    gf_found_record *d = &g->found.record;
    for (size_t i = 0; i < shown; i++) image[i] = i * n / shown;
    GF_TRY(show_found(g, image, shown, g->predictions, &g->record.found, err));
    if (!n) return GRAFT_OK;
    shown = gf_run_found_misses(&g->found, image, SHOWN_MISTAKES);
    GF_TRY(show_found(g, image, shown, g->mistakes, &d->misses, err));
    shown = gf_run_found_mistakes(&g->found, image, SHOWN_MISTAKES);
    GF_TRY(show_found(g, image, shown, g->false_detections, &d->wrong, err));
    g->record.detection = d;
    return GRAFT_OK;
}

/* Predictions of the set that the run is judged by: some spread over it, and the most confident mistakes. */
static graft_status judged_photos(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t);
    uint32_t first = nt ? t : v;
    size_t n = nt ? nt : nv;
    if (!n) return GRAFT_OK;
    const float *logits = r->logits + (nt ? nv : 0) * r->outputs;
    if (r->task.cls->look) {
        const gf_judged_part part = {nt ? "test" : "validation", nt ? &r->test : &r->validation, logits, first};
        GF_TRY(gf_run_found_gather(&g->found, r, &part, err));
        return found_photos(g, err);
    }
    if (r->task.cls->labels) {
        GF_TRY(gf_run_labels_gather(&g->labels, r, nt ? &r->test : &r->validation, nt ? "test" : "validation", err));
        if (g->labels.record.images) g->record.labels = &g->labels.record;
    }
    judged *all = gf_new_n(n, judged);
    if (!all) return gf_fail_memory(err, n * sizeof *all, "the report");
    graft_status status = GRAFT_OK;
    GF_GOTO(judge(r, first, n, logits, all, err));
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
    gathering *g = ctx;
    static const char *const elsewhere[] = {"choices", "machine", "graft", "command_line", "digest"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        if (!strcmp(name, elsewhere[i])) return GRAFT_OK;
    }
    (void)section;
    return fact(g, &g->options, name, gf_strdup(value), NULL);
}

static char *precision_text(const gf_run_config *c)
{
    return gf_config_frozen_in_int8(c) ? gf_sprintf("%s, frozen part %s", c->dtype, c->frozen) : gf_strdup(c->dtype);
}

static graft_status gather_decisions(gathering *g, graft_error *err)
{
    const gf_decisions *d = g->r->host.log ? g->r->host.log->decisions : NULL;
    for (size_t i = 0; d && i < d->n; i++) {
        GF_TRY(fact(g, &g->decisions, d->item[i].what, gf_sprintf("%s (%s)", d->item[i].value, d->item[i].why), err));
    }
    return GRAFT_OK;
}

static graft_status gather_facts(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    gf_run_config *c = r->config;
    r->model->boundary = gf_phases_boundary(&r->phases, r->model);
    gf_counts n = gf_model_counts(r->model);
    GF_TRY(fact(g, &g->model, "Weights", gf_strdup(c->weights ? c->weights : "random"), err));
    const char *counted = r->data->cls->length;
    GF_TRY(fact(g, &g->model, counted ? "Longest sample" : "Image size",
                counted ? gf_sprintf("%lld %s", (long long)c->width, counted)
                        : gf_sprintf("%lld x %lld", (long long)c->width, (long long)c->height),
                err));
    GF_TRY(fact(g, &g->model, "Parameters", gf_sprintf("%zu", n.total), err));
    GF_TRY(fact(g, &g->model, "Trainable at the end",
                gf_sprintf("%zu in %zu variables", n.trainable, n.trainable_variables), err));
    GF_TRY(fact(g, &g->model, "Precision", precision_text(c), err));
    GF_TRY(fact(g, &g->data, "Folder", gf_strdup(c->data), err));
    GF_TRY(fact(g, &g->data, "Digest", gf_strdup(c->digest ? c->digest : ""), err));
    GF_TRY(fact(g, &g->data, "Bad samples left out", gf_sprintf("%llu", (unsigned long long)r->data->n_bad), err));
    GF_TRY(fact(g, &g->versions, "graft", gf_strdup(c->graft), err));
    GF_TRY(fact(g, &g->versions, "Machine", gf_strdup(c->machine), err));
    return gf_config_each(c, option_fact, g) == GRAFT_OK ? GRAFT_OK : gf_fail_memory(err, 64, "the report");
}

static graft_status gather_splits(gathering *g, graft_error *err)
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

/* Of the set that the run is judged by, as the model tells probabilities, and without its temperature. */
static graft_status gather_calibration(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    gf_run_record *to = &g->record;
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t);
    gf_run_sure s;
    to->temperature = r->facts->fitted.temperature;
    to->promises = r->facts->fitted.promise;
    to->n_promises = r->facts->fitted.n_promises;
    to->calibrated_on = nt ? "test" : "validation";
    if (!(nt ? nt : nv) || !r->task.cls->decode || (r->task.end == GF_END_SIGMOID && r->outputs > 1)) return GRAFT_OK;
    const float *logits = r->logits + (nt ? nv : 0) * r->outputs;
    GF_TRY(gf_run_sureness(r, nt ? t : v, nt ? nt : nv, logits, &s, err));
    gf_run_sure_at(&s, 1);
    to->uncalibrated_error = gf_reliability_of(s.sure, s.all.n, s.all.classes).error;
    gf_run_sure_at(&s, to->temperature > 0 ? 1 / to->temperature : 1);
    to->calibration = gf_reliability_of(s.sure, s.all.n, s.all.classes);
    gf_run_sure_free(&s);
    return GRAFT_OK;
}

static void take_measure(const gf_run *r, gf_phase_measure *m, int32_t epoch, const double *test)
{
    m->epoch = epoch;
    for (size_t k = 0; k < GF_MAX_METRICS; k++) m->validation[k] = m->test[k] = NAN;
    for (size_t i = 0; i < r->history.n; i++) {
        const gf_history_row *row = &r->history.row[i];
        if (row->epoch == epoch) memcpy(m->validation, row->value[GF_ON_VALIDATION], sizeof m->validation);
    }
    if (test) memcpy(m->test, test, r->metrics.n * sizeof *test);
}

/* What each phase came to. The run's best weights are measured by its end, so that is what the last phase has. */
static graft_status gather_phases(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    gf_phase_record *list = own(g, gf_new_n(r->phases.n, gf_phase_record));
    char *monitor = own(g, gf_sprintf("%s%s", r->monitor[0].on == GF_ON_VALIDATION ? "val_" : "",
                                      r->metrics.item[r->monitor[0].metric].name));
    if (!list || !monitor) return gf_fail_memory(err, r->phases.n * sizeof *list, "the report");
    gf_metrics test = gf_evaluation_metrics(&r->test);
    size_t n = 0;
    for (size_t i = 0; i < r->phases.n; i++) {
        const gf_phase_end *e = &r->phase_end[i];
        gf_phase_record *p = &list[n];
        if (!e->last_epoch) continue;
        bool is_last = (int)i + 1 == r->state.phase, tested = e->images > 0;
        *p = (gf_phase_record){.name = r->phases.item[i].name, .first = 1, .last_epoch = e->last_epoch};
        if (n) p->first = list[n - 1].last_epoch + 1;
        const double *end = r->task.cls->labels ? r->test_at_half : test.value; /* as the history has it */
        const double *best = is_last ? end : e->best_done ? e->best : NULL;
        const double *last = is_last && e->best_epoch == e->last_epoch ? end : e->last;
        take_measure(r, &p->last, e->last_epoch, tested ? last : NULL);
        take_measure(r, &p->best, e->best_epoch, tested ? best : NULL);
        n++;
    }
    g->record.phases = list;
    g->record.n_phases = n;
    g->record.monitor = gf_run_split(r, GF_VALIDATION, NULL) ? monitor : NULL;
    return GRAFT_OK;
}

static graft_status gather(gathering *g, graft_error *err)
{
    gf_run *r = g->r;
    GF_TRY(gather_facts(g, err));
    GF_TRY(gather_decisions(g, err));
    GF_TRY(gather_splits(g, err));
    GF_TRY(sample_photos(g, err));
    GF_TRY(augmented_photos(g, err));
    GF_TRY(judged_photos(g, err));
    GF_TRY(gather_calibration(g, err));
    GF_TRY(gather_phases(g, err));
    const char *slash = strrchr(r->dir, '/');
    g->record.title = slash && slash[1] ? slash + 1 : r->dir;
    g->record.model = r->config->architecture;
    g->record.noun = r->data->cls->samples;
    g->record.makes = r->data->cls->makes;
    g->record.pipeline = r->data->cls->pipeline;
    g->record.command = r->config->command_line;
    g->record.classes = (const char *const *)r->facts->classes.item;
    g->record.n_classes = r->facts->classes.n;
    g->record.splits = g->split;
    g->record.n_splits = GF_SPLITS;
    g->record.model_facts = (gf_facts){g->model.item, g->model.n};
    g->record.data_facts = (gf_facts){g->data.item, g->data.n};
    g->record.options = (gf_facts){g->options.item, g->options.n};
    g->record.decisions = (gf_facts){g->decisions.item, g->decisions.n};
    g->record.versions = (gf_facts){g->versions.item, g->versions.n};
    g->record.history = &r->history;
    g->record.metrics = &r->metrics;
    g->record.before = (gf_metrics){.list = &r->metrics, .images = r->before.images};
    memcpy(g->record.before.value, r->before.value, sizeof r->before.value);
    g->record.validation = gf_evaluation_metrics(&r->validation);
    g->record.test = gf_evaluation_metrics(&r->test);
    if (!r->task.cls->decode) g->record.validation.confusion = g->record.test.confusion = NULL; /* no one class each */
    g->record.best_epoch = r->best_epoch;
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

graft_status gf_run_write_report(gf_run *r, graft_error *err)
{
    gathering *g = gf_new(gathering);
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
    free_all(g);
    return status;
}
