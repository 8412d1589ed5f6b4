#include "exchange/import.h"

#include "base/io.h"
#include "exchange/keras_config.h"
#include "exchange/load_weights.h"
#include "exchange/onnx.h"
#include "formats/keras_config_file.h"
#include "zoo/zoo.h"
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
    for (size_t i = 0; i < sizeof signature / sizeof *signature; i++) {
        if (n >= signature[i].n && !memcmp(b, signature[i].bytes, signature[i].n)) return signature[i].kind;
    }
    for (size_t i = 0; i < n && i < BEGIN; i++) {
        if (b[i] == '{') return JSON;
        if (!memchr(" \t\r\n", b[i], 4)) return UNKNOWN;
    }
    return UNKNOWN;
}

/* ---- preprocessing */

static gf_layer *input_of(gf_model *m)
{
    for (size_t i = 0; i < m->n_layers; i++) {
        if (m->layer[i].cls == &gf_layer_input) return &m->layer[i];
    }
    return NULL;
}

/* An architecture of the zoo with whose layers this model begins: the first few with parameters have the same names. */
static const gf_architecture *resembles(const gf_model *m)
{
    enum { LAYERS = 6 };
    for (size_t k = 0; gf_zoo_at(k); k++) {
        const gf_architecture *a = gf_zoo_at(k);
        gf_model zoo;
        gf_zoo_options o = {.width = a->size, .height = a->size};
        if (gf_zoo_layers(&zoo, a->name, &o, NULL) != GRAFT_OK) continue;
        int same = 0, seen = 0;
        for (size_t i = 1; i < zoo.n_layers && seen < LAYERS; i++) {
            if (!zoo.layer[i].n_params) continue;
            same += gf_model_find(m, zoo.layer[i].name) >= 0;
            seen++;
        }
        gf_model_free(&zoo);
        if (seen && same == seen) return a;
    }
    return NULL;
}

static bool scales_itself(const gf_model *m)
{
    enum { FIRST = 6 };
    for (size_t i = 0; i < m->n_layers && i < FIRST; i++) {
        if (m->layer[i].cls == &gf_layer_rescaling || m->layer[i].cls == &gf_layer_normalization) return true;
    }
    return false;
}

static graft_status set_preprocess(gf_model *m, const char *path, const char *asked, bool has_values, graft_error *err)
{
    gf_layer *input = input_of(m);
    const gf_preprocess *p = asked ? gf_preprocess_find(asked) : NULL;
    if (asked && !p) {
        return gf_fail(err, GF_E_OPTION_VALUE, "tf, torch, caffe, lite, unit or none", "preprocess %s is not known",
                       GF_ESC(asked));
    }
    const gf_architecture *a = NULL;
    if (!p && scales_itself(m)) p = gf_preprocess_find("none");
    if (!p && has_values && (a = resembles(m))) p = gf_preprocess_find(a->preprocess);
    if (!p && !has_values) p = gf_preprocess_find("unit");
    if (!p) {
        return gf_fail(err, GF_E_OPTION_VALUE, "say --preprocess tf, torch, caffe, lite, unit ([0, 1]) or none",
                       "%s: how pictures were prepared for these weights is not in the file", GF_ESC(path));
    }
    if (!input || input->shape.rank != 3) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "%s: its input is not one picture", GF_ESC(path));
    }
    for (int c = 0; c < 3; c++) {
        input->at.scale[c] = p->scale[c];
        input->at.offset[c] = p->offset[c];
    }
    input->at.bgr = p->bgr;
    return GRAFT_OK;
}

/* ---- class names: what is not there, or not as graft writes it, is no error */

/* The JSON array in the text that metadata.json has as "class_names". */
static graft_status names_of_keras(gf_names *classes, const char *path, graft_error *err)
{
    char *text = NULL;
    gf_json *metadata = NULL, *names = NULL;
    graft_status status = gf_keras_metadata_read(path, &text, err);
    if (status == GRAFT_OK) status = gf_json_parse(&metadata, text, strlen(text), path, err);
    const char *list = status == GRAFT_OK ? gf_json_str(gf_json_get(metadata, "class_names"), NULL) : NULL;
    if (list) status = gf_json_parse(&names, list, strlen(list), path, err);
    for (size_t i = 0; status == GRAFT_OK && i < gf_json_size(names); i++) {
        status = gf_names_add(classes, gf_json_str(gf_json_at(names, i), ""), err);
    }
    gf_json_free(names);
    gf_json_free(metadata);
    gf_free(text);
    if (status != GRAFT_OK) gf_names_free(classes);
    return status == GRAFT_RESOURCE ? status : GRAFT_OK;
}

/* ---- Keras */

static graft_status import_keras(gf_model *m, const char *path, kind k, const gf_import_options *o, bool *has_values,
                                 graft_error *err)
{
    char *json;
    GF_TRY(gf_keras_config_read(path, &json, err));
    gf_keras_config_options options = {.width = o->width, .height = o->height};
    graft_status status = gf_keras_config_parse(m, json, strlen(json), path, &options, err);
    gf_free(json);
    GF_TRY(status);
    *has_values = k != JSON;
    return *has_values ? gf_model_load_weights(m, path, true, o->allow_nonfinite, NULL, err) : GRAFT_OK;
}

graft_status gf_import(gf_model *m, const char *path, const gf_import_options *o, bool *has_values, graft_error *err)
{
    *m = (gf_model){0};
    *has_values = false;
    kind k = kind_of(path);
    graft_status status = GRAFT_OK;
    switch (k) {
    case JSON:
    case HDF5:
    case ZIP: status = import_keras(m, path, k, o, has_values, err); break;
    case ONNX:
        status = gf_onnx_import(m, path, o, err);
        *has_values = true;
        break;
    default:
        return gf_fail(err, GF_E_WEIGHTS_UNKNOWN_FORMAT,
                       "a whole model is a .keras, .h5, .onnx or .json file; weights alone go with --model NAME "
                       "--weights FILE",
                       "%s: not a file that holds a network", GF_ESC(path));
    }
    if (status == GRAFT_OK && k != ONNX) status = set_preprocess(m, path, o->preprocess, *has_values, err);
    if (status == GRAFT_OK && k == ZIP && o->classes) status = names_of_keras(o->classes, path, err);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}
