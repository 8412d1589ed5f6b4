/* export.c - a model into another tool's file, which must compute the same. */
#include "api/internal.h"

#include "base/io.h"
#include "base/sys.h"
#include "exchange/export.h"
#include "exchange/hf_folder.h"
#include "exchange/hf_out.h"
#include "exchange/import.h"
#include "exchange/load_weights.h"
#include "exchange/onnx.h"
#include "tasks/task.h"
#include "train/export_boxes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 8 };

static double multiplications(const gf_model *m)
{
    double all = 0;
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_layer *l = &m->layer[m->param[i].layer];
        if (m->param[i].shape.rank > 1)
            all += (double)m->param[i].count * (double)gf_count(&l->shape) / (double)gf_layer_channels(l);
    }
    return all;
}

/* What a model makes of images, in f32. */
typedef struct outcome {
    float *x; /* n rows */
    size_t width;
    bool lost[IMAGES]; /* an image that cannot be read says nothing */
} outcome;

/* `plain`: layer by layer as they stand, nothing folded or fused, and by the reference implementation where that is
 * done in seconds. */
static graft_status compute(graft_context *c, gf_model *m, const gf_feed *feed, size_t n, bool plain, outcome *o,
                            graft_error *err)
{
    static const uint32_t sample[IMAGES] = {0, 1, 2, 3, 4, 5, 6, 7};
    const double most = 2e9; /* multiplications */
    gf_engine *e = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.no_fusion = plain;
    spec.reference = plain && (double)n * multiplications(m) <= most;
    GF_TRY(gf_engine_create(&e, m, c->ops, c->pool, &spec, err));
    o->width = gf_engine_outputs(e);
    o->x = gf_new_n(n * o->width, float);
    graft_status status = o->x ? gf_engine_forward(e, feed, NULL, sample, n, o->x, o->lost, err)
                               : gf_fail_memory(err, n * o->width * sizeof *o->x, "an export");
    gf_engine_destroy(e);
    return status;
}

/* Rows of another width, `to`, of which `row` makes each. */
static graft_status map_rows(outcome *o, size_t n, size_t to, const gf_model *m,
                             void (*row)(const float *x, size_t width, const gf_model *m, float *y), graft_error *err)
{
    float *y = gf_new_n(n * to, float);
    if (!y) return gf_fail_memory(err, n * to * sizeof *y, "an export");
    for (size_t i = 0; i < n; i++) row(o->x + i * o->width, o->width, m, y + i * to);
    gf_free(o->x);
    o->x = y;
    o->width = to;
    return GRAFT_OK;
}

static void put_end(const float *x, size_t width, const gf_model *m, float *y)
{
    const gf_task t = gf_task_of_model(m, NULL);
    t.cls->decode(&t, x, width, y);
    if (m->end != GF_END_LOG_SOFTMAX) return;
    size_t top = 0;
    for (size_t i = 1; i < width; i++) top = y[i] > y[top] ? i : top;
    const float largest = logf(y[top]); /* this logarithm is finite */
    for (size_t i = 0; i < width; i++) y[i] = x[i] - x[top] + largest;
}

static void put_both(const float *x, size_t width, const gf_model *m, float *y)
{
    (void)width, (void)m;
    y[0] = 1 - x[0];
    y[1] = x[0];
}

/* Logits become what the model ends in. */
static graft_status finish(outcome *o, size_t n, const gf_model *m, graft_error *err)
{
    bool ends = m->classes && m->end != GF_END_LINEAR;
    return ends ? map_rows(o, n, (size_t)m->classes, m, put_end, err) : GRAFT_OK;
}

/* A single probability, that of class 1, becomes two, as others have them. */
static graft_status widen(outcome *o, size_t n, const gf_model *m, graft_error *err)
{
    bool one = m->classes == 2 && m->end != GF_END_LINEAR && o->width == 1;
    return one ? map_rows(o, n, 2, m, put_both, err) : GRAFT_OK;
}

/* The largest, over the largest magnitude where that is above 1; *seen gets the images that were compared. */
static double difference(const outcome *a, const outcome *b, size_t n, size_t *seen)
{
    double most = 0, largest = 1;
    *seen = 0;
    for (size_t i = 0; i < n * a->width; i++) {
        if (a->lost[i / a->width] || b->lost[i / a->width]) continue;
        double d = fabs((double)a->x[i] - (double)b->x[i]);
        largest = fmax(largest, fabs((double)a->x[i]));
        if (isnan(d)) return d;
        most = fmax(most, d);
        *seen += i % a->width == 0;
    }
    return most / largest;
}

/* The file takes values of 0 to 1. */
static bool is_of_shares(const graft_model *m, const gf_export_format *f)
{
    const gf_task t = gf_api_task(m);
    return t.cls->look && !strcmp(f->name, "onnx") &&
           gf_settings_choice(m->context->settings, GF_SET_EXPORT_BOXES) == GF_BOXES_YOLO;
}

static graft_status read_folder(const char *path, gf_model *back, graft_error *err)
{
    gf_tokenizer t = {0};
    GF_TRY(gf_hf_import(back, path, &(gf_hf_options){.classifier = true, .allow_nonfinite = true}, err));
    graft_status status = gf_tokenizer_open(&t, path, NULL, 0, err);
    if (status == GRAFT_OK) status = gf_api_fit_tokenizer(back, &t, err);
    if (status != GRAFT_OK) gf_model_free(back);
    gf_tokenizer_close(&t);
    return status;
}

/* The file as the model that another tool would read. */
static graft_status read_back(const graft_model *m, const gf_export_format *f, const char *path, gf_model *back,
                              graft_error *err)
{
    if (f->has_graph) {
        bool has_values;
        const gf_import_options o = {.width = (int)m->config.width,
                                     .height = (int)m->config.height,
                                     .preprocess = is_of_shares(m, f) ? "unit" : "none",
                                     .allow_nonfinite = true};
        return gf_import(back, path, &o, &has_values, err);
    }
    if (f->folder) return read_folder(path, back, err);
    int at;
    graft_status status = GRAFT_OK;
    *back = (gf_model){0};
    GF_GOTO(gf_model_copy_layers(back, &m->model, m->model.output, NULL, &at, err));
    back->features = back->output = at;
    back->classes = m->model.classes;
    memcpy(back->name, m->model.name, sizeof back->name);
    GF_GOTO(gf_model_finish(back, err));
    gf_model_init(back, 1, 0); /* values that are no one's, before the file's */
    GF_GOTO(gf_model_load_weights(back, path, true, true, NULL, err));
out:
    if (status != GRAFT_OK) gf_model_free(back);
    return status;
}

/* The network of another tool's file that this model is, whole: what it computes, its last activation too, is what the
 * written file has to give. NULL: the model is graft's own, and its end what it is said to be. */
static gf_model *source_of(graft_model *m)
{
    bool whole = m->head.keep_last || m->head.none, other = m->config.cut || m->config.weights;
    return m->source.n_layers && !m->trained && whole && !other ? &m->source : NULL;
}

static graft_status ours_and_theirs(graft_model *m, gf_model *back, bool has_graph, const gf_feed *feed, size_t n,
                                    outcome *ours, outcome *theirs, graft_error *err)
{
    gf_model *source = source_of(m);
    GF_TRY(compute(m->context, source ? source : &m->model, feed, n, source != NULL, ours, err));
    GF_TRY(compute(m->context, back, feed, n, false, theirs, err));
    if (!m->has_head) return GRAFT_OK;
    if (!source) GF_TRY(finish(ours, n, &m->model, err));
    if (!has_graph) GF_TRY(finish(theirs, n, &m->model, err)); /* else it ends as the file does */
    GF_TRY(widen(ours, n, &m->model, err));
    return widen(theirs, n, &m->model, err);
}

/* On *n images, of which *n gets those that could be read. */
static graft_status compare(graft_model *m, const gf_export_format *f, const char *path, const gf_feed *feed, size_t *n,
                            double *most, graft_error *err)
{
    gf_model back;
    outcome ours = {0}, theirs = {0};
    GF_TRY(read_back(m, f, path, &back, err));
    graft_status status = GRAFT_OK;
    GF_GOTO(ours_and_theirs(m, &back, f->has_graph, feed, *n, &ours, &theirs, err));
    if (theirs.width != ours.width) {
        status = gf_fail(err, GF_E_EXPORT_DIFFERS, "please report this", "%s: %zu outputs, the model has %zu",
                         GF_ESC(path), theirs.width, ours.width);
        goto out;
    }
    *most = difference(&ours, &theirs, *n, n);
    if (!*n && !isnan(*most)) {
        status = gf_fail(err, GF_E_DATA_NO_IMAGES, "give others with --check",
                         "none of the images to compare on can be read");
    }
out:
    gf_free(ours.x);
    gf_free(theirs.x);
    gf_model_free(&back);
    return status;
}

/* ---- images to compare on */

/* Where the run's data were when it was trained; NULL: not known, or gone. The caller's. */
static char *data_of_run(const char *run, bool texts)
{
    gf_run_config c = {0};
    char *path = run ? gf_path_join(run, "config.json") : NULL, *data = NULL;
    bool known = path && gf_is_file(path) && gf_config_read(&c, path, NULL) == GRAFT_OK && c.data;
    if (known && (texts ? gf_is_file(c.data) : gf_is_dir(c.data))) data = gf_strdup(c.data);
    gf_config_free(&c);
    gf_free(path);
    return data;
}

typedef struct subject {
    gf_image_list image_list;
    bool has_image_list;
    gf_feed feed;
    size_t n;
} subject;

/* What a prediction tells of an image that is not there is no comparison. */
static graft_status are_there(const graft_export_options *o, graft_error *err)
{
    for (size_t i = 0; i < o->n_pictures; i++) {
        if (gf_is_file(o->pictures[i]) || gf_is_dir(o->pictures[i])) continue;
        return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "%s: is not there", GF_ESC(o->pictures[i]));
    }
    return GRAFT_OK;
}

static graft_status find_images(graft_model *m, const graft_export_options *o, subject *s, graft_error *err)
{
    GF_TRY(are_there(o, err));
    *s = (subject){.feed = gf_self_test_feed(), .n = IMAGES};
    s->image_list.context = m->context;
    char *data = o->n_pictures ? NULL : data_of_run(m->run, gf_api_is_of_texts(&m->model));
    const char *const *paths = o->n_pictures ? o->pictures : (const char *const *)&data;
    size_t n = o->n_pictures ? o->n_pictures : data != NULL;
    graft_status status =
        n ? gf_api_list_open(&s->image_list, m, paths, n, false, o->n_pictures ? err : NULL) : GRAFT_OK;
    s->has_image_list = n && status == GRAFT_OK;
    gf_free(data);
    if (status != GRAFT_OK && o->n_pictures) return status;
    if (!s->has_image_list) return GRAFT_OK;
    s->feed = gf_image_list_feed(&s->image_list);
    s->n = s->image_list.index->n < IMAGES ? s->image_list.index->n : IMAGES;
    return GRAFT_OK;
}

/* ---- the tokenizer of a folder */

typedef struct two_tokenizers {
    gf_tokenizer ours, theirs;
    gf_pieces room;
    int32_t *row[2];
    size_t places;
} two_tokenizers;

static graft_status same_pieces(two_tokenizers *t, const char *text, size_t n, graft_error *err)
{
    GF_TRY(gf_tokenizer_put(&t->ours, text, n, &t->room, t->row[0], t->places, NULL, err));
    GF_TRY(gf_tokenizer_put(&t->theirs, text, n, &t->room, t->row[1], t->places, NULL, err));
    if (!memcmp(t->row[0], t->row[1], t->places * sizeof **t->row)) return GRAFT_OK;
    return gf_fail(err, GF_E_EXPORT_DIFFERS, "no file was left behind; please report this",
                   "the folder's tokenizer makes other pieces of the text \"%s\"", GF_ESC(text));
}

/* Of the texts that are compared on, and of some that are odd. */
static graft_status same_pieces_of_all(two_tokenizers *t, const subject *s, graft_error *err)
{
    static const char *const odd[] = {"The quick brown fox, 12.5 %!", "Na\xc3\xafve CAF\xc3\x89 don't",
                                      "\xe6\x88\xbf\xe9\x97\xb4 OK"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) GF_TRY(same_pieces(t, odd[i], strlen(odd[i]), err));
    for (size_t i = 0; s->has_image_list && i < s->n; i++) {
        const gf_index *index = s->image_list.index;
        GF_TRY(same_pieces(t, gf_index_path(index, (uint32_t)i), (size_t)index->sample[i].size, err));
    }
    return GRAFT_OK;
}

static graft_status compare_tokenizers(const graft_model *m, const char *folder, const subject *s, graft_error *err)
{
    two_tokenizers t = {.places = (size_t)m->model.layer[0].shape.dim[0]};
    graft_status status = GRAFT_OK;
    for (int i = 0; i < 2; i++) t.row[i] = gf_new_n(t.places, int32_t);
    if (!t.row[0] || !t.row[1]) GF_GOTO(gf_fail_memory(err, t.places * sizeof **t.row, "an export"));
    GF_GOTO(gf_tokenizer_open_kept(&t.ours, &m->facts.tokenizer, m->facts.architecture, NULL, 0, err));
    GF_GOTO(gf_tokenizer_open(&t.theirs, folder, NULL, 0, err));
    GF_GOTO(same_pieces_of_all(&t, s, err));
out:
    for (int i = 0; i < 2; i++) gf_free(t.row[i]);
    gf_pieces_free(&t.room);
    gf_tokenizer_close(&t.ours);
    gf_tokenizer_close(&t.theirs);
    return status;
}

/* ---- export */

/* A network of texts is not read from ONNX: the file must hold what was to be written. */
static graft_status check_held(graft_model *m, const char *part, gf_json *result, graft_error *err)
{
    bool it;
    const gf_names *classes = &m->facts.classes;
    GF_TRY(gf_onnx_holds(part, &m->model, (const char *const *)classes->item, classes->n, &it, err));
    gf_json_set(result, "difference", gf_json_real(0));
    if (it) return GRAFT_OK;
    return gf_fail(err, GF_E_EXPORT_DIFFERS, "no file was left behind; please report this",
                   "the onnx file holds something else than was written");
}

static graft_status check_file(graft_model *m, const gf_export_format *f, const char *part,
                               const graft_export_options *o, gf_json *result, graft_error *err)
{
    const double tolerance = 1e-4;
    subject s;
    double most = NAN;
    if (f->has_graph && gf_api_is_of_texts(&m->model)) return check_held(m, part, result, err);
    GF_TRY(find_images(m, o, &s, err));
    graft_status status = compare(m, f, part, &s.feed, &s.n, &most, err);
    if (status == GRAFT_OK && f->folder) status = compare_tokenizers(m, part, &s, err);
    gf_json_set(result, "pictures", gf_json_int((int64_t)s.n));
    gf_json_set(result, "real_pictures", gf_json_bool(s.has_image_list));
    gf_json_set(result, "difference", gf_json_real(most));
    if (s.has_image_list) gf_image_list_close(&s.image_list);
    if (status == GRAFT_OK && !(most <= tolerance)) {
        status = gf_fail(err, GF_E_EXPORT_DIFFERS, "no file was left behind; please report this",
                         "the %s file computes something else: the largest difference is %g, wanted is at most %g",
                         f->name, most, tolerance);
    }
    return status;
}

static graft_status choose_format(const char *file, const graft_export_options *o, const gf_export_format **f,
                                  graft_error *err)
{
    *f = o->to ? gf_export_find(o->to) : gf_export_by_ending(file);
    if (*f) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "keras, onnx, safetensors, npz, hf or labels",
                   "%s: no format is known by that", GF_ESC(o->to ? o->to : file));
}

void graft_export_defaults(graft_export_options *o)
{
    if (o) *o = (graft_export_options){0};
}

/* The values of the last layer, whose outputs are the logits, multiplied by one over the model's temperature, so that
 * other tools give the same probabilities. *kept (gf_free) holds what they were; NULL: nothing was to be done, or no
 * layer is there for it. */
static graft_status put_temperature(graft_model *m, float **kept, graft_error *err)
{
    const double beta = gf_api_task(m).beta;
    const gf_layer_class *last = m->model.layer[m->model.output].cls;
    *kept = NULL;
    if (beta <= 0) return GRAFT_OK;
    if (last != &gf_layer_dense && last != &gf_layer_conv2d) {
        gf_log_say(&m->context->log, GF_WARNING, "the file's probabilities are not at the model's temperature");
        return GRAFT_OK;
    }
    *kept = gf_new_n(m->model.n_values, float);
    if (!*kept) return gf_fail_memory(err, m->model.n_values * sizeof(float), "an export");
    memcpy(*kept, m->model.value, m->model.n_values * sizeof(float));
    for (size_t i = 0; i < m->model.n_params; i++) {
        const gf_param *p = &m->model.param[i];
        if (p->layer != m->model.output) continue;
        for (size_t k = 0; k < p->count; k++) m->model.value[p->offset + k] *= (float)beta;
    }
    return GRAFT_OK;
}

/* A folder is written where there is none, or an empty one. */
static graft_status check_folder(const char *folder, graft_error *err)
{
    gf_names names = {0};
    struct stat st;
    if (gf_sys_stat(folder, &st)) return GRAFT_OK;
    graft_status status = gf_is_dir(folder) ? gf_dir_list(folder, &names, err) : GRAFT_OK;
    bool empty = gf_is_dir(folder) && !names.n;
    gf_names_free(&names);
    if (status != GRAFT_OK || empty) return status;
    return gf_fail(err, GF_E_OUT_EXISTS, "choose another --out, or remove it", "%s: is there already", GF_ESC(folder));
}

static void discard(const gf_export_format *f, const char *part)
{
    if (f->folder) {
        gf_hf_remove(part);
    } else {
        gf_sys_unlink(part);
    }
}

/* *mine: what stands under `part` is of this export. */
static graft_status write_part(const graft_model *m, const gf_export_format *f, const gf_export_what *what,
                               const char *part, const char *file, bool *mine, graft_error *err)
{
    struct stat st;
    if (f->folder) GF_TRY(check_folder(file, err));
    if (f->folder && !gf_sys_lstat(part, &st)) {
        return gf_fail(err, GF_E_OUT_EXISTS, "remove it", "%s: is in the way", GF_ESC(part));
    }
    *mine = true;
    return f->write(part, &m->model, what, err);
}

static char *told(const gf_export_format *f, const char *file, const gf_json *result)
{
    const gf_json *most = gf_json_get(result, "difference");
    if (!most) return gf_sprintf("%s: %s\n", file, f->what);
    if (!gf_json_get(result, "pictures"))
        return gf_sprintf("%s: %s; read back, it holds the model's network and values\n", file, f->what);
    return gf_sprintf("%s: %s; read back, it differs by %.1e at most\n", file, f->what, gf_json_f64(most, NAN));
}

static graft_status export(graft_model *m, const char *file, const graft_export_options *o, graft_result **out,
                           graft_error *err)
{
    const gf_export_format *f;
    GF_TRY(choose_format(file, o, &f, err));
    GF_TRY(gf_api_check_out(m, o->pictures, o->n_pictures, file, err));
    if (!f->has_values && !m->facts.classes.n) {
        return gf_fail(err, GF_E_USAGE, "train it first, or keep a classifier",
                       "the model has no class names to write");
    }
    char *part = gf_sprintf("%s.part", file);
    gf_json *j = gf_json_object();
    graft_status status = part ? GRAFT_OK : gf_fail_memory(err, strlen(file), "a file name");
    const gf_boxes_end end = (gf_boxes_end)gf_settings_choice(m->context->settings, GF_SET_EXPORT_BOXES);
    gf_detector_export d = {0};
    bool mine = false;
    if (status == GRAFT_OK) status = gf_detector_export_open(&d, &m->model, &m->facts, end, err);
    const gf_export_what what = gf_detector_export_what(&d, &m->facts);
    if (status == GRAFT_OK) status = write_part(m, f, &what, part, file, &mine, err);
    gf_detector_export_close(&d);
    if (status == GRAFT_OK && f->has_values) status = check_file(m, f, part, o, j, err);
    if (status == GRAFT_OK && gf_sys_rename(part, file)) {
        status = gf_fail(err, GF_E_IO_WRITE, NULL, "%s: cannot be renamed", GF_ESC(part));
    }
    if (status != GRAFT_OK) {
        if (mine) discard(f, part);
        gf_json_free(j);
    } else {
        gf_json_set(j, "file", gf_json_string(file));
        gf_json_set(j, "format", gf_json_string(f->name));
        char *text = told(f, file, j);
        status = gf_result_create(out, j, text, err);
    }
    gf_free(part);
    return status;
}

graft_status graft_export(graft_model *m, const char *file, const graft_export_options *o, graft_result **out,
                          graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_NEEDS(file, "file");
    GF_NEEDS(o, "options");
    GF_TRY(gf_api_check_texts(__func__, "pictures", o->pictures, o->n_pictures, err));
    GF_TRY(gf_api_whole(m, err));
    gf_api_begin(m->context, GRAFT_STAGE_EVALUATE);
    float *kept = NULL;
    graft_status status = put_temperature(m, &kept, err);
    if (status == GRAFT_OK) status = export(m, file, o, out, err);
    if (kept) memcpy(m->model.value, kept, m->model.n_values * sizeof(float));
    gf_free(kept);
    return gf_api_end(status, err);
}
