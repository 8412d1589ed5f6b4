#include "exchange/hf_out.h"

#include "base/sys.h"
#include "exchange/hf_folder.h"
#include "exchange/hf_modules.h"
#include "exchange/torch_tensor.h"
#include "formats/safetensors.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char weights_file[] = "model.safetensors", config_file[] = "config.json";
static const char no_word[] = "its activation cannot be written";

typedef struct writing {
    const gf_model *model;
    const gf_export_what *what;
    const char *folder;
    gf_bert bert;
    int pooling;               /* the layer of that class */
    int stage[GF_BERT_STAGES]; /* the layers behind it, without dropout */
    int n_stages;
    bool classifier; /* as transformers has it; else modules follow the encoder */
    bool two;        /* the last layer has one logit z for two classes, and two, 0 and z, are written */
} writing;

static graft_status refuse(const gf_layer *l, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_MODEL_EXPORT, NULL, "layer %s (%s): %s", GF_ESC(l->name), gf_layer_class_name(l), what);
}

/* ---- what the network is */

static const gf_bert_kind *kind_of(const gf_model *m, int skip)
{
    for (size_t i = 0; gf_bert_kind_at(i); i++) {
        const gf_bert_kind *k = gf_bert_kind_at(i);
        char name[GF_NAME_MAX];
        snprintf(name, sizeof name, "%s0.%s", k->layers, k->query);
        bool later = !strcmp(k->type, "roberta");
        if (gf_model_find(m, name) >= 0 && later == (skip > 0)) return k;
    }
    return NULL;
}

static void take_lookup(gf_bert *t, const gf_layer *l)
{
    switch (l->at.by) {
    case GF_LOOKUP_PIECE: t->pieces = l->at.rows; break;
    case GF_LOOKUP_SEGMENT: t->segments = l->at.rows; break;
    default: t->positions = l->at.rows, t->skip = l->at.skip;
    }
    t->width = l->at.units;
}

static const gf_layer *layer_of(const writing *w, const char *part)
{
    char name[GF_NAME_MAX];
    snprintf(name, sizeof name, "%s0.%s", w->bert.kind->layers, part);
    int at = gf_model_find(w->model, name);
    return at < 0 ? NULL : &w->model->layer[at];
}

/* The sizes, as far as layers tell. Whether all else is as it should be is shown by reading back what is written. */
static graft_status describe(writing *w, graft_error *err)
{
    const gf_model *m = w->model;
    gf_bert *t = &w->bert;
    w->pooling = -1;
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        if (l->cls == &gf_layer_piece_lookup) take_lookup(t, l);
        if (l->cls == &gf_layer_layer_norm) t->epsilon = l->at.epsilon;
        if (l->cls == &gf_layer_piece_pooling) w->pooling = (int)i;
        if (l->cls == &gf_layer_piece_attention) t->layers++, t->heads = l->at.heads;
    }
    t->kind = kind_of(m, t->skip);
    const gf_layer *inner = t->kind ? layer_of(w, t->kind->inner) : NULL,
                   *act = inner ? layer_of(w, t->kind->act) : NULL;
    if (!act || w->pooling < 0 || m->n_more) {
        return gf_fail(err, GF_E_MODEL_EXPORT, "--to onnx, keras or safetensors take any network",
                       "hf takes encoders of texts: BERT and its kind, RoBERTa, DistilBERT");
    }
    t->inner = inner->at.units;
    t->act = act->at.act;
    if (!gf_hf_act_word(t->act)) return refuse(act, no_word, err);
    t->places = (int)m->layer[0].shape.dim[0];
    t->pooling = m->layer[w->pooling].at.first_place ? GF_POOL_FIRST : GF_POOL_MEAN;
    return GRAFT_OK;
}

/* The layers from the output back to the pooling, each of which has one source. */
static graft_status list_stages(writing *w, graft_error *err)
{
    const gf_model *m = w->model;
    int back[GF_BERT_STAGES];
    for (int at = m->output; at != w->pooling; at = m->layer[at].src[0]) {
        const gf_layer *l = &m->layer[at];
        bool unit = l->cls == &gf_layer_operation && l->at.op == &gf_op_unit_norm, dense = l->cls == &gf_layer_dense;
        if (at < w->pooling || l->n_src != 1) return refuse(l, "has no place behind a text's row", err);
        if (l->cls == &gf_layer_dropout) continue;
        if (!unit && !dense) return refuse(l, "only dense layers can be written behind a text's row", err);
        if (w->n_stages == GF_BERT_STAGES) return refuse(l, "at most 8 layers can be written behind a text's row", err);
        back[w->n_stages++] = at;
    }
    for (int i = 0; i < w->n_stages; i++) w->stage[i] = back[w->n_stages - 1 - i];
    return GRAFT_OK;
}

static bool is_classifier(const writing *w)
{
    const gf_model *m = w->model;
    if (w->n_stages != 2 || !m->classes || w->bert.pooling != GF_POOL_FIRST) return false;
    const gf_layer *hidden = &m->layer[w->stage[0]], *last = &m->layer[w->stage[1]];
    return hidden->cls == &gf_layer_dense && hidden->at.units == w->bert.width && !hidden->at.no_bias &&
           hidden->at.act == w->bert.kind->dense_act && last->cls == &gf_layer_dense && !last->at.no_bias &&
           last->at.act == GF_ACT_LINEAR;
}

static graft_status understand(writing *w, graft_error *err)
{
    const gf_model *m = w->model;
    const gf_layer *last = &m->layer[m->output];
    GF_TRY(describe(w, err));
    GF_TRY(list_stages(w, err));
    w->classifier = is_classifier(w);
    w->two = m->classes == 2 && last->at.units == 1 && m->end != GF_END_LINEAR;
    return GRAFT_OK;
}

/* ---- files */

static graft_status write_bytes(const writing *w, const char *file, const void *data, size_t n, graft_error *err)
{
    char *path = gf_path_join(w->folder, file);
    if (!path) return gf_fail_memory(err, strlen(file), "a file name");
    graft_status status = gf_file_write(path, &(gf_bytes){data, n}, 1, err);
    gf_free(path);
    return status;
}

/* Takes the document over. */
static graft_status write_json(const writing *w, const char *file, gf_json *j, graft_error *err)
{
    char *text = gf_json_text(j, 2);
    gf_json_free(j);
    if (!text) return gf_fail_memory(err, 0, "an export");
    graft_status status = write_bytes(w, file, text, strlen(text), err);
    gf_free(text);
    return status;
}

/* ---- config.json */

static void set_int(gf_json *j, const char *key, int64_t x) { gf_json_set(j, key, gf_json_int(x)); }

static void set_sizes(gf_json *j, const gf_bert *t)
{
    const bool distil = !strcmp(t->kind->type, "distilbert");
    set_int(j, "vocab_size", t->pieces);
    set_int(j, "max_position_embeddings", t->positions);
    set_int(j, distil ? "dim" : "hidden_size", t->width);
    set_int(j, distil ? "hidden_dim" : "intermediate_size", t->inner);
    set_int(j, distil ? "n_layers" : "num_hidden_layers", t->layers);
    set_int(j, distil ? "n_heads" : "num_attention_heads", t->heads);
    gf_json_set(j, distil ? "activation" : "hidden_act", gf_json_string(gf_hf_act_word(t->act)));
    set_int(j, "pad_token_id", t->skip > 0 ? t->skip - 1 : 0);
    if (distil) return;
    set_int(j, "type_vocab_size", t->segments);
    gf_json_set(j, "layer_norm_eps", gf_json_real((double)t->epsilon));
    gf_json_set(j, "position_embedding_type", gf_json_string("absolute"));
}

static void set_labels(gf_json *j, const writing *w)
{
    gf_json *names = gf_json_object(), *numbers = gf_json_object();
    for (size_t i = 0; i < w->what->classes->n; i++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", i);
        gf_json_set(names, key, gf_json_string(w->what->classes->item[i]));
        gf_json_set(numbers, w->what->classes->item[i], gf_json_int((int64_t)i));
    }
    gf_json_set(j, "id2label", names);
    gf_json_set(j, "label2id", numbers);
    gf_json_set(
        j, "problem_type",
        gf_json_string(w->model->end == GF_END_SIGMOID ? "multi_label_classification" : "single_label_classification"));
}

static graft_status write_config(const writing *w, graft_error *err)
{
    gf_json *j = gf_json_object(), *list = gf_json_array();
    char name[64];
    snprintf(name, sizeof name, "%s%s", w->bert.kind->stem, w->classifier ? "ForSequenceClassification" : "Model");
    gf_json_add(list, gf_json_string(name));
    gf_json_set(j, "architectures", list);
    gf_json_set(j, "model_type", gf_json_string(w->bert.kind->type));
    gf_json_set(j, "torch_dtype", gf_json_string("float32"));
    set_sizes(j, &w->bert);
    if (w->what->classes->n) set_labels(j, w);
    return write_json(w, config_file, j, err);
}

/* ---- values */

/* (1, in) or (1) becomes (2, in) or (2), zeros first. */
static graft_status make_two(gf_tensor *t, graft_error *err)
{
    size_t n = gf_count(&t->shape);
    float *to = gf_alloc_tensor(2 * n * sizeof *to);
    if (!to) return gf_fail_memory(err, 2 * n * sizeof *to, "an export");
    memcpy(to + n, t->data, n * sizeof *to);
    gf_free(t->data);
    t->data = to;
    t->shape.dim[0] = 2;
    return GRAFT_OK;
}

/* As the file calls the layer; in `name`. */
static const char *name_of(const writing *w, int layer, char name[2 * GF_NAME_MAX])
{
    const gf_bert_kind *k = w->bert.kind;
    const gf_layer *l = &w->model->layer[layer];
    if (layer > w->pooling && !w->classifier) return "linear";
    if (layer > w->pooling) return layer == w->stage[0] ? k->dense : k->classifier;
    snprintf(name, 2 * GF_NAME_MAX, "%s%s", w->classifier ? k->prefix : "", l->name);
    return name;
}

static graft_status add_tensor(const writing *w, const gf_param *p, gf_tensor *t, graft_error *err)
{
    const gf_model *m = w->model;
    char name[2 * GF_NAME_MAX];
    const char *layer = name_of(w, p->layer, name);
    GF_TRY(gf_torch_tensor(t, m, p, err));
    char *whole = gf_sprintf("%s%s", layer, t->name + strlen(m->layer[p->layer].name));
    if (!whole) return gf_fail_memory(err, strlen(layer), "an export");
    gf_free(t->name);
    t->name = whole;
    return w->two && p->layer == m->output ? make_two(t, err) : GRAFT_OK;
}

/* The parameters of layers first .. last in one file. */
static graft_status write_values(const writing *w, int first, int last, const char *file, graft_error *err)
{
    const gf_model *m = w->model;
    const gf_meta meta[] = {{"format", "pt"}};
    size_t n = 0;
    graft_status status = GRAFT_OK;
    char *path = gf_path_join(w->folder, file);
    gf_tensor *t = gf_new_n(m->n_params + 1, gf_tensor);
    if (!t || !path) status = gf_fail_memory(err, m->n_params * sizeof *t, "an export");
    for (size_t i = 0; status == GRAFT_OK && i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        if (!p->idle && p->layer >= first && p->layer <= last) status = add_tensor(w, p, &t[n++], err);
    }
    if (status == GRAFT_OK) status = gf_safetensors_write(path, t, n, meta, 1, err);
    for (size_t i = 0; i < n; i++) {
        gf_free(t[i].name);
        gf_free(t[i].data);
    }
    gf_free(t);
    gf_free(path);
    return status;
}

/* ---- modules, as sentence-transformers has them */

static void add_module(gf_json *list, int number, const char *path, const char *what)
{
    char name[32], type[64];
    gf_json *j = gf_json_object();
    snprintf(name, sizeof name, "%d", number);
    snprintf(type, sizeof type, "sentence_transformers.models.%s", what);
    set_int(j, "idx", number);
    gf_json_set(j, "name", gf_json_string(name));
    gf_json_set(j, "path", gf_json_string(path));
    gf_json_set(j, "type", gf_json_string(type));
    gf_json_add(list, j);
}

static graft_status make_folder(const writing *w, const char *name, graft_error *err)
{
    char *path = *name ? gf_path_join(w->folder, name) : gf_strdup(w->folder);
    if (!path) return gf_fail_memory(err, strlen(w->folder), "a file name");
    graft_status status = GRAFT_OK;
    if (gf_sys_mkdir(path, 0777)) status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be made", path);
    gf_free(path);
    return status;
}

static graft_status write_pooling(const writing *w, graft_error *err)
{
    bool mean = w->bert.pooling == GF_POOL_MEAN;
    GF_TRY(make_folder(w, "1_Pooling", err));
    gf_json *j = gf_json_object();
    set_int(j, "word_embedding_dimension", w->bert.width);
    gf_json_set(j, "pooling_mode_cls_token", gf_json_bool(!mean));
    gf_json_set(j, "pooling_mode_mean_tokens", gf_json_bool(mean));
    gf_json_set(j, "pooling_mode_max_tokens", gf_json_bool(false));
    gf_json_set(j, "pooling_mode_mean_sqrt_len_tokens", gf_json_bool(false));
    return write_json(w, "1_Pooling/config.json", j, err);
}

static graft_status write_dense(const writing *w, int layer, const char *name, graft_error *err)
{
    const gf_model *m = w->model;
    const gf_layer *l = &m->layer[layer];
    const char *word = gf_hf_dense_word(l->at.act);
    char file[64];
    if (!word) return refuse(l, no_word, err);
    gf_json *j = gf_json_object();
    set_int(j, "in_features", (int64_t)gf_count(&m->layer[l->src[0]].shape));
    set_int(j, "out_features", w->two && layer == m->output ? 2 : l->at.units);
    gf_json_set(j, "bias", gf_json_bool(!l->at.no_bias));
    gf_json_set(j, "activation_function", gf_json_string(word));
    snprintf(file, sizeof file, "%s/%s", name, config_file);
    graft_status status = make_folder(w, name, err);
    if (status != GRAFT_OK) gf_json_free(j);
    GF_TRY(status);
    GF_TRY(write_json(w, file, j, err));
    snprintf(file, sizeof file, "%s/%s", name, weights_file);
    return write_values(w, layer, layer, file, err);
}

static graft_status write_modules(const writing *w, graft_error *err)
{
    gf_json *list = gf_json_array();
    graft_status status = GRAFT_OK;
    add_module(list, 0, "", "Transformer");
    add_module(list, 1, "1_Pooling", "Pooling");
    for (int i = 0; i < w->n_stages && status == GRAFT_OK; i++) {
        bool dense = w->model->layer[w->stage[i]].cls == &gf_layer_dense;
        const char *what = dense ? "Dense" : "Normalize";
        char name[32];
        snprintf(name, sizeof name, "%d_%s", i + 2, what);
        add_module(list, i + 2, name, what);
        if (dense) status = write_dense(w, w->stage[i], name, err);
    }
    if (status == GRAFT_OK) status = write_pooling(w, err);
    if (status == GRAFT_OK) return write_json(w, "modules.json", list, err);
    gf_json_free(list);
    return status;
}

/* ---- the tokenizer */

/* Where there is none, what Hugging Face's has to know of a vocabulary that graft took as Google's code takes it. */
static graft_status write_tokenizer_config(const writing *w, graft_error *err)
{
    static const char file[] = "tokenizer_config.json";
    if (gf_files_find(w->what->tokenizer, file) || !gf_files_find(w->what->tokenizer, "vocab.txt")) return GRAFT_OK;
    gf_json *j = gf_json_object();
    gf_json_set(j, "tokenizer_class", gf_json_string("BertTokenizer"));
    gf_json_set(j, "do_lower_case", gf_json_bool(true));
    set_int(j, "model_max_length", w->bert.places);
    return write_json(w, file, j, err);
}

static graft_status write_tokenizer(const writing *w, graft_error *err)
{
    const gf_files *files = w->what->tokenizer;
    for (size_t i = 0; i < files->n; i++) {
        const gf_kept_file *f = &files->item[i];
        const char *slash = strrchr(f->name, '/');
        bool foreign = !strcmp(f->name, "bert_config.json"); /* says whose vocabulary it was: not of this folder */
        if (!foreign) GF_TRY(write_bytes(w, slash ? slash + 1 : f->name, f->bytes, f->n, err));
    }
    GF_TRY(write_tokenizer_config(w, err));
    gf_json *j = gf_json_object();
    set_int(j, "max_seq_length", w->bert.places);
    gf_json_set(j, "do_lower_case", gf_json_bool(false)); /* before the tokenizer, which knows by itself */
    return write_json(w, "sentence_bert_config.json", j, err);
}

/* ---- the whole */

graft_status gf_hf_export(const char *folder, const gf_model *m, const gf_export_what *what, graft_error *err)
{
    writing w = {.model = m, .what = what, .folder = folder};
    GF_TRY(understand(&w, err));
    GF_TRY(make_folder(&w, "", err));
    GF_TRY(write_config(&w, err));
    GF_TRY(write_values(&w, 0, w.classifier ? m->output : w.pooling, weights_file, err));
    GF_TRY(write_tokenizer(&w, err));
    return w.classifier ? GRAFT_OK : write_modules(&w, err);
}

/* Its files, and folders of files in it. */
static void remove_folder(const char *folder, int depth)
{
    gf_names names = {0};
    if (gf_dir_list(folder, &names, NULL) != GRAFT_OK) return;
    for (size_t i = 0; i < names.n; i++) {
        char *path = gf_path_join(folder, names.item[i]);
        if (!path) continue;
        if (depth && gf_is_dir(path)) {
            remove_folder(path, depth - 1);
        } else {
            gf_sys_unlink(path);
        }
        gf_free(path);
    }
    gf_names_free(&names);
    gf_sys_rmdir(folder);
}

void gf_hf_remove(const char *folder) { remove_folder(folder, 1); }
