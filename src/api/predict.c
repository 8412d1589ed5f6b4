/* predict.c - labels of images, or the numbers behind them. */
#include "api/predict.h"
#include "api/session.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 256 }; /* images between two looks at progress and stop */

void gf_api_likeliest(const float *p, int classes, int top, int *out)
{
    for (int k = 0; k < top; k++) {
        int best = -1;
        for (int c = 0; c < classes; c++) {
            bool taken = false;
            for (int i = 0; i < k; i++) taken = taken || out[i] == c;
            if (!taken && (best < 0 || p[c] > p[best])) best = c;
        }
        out[k] = best;
    }
}

/* What a list of predictions needs, filled image by image; a graft_result takes it over. */
typedef struct listing {
    graft_prediction *prediction;
    graft_label *label;
    gf_names strings;
    int *order;
    float *p;
    int top;           /* the likeliest labels that are kept of each image, in `label` */
    bool several;      /* any number of them is told: n_top of a prediction says how many */
    graft_label *told; /* those of all images, one behind the other */
    size_t n_told, cap_told;
    const gf_promise *promise; /* below its threshold an image is unknown; NULL: none is */
    const char *output;        /* "logits", ..; NULL: labels */
    double *values;            /* of all images, n_values each; NULL likewise */
    size_t n_values;
} listing;

static gf_json *label_list(const graft_label *label, size_t n)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) {
        gf_json *row = gf_json_object();
        gf_json_set(row, "label", gf_json_string(label[i].label));
        gf_json_set(row, "probability", gf_json_real(label[i].probability));
        gf_json_add(list, row);
    }
    return list;
}

/* Of image i, with the numbers that were asked for. */
static gf_json *prediction_json(const listing *l, size_t i)
{
    const graft_prediction *p = &l->prediction[i];
    const graft_label *likeliest = l->label + i * (size_t)l->top;
    const double *values = l->values ? l->values + i * l->n_values : NULL;
    gf_json *j = gf_json_object();
    gf_json_set(j, "path", gf_json_string(p->path));
    if (p->error) {
        gf_json_set(j, "error", gf_json_string(p->error));
        return j;
    }
    gf_json_set(j, "label", gf_json_string(p->label));
    gf_json_set(j, "probability", gf_json_real(p->probability));
    if (l->several) gf_json_set(j, "labels", label_list(p->top, p->n_top));
    gf_json_set(j, "top", label_list(likeliest, (size_t)l->top));
    if (!values) return j;
    gf_json *list = gf_json_array();
    for (size_t k = 0; k < l->n_values; k++) gf_json_add(list, gf_json_real(values[k]));
    gf_json_set(j, "values", list);
    return j;
}

static const char *keep(listing *l, const char *s)
{
    return gf_names_add(&l->strings, s, NULL) == GRAFT_OK ? l->strings.item[l->strings.n - 1] : NULL;
}

/* Logarithms out of the logits themselves: a probability may be too small for a float. */
static void put_log_probabilities(const gf_task *t, const float *z, size_t width, double *to)
{
    double by = t->beta > 0 ? t->beta : 1, top = by * (double)z[0], sum = 0;
    if (width == 1 || t->end == GF_END_SIGMOID) { /* of one logit: the second class's, and the first's behind it */
        for (int k = 0; k < t->classes; k++) {
            double x = by * (double)z[width == 1 ? 0 : k] * (width == 1 && k == 0 ? -1 : 1);
            to[k] = x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
        }
        return;
    }
    for (size_t k = 1; k < width; k++) top = fmax(top, by * (double)z[k]);
    for (size_t k = 0; k < width; k++) sum += exp(by * (double)z[k] - top);
    for (size_t k = 0; k < width; k++) to[k] = by * (double)z[k] - top - log(sum);
}

/* l->p has the probabilities already. */
static void put_values(const listing *l, const gf_task *t, const float *logits, size_t width, double *to)
{
    if (!strcmp(l->output, "log-probabilities")) {
        put_log_probabilities(t, logits, width, to);
        return;
    }
    const float *from = !strcmp(l->output, "logits") ? logits : l->p;
    for (size_t k = 0; k < l->n_values; k++) to[k] = (double)from[k];
}

/* The labels that are told, likeliest first, behind those of the images before; and all their names. */
static graft_status tell_labels(listing *l, const gf_task *t, const graft_model *m, const float *logits,
                                graft_prediction *p, graft_error *err)
{
    const gf_names *classes = &m->facts.classes;
    gf_text names = {0};
    size_t first = l->n_told;
    gf_api_labels_told(t, classes, logits, &names);
    p->label = names.failed ? NULL : keep(l, names.s ? names.s : "");
    gf_text_free(&names);
    if (!p->label) return gf_fail_memory(err, 64, "predictions");
    for (size_t c = 0; c < classes->n; c++) {
        if (!gf_label_holds(&t->labels, c, logits[c])) continue;
        if (!gf_grow(&l->told, l->n_told, &l->cap_told))
            return gf_fail_memory(err, l->cap_told * sizeof *l->told, "predictions");
        const char *name = keep(l, classes->item[c]);
        if (!name) return gf_fail_memory(err, 64, "predictions");
        size_t at = l->n_told++;
        for (; at > first && l->told[at - 1].probability < (double)l->p[c]; at--) l->told[at] = l->told[at - 1];
        l->told[at] = (graft_label){name, (double)l->p[c]};
    }
    p->n_top = l->n_told - first;
    return GRAFT_OK;
}

static graft_status list_one(listing *l, const graft_model *m, const gf_image_list *a, uint32_t i, const float *logits,
                             graft_error *err)
{
    graft_prediction *p = &l->prediction[i];
    p->path = keep(l, gf_index_path(a->index, i));
    if (a->lost[i]) {
        const graft_error *why = gf_image_list_error(a, i);
        p->error = keep(l, why->message);
        gf_log_say(&m->context->log, GF_WARNING, "E%d: %s", why->number, why->message);
        return p->path && p->error ? GRAFT_OK : gf_fail_memory(err, 64, "predictions");
    }
    const gf_task t = gf_api_task(m);
    t.cls->decode(&t, logits, gf_api_outputs(m), l->p);
    if (l->values) put_values(l, &t, logits, gf_api_outputs(m), l->values + i * l->n_values);
    gf_api_likeliest(l->p, m->model.classes, l->top, l->order);
    graft_label *labels = l->label + (size_t)i * (size_t)l->top;
    for (int k = 0; k < l->top; k++) {
        labels[k].label = keep(l, m->facts.classes.item[l->order[k]]);
        labels[k].probability = l->p[l->order[k]];
        if (!labels[k].label) return gf_fail_memory(err, 64, "predictions");
    }
    p->probability = labels[0].probability;
    if (l->several) return p->path ? tell_labels(l, &t, m, logits, p, err) : gf_fail_memory(err, 64, "predictions");
    bool unknown = l->promise && labels[0].probability < l->promise->threshold;
    p->label = unknown ? "unknown" : labels[0].label;
    p->n_top = (size_t)l->top;
    p->top = labels;
    return p->path ? GRAFT_OK : gf_fail_memory(err, 64, "predictions");
}

/* What a column of values is called: its class, or of one logit for two classes the second. */
static const char *value_name(const listing *l, const graft_model *m, size_t k)
{
    return m->facts.classes.item[l->n_values == 1 ? 1 : k];
}

static void add_lines(gf_text *t, const listing *l, const graft_model *m, uint32_t n)
{
    enum { DIGITS = 9 };
    if (l->values) gf_text_add(t, "path");
    for (size_t k = 0; l->values && k < l->n_values; k++) gf_text_printf(t, "\t%s", GF_ESC(value_name(l, m, k)));
    if (l->values) gf_text_add(t, "\n");
    for (uint32_t i = 0; i < n; i++) {
        const graft_prediction *p = &l->prediction[i];
        if (!l->values) {
            gf_text_printf(t, "%s\t%s\t%.4f\n", GF_ESC(p->path), p->error ? "-" : GF_ESC(p->label), p->probability);
            continue;
        }
        gf_text_printf(t, "%s", GF_ESC(p->path));
        for (size_t k = 0; k < l->n_values && !p->error; k++) {
            gf_text_printf(t, "\t%s", GF_GENERAL(l->values[i * l->n_values + k], DIGITS));
        }
        gf_text_printf(t, p->error ? "\terror: %s\n" : "\n", GF_ESC(p->error ? p->error : ""));
    }
}

/* From which probability on each class is told. */
static gf_json *thresholds_json(const graft_model *m)
{
    const gf_task t = gf_api_task(m);
    gf_json *list = gf_json_array();
    for (size_t c = 0; c < m->facts.classes.n; c++)
        gf_json_add(list, gf_json_real((double)gf_label_threshold(&t.labels, c)));
    return list;
}

static graft_status list_result(listing *l, const graft_model *m, uint32_t n, graft_result **out, graft_error *err)
{
    gf_json *j = gf_json_object(), *list = gf_json_array();
    gf_text text = {0};
    if (l->values) {
        gf_json *names = gf_json_array();
        for (size_t k = 0; k < l->n_values; k++) gf_json_add(names, gf_json_string(value_name(l, m, k)));
        gf_json_set(j, "values", gf_json_string(l->output));
        gf_json_set(j, "values_of", names);
    }
    for (size_t i = 0, at = 0; l->several && i < n; at += l->prediction[i++].n_top) l->prediction[i].top = l->told + at;
    for (uint32_t i = 0; i < n; i++) gf_json_add(list, prediction_json(l, i));
    add_lines(&text, l, m, n);
    gf_json_set(j, "predictions", list);
    if (l->promise) gf_json_set(j, "unknown_below", gf_json_real(l->promise->threshold));
    if (l->several) gf_json_set(j, "thresholds", thresholds_json(m));
    if (l->several) gf_json_set(j, "labels_of", gf_json_int(m->model.classes));
    gf_api_add_arithmetic(j, m);
    GF_TRY(gf_result_create(out, j, text.s, err));
    (*out)->prediction = l->prediction;
    (*out)->n_predictions = n;
    (*out)->labels = l->several ? l->told : l->label;
    *(l->several ? &l->told : &l->label) = NULL;
    (*out)->strings = l->strings;
    l->prediction = NULL;
    l->strings = (gf_names){0};
    return GRAFT_OK;
}

static graft_status all_lost(const gf_image_list *a, graft_error *err)
{
    for (uint32_t i = 0; i < a->index->n; i++) {
        if (!a->lost[i]) return GRAFT_OK;
    }
    if (err) *err = *gf_image_list_error(a, 0);
    if (err) err->status = GRAFT_DATA;
    return GRAFT_DATA;
}

static graft_status predict_image_list(graft_model *m, gf_image_list *a, listing *l, float *logits, graft_error *err)
{
    graft_session *s;
    graft_status status = gf_api_session(m, &s, err);
    gf_feed feed = gf_image_list_feed(a);
    size_t outputs = gf_api_outputs(m);
    for (uint32_t at = 0; status == GRAFT_OK && at < a->index->n; at += CHUNK) {
        size_t n = a->index->n - at < CHUNK ? a->index->n - at : CHUNK;
        const gf_forward f = {.sample = a->sample + at, .n = n, .out = logits + at * outputs, .lost = a->lost + at};
        status = gf_api_infer(m, s->engine, &feed, &f, err);
        if (status == GRAFT_OK) status = gf_api_stop_asked(m->context, err);
        if (at + n > CHUNK) gf_api_tell_evaluated(m->context, at + n, a->index->n, NULL);
    }
    if (status == GRAFT_OK) status = gf_check_tell(a->index, a->checked, &m->context->log, err);
    for (uint32_t i = 0; status == GRAFT_OK && i < a->index->n; i++) {
        status = list_one(l, m, a, i, logits + i * outputs, err);
    }
    return status == GRAFT_OK ? all_lost(a, err) : status;
}

static graft_status make_listing(listing *l, const graft_model *m, size_t images, graft_error *err)
{
    const gf_settings *s = m->context->settings;
    size_t classes = (size_t)m->model.classes;
    l->output = gf_settings_text(s, GF_SET_PREDICT_OUTPUT);
    l->n_values = l->output && !strcmp(l->output, "logits") ? gf_api_outputs(m) : classes;
    l->prediction = gf_new_n(images, graft_prediction);
    l->label = gf_new_n(images * (size_t)l->top, graft_label);
    l->order = gf_new_n((size_t)l->top, int);
    l->p = gf_new_n(classes, float);
    l->values = l->output ? gf_new_n(images * l->n_values, double) : NULL;
    if (l->prediction && l->label && l->order && l->p && (l->values || !l->output)) return GRAFT_OK;
    return gf_fail_memory(err, images * sizeof *l->prediction, "predictions");
}

static graft_status predict(graft_model *m, const char *const *paths, size_t n, int top, graft_result **out,
                            graft_error *err)
{
    static const gf_setting of_one_class[] = {GF_SET_PREDICT_UNKNOWN};
    GF_TRY(gf_api_want_head(m, err));
    GF_TRY(gf_api_check_threshold(m, err));
    GF_TRY(gf_api_want_no_labels(m, of_one_class, 1, err));
    if (gf_api_task(m).cls->keep) return gf_api_predict_boxes(m, paths, n, out, err);
    int classes = m->model.classes;
    gf_image_list a;
    listing l = {.top = top < 1 ? 1 : top > classes ? classes : top, .several = gf_api_task(m).cls->labels};
    GF_TRY(gf_api_promise(m, &l.promise, err));
    GF_TRY(gf_api_list_open(&a, m, paths, n, false, err));
    size_t images = a.index->n;
    float *logits = gf_new_n(images * gf_api_outputs(m), float);
    graft_status status = logits ? gf_prediction_files_check(m, &a, err)
                                 : gf_fail_memory(err, images * sizeof *l.prediction, "predictions");
    if (status == GRAFT_OK) status = make_listing(&l, m, images, err);
    if (status == GRAFT_OK) status = predict_image_list(m, &a, &l, logits, err);
    if (status == GRAFT_OK) status = gf_prediction_files_write(m, &a, l.prediction, logits, err);
    if (status == GRAFT_OK) status = list_result(&l, m, (uint32_t)images, out, err);
    gf_free(logits);
    gf_free(l.prediction);
    gf_free(l.label);
    gf_free(l.told);
    gf_free(l.order);
    gf_free(l.p);
    gf_free(l.values);
    gf_names_free(&l.strings);
    gf_image_list_close(&a);
    return status;
}

graft_status graft_predict(graft_model *m, const char *const *paths, size_t n, int top, graft_result **out,
                           graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_TRY(gf_api_check_texts(__func__, "paths", paths, n, err));
    GF_TRY(gf_api_whole(m, err));
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    return gf_api_end(predict(m, paths, n, top, out, err), err);
}
