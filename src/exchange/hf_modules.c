#include "exchange/hf_modules.h"

#include "base/io.h"
#include "formats/weights.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST_JSON = 1 << 24 };

graft_status gf_hf_file_read(gf_hf_file *f, const char *folder, const char *name, bool must, graft_error *err)
{
    *f = (gf_hf_file){.path = gf_path_join(folder, name)};
    if (!f->path) return gf_fail_memory(err, strlen(folder), "a file name");
    f->there = must || gf_is_file(f->path);
    return f->there ? gf_file_read(f->path, LARGEST_JSON, &f->text, &f->n, err) : GRAFT_OK;
}

void gf_hf_file_free(gf_hf_file *f)
{
    gf_free(f->text);
    gf_free(f->path);
}

graft_status gf_hf_read_json(const char *folder, const char *name, gf_json **out, graft_error *err)
{
    gf_hf_file f;
    *out = NULL;
    graft_status status = gf_hf_file_read(&f, folder, name, false, err);
    if (status == GRAFT_OK && f.there) status = gf_json_parse_large(out, (const char *)f.text, f.n, f.path, err);
    gf_hf_file_free(&f);
    return status;
}

graft_status gf_hf_refuse(const char *name, const char *field, const char *wanted, graft_error *err)
{
    return gf_fail(err, GF_E_ENCODER_CONFIG, NULL, "%s: %s: wanted is %s", GF_ESC(name), field, wanted);
}

/* ---- Dense */

static const struct {
    const char *word;
    gf_act act;
} acts[] = {
    {"torch.nn.modules.linear.Identity", GF_ACT_LINEAR}, {"torch.nn.modules.activation.Tanh", GF_ACT_TANH},
    {"torch.nn.modules.activation.ReLU", GF_ACT_RELU},   {"torch.nn.modules.activation.GELU", GF_ACT_GELU},
    {"torch.nn.modules.activation.SiLU", GF_ACT_SILU},   {"torch.nn.modules.activation.Sigmoid", GF_ACT_SIGMOID}};

const char *gf_hf_dense_word(gf_act act)
{
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (acts[i].act == act) return acts[i].word;
    }
    return NULL;
}

static graft_status read_dense(gf_bert_stage *s, const gf_json *j, const char *name, graft_error *err)
{
    enum { MOST = 1 << 20 };
    const char *word = gf_json_str(gf_json_get(j, "activation_function"), "torch.nn.modules.activation.Tanh");
    int64_t units = gf_json_i64(gf_json_get(j, "out_features"), 0);
    if (units < 1 || units > MOST) return gf_hf_refuse(name, "out_features", "a whole number from 1 to 1048576", err);
    s->units = (int)units;
    s->no_bias = !gf_json_true(gf_json_get(j, "bias"), true);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        s->act = acts[i].act;
        if (!strcmp(acts[i].word, word)) return GRAFT_OK;
    }
    return gf_hf_refuse(name, "activation_function", "Identity, Tanh, ReLU, GELU, SiLU or Sigmoid of torch.nn", err);
}

graft_status gf_hf_dense_parse(gf_bert_stage *s, const char *text, size_t n, const char *name, graft_error *err)
{
    gf_json *j;
    GF_TRY(gf_json_parse(&j, text, n, name, err));
    graft_status status = read_dense(s, j, name, err);
    gf_json_free(j);
    return status;
}

static graft_status read_dense_of(gf_bert_stage *s, const char *folder, graft_error *err)
{
    gf_hf_file f;
    char name[sizeof s->name + sizeof "/config.json"];
    snprintf(name, sizeof name, "%s/config.json", s->name);
    graft_status status = gf_hf_file_read(&f, folder, name, true, err);
    if (status == GRAFT_OK) status = gf_hf_dense_parse(s, (const char *)f.text, f.n, f.path, err);
    gf_hf_file_free(&f);
    return status;
}

/* ---- Pooling */

/* sentence-transformers says it by a flag for each way, from version 6 on by one word. */
static const struct {
    const char *field, *word;
    gf_text_pooling pooling;
} poolings[] = {{"pooling_mode_cls_token", "cls", GF_POOL_FIRST}, {"pooling_mode_mean_tokens", "mean", GF_POOL_MEAN}};

static graft_status find_pooling(gf_text_pooling *pooling, const gf_json *j, const char *name, graft_error *err)
{
    const char *word = gf_json_str(gf_json_get(j, "pooling_mode"), "");
    *pooling = GF_POOLINGS;
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++) {
        bool said = gf_json_true(gf_json_get(j, poolings[i].field), false) || !strcmp(word, poolings[i].word);
        if (said) *pooling = poolings[i].pooling;
    }
    if (*pooling != GF_POOLINGS) return GRAFT_OK;
    return gf_fail(err, GF_E_ENCODER_CONFIG, "--pooling first or mean",
                   "%s: it asks for neither the first piece nor the mean", GF_ESC(name));
}

graft_status gf_hf_pooling_parse(gf_text_pooling *pooling, const char *text, size_t n, const char *name,
                                 graft_error *err)
{
    gf_json *j;
    GF_TRY(gf_json_parse(&j, text, n, name, err));
    graft_status status = find_pooling(pooling, j, name, err);
    gf_json_free(j);
    return status;
}

/* The pooling of 1_Pooling/config.json; GF_POOLINGS: it is not there. */
static graft_status read_pooling(gf_text_pooling *pooling, const char *folder, graft_error *err)
{
    gf_hf_file f;
    *pooling = GF_POOLINGS;
    graft_status status = gf_hf_file_read(&f, folder, "1_Pooling/config.json", false, err);
    if (status == GRAFT_OK && f.there) status = gf_hf_pooling_parse(pooling, (const char *)f.text, f.n, f.path, err);
    gf_hf_file_free(&f);
    return status;
}

/* ---- modules.json */

/* Whether a class's name ends so, whatever module of Python it is in. */
static bool is_class(const char *type, const char *ending)
{
    size_t n = strlen(type), m = strlen(ending);
    return n >= m && !strcmp(type + n - m, ending);
}

/* A folder beside modules.json, and no other place. */
static bool is_plain(const char *name)
{
    return *name && *name != '.' && !strpbrk(name, "/\\") && strlen(name) < sizeof((gf_bert_stage *)0)->name;
}

static graft_status read_module(gf_bert *t, const gf_json *module, const char *folder, graft_error *err)
{
    static const char file[] = "modules.json";
    const char *type = gf_json_str(gf_json_get(module, "type"), ""),
               *path = gf_json_str(gf_json_get(module, "path"), "");
    bool dense = is_class(type, ".Dense"), unit = is_class(type, ".Normalize");
    bool nothing = is_class(type, ".Transformer") || is_class(type, ".Pooling") || is_class(type, ".Dropout");
    if (nothing) return GRAFT_OK;
    if (!dense && !unit) return gf_hf_refuse(file, "type", "Transformer, Pooling, Normalize, Dense or Dropout", err);
    if (t->n_stages == GF_BERT_STAGES) return gf_hf_refuse(file, "modules", "at most 8 behind the pooling", err);
    if (dense && !is_plain(path)) return gf_hf_refuse(file, "path", "the name of a folder beside it", err);
    gf_bert_stage *s = &t->stage[t->n_stages];
    *s = (gf_bert_stage){0};
    snprintf(s->name, sizeof s->name, "%s", is_plain(path) ? path : "normalize_again");
    if (dense) GF_TRY(read_dense_of(s, folder, err));
    t->n_stages++;
    return GRAFT_OK;
}

graft_status gf_hf_read_modules(gf_bert *t, const char *folder, graft_error *err)
{
    gf_json *j;
    t->n_stages = 0;
    GF_TRY(read_pooling(&t->pooling, folder, err));
    GF_TRY(gf_hf_read_json(folder, "modules.json", &j, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; status == GRAFT_OK && i < gf_json_size(j); i++) {
        status = read_module(t, gf_json_at(j, i), folder, err);
    }
    gf_json_free(j);
    return status;
}

/* ---- values */

static graft_status load_dense(gf_model *m, const char *layer, const char *path, bool allow_nonfinite, graft_error *err)
{
    const gf_weights_options options = {.allow_nonfinite = allow_nonfinite};
    const char *const vars[] = {"kernel", "bias"};
    gf_weight want[2] = {0};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        const gf_param *p = gf_model_param(m, gf_model_find(m, layer), vars[i]);
        if (p) want[n++] = (gf_weight){"linear", vars[i], p->shape, m->value + p->offset, false};
    }
    return gf_weights_read(path, want, n, &options, NULL, err);
}

static graft_status load_stage(gf_model *m, const gf_bert_stage *s, const char *folder, bool allow_nonfinite,
                               graft_error *err)
{
    static const char *const files[] = {"model.safetensors", "pytorch_model.bin"};
    const char *file = files[0];
    graft_status status = GRAFT_OK;
    char *layer = gf_sprintf("%s.linear", s->name), *path = NULL;
    for (size_t i = 0; layer && i < sizeof files / sizeof *files; i++) {
        gf_free(path);
        path = gf_sprintf("%s/%s/%s", folder, s->name, file = files[i]);
        if (!path || gf_is_file(path)) break;
    }
    status = layer && path ? load_dense(m, layer, path, allow_nonfinite, err)
                           : gf_fail_memory(err, strlen(folder), "a file name");
    gf_free(layer);
    gf_free(path);
    return status;
}

graft_status gf_hf_load_modules(gf_model *m, const gf_bert *t, const char *folder, bool allow_nonfinite,
                                graft_error *err)
{
    for (int i = 0; i < t->n_stages; i++) {
        if (t->stage[i].units) GF_TRY(load_stage(m, &t->stage[i], folder, allow_nonfinite, err));
    }
    return GRAFT_OK;
}
