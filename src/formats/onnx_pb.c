/* onnx_pb.c - protobuf's messages to a gf_onnx. What protobuf-c allocates is bounded by the bytes that are there. */
#include "base/alloc.h"
#include "formats/onnx.h"
#include "formats/onnx.pb-c.h"

#include <stddef.h>
#include <string.h>

enum { MB = 1 << 20, MAX_NODES = 100000 };

/* ---- memory for protobuf-c, from a budget: a node without fields takes 2 bytes in a file and 150 in memory ---- */

typedef struct budget {
    size_t left;
    bool spent; /* something was refused */
} budget;

typedef union header {
    size_t bytes;
    max_align_t align;
} header;

static void *budget_alloc(void *ctx, size_t bytes)
{
    budget *b = ctx;
    size_t whole;
    header *h = NULL;
    if (gf_add_size(bytes, sizeof(header), &whole) && whole <= b->left) h = gf_alloc_raw(whole, 1);
    if (!h) {
        b->spent = true;
        return NULL;
    }
    h->bytes = whole;
    b->left -= whole;
    return h + 1;
}

static void budget_free(void *ctx, void *p)
{
    budget *b = ctx;
    if (!p) return;
    header *h = (header *)p - 1;
    b->left += h->bytes;
    gf_free(h);
}

/* ---- messages to plain data, copied: the messages do not outlive the call ---- */

typedef struct reader {
    gf_onnx *o;
    const char *name;
    size_t max;
    graft_error *err;
    bool no_memory;
} reader;

static void *make(reader *r, size_t n, size_t size)
{
    void *p = gf_onnx_alloc(r->o, n, size);
    r->no_memory |= !p;
    return p;
}

static const char *text_n(reader *r, const void *s, size_t n)
{
    char *copy = make(r, n + 1, 1);
    return copy && n ? memcpy(copy, s, n) : copy ? copy : "";
}

static const char *text(reader *r, const char *s) { return s && *s ? text_n(r, s, strlen(s)) : ""; }

static void *copy(reader *r, const void *from, size_t n, size_t size)
{
    void *p = make(r, n, size);
    return p && n ? memcpy(p, from, n * size) : p;
}

static graft_status bad(reader *r, const char *what, const char *which)
{
    return gf_fail(r->err, GF_E_ONNX_DAMAGED, NULL, "%s: %s: %s", GF_ESC(r->name), GF_ESC(which), what);
}

static graft_status too_many(reader *r, size_t n, const char *what)
{
    return gf_fail(r->err, GF_E_ONNX_LIMIT, NULL, "%s: %zu %s, at most %zu are read", GF_ESC(r->name), n, what, r->max);
}

/* The numbers of int32_data are wider than the elements they stand for. */
static const void *narrow(reader *r, const int32_t *from, size_t n, size_t size)
{
    uint8_t *to = make(r, n, size);
    for (size_t i = 0; to && i < n; i++) memcpy(to + i * size, &from[i], size); /* little-endian: the low bytes */
    return to;
}

/* A tensor's numbers are in raw_data or in the one list that is meant for its type. */
static graft_status tensor_data(reader *r, const Gf__Pb__Tensor *from, gf_onnx_tensor *to)
{
    size_t size = gf_onnx_type_size(to->type);
    const struct {
        size_t n, size;
        const void *data;
        bool meant;
    } list[] = {
        {from->n_float_data, 4, from->float_data, to->type == GF_ONNX_FLOAT},
        {from->n_int64_data, 8, from->int64_data, to->type == GF_ONNX_INT64},
        {from->n_double_data, 8, from->double_data, to->type == GF_ONNX_DOUBLE},
        {from->n_int32_data, size, from->int32_data, size && size <= 4 && to->type != GF_ONNX_FLOAT},
        {from->raw_data.len, 1, from->raw_data.data, true},
    };
    int filled = 0;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (!list[i].n) continue;
        if (!list[i].meant) return bad(r, "its numbers are of another type than it says", to->name);
        if (filled++) return bad(r, "its numbers are there twice", to->name);
        bool wide = list[i].data == from->int32_data;
        to->data = wide ? narrow(r, from->int32_data, list[i].n, size) : copy(r, list[i].data, list[i].n, list[i].size);
        to->bytes = list[i].n * list[i].size;
    }
    if (!filled) to->data = make(r, 0, 1);
    return GRAFT_OK;
}

static bool number(const char *s, uint64_t *out)
{
    uint64_t v = 0;
    if (!*s || strlen(s) > 18) return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9') return false;
        v = 10 * v + (uint64_t)(*s - '0');
    }
    *out = v;
    return true;
}

static graft_status tensor_elsewhere(reader *r, const Gf__Pb__Tensor *from, gf_onnx_tensor *to)
{
    if (from->has_raw_data || from->n_float_data || from->n_int64_data || from->n_double_data || from->n_int32_data) {
        return bad(r, "its numbers are there and in another file too", to->name);
    }
    for (size_t i = 0; i < from->n_external_data; i++) {
        const char *key = text(r, from->external_data[i]->key), *value = text(r, from->external_data[i]->value);
        if (!strcmp(key, "location")) {
            to->location = value;
        } else if (!strcmp(key, "offset") || !strcmp(key, "length")) {
            uint64_t *n = key[0] == 'o' ? &to->offset : &to->length;
            if (!number(value, n)) return bad(r, "its offset or length in another file is no number", to->name);
        }
    }
    return to->location[0] ? GRAFT_OK : bad(r, "its numbers are in another file that is not named", to->name);
}

static graft_status tensor(reader *r, const Gf__Pb__Tensor *from, gf_onnx_tensor *to)
{
    *to = (gf_onnx_tensor){.name = text(r, from->name), .type = from->data_type, .location = ""};
    if (from->n_dims > GF_MAX_RANK) return bad(r, "it has more than 6 dimensions", to->name);
    to->shape.rank = (int)from->n_dims;
    for (size_t i = 0; i < from->n_dims; i++) to->shape.dim[i] = from->dims[i];
    bool elsewhere = from->data_location == 1;
    GF_TRY(elsewhere ? tensor_elsewhere(r, from, to) : tensor_data(r, from, to));
    if (r->no_memory) return gf_fail_memory(r->err, to->bytes, r->name);
    return gf_onnx_check_tensor(to, r->name, r->err);
}

static graft_status attribute(reader *r, const Gf__Pb__Attribute *from, gf_onnx_attr *to)
{
    *to = (gf_onnx_attr){.name = text(r, from->name), .type = from->type, .f = from->f, .i = from->i};
    to->s = text_n(r, from->s.data, from->s.len);
    to->n_floats = from->n_floats;
    to->floats = copy(r, from->floats, from->n_floats, sizeof *to->floats);
    to->n_ints = from->n_ints;
    to->ints = copy(r, from->ints, from->n_ints, sizeof *to->ints);
    if (!from->t) return GRAFT_OK;
    to->t = make(r, 1, sizeof *to->t);
    return to->t ? tensor(r, from->t, to->t) : GRAFT_OK;
}

static const char **texts(reader *r, char **from, size_t n)
{
    const char **to = make(r, n, sizeof *to);
    for (size_t i = 0; to && i < n; i++) to[i] = text(r, from[i]);
    return to;
}

static graft_status node(reader *r, const Gf__Pb__Node *from, gf_onnx_node *to)
{
    to->name = text(r, from->name);
    to->op = text(r, from->op_type);
    to->domain = from->domain && !strcmp(from->domain, "ai.onnx") ? "" : text(r, from->domain);
    to->input = texts(r, from->input, to->n_inputs = from->n_input);
    to->output = texts(r, from->output, to->n_outputs = from->n_output);
    to->attr = make(r, from->n_attribute, sizeof *to->attr);
    for (size_t i = 0; to->attr && i < from->n_attribute; i++) {
        GF_TRY(attribute(r, from->attribute[i], &to->attr[to->n_attrs]));
        to->n_attrs++;
    }
    return GRAFT_OK;
}

static graft_status value(reader *r, const Gf__Pb__ValueInfo *from, gf_onnx_value *to)
{
    const Gf__Pb__TensorType *type = from->type ? from->type->tensor_type : NULL;
    to->name = text(r, from->name);
    to->batch = "";
    if (!type) return GRAFT_OK;
    to->type = type->elem_type;
    if (!type->shape) return GRAFT_OK;
    if (type->shape->n_dim > GF_MAX_RANK) return bad(r, "it has more than 6 dimensions", to->name);
    to->has_shape = true;
    to->shape.rank = (int)type->shape->n_dim;
    for (size_t i = 0; i < type->shape->n_dim; i++) {
        const Gf__Pb__Dimension *d = type->shape->dim[i];
        to->shape.dim[i] = d->has_dim_value && d->dim_value > 0 ? d->dim_value : -1;
        if (!i) to->batch = text(r, d->dim_param);
    }
    return GRAFT_OK;
}

static graft_status values(reader *r, Gf__Pb__ValueInfo **from, size_t n, gf_onnx_value **to, size_t *n_to)
{
    if (n > r->max) return too_many(r, n, "inputs or outputs");
    *to = make(r, n, sizeof **to);
    for (size_t i = 0; *to && i < n; i++) {
        GF_TRY(value(r, from[i], &(*to)[i]));
        ++*n_to;
    }
    return GRAFT_OK;
}

static graft_status graph(reader *r, const Gf__Pb__Graph *from)
{
    gf_onnx *o = r->o;
    if (from->n_node > r->max) return too_many(r, from->n_node, "nodes");
    if (from->n_initializer > r->max) return too_many(r, from->n_initializer, "tensors");
    o->graph = text(r, from->name);
    o->tensor = make(r, from->n_initializer, sizeof *o->tensor);
    for (size_t i = 0; o->tensor && i < from->n_initializer; i++) {
        GF_TRY(tensor(r, from->initializer[i], &o->tensor[i]));
        o->n_tensors++;
    }
    o->node = make(r, from->n_node, sizeof *o->node);
    for (size_t i = 0; o->node && i < from->n_node; i++) {
        GF_TRY(node(r, from->node[i], &o->node[i]));
        o->n_nodes++;
    }
    GF_TRY(values(r, from->input, from->n_input, &o->input, &o->n_inputs));
    return values(r, from->output, from->n_output, &o->output, &o->n_outputs);
}

static graft_status model(reader *r, const Gf__Pb__Model *from)
{
    gf_onnx *o = r->o;
    if (!from->graph) return bad(r, "no graph: not an ONNX model, or cut short", "the file");
    if (from->n_metadata_props > r->max) return too_many(r, from->n_metadata_props, "texts of metadata");
    o->ir_version = from->ir_version;
    o->producer = text(r, from->producer_name);
    o->producer_version = text(r, from->producer_version);
    for (size_t i = 0; i < from->n_opset_import; i++) {
        const char *domain = from->opset_import[i]->domain;
        if (!domain || !*domain || !strcmp(domain, "ai.onnx")) o->opset = from->opset_import[i]->version;
    }
    o->meta = make(r, from->n_metadata_props, sizeof *o->meta);
    for (size_t i = 0; o->meta && i < from->n_metadata_props; i++) {
        const Gf__Pb__Entry *e = from->metadata_props[i];
        o->meta[o->n_meta++] = (gf_onnx_meta){text(r, e->key), text(r, e->value)};
    }
    GF_TRY(graph(r, from->graph));
    return r->no_memory ? gf_fail_memory(r->err, 0, r->name) : GRAFT_OK;
}

graft_status gf_onnx_parse(gf_onnx *out, const uint8_t *bytes, size_t n, const char *name, const gf_onnx_limits *limits,
                           graft_error *err)
{
    budget b = {.left = 16 * (size_t)MB + (n < SIZE_MAX / 32 ? 8 * n : SIZE_MAX / 4)};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
    *out = (gf_onnx){0};
    Gf__Pb__Model *message = gf__pb__model__unpack(&allocator, n, bytes);
    if (!message && b.spent) {
        return gf_fail(err, GF_E_NO_MEMORY, NULL, "%s: %zu bytes of ONNX take more memory than there is or is allowed",
                       GF_ESC(name), n);
    }
    if (!message) {
        return gf_fail(err, GF_E_ONNX_DAMAGED, "is the download complete?",
                       "%s: not an ONNX file, or damaged (%zu bytes)", GF_ESC(name), n);
    }
    reader r = {out, name, limits && limits->max_nodes ? limits->max_nodes : MAX_NODES, err, false};
    graft_status status = model(&r, message);
    gf__pb__model__free_unpacked(message, &allocator);
    if (status != GRAFT_OK) gf_onnx_free(out);
    return status;
}
