/* onnx_write.c - a gf_onnx as protobuf's messages, packed. The messages borrow all from it; where protobuf-c wants
 * pointers to things that may be written to, it is trusted to only read them when it packs. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/onnx.h"
#include "formats/onnx.pb-c.h"

#include <string.h>

/* The messages' blocks live in a gf_onnx of their own, so that they are freed together. */
typedef struct writer {
    gf_onnx blocks;
    bool no_memory;
} writer;

static void *make(writer *w, size_t n, size_t size)
{
    void *p = gf_onnx_alloc(&w->blocks, n, size);
    w->no_memory |= !p;
    return p;
}

/* An array of n pointers to messages in a row of their own. */
#define MESSAGES(w, type, n) ((type **)messages((w), (n), sizeof(type)))
static void **messages(writer *w, size_t n, size_t size)
{
    void **list = make(w, n, sizeof *list);
    char *row = make(w, n, size);
    for (size_t i = 0; list && row && i < n; i++) list[i] = row + i * size;
    return row ? list : NULL;
}

static char *text(const char *s) { return *s ? (char *)s : NULL; }

static void tensor(const gf_onnx_tensor *from, Gf__Pb__Tensor *to)
{
    gf__pb__tensor__init(to);
    to->name = text(from->name);
    to->n_dims = (size_t)from->shape.rank;
    to->dims = (int64_t *)from->shape.dim;
    to->has_data_type = to->has_raw_data = true;
    to->data_type = from->type;
    to->raw_data = (ProtobufCBinaryData){from->bytes, (uint8_t *)from->data};
}

static void attribute(writer *w, const gf_onnx_attr *from, Gf__Pb__Attribute *to)
{
    gf__pb__attribute__init(to);
    to->name = text(from->name);
    to->has_type = true;
    to->type = from->type;
    to->has_f = from->type == GF_ONNX_ATTR_FLOAT;
    to->f = from->f;
    to->has_i = from->type == GF_ONNX_ATTR_INT;
    to->i = from->i;
    to->has_s = from->type == GF_ONNX_ATTR_STRING;
    to->s = (ProtobufCBinaryData){from->s ? strlen(from->s) : 0, (uint8_t *)from->s};
    to->n_floats = from->n_floats;
    to->floats = from->floats;
    to->n_ints = from->n_ints;
    to->ints = from->ints;
    to->t = from->t ? make(w, 1, sizeof *to->t) : NULL;
    if (to->t) tensor(from->t, to->t);
}

static void node(writer *w, const gf_onnx_node *from, Gf__Pb__Node *to)
{
    gf__pb__node__init(to);
    to->name = text(from->name);
    to->op_type = text(from->op);
    to->domain = text(from->domain);
    to->n_input = from->n_inputs;
    to->input = (char **)from->input;
    to->n_output = from->n_outputs;
    to->output = (char **)from->output;
    to->attribute = MESSAGES(w, Gf__Pb__Attribute, from->n_attrs);
    to->n_attribute = to->attribute ? from->n_attrs : 0;
    for (size_t i = 0; i < to->n_attribute; i++) attribute(w, &from->attr[i], to->attribute[i]);
}

static void value(writer *w, const gf_onnx_value *from, Gf__Pb__ValueInfo *to)
{
    gf__pb__value_info__init(to);
    to->name = text(from->name);
    Gf__Pb__Type *type = to->type = make(w, 1, sizeof *type);
    Gf__Pb__TensorType *inner = make(w, 1, sizeof *inner);
    Gf__Pb__Shape *shape = make(w, 1, sizeof *shape);
    if (!type || !inner || !shape) return;
    gf__pb__type__init(type);
    gf__pb__tensor_type__init(inner);
    gf__pb__shape__init(shape);
    type->tensor_type = inner;
    inner->has_elem_type = true;
    inner->elem_type = from->type;
    inner->shape = shape;
    shape->dim = MESSAGES(w, Gf__Pb__Dimension, (size_t)from->shape.rank);
    shape->n_dim = shape->dim ? (size_t)from->shape.rank : 0;
    for (size_t i = 0; i < shape->n_dim; i++) {
        Gf__Pb__Dimension *d = shape->dim[i];
        gf__pb__dimension__init(d);
        d->has_dim_value = from->shape.dim[i] >= 0;
        d->dim_value = from->shape.dim[i];
        if (!d->has_dim_value && !i) d->dim_param = text(from->batch);
    }
}

static Gf__Pb__ValueInfo **values(writer *w, const gf_onnx_value *from, size_t n)
{
    Gf__Pb__ValueInfo **to = MESSAGES(w, Gf__Pb__ValueInfo, n);
    for (size_t i = 0; to && i < n; i++) value(w, &from[i], to[i]);
    return to;
}

static void graph(writer *w, const gf_onnx *o, Gf__Pb__Graph *to)
{
    gf__pb__graph__init(to);
    to->name = text(o->graph);
    to->node = MESSAGES(w, Gf__Pb__Node, to->n_node = o->n_nodes);
    for (size_t i = 0; to->node && i < o->n_nodes; i++) node(w, &o->node[i], to->node[i]);
    to->initializer = MESSAGES(w, Gf__Pb__Tensor, to->n_initializer = o->n_tensors);
    for (size_t i = 0; to->initializer && i < o->n_tensors; i++) tensor(&o->tensor[i], to->initializer[i]);
    to->input = values(w, o->input, to->n_input = o->n_inputs);
    to->output = values(w, o->output, to->n_output = o->n_outputs);
}

static void model(writer *w, const gf_onnx *o, Gf__Pb__Model *to, Gf__Pb__Graph *to_graph)
{
    gf__pb__model__init(to);
    to->has_ir_version = true;
    to->ir_version = o->ir_version;
    to->producer_name = text(o->producer);
    to->producer_version = text(o->producer_version);
    to->opset_import = MESSAGES(w, Gf__Pb__Opset, to->n_opset_import = 1);
    if (to->opset_import) {
        gf__pb__opset__init(to->opset_import[0]);
        to->opset_import[0]->has_version = true;
        to->opset_import[0]->version = o->opset;
    }
    to->metadata_props = MESSAGES(w, Gf__Pb__Entry, to->n_metadata_props = o->n_meta);
    for (size_t i = 0; to->metadata_props && i < o->n_meta; i++) {
        gf__pb__entry__init(to->metadata_props[i]);
        to->metadata_props[i]->key = (char *)o->meta[i].key;
        to->metadata_props[i]->value = (char *)o->meta[i].value;
    }
    to->graph = to_graph;
    graph(w, o, to_graph);
}

/* protobuf's readers take no message of 2 GiB or more. */
enum { MAX_PACKED = INT32_MAX };

graft_status gf_onnx_pack(const gf_onnx *o, uint8_t **bytes, size_t *n, graft_error *err)
{
    writer w = {0};
    Gf__Pb__Model message;
    Gf__Pb__Graph inner;
    graft_status status = GRAFT_OK;
    *bytes = NULL;
    model(&w, o, &message, &inner);
    if (w.no_memory) {
        status = gf_fail_memory(err, 0, "an ONNX model");
        goto out;
    }
    *n = gf__pb__model__get_packed_size(&message);
    if (*n > MAX_PACKED) {
        status = gf_fail(err, GF_E_ONNX_EXPORT, "safetensors has no such limit",
                         "the model takes %zu bytes as ONNX, which ends at %d", *n, MAX_PACKED);
        goto out;
    }
    *bytes = gf_alloc_raw(*n, 1);
    if (*bytes) {
        gf__pb__model__pack(&message, *bytes);
    } else {
        status = gf_fail_memory(err, *n, "an ONNX model");
    }
out:
    gf_onnx_free(&w.blocks);
    return status;
}

graft_status gf_onnx_write(const gf_onnx *o, const char *path, graft_error *err)
{
    uint8_t *bytes;
    size_t n;
    GF_TRY(gf_onnx_pack(o, &bytes, &n, err));
    graft_status status = gf_file_write(path, &(gf_bytes){bytes, n}, 1, err);
    gf_free(bytes);
    return status;
}
