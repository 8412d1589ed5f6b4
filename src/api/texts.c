/* texts.c - models of texts: opened out of a folder of weights, tied to data by their tokenizer. */
#include "api/internal.h"

#include "data/build.h"
#include "data/text_set.h"
#include "exchange/hf_folder.h"
#include "exchange/vectors.h"
#include "text/encoding.h"

#include <string.h>

bool gf_api_is_of_texts(const gf_model *m)
{
    return m->n_layers && m->layer[0].cls == &gf_layer_input && m->layer[0].at.dtype == GF_S32;
}

const char *gf_api_samples(const gf_model *m) { return gf_api_is_of_texts(m) ? "texts" : "images"; }

graft_status gf_api_want_images(const graft_model *m, const char *what, graft_error *err)
{
    if (!gf_api_is_of_texts(&m->model)) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s: it takes images, the model is of texts", what);
}

/* ---- a folder of weights */

static bool is_of_texts(const char *path) { return path && (gf_hf_is_folder(path) || gf_vectors_are(path)); }

const char *gf_api_texts_of(const graft_model_options *o)
{
    if (is_of_texts(o->weights)) return o->weights;
    return is_of_texts(o->model) ? o->model : NULL;
}

graft_status gf_api_fit_tokenizer(gf_model *m, const gf_tokenizer *t, graft_error *err)
{
    const gf_special_pieces special = t->class->special(t->self);
    uint32_t size = t->class->size(t->self);
    for (size_t i = 0; i < m->n_layers; i++) {
        gf_layer *l = &m->layer[i];
        if (l->cls != &gf_layer_piece_lookup) continue;
        if (l->at.by == GF_LOOKUP_SEGMENT && l->at.rows > 1 && special.end != GF_NO_PIECE)
            l->at.separator = (int)special.end;
        if (l->at.by != GF_LOOKUP_PIECE || (int64_t)size <= l->at.rows) continue;
        return gf_fail(err, GF_E_VOCABULARY, "is the vocabulary another model's?",
                       "%s: it has pieces up to number %u, the model's table has %d rows", GF_ESC(t->file), size - 1,
                       l->at.rows);
    }
    return GRAFT_OK;
}

static graft_status import_folder(graft_model *m, const char *folder, bool allow_nonfinite, const gf_log *log,
                                  graft_error *err)
{
    const gf_settings *s = m->context->settings;
    const gf_hf_options options = {.max_length = (int)gf_settings_whole(s, GF_SET_MODEL_MAX_LENGTH),
                                   .pooling = gf_settings_text(s, GF_SET_MODEL_POOLING),
                                   .classifier = m->head.keep_last,
                                   .classes = &m->source_classes,
                                   .allow_nonfinite = allow_nonfinite,
                                   .log = log};
    GF_TRY(gf_hf_import(&m->source, folder, &options, err));
    m->has_values = true;
    return gf_tokenizer_keep(&m->facts.tokenizer, folder, err);
}

/* The words are kept as they are; how runs of Chinese characters are cut is told by the file's name. */
static graft_status import_vectors(graft_model *m, const char *path, const gf_log *log, graft_error *err)
{
    enum { PLACES = 512 };
    const gf_settings *s = m->context->settings;
    const char *segment = gf_settings_text(s, GF_SET_DATA_SEGMENT);
    int places = (int)gf_settings_whole(s, GF_SET_MODEL_MAX_LENGTH);
    gf_text words = {0};
    graft_status status = gf_vectors_import(&m->source, path, places ? places : PLACES, &words, err);
    if (status == GRAFT_OK) {
        m->has_values = true;
        gf_decide(log, "segment", segment, "runs of Chinese characters in texts, by the words of %s", GF_ESC(path));
        status = gf_files_add(&m->facts.tokenizer, gf_tokenizer_words_file(segment), words.s, words.n, err);
    }
    gf_text_free(&words);
    return status;
}

graft_status gf_api_import_texts(graft_model *m, const char *path, bool allow_nonfinite, graft_error *err)
{
    const gf_log silent = {.decisions = &m->decisions};
    gf_tokenizer t = {0};
    graft_status status = GRAFT_OK;
    GF_TRY(gf_api_reads(m, path, err));
    GF_TRY(gf_hf_is_folder(path) ? import_folder(m, path, allow_nonfinite, &silent, err)
                                 : import_vectors(m, path, &silent, err));
    GF_GOTO(gf_tokenizer_open_kept(&t, &m->facts.tokenizer, path, NULL, 0, err));
    GF_GOTO(gf_api_fit_tokenizer(&m->source, &t, err));
    GF_GOTO(gf_config_text(&m->config.architecture, path, err));
    GF_GOTO(gf_config_text(&m->config.weights, path, err));
    m->config.width = m->source.layer[0].shape.dim[0];
    m->config.height = 1;
    gf_log_say(&m->log, GF_NOTE, "texts of up to %lld %s, the rest of a longer one is cut off",
               (long long)m->config.width, t.class->of_words ? "words" : "pieces");
out:
    gf_tokenizer_close(&t);
    return status;
}

/* ---- data for a model */

graft_status gf_api_data_for(graft_data *d, const gf_model *m, const gf_model_facts *f, graft_error *err)
{
    bool wanted = gf_api_is_of_texts(m), are = gf_text_set_texts(d->data) != NULL;
    if (wanted != are) {
        return gf_fail(err, GF_E_OPTION_VALUE,
                       wanted ? "give a table or folder of texts" : "--weights FOLDER, of an encoder of texts",
                       "the model is of %s, %s holds %s", wanted ? "texts" : "images", GF_ESC(d->path),
                       d->data->cls->name);
    }
    if (!are || d->tokenizer.class) return GRAFT_OK;
    GF_TRY(gf_tokenizer_open_kept(&d->tokenizer, &f->tokenizer, f->architecture, NULL, 0, err));
    gf_text_set_use(d->data, &d->tokenizer);
    return GRAFT_OK;
}

/* ---- texts by themselves */

enum { LARGEST_FILE = 1 << 30 };

static graft_status add_text(gf_index *index, const char *text, size_t n, graft_error *err)
{
    const struct stat st = {.st_size = (off_t)n};
    char *one = gf_strndup(text, n);
    if (!one) return gf_fail_memory(err, n, "a text");
    graft_status status = gf_index_add(index, one, &st, 0, GF_TEST, err);
    gf_free(one);
    return status;
}

/* A text a line; empty lines are none. */
static graft_status add_lines(gf_index *index, const char *path, const gf_settings *s, graft_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    gf_decoded d = {0};
    GF_TRY(gf_file_read(path, LARGEST_FILE, &bytes, &n, err));
    graft_status status = gf_decode(&d, bytes, n, path, gf_settings_text(s, GF_SET_DATA_ENCODING), err);
    const char *at = (const char *)d.text, *end = at ? at + d.n : at;
    while (status == GRAFT_OK && at < end) {
        const char *line = at, *stop = memchr(at, '\n', (size_t)(end - at));
        at = stop ? stop + 1 : end;
        size_t length = (size_t)((stop ? stop : end) - line);
        while (length && line[length - 1] == '\r') length--;
        if (length) status = add_text(index, line, length, err);
    }
    gf_decoded_free(&d);
    gf_free(bytes);
    return status;
}

/* The texts of a table, in its order; labels are not asked for. */
static graft_status add_table(gf_index *index, const char *path, const gf_settings *s, const gf_log *log,
                              graft_error *err)
{
    gf_texts t;
    gf_texts_options o = gf_texts_options_of(s, log);
    o.labels = (gf_label_rule){.wanted = true, .delimiter = "none"}; /* whatever they are */
    graft_status status = gf_texts_read(&t, path, &o, err);
    for (size_t i = 0; status == GRAFT_OK && i < t.n; i++) {
        status = add_text(index, gf_texts_text(&t, i), t.row[i].n, err);
    }
    if (status == GRAFT_OK && t.n_bad) {
        status = gf_fail(err, GF_E_TEXT_ROWS, NULL, "%s: %zu rows cannot be used, the first: %s", GF_ESC(path), t.n_bad,
                         t.bad[0].message);
    }
    gf_texts_free(&t);
    return status;
}

static graft_status add_argument(gf_index *index, const char *text, const gf_settings *s, const gf_log *log,
                                 graft_error *err)
{
    const char *dot = strrchr(text, '.');
    if (!gf_is_file(text)) return add_text(index, text, strlen(text), err);
    bool lines = !gf_settings_given(s, GF_SET_DATA_TEXT_COLUMN) && (!dot || !strcmp(dot, ".txt"));
    return lines ? add_lines(index, text, s, err) : add_table(index, text, s, log, err);
}

static graft_status text_list_open(gf_image_list *a, graft_context *c, const gf_model_facts *f,
                                   const char *const *texts, size_t n, graft_error *err)
{
    *a = (gf_image_list){.context = c};
    graft_status status = GRAFT_OK;
    a->index = gf_new(gf_index);
    a->pieces = gf_new_n((size_t)gf_pool_threads(c->pool), gf_pieces);
    if (!a->index || !a->pieces || !(a->index->root = gf_strdup(""))) {
        GF_GOTO(gf_fail_memory(err, sizeof *a->index, "texts"));
    }
    for (size_t i = 0; i < n; i++) GF_GOTO(add_argument(a->index, texts[i], c->settings, &c->log, err));
    if (!a->index->n) GF_GOTO(gf_fail(err, GF_E_DATA_NO_IMAGES, NULL, "%s: there is no text in it", GF_ESC(texts[0])));
    a->error = gf_new_n(a->index->n, graft_error *);
    a->sample = gf_new_n(a->index->n, uint32_t);
    a->checked = gf_new_n(a->index->n, gf_checked);
    a->lost = gf_new_n(a->index->n, bool);
    if (!a->error || !a->sample || !a->checked || !a->lost) {
        GF_GOTO(gf_fail_memory(err, a->index->n * sizeof *a->error, "texts"));
    }
    for (uint32_t i = 0; i < a->index->n; i++) a->sample[i] = i;
    GF_GOTO(gf_tokenizer_open_kept(&a->tokenizer, &f->tokenizer, f->architecture, NULL, 0, err));
out:
    if (status != GRAFT_OK) gf_image_list_close(a);
    return status;
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    (void)target;
    const gf_image_list *a = ctx;
    a->checked[q->sample].state = GF_GOOD;
    return gf_tokenizer_put(&a->tokenizer, gf_index_path(a->index, q->sample), (size_t)a->index->sample[q->sample].size,
                            &a->pieces[q->worker], dst[0], gf_count(&in[0].shape), NULL, err);
}

gf_feed gf_text_list_feed(gf_image_list *a) { return (gf_feed){fill, a}; }

graft_status gf_api_list_open(gf_image_list *a, const graft_model *m, const char *const *paths, size_t n, bool exact,
                              graft_error *err)
{
    if (gf_api_is_of_texts(&m->model)) return text_list_open(a, m->context, &m->facts, paths, n, err);
    return gf_image_list_open(a, m->context, &m->facts, paths, n, exact, err);
}
