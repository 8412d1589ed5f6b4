#include "train/model_file.h"

#include "exchange/keras_config.h"
#include "formats/safetensors.h"
#include "image/input.h"
#include "tasks/task.h"
#include "zoo/zoo.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT = 2 };
static const char tokenizer_folder[] = "tokenizer";

void gf_label_thresholds_free(gf_label_thresholds *t)
{
    gf_free(t->value);
    *t = (gf_label_thresholds){0};
}

void gf_model_facts_free(gf_model_facts *f)
{
    gf_label_thresholds_free(&f->labels);
    gf_names_free(&f->classes);
    gf_files_free(&f->tokenizer);
    *f = (gf_model_facts){0};
}

gf_task gf_model_file_task(const gf_model *m, const gf_model_facts *f)
{
    gf_task t = gf_task_of_model(m, f->task);
    if (f->fitted.temperature > 0) t.beta = 1 / f->fitted.temperature;
    t.labels.threshold = f->labels.value;
    return t;
}

/* ---- writing */

void gf_self_test_image(float *dst, int w, int h)
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++, dst += 3) {
            dst[0] = 128 + 127 * (float)x / (float)w;
            dst[1] = 255 * (float)y / (float)h;
            dst[2] = (float)((x * 7 + y * 13) % 96);
        }
    }
}

/* Pieces that every vocabulary has: 0 to 3, of half to all of the places. */
static void put_pieces(const gf_input_layout *in, uint32_t sample, int32_t *dst)
{
    enum { PIECES = 4, FACTOR = 7 };
    size_t places = gf_count(&in->shape), n = places - (places / 2 * (sample % 3)) / 2;
    for (size_t i = 0; i < places; i++) dst[i] = i < n ? (int32_t)((i * i / 3 + FACTOR * sample) % PIECES) : -1;
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    (void)ctx, (void)target, (void)err;
    if (in[0].dtype == GF_S32) {
        put_pieces(&in[0], q->sample, dst[0]);
        return GRAFT_OK;
    }
    int h = (int)in[0].shape.dim[0], w = (int)in[0].shape.dim[1];
    gf_self_test_image(q->scratch, w, h);
    for (int i = 0; i < h * w * 3 && q->sample; i++) {
        float v = q->scratch[i] + 29 * (float)q->sample;
        q->scratch[i] = v - 256 * (float)(int)(v / 256); /* exact, as fmodf is */
    }
    gf_input_put_f32(&in[0], q->scratch, dst[0]);
    return GRAFT_OK;
}

gf_feed gf_self_test_feed(void) { return (gf_feed){fill, NULL}; }

graft_status gf_self_test_check(const gf_model_facts *f, const float *logits, bool bytes, graft_error *err)
{
    const float *want = f->int8_layers && !bytes ? f->plain_self_test : f->self_test;
    float tolerance = f->dtype == GF_F32 && f->saved_dtype == GF_F32 ? 1e-3f : 0.1f, largest = 1;
    for (int i = 0; i < f->n_self_test; i++) largest = fmaxf(largest, fabsf(want[i]));
    for (int i = 0; i < f->n_self_test; i++) {
        if (fabsf(logits[i] - want[i]) <= tolerance * largest) continue;
        return gf_fail(err, GF_E_NOT_A_MODEL, "was it made by another version of graft? train it anew, or report it",
                       "the model's self-test gives %g, it was saved with %g", (double)logits[i], (double)want[i]);
    }
    return GRAFT_OK;
}

static gf_json *numbers(const float *x, int n)
{
    gf_json *j = gf_json_array();
    for (int i = 0; i < n; i++) gf_json_add(j, gf_json_real((double)x[i]));
    return j;
}

static void read_numbers(const gf_json *j, float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = (float)gf_json_f64(gf_json_at(j, (size_t)i), 0);
}

static gf_json *fitted_json(const gf_fitted *f)
{
    gf_json *j = gf_json_object(), *rows = gf_json_array();
    gf_json_set(j, "temperature", gf_json_real(f->temperature));
    gf_json_set(j, "images", gf_json_int(f->images));
    gf_json_set(j, "error_before", gf_json_real(f->error[0]));
    gf_json_set(j, "error", gf_json_real(f->error[1]));
    for (size_t i = 0; i < f->n_promises; i++) {
        gf_json *row = gf_json_object();
        gf_json_set(row, "accuracy", gf_json_real(f->promise[i].accuracy));
        gf_json_set(row, "threshold", gf_json_real(f->promise[i].threshold));
        gf_json_set(row, "coverage", gf_json_real(f->promise[i].coverage));
        gf_json_add(rows, row);
    }
    gf_json_set(j, "promises", rows);
    return j;
}

static gf_json *threshold_json(const gf_threshold *t)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "confidence", gf_json_real(t->confidence));
    gf_json_set(j, "overlap", gf_json_real(t->overlap));
    gf_json_set(j, "precision", gf_json_real(t->precision));
    gf_json_set(j, "recall", gf_json_real(t->recall));
    gf_json_set(j, "f1", gf_json_real(t->f1));
    gf_json_set(j, "images", gf_json_int(t->images));
    gf_json_set(j, "objects", gf_json_int(t->objects));
    return j;
}

static gf_json *label_thresholds_json(const gf_label_thresholds *t)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "thresholds", numbers(t->value, (int)t->n));
    gf_json_set(j, "macro_f1", gf_json_real(t->macro_f1));
    gf_json_set(j, "images", gf_json_int(t->images));
    return j;
}

static char *facts_text(const gf_model_facts *f)
{
    gf_json *j = gf_json_object(), *classes = gf_json_array();
    for (size_t i = 0; i < f->classes.n; i++) gf_json_add(classes, gf_json_string(f->classes.item[i]));
    gf_json_set(j, "format", gf_json_int(FORMAT));
    gf_json_set(j, "architecture", gf_json_string(f->architecture));
    gf_json_set(j, "alpha", gf_json_real(f->alpha));
    gf_json_set(j, "dropout", gf_json_real(f->dropout));
    gf_json_set(j, "width", gf_json_int(f->width));
    gf_json_set(j, "height", gf_json_int(f->height));
    gf_json_set(j, "classes", classes);
    gf_json_set(j, "precision", gf_json_string(gf_dtype_name(f->dtype)));
    if (f->task[0]) gf_json_set(j, "task", gf_json_string(f->task));
    if (f->int8_layers) gf_json_set(j, "int8_layers", gf_json_int(f->int8_layers));
    gf_json_set(j, "antialias", gf_json_bool(f->antialias));
    gf_json_set(j, "ignore_exif", gf_json_bool(f->ignore_exif));
    if (f->fast_dct) gf_json_set(j, "decode", gf_json_string("tensorflow"));
    char fit[GF_FIT_TEXT];
    if (f->fit.filter) gf_json_set(j, "resize_filter", gf_json_string(gf_resize_filter_name(f->fit.filter)));
    if (f->fit.kind != GF_FIT_STRETCH) gf_json_set(j, "fit", gf_json_string(gf_fit_text(&f->fit, fit)));
    gf_json_set(j, "layout", gf_json_string("HWIO"));
    gf_json_set(j, "channels", gf_json_string("RGB"));
    gf_json_set(j, "self_test", numbers(f->self_test, f->n_self_test));
    if (f->int8_layers) gf_json_set(j, "plain_self_test", numbers(f->plain_self_test, f->n_self_test));
    if (f->elsewhere.images) {
        gf_json *e = gf_json_object();
        gf_json_set(e, "images", gf_json_int(f->elsewhere.images));
        gf_json_set(e, "labels", gf_json_int(f->elsewhere.labels));
        gf_json_set(e, "probability", gf_json_real(f->elsewhere.probability));
        gf_json_set(j, "elsewhere", e);
    }
    if (f->fitted.temperature > 0) gf_json_set(j, "calibration", fitted_json(&f->fitted));
    if (f->threshold.confidence > 0) gf_json_set(j, "detection", threshold_json(&f->threshold));
    if (f->labels.value) gf_json_set(j, "labels", label_thresholds_json(&f->labels));
    char *text = gf_json_text(j, 0);
    gf_json_free(j);
    return text;
}

/* Adds a tensor FOLDER/NAME that borrows its values. */
static graft_status list_typed(gf_tensors *list, const char *folder, const char *name, gf_dtype dtype,
                               const gf_shape *shape, void *data, graft_error *err)
{
    if (!gf_grow(&list->item, list->n, &list->cap)) return gf_fail_memory(err, sizeof(gf_tensor), "a model file");
    list->item[list->n] = (gf_tensor){gf_sprintf("%s/%s", folder, name), dtype, *shape, data};
    return list->item[list->n++].name ? GRAFT_OK : gf_fail_memory(err, GF_NAME_MAX, "a model file");
}

static graft_status list_tensor(gf_tensors *list, const char *folder, const char *name, const gf_shape *shape,
                                void *data, graft_error *err)
{
    return list_typed(list, folder, name, GF_F32, shape, data, err);
}

/* int8/LAYER: (channels, 3): lowest, highest, mean of each channel of the layer's output (gf_model_range_count). */
static gf_shape range_shape(const gf_model *m, int layer)
{
    return GF_SHAPE((int64_t)gf_model_range_count(m, layer), 3);
}

static bool has_range(const gf_model *m, int layer)
{
    const gf_range *r = gf_model_range(m, layer);
    for (size_t c = 0; r && c < gf_model_range_count(m, layer); c++) {
        if (r[c].low < r[c].high) return true;
    }
    return false;
}

static graft_status list_all(gf_tensors *list, const gf_model *m, const gf_model_facts *f, graft_error *err)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        GF_TRY(list_tensor(list, m->layer[p->layer].name, p->var, &p->shape, m->value + p->offset, err));
    }
    for (int i = 0; i < f->int8_layers; i++) {
        gf_shape shape = range_shape(m, i);
        if (has_range(m, i)) GF_TRY(list_tensor(list, "int8", m->layer[i].name, &shape, gf_model_range(m, i), err));
    }
    for (size_t i = 0; i < f->tokenizer.n; i++) {
        const gf_kept_file *k = &f->tokenizer.item[i];
        gf_shape shape = GF_SHAPE((int64_t)k->n);
        GF_TRY(list_typed(list, tokenizer_folder, k->name, GF_U8, &shape, k->bytes, err));
    }
    return GRAFT_OK;
}

/* Into the file or, without a path, into memory. */
static graft_status write_to(const char *path, uint8_t **out, size_t *n, const gf_model *m, const gf_model_facts *f,
                             graft_error *err)
{
    graft_status status = GRAFT_OK;
    char *facts = facts_text(f), *graph = NULL;
    gf_tensors list = {0};
    if (!facts) {
        status = gf_fail_memory(err, GF_NAME_MAX, "a model file");
        goto out;
    }
    GF_GOTO(gf_keras_config_text(&graph, m, &(gf_keras_config_options){.own = true}, err));
    GF_GOTO(list_all(&list, m, f, err));
    const gf_meta meta[] = {{"graft.model", facts}, {"graft.graph", graph}};
    const size_t n_meta = sizeof meta / sizeof *meta;
    if (path) GF_GOTO(gf_safetensors_write(path, list.item, list.n, meta, n_meta, err));
    if (!path) GF_GOTO(gf_safetensors_make(out, n, list.item, list.n, meta, n_meta, err));
out:
    for (size_t i = 0; i < list.n; i++) gf_free(list.item[i].name); /* the values are the model's */
    gf_free(list.item);
    gf_free(facts);
    gf_free(graph);
    return status;
}

graft_status gf_model_file_write(const char *path, const gf_model *m, const gf_model_facts *f, graft_error *err)
{
    return write_to(path, NULL, NULL, m, f, err);
}

graft_status gf_model_file_make(uint8_t **out, size_t *n, const gf_model *m, const gf_model_facts *f, graft_error *err)
{
    *out = NULL;
    *n = 0;
    return write_to(NULL, out, n, m, f, err);
}

/* ---- reading */

static int read_count(const gf_json *j, const char *name)
{
    int64_t n = gf_json_i64(gf_json_get(j, name), 0);
    return n > 0 && n < INT_MAX ? (int)n : 0;
}

static graft_status read_filter(gf_resize_filter *out, const char *name, const char *path, graft_error *err)
{
    if (gf_resize_filter_find(name, out)) return GRAFT_OK;
    return gf_fail(err, GF_E_NOT_A_MODEL, "use the graft that wrote it, or a newer one",
                   "%s: no resize filter is called %s", GF_ESC(path), GF_ESC(name));
}

/* Numbers that nothing could have fitted are those of another file. */
static graft_status read_fitted(gf_fitted *f, const gf_json *j, const char *path, graft_error *err)
{
    if (!j) return GRAFT_OK;
    const gf_json *rows = gf_json_get(j, "promises");
    bool good = true;
    f->temperature = gf_json_f64(gf_json_get(j, "temperature"), 0);
    f->images = read_count(j, "images");
    f->error[0] = gf_json_f64(gf_json_get(j, "error_before"), 0);
    f->error[1] = gf_json_f64(gf_json_get(j, "error"), 0);
    f->n_promises = gf_json_size(rows) < GF_PROMISES ? gf_json_size(rows) : GF_PROMISES;
    for (size_t i = 0; i < f->n_promises; i++) {
        const gf_json *row = gf_json_at(rows, i);
        f->promise[i] = (gf_promise){gf_json_f64(gf_json_get(row, "accuracy"), NAN),
                                     gf_json_f64(gf_json_get(row, "threshold"), NAN),
                                     gf_json_f64(gf_json_get(row, "coverage"), NAN)};
        const gf_promise *p = &f->promise[i];
        good =
            good && p->accuracy >= 0 && p->accuracy <= 1 && p->threshold <= 1 && p->coverage >= 0 && p->coverage <= 1;
    }
    const double lowest = 1e-5, highest = 1e5;
    if (good && f->temperature >= lowest && f->temperature <= highest) return GRAFT_OK;
    return gf_fail(err, GF_E_NOT_A_MODEL, "was it edited?", "%s: its calibration is none: a temperature of %g",
                   GF_ESC(path), f->temperature);
}

static graft_status read_threshold(gf_threshold *t, const gf_json *j, const char *path, graft_error *err)
{
    if (!j) return GRAFT_OK;
    *t = (gf_threshold){
        .confidence = gf_json_f64(gf_json_get(j, "confidence"), NAN),
        .overlap = gf_json_f64(gf_json_get(j, "overlap"), NAN),
        .precision = gf_json_f64(gf_json_get(j, "precision"), NAN),
        .recall = gf_json_f64(gf_json_get(j, "recall"), NAN),
        .f1 = gf_json_f64(gf_json_get(j, "f1"), NAN),
        .images = read_count(j, "images"),
        .objects = read_count(j, "objects"),
    };
    if (t->confidence > 0 && t->confidence < 1 && t->overlap > 0 && t->overlap <= 1) return GRAFT_OK;
    return gf_fail(err, GF_E_NOT_A_MODEL, "was it edited?",
                   "%s: a confidence of %g and an overlap of %g cannot be those of its detections", GF_ESC(path),
                   t->confidence, t->overlap);
}

/* One for each class. */
static graft_status read_label_thresholds(gf_label_thresholds *t, const gf_json *j, size_t classes, const char *path,
                                          graft_error *err)
{
    if (!j) return GRAFT_OK;
    const gf_json *list = gf_json_get(j, "thresholds");
    bool good = gf_json_size(list) == classes;
    t->value = gf_new_n(classes, float);
    if (!t->value) return gf_fail_memory(err, classes * sizeof *t->value, "thresholds");
    t->n = classes;
    t->macro_f1 = gf_json_f64(gf_json_get(j, "macro_f1"), 0);
    t->images = read_count(j, "images");
    for (size_t c = 0; c < classes && good; c++) {
        double x = gf_json_f64(gf_json_at(list, c), NAN);
        good = x >= 0 && x <= 1;
        t->value[c] = (float)x;
    }
    if (good) return GRAFT_OK;
    return gf_fail(err, GF_E_NOT_A_MODEL, "was it edited?", "%s: its thresholds are not one from 0 to 1 for each class",
                   GF_ESC(path));
}

static graft_status read_facts(gf_model_facts *f, const char *text, const char *path, graft_error *err)
{
    gf_json *j;
    GF_TRY(gf_json_parse(&j, text, strlen(text), path, err));
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_fit_parse(&f->fit, gf_json_str(gf_json_get(j, "fit"), "stretch"), err));
    GF_GOTO(read_filter(&f->fit.filter, gf_json_str(gf_json_get(j, "resize_filter"), "bilinear"), path, err));
    GF_GOTO(read_fitted(&f->fitted, gf_json_get(j, "calibration"), path, err));
    GF_GOTO(read_threshold(&f->threshold, gf_json_get(j, "detection"), path, err));
    snprintf(f->architecture, sizeof f->architecture, "%s", gf_json_str(gf_json_get(j, "architecture"), ""));
    snprintf(f->task, sizeof f->task, "%s", gf_json_str(gf_json_get(j, "task"), ""));
    f->alpha = gf_json_f64(gf_json_get(j, "alpha"), 0);
    f->dropout = gf_json_f64(gf_json_get(j, "dropout"), 0);
    f->width = (int)gf_json_i64(gf_json_get(j, "width"), 0);
    f->height = (int)gf_json_i64(gf_json_get(j, "height"), 0);
    f->antialias = gf_json_true(gf_json_get(j, "antialias"), false);
    f->ignore_exif = gf_json_true(gf_json_get(j, "ignore_exif"), false);
    f->fast_dct = !strcmp(gf_json_str(gf_json_get(j, "decode"), ""), "tensorflow");
    int64_t int8_layers = gf_json_i64(gf_json_get(j, "int8_layers"), 0);
    f->int8_layers = int8_layers > 0 && int8_layers < INT_MAX ? (int)int8_layers : 0;
    f->dtype = !strcmp(gf_json_str(gf_json_get(j, "precision"), "f32"), "bf16") ? GF_BF16 : GF_F32;
    const gf_json *test = gf_json_get(j, "self_test"), *classes = gf_json_get(j, "classes");
    f->saved_dtype = f->dtype;
    const gf_json *elsewhere = gf_json_get(j, "elsewhere");
    f->elsewhere.images = read_count(elsewhere, "images");
    f->elsewhere.labels = read_count(elsewhere, "labels");
    f->elsewhere.probability = gf_json_f64(gf_json_get(elsewhere, "probability"), 0);
    f->n_self_test = gf_json_size(test) < GF_SELF_TEST_MAX ? (int)gf_json_size(test) : GF_SELF_TEST_MAX;
    read_numbers(test, f->self_test, f->n_self_test);
    read_numbers(gf_json_get(j, "plain_self_test"), f->plain_self_test, f->n_self_test);
    for (size_t i = 0; i < gf_json_size(classes); i++) {
        GF_GOTO(gf_names_add(&f->classes, gf_json_str(gf_json_at(classes, i), ""), err));
    }
    GF_GOTO(read_label_thresholds(&f->labels, gf_json_get(j, "labels"), f->classes.n, path, err));
    if (gf_json_i64(gf_json_get(j, "format"), 0) != FORMAT) {
        status = gf_fail(err, GF_E_NOT_A_MODEL, "use the graft that wrote it, or a newer one",
                         "%s: its model is of format %lld, this graft reads %d", GF_ESC(path),
                         (long long)gf_json_i64(gf_json_get(j, "format"), 0), FORMAT);
    }
    if (status == GRAFT_OK && !gf_task_find(f->task)) {
        status = gf_fail(err, GF_E_NOT_A_MODEL, "use the graft that wrote it, or a newer one",
                         "%s: its task, \"%s\", is not known", GF_ESC(path), GF_ESC(f->task));
    }
out:
    gf_json_free(j);
    return status;
}

static graft_status read_values(gf_model *m, const gf_safetensors *st, const char *path, graft_error *err)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        char name[2 * GF_NAME_MAX];
        snprintf(name, sizeof name, "%s/%s", m->layer[p->layer].name, p->var);
        const gf_safetensors_tensor *t = gf_safetensors_find(st, name);
        if (!t) return gf_fail(err, GF_E_WEIGHTS_MISSING, NULL, "%s: tensor %s is missing", GF_ESC(path), name);
        GF_TRY(gf_safetensors_f32(st, t, &p->shape, m->value + p->offset, err));
        size_t bad = gf_count_nonfinite(m->value + p->offset, p->count);
        if (bad) {
            return gf_fail(err, GF_E_WEIGHTS_NONFINITE, NULL, "%s: tensor %s holds %zu NaN or infinite values",
                           GF_ESC(path), name, bad);
        }
    }
    return GRAFT_OK;
}

/* Ranges that are not there leave their layers out of what is computed in bytes. */
static graft_status read_ranges(gf_model *m, gf_model_facts *f, const gf_safetensors *st, const char *path,
                                graft_error *err)
{
    if (!f->int8_layers) return GRAFT_OK;
    if (f->int8_layers > (int)m->n_layers) f->int8_layers = (int)m->n_layers;
    GF_TRY(gf_model_add_ranges(m, err));
    for (int i = 0; i < f->int8_layers; i++) {
        const gf_layer *l = &m->layer[i];
        char name[2 * GF_NAME_MAX];
        snprintf(name, sizeof name, "int8/%s", l->name);
        const gf_safetensors_tensor *t = gf_safetensors_find(st, name);
        gf_shape shape = range_shape(m, i);
        if (!t) continue;
        GF_TRY(gf_safetensors_f32(st, t, &shape, &gf_model_range(m, i)->low, err));
        size_t bad = gf_count_nonfinite(&gf_model_range(m, i)->low, gf_count(&shape));
        if (bad) {
            return gf_fail(err, GF_E_WEIGHTS_NONFINITE, NULL, "%s: tensor %s holds %zu NaN or infinite values",
                           GF_ESC(path), name, bad);
        }
    }
    return GRAFT_OK;
}

static graft_status read_tokenizer(gf_model_facts *f, const gf_safetensors *st, graft_error *err)
{
    size_t n = strlen(tokenizer_folder);
    for (size_t i = 0; i < st->n; i++) {
        const gf_safetensors_tensor *t = &st->tensor[i];
        if (strncmp(t->name, tokenizer_folder, n) || t->name[n] != '/' || t->dtype != GF_U8) continue;
        GF_TRY(gf_files_add(&f->tokenizer, t->name + n + 1, gf_safetensors_bytes(st, t), gf_count(&t->shape), err));
    }
    return GRAFT_OK;
}

static bool fits_input(const gf_layer *input, const gf_model_facts *f)
{
    if (input->at.dtype == GF_S32) return input->shape.rank == 1 && input->shape.dim[0] == f->width && f->tokenizer.n;
    return input->shape.rank == 3 && input->shape.dim[0] == f->height && input->shape.dim[1] == f->width;
}

/* Facts and graph were written together. */
static graft_status check_graph(const gf_model *m, const gf_model_facts *f, const char *path, graft_error *err)
{
    const gf_layer *input = m->n_layers ? &m->layer[0] : NULL;
    bool fits = input && input->cls == &gf_layer_input && fits_input(input, f) && (size_t)m->classes == f->classes.n;
    const gf_task t = gf_task_of_model(m, f->task);
    if (fits && t.cls->fits(&t, m)) return GRAFT_OK;
    return gf_fail(err, GF_E_NOT_A_MODEL, NULL, "%s: its graph is not that of a classifier of %zu classes",
                   GF_ESC(path), f->classes.n);
}

graft_status gf_model_file_take(gf_model *m, gf_model_facts *f, const gf_safetensors *st, const char *path,
                                graft_error *err)
{
    *m = (gf_model){0};
    *f = (gf_model_facts){0};
    graft_status status = GRAFT_OK;
    const char *facts = gf_safetensors_meta(st, "graft.model"), *graph = gf_safetensors_meta(st, "graft.graph");
    if (!facts) {
        return gf_fail(
            err, GF_E_NOT_A_MODEL,
            "of graft's own give the run folder; `graft train DATA --model NAME --weights FILE` takes weights alone",
            "%s: not a model that graft wrote: no \"graft.model\" in its metadata", GF_ESC(path));
    }
    GF_GOTO(read_facts(f, facts, path, err));
    /* each parameter has two bytes at least in the file: no graph takes more memory than its values */
    const gf_keras_config_options own = {.own = true, .max_params = st->data_bytes / 2 + 1};
    GF_GOTO(gf_keras_config_parse(m, graph ? graph : "", graph ? strlen(graph) : 0, path, &own, err));
    GF_GOTO(read_tokenizer(f, st, err));
    GF_GOTO(check_graph(m, f, path, err));
    const gf_architecture *a = gf_zoo_find(f->architecture);
    m->buffers = a && !strcmp(a->source, "torch");
    GF_GOTO(read_values(m, st, path, err));
    GF_GOTO(read_ranges(m, f, st, path, err));
out:
    if (status != GRAFT_OK) {
        gf_model_free(m);
        gf_model_facts_free(f);
    }
    return status;
}

graft_status gf_model_file_read(gf_model *m, gf_model_facts *f, const char *path, graft_error *err)
{
    *m = (gf_model){0};
    *f = (gf_model_facts){0};
    gf_safetensors st;
    GF_TRY(gf_safetensors_open(&st, path, NULL, err));
    graft_status status = gf_model_file_take(m, f, &st, path, err);
    gf_safetensors_close(&st);
    return status;
}
