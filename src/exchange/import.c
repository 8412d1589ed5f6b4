#include "exchange/import.h"

#include "base/io.h"
#include "exchange/keras_config.h"
#include "exchange/layer_words.h"
#include "exchange/load_weights.h"
#include "exchange/onnx.h"
#include "exchange/prepare.h"
#include "formats/keras_config_file.h"
#include "formats/stranger.h"
#include "json/json.h"

#include <string.h>

typedef enum kind { UNKNOWN, JSON, HDF5, ZIP, ONNX } kind;

/* ONNX is protobuf and has no signature: its first field is ir_version (8), a small number. */
static kind kind_of(const char *path)
{
    static const struct {
        kind kind;
        const char *bytes;
        size_t n;
    } signature[] = {{HDF5, "\x89HDF\r\n\x1a\n", 8}, {ZIP, "PK\x03\x04", 4}, {ONNX, "\x08", 1}};
    enum { BEGIN = 64 };
    uint8_t b[BEGIN] = {0};
    size_t n = 0;
    if (gf_file_read_begin(path, b, sizeof b, &n, NULL) != GRAFT_OK) return UNKNOWN;
    if (gf_stranger_protobuf(path, b, n, NULL) != GRAFT_OK) return UNKNOWN;
    for (size_t i = 0; i < sizeof signature / sizeof *signature; i++) {
        if (n >= signature[i].n && !memcmp(b, signature[i].bytes, signature[i].n)) return signature[i].kind;
    }
    for (size_t i = 0; i < n && i < BEGIN; i++) {
        if (b[i] == '{') return JSON;
        if (!memchr(" \t\r\n", b[i], 4)) return UNKNOWN;
    }
    return UNKNOWN;
}

/* ---- what graft wrote into metadata.json: what is not there, or not as graft writes it, is no error */

/* The JSON array in the text that it has as "class_names". */
static graft_status names_of_keras(gf_names *classes, const gf_json *metadata, const char *path, graft_error *err)
{
    gf_json *names = NULL;
    const char *list = gf_json_str(gf_json_get(metadata, "class_names"), NULL);
    graft_status status = list ? gf_json_parse(&names, list, strlen(list), path, err) : GRAFT_OK;
    for (size_t i = 0; status == GRAFT_OK && i < gf_json_size(names); i++) {
        status = gf_names_add(classes, gf_json_str(gf_json_at(names, i), ""), err);
    }
    gf_json_free(names);
    if (status != GRAFT_OK) gf_names_free(classes);
    return status;
}

static graft_status read_metadata(const char *path, const gf_import_options *o, bool *own, graft_error *err)
{
    char *text = NULL;
    gf_json *metadata = NULL;
    graft_status status = gf_keras_metadata_read(path, &text, err);
    if (status == GRAFT_OK) status = gf_json_parse(&metadata, text, strlen(text), path, err);
    if (status == GRAFT_OK) *own = !strcmp(gf_json_str(gf_json_get(metadata, "graft.pixels"), ""), "0..255");
    if (status == GRAFT_OK && o->classes) status = names_of_keras(o->classes, metadata, path, err);
    gf_json_free(metadata);
    gf_free(text);
    return status == GRAFT_RESOURCE ? status : GRAFT_OK;
}

/* Says what the file is instead. */
static graft_status refuse_file(const char *path, graft_error *err)
{
    const size_t most = (size_t)4 << 30;
    uint8_t *bytes;
    size_t n;
    GF_TRY(gf_file_read(path, most, &bytes, &n, err));
    graft_status status = gf_stranger_refuse(path, bytes, n, GF_STRANGER_NETWORK, err);
    gf_free(bytes);
    return status;
}

/* ---- Keras */

static graft_status import_keras(gf_model *m, const char *path, kind k, const gf_import_options *o, bool *has_values,
                                 graft_error *err)
{
    char *json;
    bool own = false;
    graft_error why = {0};
    graft_status status = gf_keras_config_read(path, &json, &why);
    if (status != GRAFT_OK) {
        bool other_archive = k == ZIP && why.number == GF_E_KERAS_ZIP;
        if (other_archive) return refuse_file(path, err);
        if (err) *err = why;
        return status;
    }
    status = gf_stranger_json(path, json, strlen(json), err);
    gf_keras_config_options options = {.width = o->width, .height = o->height, .log = o->log};
    if (status == GRAFT_OK) status = gf_keras_config_parse(m, json, strlen(json), path, &options, err);
    gf_free(json);
    GF_TRY(status);
    *has_values = k != JSON;
    if (*has_values) GF_TRY(gf_model_load_weights(m, path, true, o->allow_nonfinite, NULL, err));
    if (k == ZIP && (o->classes || !o->preprocess)) GF_TRY(read_metadata(path, o, &own, err));
    const gf_preparing w = {
        .path = path, .asked = o->preprocess, .has_values = *has_values, .own = own, .like = {.names = true}};
    return gf_prepare(m, &w, o, err);
}

/* The network of a list of layers: a configuration without weights. */
static graft_status import_words(gf_model *m, const char *words, const gf_import_options *o, graft_error *err)
{
    char *json;
    gf_keras_config_options options = {.width = o->width, .height = o->height, .log = o->log};
    GF_TRY(gf_layer_words_config(words, &json, err));
    graft_status status = gf_keras_config_parse(m, json, strlen(json), "layers", &options, err);
    gf_free(json);
    GF_TRY(status);
    const gf_preparing w = {.path = "layers", .asked = o->preprocess, .like = {.names = true}};
    return gf_prepare(m, &w, o, err);
}

graft_status gf_import(gf_model *m, const char *path, const gf_import_options *o, bool *has_values, graft_error *err)
{
    *m = (gf_model){0};
    *has_values = false;
    bool words = gf_layer_words_are(path);
    kind k = words ? UNKNOWN : kind_of(path);
    graft_status status = GRAFT_OK;
    if (words) {
        status = import_words(m, path, o, err);
        if (status != GRAFT_OK) gf_model_free(m);
        return status;
    }
    switch (k) {
    case JSON:
    case HDF5:
    case ZIP: status = import_keras(m, path, k, o, has_values, err); break;
    case ONNX:
        status = gf_onnx_import(m, path, o, err);
        *has_values = true;
        break;
    default: return refuse_file(path, err);
    }
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}

graft_status gf_import_one_of_each(gf_model *m, const char *path, bool cut, const gf_log *log, graft_error *err)
{
    int input[GF_MAX_ENDS], inputs = gf_model_inputs(m, input);
    if (inputs != 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "%s: it has %d inputs, wanted is one image", GF_ESC(path), inputs);
    }
    if (m->n_more) {
        gf_decide(log, "output", GF_ESC(m->layer[m->output].name), "%s: the first of %d; --cut takes another",
                  GF_ESC(path), m->n_more + 1);
    }
    return cut ? GRAFT_OK : gf_model_take_output(m, err);
}
