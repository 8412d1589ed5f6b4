#include "exchange/hf_folder.h"

#include "base/io.h"
#include "base/sys.h"
#include "exchange/bert_names.h"
#include "exchange/load_weights.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_JSON = 1 << 24, MOST_PLACES = 512 };

/* A JSON file of the folder; *out NULL: it is not there. */
static graft_status read_json(const char *folder, const char *file, gf_json **out, graft_error *err)
{
    uint8_t *text = NULL;
    size_t n;
    *out = NULL;
    char *path = gf_path_join(folder, file);
    if (!path) return gf_fail_memory(err, strlen(folder), "a file name");
    graft_status status = GRAFT_OK;
    if (gf_is_file(path)) {
        status = gf_file_read(path, LARGEST_JSON, &text, &n, err);
        if (status == GRAFT_OK) status = gf_json_parse(out, (const char *)text, n, path, err);
    }
    gf_free(text);
    gf_free(path);
    return status;
}

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
    bool is = gf_is_dir(path) && read_json(path, "config.json", &j, NULL) == GRAFT_OK &&
              gf_json_str(gf_json_get(j, "model_type"), NULL);
    gf_json_free(j);
    return is;
}

/* ---- config.json */

static graft_status refuse(const char *name, const char *field, const char *wanted, graft_error *err)
{
    return gf_fail(err, GF_E_ENCODER_CONFIG, NULL, "%s: %s: wanted is %s", GF_ESC(name), field, wanted);
}

static graft_status read_sizes(gf_bert *t, const gf_json *j, const char *name, graft_error *err)
{
    const struct {
        const char *field;
        int *to, least, most;
    } sizes[] = {
        {"vocab_size", &t->pieces, 1, 1 << 21},        {"max_position_embeddings", &t->positions, 2, 1 << 16},
        {"type_vocab_size", &t->segments, 0, 1 << 10}, {"hidden_size", &t->width, 1, 1 << 14},
        {"num_hidden_layers", &t->layers, 1, 1 << 8},  {"num_attention_heads", &t->heads, 1, 1 << 10},
        {"intermediate_size", &t->inner, 1, 1 << 16},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t x = gf_json_i64(gf_json_get(j, sizes[i].field), -1);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "a whole number from %d to %d", sizes[i].least, sizes[i].most);
        if (x < sizes[i].least || x > sizes[i].most) return refuse(name, sizes[i].field, wanted, err);
        *sizes[i].to = (int)x;
    }
    return t->width % t->heads ? refuse(name, "hidden_size", "a multiple of num_attention_heads", err) : GRAFT_OK;
}

static graft_status read_act(gf_bert *t, const gf_json *j, const char *name, graft_error *err)
{
    static const struct {
        const char *word;
        gf_act act;
    } acts[] = {{"gelu", GF_ACT_GELU},          {"gelu_python", GF_ACT_GELU},
                {"gelu_new", GF_ACT_GELU_TANH}, {"gelu_pytorch_tanh", GF_ACT_GELU_TANH},
                {"relu", GF_ACT_RELU},          {"silu", GF_ACT_SILU},
                {"swish", GF_ACT_SILU}};
    const char *word = gf_json_str(gf_json_get(j, "hidden_act"), "gelu");
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        t->act = acts[i].act;
        if (!strcmp(word, acts[i].word)) return GRAFT_OK;
    }
    return refuse(name, "hidden_act", "gelu, gelu_new, gelu_pytorch_tanh, relu or silu", err);
}

static graft_status read_config(gf_bert *t, const gf_json *j, const char *name, bool google, graft_error *err)
{
    const char *type = gf_json_str(gf_json_get(j, "model_type"), google ? "bert" : "");
    if (strcmp(type, "bert")) {
        return gf_fail(err, GF_E_ENCODER_CONFIG,
                       "BERT, its Chinese and whole-word kinds, MacBERT, MiniLM, BGE and GTE are",
                       "%s: model_type \"%s\" is not known", GF_ESC(name), GF_ESC(type));
    }
    const char *place = gf_json_str(gf_json_get(j, "position_embedding_type"), "absolute");
    if (strcmp(place, "absolute")) return refuse(name, "position_embedding_type", "absolute", err);
    GF_TRY(read_sizes(t, j, name, err));
    GF_TRY(read_act(t, j, name, err));
    if (google && t->act == GF_ACT_GELU) t->act = GF_ACT_GELU_TANH; /* what its code calls gelu */
    double epsilon = gf_json_f64(gf_json_get(j, "layer_norm_eps"), 1e-12);
    if (!(epsilon >= 0 && epsilon < 1)) return refuse(name, "layer_norm_eps", "a number from 0 to 1", err);
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

/* ---- what sentence-transformers says */

/* The pooling of 1_Pooling/config.json; GF_POOLINGS: it is not there. */
static graft_status read_pooling(gf_text_pooling *pooling, const char *folder, graft_error *err)
{
    static const struct {
        const char *field;
        gf_text_pooling pooling;
    } modes[] = {{"pooling_mode_cls_token", GF_POOL_FIRST}, {"pooling_mode_mean_tokens", GF_POOL_MEAN}};
    gf_json *j;
    *pooling = GF_POOLINGS;
    GF_TRY(read_json(folder, "1_Pooling/config.json", &j, err));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (gf_json_true(gf_json_get(j, modes[i].field), false)) *pooling = modes[i].pooling;
    }
    graft_status status = GRAFT_OK;
    if (j && *pooling == GF_POOLINGS) {
        status = gf_fail(err, GF_E_ENCODER_CONFIG, "--pooling first or mean", "%s/1_Pooling/config.json: %s",
                         GF_ESC(folder), "it asks for neither the first piece nor the mean");
    }
    gf_json_free(j);
    return status;
}

static graft_status read_modules(gf_bert *t, const char *folder, graft_error *err)
{
    static const char ending[] = ".Normalize";
    gf_json *j;
    GF_TRY(read_json(folder, "modules.json", &j, err));
    for (size_t i = 0; i < gf_json_size(j); i++) {
        const char *type = gf_json_str(gf_json_get(gf_json_at(j, i), "type"), "");
        size_t n = strlen(type), m = strlen(ending);
        t->unit |= n >= m && !strcmp(type + n - m, ending);
    }
    gf_json_free(j);
    return GRAFT_OK;
}

static graft_status choose_places(gf_bert *t, const char *folder, const gf_hf_options *o, graft_error *err)
{
    gf_json *j;
    int64_t most = (int64_t)t->positions - t->skip, places = o->max_length;
    GF_TRY(read_json(folder, "sentence_bert_config.json", &j, err));
    if (!places) places = gf_json_i64(gf_json_get(j, "max_seq_length"), 0);
    gf_json_free(j);
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
    static const char *const names[] = {"model.safetensors", "pytorch_model.bin", "bert_model.ckpt.index"};
    const size_t google = sizeof names / sizeof *names - 1;
    for (size_t i = is_google(folder) ? google : 0; i < sizeof names / sizeof *names; i++) {
        *path = gf_path_join(folder, names[i]);
        if (!*path) return gf_fail_memory(err, strlen(folder), "a file name");
        if (gf_is_file(*path)) return GRAFT_OK;
        gf_free(*path);
    }
    *path = NULL;
    return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL,
                   "%s: none of model.safetensors, pytorch_model.bin and bert_model.ckpt.index is in it",
                   GF_ESC(folder));
}

/* No memory is taken for more values than the file can hold, of two bytes each at least. */
static graft_status check_size(const gf_bert *t, const char *weights, graft_error *err)
{
    struct stat st;
    gf_bert least = *t;
    least.pooling = GF_POOL_FIRST;
    if (gf_sys_stat(weights, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", weights);
    const char *ending = strrchr(weights, '.');
    bool elsewhere = ending && !strcmp(ending, ".index"); /* whose values are in files of their own */
    if (elsewhere || gf_bert_values(&least) <= (double)st.st_size / 2) return GRAFT_OK;
    return gf_fail(err, GF_E_ENCODER_CONFIG, "is the configuration another model's?",
                   "%s: %lld bytes cannot hold the %.0f values that config.json speaks of", GF_ESC(weights),
                   (long long)st.st_size, gf_bert_values(&least));
}

static graft_status build(gf_model *m, const gf_bert *t, const char *weights, const gf_hf_options *o, graft_error *err)
{
    gf_weights_notes notes = {0};
    const char *ending = strrchr(weights, '.');
    GF_TRY(gf_bert_build(m, t, err));
    graft_status status = ending && !strcmp(ending, ".index")
                              ? gf_bert_load_checkpoint(m, weights, o->allow_nonfinite, err)
                              : gf_model_load_weights(m, weights, true, o->allow_nonfinite, &notes, err);
    gf_weights_notes_free(&notes);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}

static const char *const pooling_word[GF_POOLINGS] = {"pooler", "first", "mean"};

/* As the user says, else as the folder does, else by whether there is a pooler. */
static graft_status build_pooled(gf_model *m, gf_bert *t, const char *folder, const char *weights,
                                 const gf_hf_options *o, graft_error *err)
{
    graft_error why = {0};
    const char *because = "1_Pooling says so";
    GF_TRY(check_size(t, weights, err));
    GF_TRY(read_pooling(&t->pooling, folder, err));
    for (int i = 0; i < GF_POOLINGS && o->pooling; i++) {
        if (!strcmp(o->pooling, pooling_word[i])) t->pooling = (gf_text_pooling)i, t->unit = false;
    }
    if (t->pooling != GF_POOLINGS) {
        if (!o->pooling) gf_decide(o->log, "pooling", pooling_word[t->pooling], "%s: %s", GF_ESC(folder), because);
        return build(m, t, weights, o, err);
    }
    t->pooling = GF_POOL_POOLER;
    graft_status status = build(m, t, weights, o, &why);
    if (status != GRAFT_OK && why.number == GF_E_WEIGHTS_MISSING) {
        t->pooling = GF_POOL_FIRST;
        status = build(m, t, weights, o, &why);
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
    uint8_t *text = NULL;
    size_t n;
    bool google = is_google(folder);
    char *path = gf_path_join(folder, google ? google_config : "config.json");
    if (!path) return gf_fail_memory(err, strlen(folder), "a file name");
    graft_status status = gf_file_read(path, LARGEST_JSON, &text, &n, err);
    if (status == GRAFT_OK) status = gf_hf_config_parse(t, (const char *)text, n, path, google, err);
    gf_free(text);
    gf_free(path);
    return status;
}

graft_status gf_hf_import(gf_model *m, const char *path, const gf_hf_options *o, graft_error *err)
{
    *m = (gf_model){0};
    gf_bert t = {0};
    char *weights = NULL;
    GF_TRY(read_sizes_of(&t, path, err));
    GF_TRY(read_modules(&t, path, err));
    GF_TRY(choose_places(&t, path, o, err));
    GF_TRY(find_weights(path, &weights, err));
    graft_status status = build_pooled(m, &t, path, weights, o, err);
    gf_free(weights);
    return status;
}
