#include "exchange/export.h"

#include "exchange/hf_out.h"
#include "exchange/keras_config.h"
#include "exchange/onnx.h"
#include "exchange/torch_tensor.h"
#include "formats/keras_zip.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "json/json.h"

#include <string.h>

/* ---- class names as text */

static char *classes_json(const gf_names *classes)
{
    gf_json *j = gf_json_array();
    for (size_t i = 0; i < classes->n; i++) gf_json_add(j, gf_json_string(classes->item[i]));
    char *text = gf_json_text(j, 0);
    gf_json_free(j);
    return text;
}

static graft_status write_labels(const char *path, const gf_model *m, const gf_export_what *what, graft_error *err)
{
    (void)m;
    gf_text t = {0};
    for (size_t i = 0; i < what->classes->n; i++) gf_text_printf(&t, "%s\n", what->classes->item[i]);
    graft_status status = t.failed ? gf_fail_memory(err, t.n, "class names")
                                   : gf_file_write(path, &(gf_bytes){t.s ? t.s : "", t.n}, 1, err);
    gf_text_free(&t);
    return status;
}

/* ---- Keras: the layers, each with its tensors in Keras's order */

typedef struct keras_file {
    gf_model plain;
    size_t n_layers;
    gf_keras_layer *layer, *inner; /* inner: those that MultiHeadAttention is made of */
    gf_keras_var *var;
    char *config, *classes;
} keras_file;

static const int64_t no_count = 0; /* of a Normalization: how many values its statistics came from; not known */

/* MultiHeadAttention has its tensors in dense layers of its own. */
enum { INNER = 4 };
static void list_inner(gf_keras_layer *l, gf_keras_layer inner[INNER])
{
    static const char *const names[INNER][2] = {
        {"query", "query_dense"}, {"key", "key_dense"}, {"value", "value_dense"}, {"attention_output", "output_dense"}};
    size_t each = l->n_vars / INNER;
    for (size_t i = 0; i < INNER; i++) {
        inner[i] = (gf_keras_layer){.name = names[i][0],
                                    .class_name = "EinsumDense",
                                    .attr = names[i][1],
                                    .var = l->var + i * each,
                                    .n_vars = each};
    }
    l->inner = inner;
    l->n_inner = INNER;
    l->n_vars = 0;
}

static void list_layers(keras_file *k)
{
    const gf_model *m = &k->plain;
    size_t at = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        if (l->again) continue;
        gf_keras_layer *to = &k->layer[k->n_layers++];
        *to = (gf_keras_layer){
            .name = l->name, .class_name = gf_layer_class_name(l), .var = k->var + at, .n_vars = (size_t)l->n_params};
        for (int p = 0; p < l->n_params; p++) {
            const gf_param *q = &m->param[l->param[p]];
            k->var[at++] = q->idle ? (gf_keras_var){q->shape, &no_count, GF_S64}
                                   : (gf_keras_var){q->shape, m->value + q->offset, GF_F32};
        }
        if (l->cls == &gf_layer_attention) list_inner(to, k->inner + INNER * i);
    }
}

static void keras_file_free(keras_file *k)
{
    gf_model_free(&k->plain);
    gf_free(k->layer);
    gf_free(k->inner);
    gf_free(k->var);
    gf_free(k->config);
    gf_free(k->classes);
}

static graft_status write_keras(const char *path, const gf_model *m, const gf_export_what *what, graft_error *err)
{
    keras_file k = {0};
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_model_for_export(&k.plain, m, err));
    GF_GOTO(gf_keras_config_text(&k.config, &k.plain, NULL, err));
    k.layer = gf_new_n(k.plain.n_layers, gf_keras_layer);
    k.inner = gf_new_n(INNER * k.plain.n_layers, gf_keras_layer);
    k.var = gf_new_n(k.plain.n_params + 1, gf_keras_var);
    k.classes = classes_json(what->classes);
    if (!k.layer || !k.inner || !k.var || !k.classes) {
        status = gf_fail_memory(err, k.plain.n_layers * sizeof *k.layer, "an export");
        goto out;
    }
    list_layers(&k);
    gf_keras_layer model = {.name = k.plain.name, .class_name = "Functional", .inner = k.layer, .n_inner = k.n_layers};
    gf_meta meta[3] = {{"graft.pixels", "0..255"}};
    size_t n = 1;
    if (what->classes->n) meta[n++] = (gf_meta){"class_names", k.classes};
    if (what->boxes) meta[n++] = (gf_meta){"detection", what->boxes->about};
    GF_GOTO(gf_keras_zip_write(path, k.config, &model, meta, n, err));
out:
    keras_file_free(&k);
    return status;
}

/* ---- npz: LAYER/VAR, in Keras's layouts */

static void free_tensors(gf_tensor *t, size_t n)
{
    for (size_t i = 0; t && i < n; i++) gf_free(t[i].name);
    gf_free(t);
}

static graft_status write_npz(const char *path, const gf_model *m, const gf_export_what *what, graft_error *err)
{
    (void)what;
    gf_tensor *t = gf_new_n(m->n_params + 1, gf_tensor);
    graft_status status = t ? GRAFT_OK : gf_fail_memory(err, m->n_params * sizeof *t, "an export");
    size_t n = 0;
    for (size_t i = 0; status == GRAFT_OK && i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        if (p->idle) continue;
        t[n] =
            (gf_tensor){gf_sprintf("%s/%s", m->layer[p->layer].name, p->var), GF_F32, p->shape, m->value + p->offset};
        if (!t[n++].name) status = gf_fail_memory(err, GF_NAME_MAX, "an export");
    }
    if (status == GRAFT_OK) status = gf_npz_write(path, t, n, err);
    free_tensors(t, n);
    return status;
}

/* ---- safetensors: PyTorch's names and layouts, so that load_state_dict takes them */

static graft_status write_safetensors(const char *path, const gf_model *m, const gf_export_what *what, graft_error *err)
{
    graft_status status = GRAFT_OK;
    char *graph = NULL, *names = classes_json(what->classes);
    size_t n = 0, n_meta = 3;
    gf_tensor *t = gf_new_n(m->n_params + 1, gf_tensor);
    if (!t || !names) {
        status = gf_fail_memory(err, m->n_params * sizeof *t, "an export");
        goto out;
    }
    GF_GOTO(gf_keras_config_text(&graph, m, &(gf_keras_config_options){.own = true}, err));
    for (size_t i = 0; i < m->n_params; i++) {
        if (!m->param[i].idle) GF_GOTO(gf_torch_tensor(&t[n++], m, &m->param[i], err));
    }
    gf_meta meta[4] = {{"format", "pt"}, {"class_names", names}, {"graph", graph}};
    if (what->boxes) meta[n_meta++] = (gf_meta){"detection", what->boxes->about};
    GF_GOTO(gf_safetensors_write(path, t, n, meta, n_meta, err));
out:
    for (size_t i = 0; t && i < n; i++) gf_free(t[i].data);
    free_tensors(t, n);
    gf_free(graph);
    gf_free(names);
    return status;
}

static graft_status write_onnx(const char *path, const gf_model *m, const gf_export_what *what, graft_error *err)
{
    return gf_onnx_export(m, (const char *const *)what->classes->item, what->classes->n, what->boxes, path, err);
}

/* ---- the table */

static const gf_export_format table[] = {
    {"keras", ".keras", "Keras 3: keras.saving.load_model", true, true, false, write_keras},
    {"onnx", ".onnx", "ONNX, opset 17: ONNX Runtime and others", true, true, false, write_onnx},
    {"safetensors", ".safetensors", "PyTorch's names and layouts: load_state_dict", false, true, false,
     write_safetensors},
    {"npz", ".npz", "NumPy: LAYER/VAR, Keras's layouts", false, true, false, write_npz},
    {"hf", ".hf", "a folder for Hugging Face's transformers or sentence-transformers", false, true, true, gf_hf_export},
    {"labels", ".txt", "the class names, a line each", false, false, false, write_labels},
};

const gf_export_format *gf_export_at(size_t i) { return i < sizeof table / sizeof *table ? &table[i] : NULL; }

const gf_export_format *gf_export_find(const char *name)
{
    for (size_t i = 0; gf_export_at(i); i++) {
        if (!strcmp(table[i].name, name)) return &table[i];
    }
    return NULL;
}

const gf_export_format *gf_export_by_ending(const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; gf_export_at(i); i++) {
        size_t e = strlen(table[i].ending);
        if (n > e && !strcmp(path + n - e, table[i].ending)) return &table[i];
    }
    return NULL;
}
