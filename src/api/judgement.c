/* judgement.c - what an evaluation tells beyond its metrics: whether probabilities mean what they say, which classes
 * are taken for which, where the model was most wrong, what it would call unknown; and the files that show it. */
#include "api/judgement.h"

#include "base/io.h"
#include "base/number.h"
#include "report/number.h"
#include "report/plots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAIRS = 10, SHOWN = GF_SHOWN_LOSSES, COLUMNS = 6 };

/* ---- image by image */

graft_status gf_judgement_open(gf_judgement *j, const graft_model *m, const gf_task *task, gf_dataset *data,
                               uint32_t most, graft_error *err)
{
    size_t classes = (size_t)m->model.classes;
    *j = (gf_judgement){.m = m, .task = task, .data = data, .classes = classes};
    j->item = gf_new_n(most, gf_judged);
    j->sorted = gf_new_n(most, gf_sureness);
    j->score = gf_new_n(classes, float);
    j->p = gf_new_n(classes, float);
    if (j->item && j->sorted && j->score && j->p) return GRAFT_OK;
    gf_judgement_close(j);
    return gf_fail_memory(err, most * sizeof *j->item, "an evaluation");
}

void gf_judgement_close(gf_judgement *j)
{
    gf_free(j->item);
    gf_free(j->sorted);
    gf_free(j->score);
    gf_free(j->p);
    *j = (gf_judgement){0};
}

void gf_judgement_add(gf_judgement *j, uint32_t sample, const float *out, size_t width)
{
    gf_judged *one = &j->item[j->n];
    const int32_t truth = (int32_t)j->data->index->sample[sample].class_id;
    const gf_class_target target = gf_target_of((uint32_t)truth);
    j->softmax = width == 1 || j->task->end != GF_END_SIGMOID;
    one->sample = sample;
    one->truth = truth;
    j->task->cls->step(j->task, &(gf_task_batch){.n = 1,
                                                 .width = width,
                                                 .out = out,
                                                 .target = &target,
                                                 .loss = &one->loss,
                                                 .predicted = &one->predicted,
                                                 .score = j->score});
    one->probability = NAN;
    if (j->task->cls->labels) j->n++;
    if (j->task->cls->labels) return;
    j->task->cls->decode(j->task, out, width, j->p);
    one->probability = (double)j->p[one->predicted];
    j->sorted[j->n++] = gf_sureness_of(j->score, j->classes, truth, j->task->beta > 0 ? j->task->beta : 1);
}

/* ---- calibration */

static gf_json *bins_json(const gf_reliability *c)
{
    gf_json *list = gf_json_array();
    for (size_t k = 0; k < GF_RELIABILITY_BINS; k++) {
        const gf_reliability_bin *b = &c->bin[k];
        gf_json *row = gf_json_object();
        gf_json_set(row, "images", gf_json_int((int64_t)b->images));
        gf_json_set(row, "confidence", gf_json_real(b->images ? b->confidence / (double)b->images : NAN));
        gf_json_set(row, "accuracy", gf_json_real(b->images ? (double)b->right / (double)b->images : NAN));
        gf_json_add(list, row);
    }
    return list;
}

static void add_calibration(const gf_judgement *j, const gf_reliability *c, gf_json *document, gf_text *text)
{
    gf_json *o = gf_json_object();
    double temperature = j->task->beta > 0 ? 1 / j->task->beta : 1;
    gf_json_set(o, "temperature", gf_json_real(temperature));
    gf_json_set(o, "error", gf_json_real(c->error));
    gf_json_set(o, "equal_mass_error", gf_json_real(c->equal_mass_error));
    gf_json_set(o, "log_loss", gf_json_real(c->log_loss));
    gf_json_set(o, "brier", gf_json_real(c->brier));
    gf_json_set(o, "bins", bins_json(c));
    gf_json_set(document, "calibration", o);
    gf_text_printf(text, "calibration error %.4f, at temperature %s\n", c->error, GF_GENERAL(temperature, 3));
}

static void add_unknown(const gf_judgement *j, const gf_promise *promise, gf_json *document, gf_text *text)
{
    size_t told = 0, right = 0;
    if (!promise) return;
    for (size_t i = 0; i < j->n; i++) {
        bool sure = j->item[i].probability >= promise->threshold;
        told += sure;
        right += sure && j->item[i].predicted == j->item[i].truth;
    }
    double accuracy = told ? (double)right / (double)told : NAN, bounds[2];
    double coverage = j->n ? (double)told / (double)j->n : NAN;
    gf_wilson(accuracy, (double)told, bounds);
    gf_json *o = gf_json_object();
    gf_json_set(o, "promised_accuracy", gf_json_real(promise->accuracy));
    gf_json_set(o, "threshold", gf_json_real(promise->threshold));
    gf_json_set(o, "promised_coverage", gf_json_real(promise->coverage));
    gf_json_set(o, "told", gf_json_int((int64_t)told));
    gf_json_set(o, "unknown", gf_json_int((int64_t)(j->n - told)));
    gf_json_set(o, "coverage", gf_json_real(coverage));
    gf_json_set(o, "accuracy", gf_json_real(accuracy));
    gf_json_set(document, "unknown", o);
    gf_text_printf(text,
                   "unknown below %.4f: %zu of %zu images are told (%s, promised %s), %s of them right (with 95 %% "
                   "confidence from %s to %s; promised %s)\n",
                   promise->threshold, told, j->n, GF_PERCENT(coverage, 1), GF_PERCENT(promise->coverage, 1),
                   GF_PERCENT(accuracy, 1), GF_PERCENT(bounds[0], 1), GF_PERCENT(bounds[1], 1),
                   GF_PERCENT(promise->accuracy, 1));
}

/* ---- where it errs */

typedef struct pair {
    size_t truth, predicted;
    uint64_t images, of;
} pair;

static int commonest(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->images != y->images) return x->images < y->images ? 1 : -1;
    if (x->truth != y->truth) return x->truth < y->truth ? -1 : 1;
    return x->predicted < y->predicted ? -1 : x->predicted > y->predicted;
}

/* The commonest first; kept is how many of the list are. */
static size_t find_pairs(const uint64_t *confusion, size_t classes, pair most[MOST_PAIRS + 1])
{
    size_t kept = 0;
    for (size_t t = 0; t < classes; t++) {
        uint64_t of = 0;
        for (size_t p = 0; p < classes; p++) of += confusion[t * classes + p];
        for (size_t p = 0; p < classes; p++) {
            if (t == p || !confusion[t * classes + p]) continue;
            most[kept++] = (pair){t, p, confusion[t * classes + p], of};
            qsort(most, kept, sizeof *most, commonest);
            kept = kept > MOST_PAIRS ? MOST_PAIRS : kept;
        }
    }
    return kept;
}

static void add_confused(const gf_judgement *j, const uint64_t *confusion, gf_json *document, gf_text *text)
{
    char *const *name = j->m->facts.classes.item;
    pair most[MOST_PAIRS + 1];
    size_t n = find_pairs(confusion, j->classes, most);
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) {
        const pair *p = &most[i];
        double share = (double)p->images / (double)p->of;
        gf_json *row = gf_json_object();
        gf_json_set(row, "true", gf_json_string(name[p->truth]));
        gf_json_set(row, "predicted", gf_json_string(name[p->predicted]));
        gf_json_set(row, "images", gf_json_int((int64_t)p->images));
        gf_json_set(row, "share", gf_json_real(share));
        gf_json_add(list, row);
        if (i >= SHOWN || j->classes == 2) continue;
        gf_text_printf(text, "%s%s taken for %s: %llu (%s of %s)\n",
                       i ? "             " : "most often:  ", GF_ESC(name[p->truth]), GF_ESC(name[p->predicted]),
                       (unsigned long long)p->images, GF_PERCENT(share, 1), GF_ESC(name[p->truth]));
    }
    gf_json_set(document, "confused", list);
}

static int worst_first(const void *a, const void *b)
{
    const gf_judged *x = *(const gf_judged *const *)a, *y = *(const gf_judged *const *)b;
    if (x->loss != y->loss) return x->loss < y->loss ? 1 : -1;
    return x->sample < y->sample ? -1 : x->sample > y->sample;
}

graft_status gf_judgement_worst(const gf_judgement *j, const gf_judged ***out, graft_error *err)
{
    const gf_judged **order = *out = gf_new_n(j->n, const gf_judged *);
    if (!order) return gf_fail_memory(err, j->n * sizeof *order, "an evaluation");
    for (size_t i = 0; i < j->n; i++) order[i] = &j->item[i];
    qsort(order, j->n, sizeof *order, worst_first);
    return GRAFT_OK;
}

static graft_status add_losses(const gf_judgement *j, gf_json *document, gf_text *text, graft_error *err)
{
    const gf_judged **order;
    GF_TRY(gf_judgement_worst(j, &order, err));
    gf_json *list = gf_json_array();
    char *const *name = j->m->facts.classes.item;
    for (size_t i = 0, told = 0; i < j->n && i < GF_MOST_LOSSES; i++) {
        const gf_judged *o = order[i];
        const char *path = gf_index_path(j->data->index, o->sample);
        gf_json *row = gf_json_object();
        gf_json_set(row, "path", gf_json_string(path));
        gf_json_set(row, "true", gf_json_string(name[o->truth]));
        gf_json_set(row, "predicted", gf_json_string(name[o->predicted]));
        gf_json_set(row, "probability", gf_json_real(o->probability));
        gf_json_set(row, "loss", gf_json_real((double)o->loss));
        gf_json_add(list, row);
        if (o->predicted == o->truth || told >= SHOWN) continue;
        gf_text_printf(text, "%s%s: %s is %s with %s\n", told++ ? "             " : "worst:       ", GF_ESC(path),
                       GF_ESC(name[o->truth]), GF_ESC(name[o->predicted]), GF_PROBABILITY(o->probability));
    }
    gf_json_set(document, "top_losses", list);
    gf_free(order);
    return GRAFT_OK;
}

/* ---- files */

static graft_status write_confusion(const gf_judgement *j, const char *file, const uint64_t *confusion,
                                    graft_error *err)
{
    gf_text t = {0};
    gf_text_add(&t, "true");
    for (size_t k = 0; k < j->classes; k++) {
        gf_text_add(&t, ",");
        gf_per_file_field(&t, "", j->m->facts.classes.item[k]);
    }
    gf_text_add(&t, "\n");
    for (size_t i = 0; i < j->classes; i++) {
        gf_per_file_field(&t, "", j->m->facts.classes.item[i]);
        for (size_t k = 0; k < j->classes; k++) {
            gf_text_printf(&t, ",%llu", (unsigned long long)confusion[i * j->classes + k]);
        }
        gf_text_add(&t, "\n");
    }
    graft_status status =
        t.failed ? gf_fail_memory(err, t.n, "a confusion matrix") : gf_file_write(file, &(gf_bytes){t.s, t.n}, 1, err);
    gf_text_free(&t);
    return status;
}

typedef struct drawing {
    const char *file;
    const gf_judgement *j;
    const gf_reliability *calibration; /* of a reliability diagram; NULL: photos */
    gf_photo *photo;
    size_t n;
} drawing;

static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    const drawing *d = ctx;
    const gf_names *names = &d->j->m->facts.classes;
    const gf_run_record r = {.classes = (const char *const *)names->item, .n_classes = names->n};
    gf_canvas *sheet;
    size_t right = 0;
    (void)item, (void)worker;
    if (d->calibration) {
        GF_TRY(gf_plot_reliability(&sheet, d->calibration, "Reliability", &gf_theme_light, err));
        return gf_plot_write(sheet, d->file, err);
    }
    for (size_t i = 0; i < d->j->n; i++) right += d->j->item[i].predicted == d->j->item[i].truth;
    char title[160];
    snprintf(title, sizeof title, "%zu of %zu images, of which %s are labelled right", d->n, d->j->n,
             GF_PERCENT((double)right / (double)d->j->n, 1));
    const gf_photo_grid grid = {title, GF_PREDICTIONS_KEY, {d->photo, d->n}, GF_CAPTION_PREDICTION, COLUMNS, 168};
    GF_TRY(gf_plot_photos(&sheet, &grid, &r, &gf_theme_light, err));
    return gf_plot_write(sheet, d->file, err);
}

/* So many images, spread evenly over all; those that are lost by now are left out. */
static graft_status draw_grid(const gf_judgement *j, const char *file, size_t wanted, graft_error *err)
{
    size_t n = wanted < j->n ? wanted : j->n;
    gf_data_feed feed;
    GF_TRY(gf_data_feed_open(&feed, j->data, 1, err));
    drawing d = {.file = file, .j = j, .photo = gf_new_n(n, gf_photo)};
    graft_status status = d.photo ? GRAFT_OK : gf_fail_memory(err, n * sizeof *d.photo, "a sheet of images");
    for (size_t i = 0; status == GRAFT_OK && i < n; i++) {
        const gf_judged *o = &j->item[i * j->n / n];
        gf_shown shown = {0};
        graft_error why = {0};
        graft_status seen = gf_data_feed_show(&feed, o->sample, false, 0, &shown, &why);
        if (seen == GRAFT_RESOURCE && why.number == GF_E_NO_MEMORY)
            status = gf_fail_memory(err, 64, "a sheet of images");
        if (seen != GRAFT_OK) continue;
        d.photo[d.n++] = (gf_photo){{shown.w, shown.h, shown.rgb}, NULL, o->truth, o->predicted, o->probability};
    }
    if (status == GRAFT_OK) status = gf_pool_run_watched(j->m->context->pool, 1, draw, &d, err);
    for (size_t i = 0; d.photo && i < d.n; i++) gf_free((void *)d.photo[i].pixels.rgb);
    gf_free(d.photo);
    gf_data_feed_close(&feed);
    return status;
}

static graft_status write_files(const gf_judgement *j, const gf_reliability *c, const uint64_t *confusion,
                                graft_error *err)
{
    const gf_settings *s = j->m->context->settings;
    const char *csv = gf_settings_text(s, GF_SET_EVAL_CONFUSION_CSV),
               *plot = gf_settings_text(s, GF_SET_EVAL_RELIABILITY), *grid = gf_settings_text(s, GF_SET_EVAL_GRID_FILE);
    if (csv) GF_TRY(write_confusion(j, csv, confusion, err));
    drawing d = {.file = plot, .j = j, .calibration = c};
    if (plot) GF_TRY(gf_pool_run_watched(j->m->context->pool, 1, draw, &d, err));
    return grid ? draw_grid(j, grid, (size_t)gf_settings_whole(s, GF_SET_EVAL_GRID), err) : GRAFT_OK;
}

/* ---- all of it */

graft_status gf_judgement_check(const graft_model *m, const gf_promise **promise, graft_error *err)
{
    const gf_settings *s = m->context->settings;
    const char *out[] = {gf_settings_text(s, GF_SET_EVAL_CONFUSION_CSV), gf_settings_text(s, GF_SET_EVAL_RELIABILITY),
                         gf_settings_text(s, GF_SET_EVAL_GRID_FILE)};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        if (out[i]) GF_TRY(gf_api_check_out(m, NULL, 0, out[i], err));
    }
    if (gf_settings_given(s, GF_SET_EVAL_GRID) != gf_settings_given(s, GF_SET_EVAL_GRID_FILE)) {
        return gf_fail(err, GF_E_USAGE, NULL, "the number of images to draw and the file to draw them in go together");
    }
    return gf_api_promise(m, promise, err);
}

graft_status gf_judgement_tell(gf_judgement *j, const uint64_t *confusion, const gf_promise *promise, gf_json *document,
                               gf_text *text, graft_error *err)
{
    if (!j->n) return GRAFT_OK;
    qsort(j->sorted, j->n, sizeof *j->sorted, gf_surest_first);
    gf_reliability c = gf_reliability_of(j->sorted, j->softmax ? j->n : 0, j->classes);
    if (j->softmax) add_calibration(j, &c, document, text);
    add_unknown(j, promise, document, text);
    add_confused(j, confusion, document, text);
    GF_TRY(add_losses(j, document, text, err));
    return write_files(j, &c, confusion, err);
}
