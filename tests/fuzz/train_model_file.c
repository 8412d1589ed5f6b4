/* Any facts and any graph as the metadata of graft's own model file: a line of facts, then the graph. Tensors of zeros
 * are put beside them, all that the graph wants or, where the facts begin with a blank, all but the last. */
#include "base/alloc.h"
#include "exchange/keras_config.h"
#include "train/model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_VALUES = 100000 };

static void add_tensor(gf_json *header, const char *folder, const char *name, const gf_shape *shape, size_t *at)
{
    char full[2 * GF_NAME_MAX];
    gf_json *t = gf_json_object(), *dims = gf_json_array(), *place = gf_json_array();
    size_t end = *at + gf_count(shape) * sizeof(float);
    for (int i = 0; i < shape->rank; i++) gf_json_add(dims, gf_json_int(shape->dim[i]));
    gf_json_add(place, gf_json_int((int64_t)*at));
    gf_json_add(place, gf_json_int((int64_t)end));
    gf_json_set(t, "dtype", gf_json_string("F32"));
    gf_json_set(t, "shape", dims);
    gf_json_set(t, "data_offsets", place);
    snprintf(full, sizeof full, "%s/%s", folder, name);
    gf_json_set(header, full, t);
    *at = end;
}

/* The header of a file of this model, and how many bytes of data it speaks of. */
static char *header_of(const char *facts, const char *graph, const gf_model *m, bool whole, size_t *bytes)
{
    gf_json *header = gf_json_object(), *meta = gf_json_object();
    gf_json_set(meta, "graft.model", gf_json_string(facts));
    gf_json_set(meta, "graft.graph", gf_json_string(graph));
    gf_json_set(header, "__metadata__", meta);
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        if (whole || i + 1 < m->n_params) add_tensor(header, m->layer[p->layer].name, p->var, &p->shape, bytes);
    }
    for (size_t i = 0; i < m->n_layers; i++) {
        gf_shape range = GF_SHAPE((int64_t)gf_layer_channels(&m->layer[i]), 3);
        if (i % 2 == 0 && *bytes + gf_count(&range) < MOST_VALUES)
            add_tensor(header, "int8", m->layer[i].name, &range, bytes);
    }
    char *text = gf_json_text(header, 0);
    gf_json_free(header);
    return text;
}

static void take(const uint8_t *file, size_t n)
{
    gf_safetensors st;
    gf_model m;
    gf_model_facts f;
    graft_error err = {0};
    if (gf_safetensors_parse(&st, file, n, "f", NULL, &err) != GRAFT_OK) return;
    if (gf_model_file_take(&m, &f, &st, "f", &err) == GRAFT_OK) {
        if (!m.value || m.classes < 2 || (size_t)m.classes != f.classes.n || f.n_self_test > GF_SELF_TEST_MAX) abort();
        if (f.int8_layers < 0 || (size_t)f.int8_layers > m.n_layers) abort();
        if (gf_count_nonfinite(m.value, m.n_values)) abort();
        gf_model_free(&m);
        gf_model_facts_free(&f);
    } else if (m.n_layers || f.classes.n || !err.number) {
        abort();
    }
    gf_safetensors_close(&st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gf_keras_config_options own = {.own = true, .max_params = MOST_VALUES};
    gf_model m;
    size_t bytes = 0;
    char *facts = gf_strndup((const char *)data, size), *graph = strchr(facts, '\n');
    if (graph) *graph++ = 0;
    graft_status status = gf_keras_config_parse(&m, graph ? graph : "", graph ? strlen(graph) : 0, "f", &own, NULL);
    char *header = header_of(facts, graph ? graph : "", &m, *facts != ' ', &bytes);
    if (header && (status == GRAFT_OK || !m.n_layers)) {
        uint64_t length = strlen(header);
        uint8_t *file = calloc(1, sizeof length + length + bytes);
        if (!file) abort();
        memcpy(file, &length, sizeof length);
        memcpy(file + sizeof length, header, length);
        take(file, sizeof length + length + bytes);
        free(file);
    }
    gf_free(header);
    gf_model_free(&m);
    gf_free(facts);
    return 0;
}
