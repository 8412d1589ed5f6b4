#include "exchange/hf_folder.h"

#include "base/io.h"
#include "base/sys.h"
#include "exchange/bert_names.h"
#include "exchange/hf_modules.h"
#include "exchange/load_weights.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PLACES = 512 };

static const char google_config[] = "bert_config.json";

static bool has_file(const char *folder, const char *name)
{
    char *path = gf_path_join(folder, name);
    bool has = path && gf_is_file(path);
    gf_free(path);
    return has;
}

/* Google's, where there is no other. */
static bool is_google(const char *folder)
{
    return has_file(folder, google_config) && !has_file(folder, "config.json");
}

bool gf_hf_is_folder(const char *path)
{
    gf_json *j = NULL;
    if (gf_is_dir(path) && is_google(path)) return true;
    bool is = gf_is_dir(path) && gf_hf_read_json(path, "config.json", &j, NULL) == GRAFT_OK &&
              gf_json_str(gf_json_get(j, "model_type"), NULL);
    gf_json_free(j);
    return is;
}

/* ---- config.json */

/* Names of fields: of most kinds, of DistilBERT, what holds where neither is there (-1: it must be). */
static graft_status read_sizes(gf_bert *t, const gf_json *j, const char *name, graft_error *err)
{
    const bool distil = !strcmp(t->kind->type, "distilbert");
    const struct {
        const char *field, *of_distil;
        int *to, least, most, otherwise;
    } sizes[] = {
        {"vocab_size", "vocab_size", &t->pieces, 1, 1 << 21, -1},
        {"max_position_embeddings", "max_position_embeddings", &t->positions, 2, 1 << 16, distil ? 512 : -1},
        {"type_vocab_size", NULL, &t->segments, 0, 1 << 10, distil ? 0 : -1},
        {"hidden_size", "dim", &t->width, 1, 1 << 14, -1},
        {"num_hidden_layers", "n_layers", &t->layers, 1, 1 << 8, -1},
        {"num_attention_heads", "n_heads", &t->heads, 1, 1 << 10, -1},
        {"intermediate_size", "hidden_dim", &t->inner, 1, 1 << 16, -1},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *field = distil ? sizes[i].of_distil : sizes[i].field;
        int64_t x = gf_json_i64(field ? gf_json_get(j, field) : NULL, sizes[i].otherwise);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "a whole number from %d to %d", sizes[i].least, sizes[i].most);
        if (x < sizes[i].least || x > sizes[i].most) return gf_hf_refuse(name, field ? field : "", wanted, err);
        *sizes[i].to = (int)x;
    }
    return t->width % t->heads ? gf_hf_refuse(name, "hidden_size", "a multiple of num_attention_heads", err) : GRAFT_OK;
}

static const char *act_field(const gf_bert_kind *k)
{
    return strcmp(k->type, "distilbert") ? "hidden_act" : "activation";
}

/* Of each activation the first word is what is written. */
static const struct {
    const char *word;
    gf_act act;
} acts[] = {
    {"gelu", GF_ACT_GELU},          {"gelu_python", GF_ACT_GELU},
    {"gelu_new", GF_ACT_GELU_TANH}, {"gelu_pytorch_tanh", GF_ACT_GELU_TANH},
    {"relu", GF_ACT_RELU},          {"silu", GF_ACT_SILU},
    {"swish", GF_ACT_SILU},
};

const char *gf_hf_act_word(gf_act act)
{
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (acts[i].act == act) return acts[i].word;
    }
    return NULL;
}

static graft_status read_act(gf_bert *t, const gf_json *j, const char *name, graft_error *err)
{
    const char *word = gf_json_str(gf_json_get(j, act_field(t->kind)), "gelu");
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        t->act = acts[i].act;
        if (!strcmp(word, acts[i].word)) return GRAFT_OK;
    }
    return gf_hf_refuse(name, act_field(t->kind), "gelu, gelu_new, gelu_pytorch_tanh, relu or silu", err);
}

/* RoBERTa's places begin behind the row of its padding. */
static graft_status read_skip(gf_bert *t, const gf_json *j, const char *name, graft_error *err)
{
    t->skip = 0;
    if (strcmp(t->kind->type, "roberta")) return GRAFT_OK;
    int64_t padding = gf_json_i64(gf_json_get(j, "pad_token_id"), 1);
    if (padding < 0 || padding + 1 >= t->positions) {
        return gf_hf_refuse(name, "pad_token_id", "a number below max_position_embeddings - 1", err);
    }
    t->skip = (int)padding + 1;
    return GRAFT_OK;
}

static graft_status read_config(gf_bert *t, const gf_json *j, const char *name, bool google, graft_error *err)
{
    const char *type = gf_json_str(gf_json_get(j, "model_type"), google ? "bert" : "");
    t->kind = gf_bert_kind_of(type);
    if (!t->kind) {
        return gf_fail(err, GF_E_ENCODER_CONFIG,
                       "BERT, its Chinese and whole-word kinds, MacBERT, MiniLM, BGE, GTE, RoBERTa and DistilBERT are",
                       "%s: model_type \"%s\" is not known", GF_ESC(name), GF_ESC(type));
    }
    const char *place = gf_json_str(gf_json_get(j, "position_embedding_type"), "absolute");
    if (strcmp(place, "absolute")) return gf_hf_refuse(name, "position_embedding_type", "absolute", err);
    GF_TRY(read_sizes(t, j, name, err));
    GF_TRY(read_skip(t, j, name, err));
    GF_TRY(read_act(t, j, name, err));
    if (google && t->act == GF_ACT_GELU) t->act = GF_ACT_GELU_TANH; /* what its code calls gelu */
    double epsilon = gf_json_f64(gf_json_get(j, "layer_norm_eps"), 1e-12);
    if (!(epsilon >= 0 && epsilon < 1)) return gf_hf_refuse(name, "layer_norm_eps", "a number from 0 to 1", err);
    t->epsilon = (float)epsilon;
    return GRAFT_OK;
}

graft_status gf_hf_config_parse(gf_bert *t, const char *text, size_t n, const char *name, bool google, graft_error *err)
{
    gf_json *j;
    GF_TRY(gf_json_parse(&j, text, n, name, err));
    graft_status status = read_config(t, j, name, google, err);
    gf_json_free(j);
    return status;
}

/* ---- a classifier */

static bool is_classifier(const gf_json *j)
{
    const gf_json *list = gf_json_get(j, "architectures");
    for (size_t i = 0; i < gf_json_size(list); i++) {
        if (strstr(gf_json_str(gf_json_at(list, i), ""), "ForSequenceClassification")) return true;
    }
    return false;
}

/* Class names by their numbers, where the file has them all; else none. */
static graft_status read_names(const gf_json *ids, int n, gf_names *names, graft_error *err)
{
    graft_status status = GRAFT_OK;
    for (int i = 0; status == GRAFT_OK && i < n; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        const char *name = gf_json_str(gf_json_get(ids, key), NULL);
        if (!name) break;
        status = gf_names_add(names, name, err);
    }
    if (status != GRAFT_OK || names->n < (size_t)n) gf_names_free(names);
    return status;
}

/* How many classes a classifier's folder has, and how they are called; 0 where it is none. */
static graft_status read_classes(gf_bert *t, const char *folder, const gf_hf_options *o, graft_error *err)
{
    enum { MOST = 1 << 20 };
    gf_json *j;
    GF_TRY(gf_hf_read_json(folder, "config.json", &j, err));
    const gf_json *ids = gf_json_get(j, "id2label");
    int64_t n = gf_json_is_object(ids) ? (int64_t)gf_json_size(ids) : gf_json_i64(gf_json_get(j, "num_labels"), 2);
    graft_status status = GRAFT_OK;
    if (is_classifier(j) && (n < 1 || n > MOST)) {
        status = gf_hf_refuse("config.json", "id2label", "1 to 1048576 names", err);
    } else if (j) {
        t->classes = o->classifier && is_classifier(j) ? (int)n : 0;
        if (o->classes) status = read_names(ids, (int)n, o->classes, err);
    }
    gf_json_free(j);
    return status;
}

/* What sentence-transformers cuts texts at: its own file says it, since version 6 the tokenizer's. 0: neither does. */
static graft_status length_said(const char *folder, int64_t *places, graft_error *err)
{
    gf_json *own, *tokenizer = NULL;
    GF_TRY(gf_hf_read_json(folder, "sentence_bert_config.json", &own, err));
    graft_status status = own ? gf_hf_read_json(folder, "tokenizer_config.json", &tokenizer, err) : GRAFT_OK;
    *places =
        gf_json_i64(gf_json_get(own, "max_seq_length"), gf_json_i64(gf_json_get(tokenizer, "model_max_length"), 0));
    gf_json_free(own);
    gf_json_free(tokenizer);
    return status;
}

static graft_status choose_places(gf_bert *t, const char *folder, const gf_hf_options *o, graft_error *err)
{
    int64_t most = (int64_t)t->positions - t->skip, places;
    GF_TRY(length_said(folder, &places, err));
    if (o->max_length) places = o->max_length;
    if (o->max_length && o->max_length > most) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "max-length %d: %s has places for %lld pieces", o->max_length,
                       GF_ESC(folder), (long long)most);
    }
    if (places < 2) places = most < MOST_PLACES ? most : MOST_PLACES;
    t->places = (int)(places < most ? places : most);
    return GRAFT_OK;
}

/* ---- values */

/* The folder's file of weights (gf_free). */
static graft_status find_weights(const char *folder, char **path, graft_error *err)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                        "bert_model.ckpt.index"};
    const size_t google = sizeof names / sizeof *names - 1;
    for (size_t i = is_google(folder) ? google : 0; i < sizeof names / sizeof *names; i++) {
        *path = gf_path_join(folder, names[i]);
        if (!*path) return gf_fail_memory(err, strlen(folder), "a file name");
        if (gf_is_file(*path)) return GRAFT_OK;
        gf_free(*path);
    }
    *path = NULL;
    return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL,
                   "%s: none of model.safetensors, model.safetensors.index.json, pytorch_model.bin and "
                   "bert_model.ckpt.index is in it",
                   GF_ESC(folder));
}

/* Whose values are in files of their own. */
static bool is_list(const char *weights)
{
    const char *ending = strrchr(weights, '.');
    return ending && (!strcmp(ending, ".index") || !strcmp(ending, ".json"));
}

/* No memory is taken for more values than the file can hold, of two bytes each at least. */
static graft_status check_size(const gf_bert *t, const char *weights, graft_error *err)
{
    struct stat st;
    gf_bert least = *t;
    least.pooling = GF_POOL_FIRST;
    if (gf_sys_stat(weights, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", weights);
    if (is_list(weights) || gf_bert_values(&least) <= (double)st.st_size / 2) return GRAFT_OK;
    return gf_fail(err, GF_E_ENCODER_CONFIG, "is the configuration another model's?",
                   "%s: %lld bytes cannot hold the %.0f values that config.json speaks of", GF_ESC(weights),
                   (long long)st.st_size, gf_bert_values(&least));
}

/* The stages' values are in files of their own. */
static void expect_stages(gf_model *m, const gf_bert *t, bool elsewhere)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const char *layer = m->layer[m->param[i].layer].name;
        for (int k = 0; k < t->n_stages; k++) {
            size_t n = strlen(t->stage[k].name);
            if (!strncmp(layer, t->stage[k].name, n) && !strcmp(layer + n, ".linear")) m->param[i].given = elsewhere;
        }
    }
}

static graft_status load(gf_model *m, const gf_bert *t, const char *folder, const char *weights, const gf_hf_options *o,
                         graft_error *err)
{
    gf_weights_notes notes = {0};
    const char *ending = strrchr(weights, '.');
    bool google = ending && !strcmp(ending, ".index");
    expect_stages(m, t, true);
    graft_status status = google ? gf_bert_load_checkpoint(m, weights, o->allow_nonfinite, err)
                                 : gf_model_load_weights(m, weights, true, o->allow_nonfinite, &notes, err);
    expect_stages(m, t, false);
    gf_weights_notes_free(&notes);
    return status == GRAFT_OK && !t->classes ? gf_hf_load_modules(m, t, folder, o->allow_nonfinite, err) : status;
}

static graft_status build(gf_model *m, const gf_bert *t, const char *folder, const char *weights,
                          const gf_hf_options *o, graft_error *err)
{
    GF_TRY(gf_bert_build(m, t, err));
    graft_status status = load(m, t, folder, weights, o, err);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}

static const char *const pooling_word[GF_POOLINGS] = {"pooler", "first", "mean"};

/* As the user says, else as the folder does, else by whether there is a pooler. */
static graft_status build_pooled(gf_model *m, gf_bert *t, const char *folder, const char *weights,
                                 const gf_hf_options *o, graft_error *err)
{
    graft_error why = {0};
    GF_TRY(check_size(t, weights, err));
    if (t->classes) return build(m, t, folder, weights, o, err);
    for (int i = 0; i < GF_POOLINGS && o->pooling; i++) {
        if (!strcmp(o->pooling, pooling_word[i])) t->pooling = (gf_text_pooling)i, t->n_stages = 0;
    }
    if (t->pooling != GF_POOLINGS) {
        if (!o->pooling)
            gf_decide(o->log, "pooling", pooling_word[t->pooling], "%s: 1_Pooling says so", GF_ESC(folder));
        return build(m, t, folder, weights, o, err);
    }
    t->pooling = GF_POOL_POOLER;
    graft_status status = build(m, t, folder, weights, o, &why);
    if (status != GRAFT_OK && why.number == GF_E_WEIGHTS_MISSING) {
        t->pooling = GF_POOL_FIRST;
        status = build(m, t, folder, weights, o, &why);
    }
    if (status != GRAFT_OK && err) *err = why;
    GF_TRY(status);
    gf_decide(o->log, "pooling", pooling_word[t->pooling], "%s: %s", GF_ESC(folder),
              t->pooling == GF_POOL_POOLER ? "its weights have a pooler" : "its weights have no pooler");
    return GRAFT_OK;
}

/* config.json's sizes, which the folder's other files can change nothing of. */
static graft_status read_sizes_of(gf_bert *t, const char *folder, graft_error *err)
{
    gf_hf_file f;
    bool google = is_google(folder);
    graft_status status = gf_hf_file_read(&f, folder, google ? google_config : "config.json", true, err);
    if (status == GRAFT_OK) status = gf_hf_config_parse(t, (const char *)f.text, f.n, f.path, google, err);
    gf_hf_file_free(&f);
    return status;
}

graft_status gf_hf_import(gf_model *m, const char *path, const gf_hf_options *o, graft_error *err)
{
    *m = (gf_model){0};
    gf_bert t = {0};
    char *weights = NULL;
    GF_TRY(read_sizes_of(&t, path, err));
    GF_TRY(gf_hf_read_modules(&t, path, err));
    GF_TRY(read_classes(&t, path, o, err));
    GF_TRY(choose_places(&t, path, o, err));
    GF_TRY(find_weights(path, &weights, err));
    graft_status status = build_pooled(m, &t, path, weights, o, err);
    gf_free(weights);
    return status;
}
