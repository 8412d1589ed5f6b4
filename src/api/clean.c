/* clean.c - what of a data set deserves a look: labels that are probably wrong, by a linear head that never saw the
 * image it judges; and images that are the same but for size, quality or a mirror. Nothing is changed. */
#include "api/evaluate.h"

#include "base/number.h"
#include "data/near_copies.h"
#include "image/perceptual_hash.h"
#include "report/number.h"
#include "report/plots.h"
#include "tasks/suspects.h"
#include "train/logistic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256, FOLDS = 5, MOST_STEPS = 300, SHOWN = 20, COLUMNS = 6, DRAWN = 60 };

typedef struct cleaning {
    graft_model *m;
    graft_data d;
    uint32_t n;
    size_t classes, width; /* of the features */
    gf_rows rows;          /* features; later scaled */
    bool *lost;
    int32_t *label;
    gf_hashes *hash;
    float *p; /* n x classes: out of fold */
    gf_suspect *suspect;
    gf_near_pair *pair;
    size_t pairs;
    double lambda, log_loss;
} cleaning;

static void close_all(cleaning *c)
{
    gf_rows_free(&c->rows);
    gf_free(c->lost);
    gf_free(c->label);
    gf_free(c->hash);
    gf_free(c->p);
    gf_free(c->suspect);
    gf_free(c->pair);
    gf_dataset_close(c->d.data);
}

static graft_status open_all(cleaning *c, const char *path, graft_error *err)
{
    gf_api_labelled(&c->d, c->m, path);
    GF_TRY(gf_api_data_open(&c->d, NULL, err));
    const gf_index *x = c->d.data->index;
    GF_TRY(gf_api_want_one_label(x, "graft clean", err));
    c->n = x->n;
    c->classes = x->classes.n;
    c->width = gf_count(&c->m->model.layer[c->m->model.features].shape);
    GF_TRY(gf_rows_create(&c->rows, c->n, c->width, err));
    c->lost = gf_new_n(c->n, bool);
    c->label = gf_new_n(c->n, int32_t);
    c->hash = gf_new_n(c->n, gf_hashes);
    c->p = gf_new_n(c->n * c->classes, float);
    if (!c->lost || !c->label || !c->hash || !c->p) return gf_fail_memory(err, c->n * c->classes * 4, "a look at data");
    for (uint32_t i = 0; i < c->n; i++) c->label[i] = (int32_t)x->sample[i].class_id;
    return GRAFT_OK;
}

/* ---- features and hashes */

static graft_status take_features(cleaning *c, gf_data_feed *data_feed, graft_error *err)
{
    gf_engine *e;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = c->m->facts.dtype;
    spec.output_layer = c->m->model.features;
    GF_TRY(gf_engine_create(&e, &c->m->model, c->m->context->ops, c->m->context->pool, &spec, err));
    float *out = gf_new_n(CHUNK * c->width, float);
    graft_status status = out ? GRAFT_OK : gf_fail_memory(err, CHUNK * c->width * sizeof *out, "features");
    gf_feed feed = gf_data_feed_of(data_feed);
    for (uint32_t at = 0; status == GRAFT_OK && at < c->n; at += CHUNK) {
        uint32_t sample[CHUNK], n = c->n - at < CHUNK ? c->n - at : CHUNK;
        for (uint32_t i = 0; i < n; i++) sample[i] = at + i;
        GF_GOTO(gf_engine_forward(e, &feed, NULL, sample, n, out, c->lost + at, err));
        for (uint32_t i = 0; i < n; i++) {
            memcpy(c->rows.x + (at + i) * c->rows.stride, out + i * c->width, c->width * sizeof *out);
        }
        gf_api_tell_evaluated(c->m->context, at + n, c->n, NULL);
        GF_GOTO(gf_api_stop_asked(c->m->context, err));
    }
out:
    gf_free(out);
    gf_engine_destroy(e);
    return status;
}

static graft_status take_hashes(cleaning *c, gf_data_feed *data_feed, graft_error *err)
{
    for (uint32_t i = 0; i < c->n; i++) {
        gf_shown shown;
        graft_error why = {0};
        if (c->lost[i]) continue;
        graft_status status = gf_data_feed_show(data_feed, i, false, 0, &shown, &why);
        if (status == GRAFT_OK) {
            status = gf_perceptual_hash(shown.rgb, shown.w, shown.h, &c->hash[i].as_is, &c->hash[i].mirrored, &why);
            gf_free(shown.rgb);
        }
        c->lost[i] = status != GRAFT_OK;
        if (status == GRAFT_RESOURCE && why.number == GF_E_NO_MEMORY) return gf_fail_memory(err, 1 << 20, "an image");
    }
    return GRAFT_OK;
}

/* ---- labels */

/* The part of the data in which each image is judged: within a class they take turns, in the order of their names. */
static void choose_folds(const cleaning *c, uint8_t *fold, uint32_t *turn)
{
    for (uint32_t i = 0; i < c->n; i++) fold[i] = (uint8_t)(turn[c->label[i]]++ % FOLDS);
}

/* A linear head is fitted on four parts, and judges the fifth. */
static graft_status judge_fold(cleaning *c, double lambda, int k, const uint8_t *fold, double *weight, double *w,
                               float *z, float *p, graft_error *err)
{
    gf_logistic fit = {&c->rows, c->label, weight, c->classes, c->m->context->pool};
    size_t outputs = gf_logistic_outputs(c->classes);
    gf_minimum minimum;
    gf_task t = {.cls = gf_task_class_at(0), .classes = (int)c->classes};
    for (uint32_t i = 0; i < c->n; i++) weight[i] = fold[i] != k && !c->lost[i];
    gf_logistic_start(&fit, w);
    GF_TRY(gf_logistic_fit(&fit, lambda, 1e-3, MOST_STEPS, w, &minimum, err));
    GF_TRY(gf_logistic_scores(&c->rows, w, outputs, c->m->context->pool, z, err));
    for (uint32_t i = 0; i < c->n; i++) {
        if (fold[i] == k) t.cls->decode(&t, z + i * outputs, outputs, p + i * c->classes);
    }
    return gf_api_stop_asked(c->m->context, err);
}

static double log_loss(const cleaning *c, const float *p)
{
    const double least = 1e-12;
    double sum = 0, n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->lost[i]) continue;
        sum -= log(fmax((double)p[i * c->classes + (size_t)c->label[i]], least));
        n++;
    }
    return n > 0 ? sum / n : NAN;
}

/* Of several strengths of regularisation the one whose heads have the least log loss on what they did not see. */
static graft_status judge(cleaning *c, graft_error *err)
{
    static const double lambdas[] = {1, 0.1, 0.01, 0.001};
    size_t outputs = gf_logistic_outputs(c->classes), cells = c->n * c->classes;
    uint8_t *fold = gf_new_n(c->n, uint8_t);
    uint32_t *turn = gf_new_n(c->classes, uint32_t);
    double *weight = gf_new_n(c->n, double), *w = gf_new_n(outputs * c->rows.stride, double);
    float *z = gf_new_n(c->n * outputs, float), *p = gf_new_n(cells, float);
    gf_scaling scaling = {0};
    bool ok = fold && turn && weight && w && z && p;
    graft_status status = ok ? GRAFT_OK : gf_fail_memory(err, cells * sizeof *p, "a look at labels");
    GF_GOTO(status);
    GF_GOTO(gf_scaling_measure(&scaling, &c->rows, err));
    gf_scaling_apply(&scaling, &c->rows);
    choose_folds(c, fold, turn);
    for (size_t l = 0; l < sizeof lambdas / sizeof *lambdas; l++) {
        for (int k = 0; k < FOLDS; k++) GF_GOTO(judge_fold(c, lambdas[l], k, fold, weight, w, z, p, err));
        double loss = log_loss(c, p);
        if (l && !(loss < c->log_loss)) break;
        c->log_loss = loss;
        c->lambda = lambdas[l];
        memcpy(c->p, p, cells * sizeof *p);
    }
out:
    gf_scaling_free(&scaling);
    gf_free(fold);
    gf_free(turn);
    gf_free(weight);
    gf_free(w);
    gf_free(z);
    gf_free(p);
    return status;
}

/* An image that went away is no suspect: every class is as likely. */
static graft_status find_suspects(cleaning *c, graft_error *err)
{
    GF_TRY(judge(c, err));
    for (uint32_t i = 0; i < c->n; i++) {
        for (size_t k = 0; c->lost[i] && k < c->classes; k++) c->p[i * c->classes + k] = k == (size_t)c->label[i];
    }
    return gf_suspects_find(&c->suspect, c->p, c->label, c->n, c->classes, err);
}

/* ---- near copies */

static double cosine(const cleaning *c, uint32_t a, uint32_t b)
{
    const float *x = c->rows.x + a * c->rows.stride, *y = c->rows.x + b * c->rows.stride;
    double dot = 0, xx = 0, yy = 0;
    for (size_t k = 0; k < c->width; k++) {
        dot += (double)x[k] * (double)y[k];
        xx += (double)x[k] * (double)x[k];
        yy += (double)y[k] * (double)y[k];
    }
    return dot / sqrt(xx * yy);
}

/* Hashes find them, features confirm: centred by now, they differ in another image of the same kind. */
static graft_status find_copies(cleaning *c, graft_error *err)
{
    const double alike = 0.75;
    size_t kept = 0;
    GF_TRY(gf_near_copies(c->hash, c->n, &c->pair, &c->pairs, err));
    for (size_t i = 0; i < c->pairs; i++) {
        const gf_near_pair *p = &c->pair[i];
        if (c->lost[p->first] || c->lost[p->second] || !(cosine(c, p->first, p->second) >= alike)) continue;
        c->pair[kept++] = *p;
    }
    c->pairs = kept;
    return GRAFT_OK;
}

/* ---- told */

static gf_json *suspects_json(const cleaning *c, size_t most, gf_text *text)
{
    const gf_index *x = c->d.data->index;
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < most; i++) {
        const gf_suspect *s = &c->suspect[i];
        const char *path = gf_index_path(x, s->sample), *label = x->classes.item[c->label[s->sample]],
                   *likely = x->classes.item[s->likely];
        double p = (double)c->p[s->sample * c->classes + (size_t)s->likely];
        gf_json *row = gf_json_object();
        gf_json_set(row, "path", gf_json_string(path));
        gf_json_set(row, "label", gf_json_string(label));
        gf_json_set(row, "likely", gf_json_string(likely));
        gf_json_set(row, "probability", gf_json_real(p));
        gf_json_set(row, "margin", gf_json_real(s->margin));
        gf_json_set(row, "counted", gf_json_bool(s->counted));
        gf_json_add(list, row);
        gf_text_printf(text, "%s  %s: %s with %s\n", GF_ESC(path), GF_ESC(label), GF_ESC(likely), GF_PROBABILITY(p));
    }
    return list;
}

static gf_json *copies_json(const cleaning *c, gf_text *text)
{
    const gf_index *x = c->d.data->index;
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < c->pairs; i++) {
        const gf_near_pair *p = &c->pair[i];
        const gf_sample *a = &x->sample[p->first], *b = &x->sample[p->second];
        bool classes = a->class_id != b->class_id, parts = a->split != b->split;
        gf_json *row = gf_json_object();
        gf_json_set(row, "path", gf_json_string(gf_index_path(x, p->first)));
        gf_json_set(row, "copy", gf_json_string(gf_index_path(x, p->second)));
        gf_json_set(row, "bits", gf_json_int(p->bits));
        gf_json_set(row, "cosine", gf_json_real(cosine(c, p->first, p->second)));
        gf_json_set(row, "mirrored", gf_json_bool(p->mirrored));
        gf_json_set(row, "other_class", gf_json_bool(classes));
        gf_json_set(row, "other_part", gf_json_bool(parts));
        gf_json_add(list, row);
        gf_text_printf(text, "%s  %s%s%s%s\n", GF_ESC(gf_index_path(x, p->first)), GF_ESC(gf_index_path(x, p->second)),
                       p->mirrored ? ", mirrored" : "", classes ? ", of another class" : "",
                       parts ? ", in another part" : "");
    }
    return list;
}

typedef struct drawing {
    const cleaning *c;
    const char *file;
    gf_photo *photo;
    size_t n;
} drawing;

static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    const drawing *d = ctx;
    const gf_names *names = &d->c->d.data->index->classes;
    const gf_run_record r = {.classes = (const char *const *)names->item, .n_classes = names->n};
    const gf_photo_grid grid = {"Labels to look at",
                                "What the other images say each is; its label in brackets.",
                                {d->photo, d->n},
                                GF_CAPTION_PREDICTION,
                                COLUMNS,
                                168};
    gf_canvas *sheet;
    (void)item, (void)worker;
    GF_TRY(gf_plot_photos(&sheet, &grid, &r, &gf_theme_light, err));
    return gf_plot_write(sheet, d->file, err);
}

static graft_status draw_suspects(const cleaning *c, gf_data_feed *feed, const char *file, size_t most,
                                  graft_error *err)
{
    drawing d = {c, file, gf_new_n(DRAWN, gf_photo), 0};
    graft_status status = d.photo ? GRAFT_OK : gf_fail_memory(err, DRAWN * sizeof *d.photo, "a sheet of images");
    for (size_t i = 0; status == GRAFT_OK && i < most && i < DRAWN; i++) {
        const gf_suspect *s = &c->suspect[i];
        gf_shown shown;
        if (gf_data_feed_show(feed, s->sample, false, 0, &shown, NULL) != GRAFT_OK) continue;
        double p = (double)c->p[s->sample * c->classes + (size_t)s->likely];
        d.photo[d.n++] = (gf_photo){{shown.w, shown.h, shown.rgb}, NULL, c->label[s->sample], s->likely, p};
    }
    if (status == GRAFT_OK && d.n) status = gf_pool_run_watched(c->m->context->pool, 1, draw, &d, err);
    for (size_t i = 0; i < d.n; i++) gf_free((void *)d.photo[i].pixels.rgb);
    gf_free(d.photo);
    return status;
}

static graft_status tell(const cleaning *c, gf_data_feed *feed, graft_result **out, graft_error *err)
{
    const gf_settings *s = c->m->context->settings;
    const char *plot = gf_settings_text(s, GF_SET_CLEAN_PLOT);
    size_t asked = (size_t)gf_settings_whole(s, GF_SET_CLEAN_MOST), most = asked < c->n ? asked : c->n, counted = 0;
    if (plot) GF_TRY(draw_suspects(c, feed, plot, most, err));
    for (uint32_t i = 0; i < c->n; i++) counted += c->suspect[i].counted;
    gf_json *j = gf_json_object();
    gf_text text = {0};
    gf_json_set(j, "images", gf_json_int(c->n));
    gf_json_set(j, "suspects", gf_json_int((int64_t)counted));
    gf_json_set(j, "log_loss", gf_json_real(c->log_loss));
    gf_json_set(j, "lambda", gf_json_real(c->lambda));
    gf_text_printf(&text, "%u images; about %zu labels are expected to be wrong; the most suspicious first:\n", c->n,
                   counted);
    gf_json_set(j, "labels", suspects_json(c, most, &text));
    gf_text_printf(&text, "%zu pairs of images that are the same but for size, quality or a mirror\n", c->pairs);
    gf_json_set(j, "copies", copies_json(c, &text));
    return gf_result_create(out, j, text.s, err);
}

static graft_status clean(graft_model *m, const char *path, graft_result **out, graft_error *err)
{
    const char *plot = gf_settings_text(m->context->settings, GF_SET_CLEAN_PLOT);
    cleaning c = {.m = m};
    gf_data_feed feed;
    if (plot) GF_TRY(gf_api_check_out(m, &path, 1, plot, err));
    graft_status status = open_all(&c, path, err);
    bool fed = status == GRAFT_OK;
    if (fed) status = gf_data_feed_open(&feed, c.d.data, (size_t)gf_pool_threads(m->context->pool), err);
    fed = fed && status == GRAFT_OK;
    if (fed) status = take_features(&c, &feed, err);
    if (status == GRAFT_OK) status = take_hashes(&c, &feed, err);
    if (status == GRAFT_OK) status = find_suspects(&c, err);
    if (status == GRAFT_OK) status = find_copies(&c, err);
    if (status == GRAFT_OK) status = tell(&c, &feed, out, err);
    if (fed) gf_data_feed_close(&feed);
    close_all(&c);
    return status;
}

graft_status graft_clean(graft_model *m, const char *path, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_NEEDS(path, "path");
    GF_TRY(gf_api_whole(m, err));
    if (m->random) {
        return gf_fail(err, GF_E_USAGE, "--weights imagenet gets published ones",
                       "features of random weights say nothing of labels");
    }
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    return gf_api_end(clean(m, path, out, err), err);
}
