/* onnx_out.c - the exporter's course: the image and its preprocessing, layers in order, what people want at the end.
 */
#include "exchange/onnx_out.h"

#include "exchange/onnx.h"

#include <stdio.h>
#include <string.h>

enum {
    OPSET = 17,
    IR_VERSION = 8,
    NODES_A_LAYER = 28, /* and as many at the end: of a detector 24 */
    TENSORS_A_LAYER = 16,
    OUTPUTS = 2,
    ATTRIBUTES = 6,
    INPUTS = GF_OP_MAX_SRC + 1
};

/* ---- parts of a graph */

const char *gf_oo_name(gf_oo *w, const char *fmt, ...)
{
    char text[4 * GF_NAME_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *copy = n < 0 ? NULL : gf_onnx_text(w->o, text);
    w->failed |= !copy;
    return copy ? copy : "";
}

static bool is_one_of(const char *name, const char *const *list)
{
    while (*list && strcmp(name, *list) != 0) list++;
    return *list;
}

/* The graph's own names stay its own. */
const char *gf_oo_value(gf_oo *w, int layer)
{
    static const char *const taken[] = {"image", "logits", "probabilities", "log_probabilities", "features", NULL};
    static const char *const by_boxes[] = {"images", "places", "boxes", "scores", "detections", "output0", NULL};
    const char *name = w->m->layer[layer].name;
    if (is_one_of(name, taken) || (w->boxes && is_one_of(name, by_boxes))) return gf_oo_name(w, "%s/value", name);
    return gf_oo_name(w, "%s", name);
}

gf_onnx_node *gf_oo_node(gf_oo *w, const char *op, const char *out, const char *a, const char *b, const char *c)
{
    gf_onnx *o = w->o;
    gf_onnx_node *n = o->n_nodes < w->nodes_cap ? &o->node[o->n_nodes] : NULL;
    const char **in = gf_onnx_alloc(o, INPUTS, sizeof *in), **to = gf_onnx_alloc(o, OUTPUTS, sizeof *to);
    gf_onnx_attr *attr = gf_onnx_alloc(o, ATTRIBUTES, sizeof *attr);
    if (!n || !in || !to || !attr) {
        w->failed = true;
        return NULL;
    }
    *n = (gf_onnx_node){.name = out, .op = op, .domain = "", .input = in, .output = to, .n_outputs = 1, .attr = attr};
    to[0] = out;
    const char *const given[] = {a, b, c};
    for (int i = 0; i < 3 && given[i]; i++) in[n->n_inputs++] = given[i];
    o->n_nodes++;
    return n;
}

static gf_onnx_attr *attribute(gf_oo *w, gf_onnx_node *n, const char *name, int32_t type)
{
    if (!n || n->n_attrs == ATTRIBUTES) {
        w->failed = true;
        return NULL;
    }
    gf_onnx_attr *a = &n->attr[n->n_attrs++];
    *a = (gf_onnx_attr){.name = name, .type = type, .s = ""};
    return a;
}

void gf_oo_int(gf_oo *w, gf_onnx_node *n, const char *name, int64_t v)
{
    gf_onnx_attr *a = attribute(w, n, name, GF_ONNX_ATTR_INT);
    if (a) a->i = v;
}

void gf_oo_float(gf_oo *w, gf_onnx_node *n, const char *name, float v)
{
    gf_onnx_attr *a = attribute(w, n, name, GF_ONNX_ATTR_FLOAT);
    if (a) a->f = v;
}

void gf_oo_text(gf_oo *w, gf_onnx_node *n, const char *name, const char *v)
{
    gf_onnx_attr *a = attribute(w, n, name, GF_ONNX_ATTR_STRING);
    if (a) a->s = v;
}

void gf_oo_ints(gf_oo *w, gf_onnx_node *n, const char *name, const int64_t *v, size_t count)
{
    gf_onnx_attr *a = attribute(w, n, name, GF_ONNX_ATTR_INTS);
    int64_t *copy = gf_onnx_alloc(w->o, count, sizeof *copy);
    w->failed |= !copy;
    if (!a || !copy) return;
    memcpy(copy, v, count * sizeof *copy);
    a->ints = copy;
    a->n_ints = count;
}

static void *tensor(gf_oo *w, const char *name, int32_t type, gf_dtype dtype, const gf_shape *shape)
{
    gf_onnx *o = w->o;
    size_t n, bytes;
    bool fits = gf_shape_count(shape, &n) && gf_mul_size(n, gf_dtype_size(dtype), &bytes);
    void *data = fits && o->n_tensors < w->tensors_cap ? gf_onnx_alloc(o, bytes, 1) : NULL;
    w->failed |= !data;
    if (!data) return NULL;
    o->tensor[o->n_tensors++] = (gf_onnx_tensor){
        .name = name, .type = type, .dtype = dtype, .shape = *shape, .data = data, .bytes = bytes, .location = ""};
    return data;
}

float *gf_oo_tensor(gf_oo *w, const char *name, const gf_shape *shape)
{
    return tensor(w, name, GF_ONNX_FLOAT, GF_F32, shape);
}

const char *gf_oo_int_tensor(gf_oo *w, const char *name, const int64_t *v, size_t count)
{
    int64_t *to = tensor(w, name, GF_ONNX_INT64, GF_S64, &GF_SHAPE((int64_t)count));
    if (to) memcpy(to, v, count * sizeof *to);
    return name;
}

const char *gf_oo_param_name(gf_oo *w, const gf_layer *l, const char *var)
{
    return gf_oo_name(w, "%s/%s", l->again ? w->m->layer[l->again - 1].name : l->name, var);
}

float *gf_oo_param_tensor(gf_oo *w, const gf_layer *l, const char *name, const gf_shape *shape)
{
    for (size_t i = 0; l->again && i < w->o->n_tensors; i++) {
        if (!strcmp(w->o->tensor[i].name, name)) return NULL;
    }
    return gf_oo_tensor(w, name, shape);
}

const char *gf_oo_scalar(gf_oo *w, const char *name, float v)
{
    float *to = tensor(w, name, GF_ONNX_FLOAT, GF_F32, &(gf_shape){.rank = 0});
    if (to) *to = v;
    return name;
}

/* ---- the image */

static void channel_tensor(gf_oo *w, const char *name, const float *each, int64_t channels)
{
    float *to = gf_oo_tensor(w, name, &GF_SHAPE(1, channels, 1, 1));
    if (to) memcpy(to, each, (size_t)channels * sizeof *to);
}

/* (n, ...), of an image with channels first. */
static gf_shape file_shape(const gf_layer *l)
{
    gf_shape shape = {.rank = l->shape.rank + 1, .dim = {-1}};
    memcpy(shape.dim + 1, l->shape.dim, (size_t)l->shape.rank * sizeof *shape.dim);
    return l->shape.rank == 3 ? GF_SHAPE(-1, l->shape.dim[2], l->shape.dim[0], l->shape.dim[1]) : shape;
}

/* The image's values are 0 to 1, as tools for such files give them. */
static bool is_of_shares(const gf_oo *w) { return w->boxes && w->boxes->end == GF_BOXES_YOLO; }

/* A network of one image has it as "image"; else inputs are called as their layers. */
static const char *input_name(gf_oo *w, const gf_layer *l)
{
    int input[GF_MAX_ENDS];
    bool one = gf_model_inputs(w->m, input) == 1 && l->shape.rank == 3;
    return !one ? gf_oo_name(w, "%s/input", l->name) : is_of_shares(w) ? "images" : "image";
}

static const char *write_image(gf_oo *w, const gf_layer *l, const char *at)
{
    const char *transposed = gf_oo_name(w, "%s/bgr", l->name), *scaled = gf_oo_name(w, "%s/scaled", l->name);
    const char *scale = gf_oo_name(w, "%s/scale", l->name), *offset = gf_oo_name(w, "%s/offset", l->name);
    const char *out = gf_oo_value(w, (int)(l - w->m->layer));
    const int64_t channels = l->shape.dim[2];
    if (is_of_shares(w)) {
        const float most = 255;
        gf_oo_node(w, "Mul", "decode/pixels", at, gf_oo_scalar(w, "decode/pixel", most), NULL);
        at = "decode/pixels";
    }
    if (l->at.bgr && channels == 3) {
        const char *order = gf_oo_name(w, "%s/order", l->name);
        gf_oo_int_tensor(w, order, (int64_t[]){2, 1, 0}, 3);
        gf_oo_int(w, gf_oo_node(w, "Gather", transposed, at, order, NULL), "axis", 1);
        at = transposed;
    }
    channel_tensor(w, scale, l->at.scale, channels);
    channel_tensor(w, offset, l->at.offset, channels);
    gf_oo_node(w, "Mul", scaled, at, scale, NULL);
    gf_oo_node(w, "Add", out, scaled, offset, NULL);
    return out;
}

static graft_status write_input(gf_oo *w, int layer)
{
    const gf_layer *l = &w->m->layer[layer];
    const char *name = input_name(w, l), *out = gf_oo_value(w, layer);
    const int32_t type = l->at.dtype == GF_S32 ? GF_ONNX_INT32 : l->at.dtype == GF_U8 ? GF_ONNX_UINT8 : GF_ONNX_FLOAT;
    enum { MOST = 4 };
    bool image = l->shape.rank == 3 && l->at.dtype == GF_F32;
    if ((image && l->shape.dim[2] > MOST) || (l->shape.rank == 3 && !image) || w->o->n_inputs == GF_MAX_ENDS) {
        return gf_fail(w->err, GF_E_ONNX_EXPORT, NULL, "layer %s: its input is no image", GF_ESC(l->name));
    }
    w->o->input[w->o->n_inputs++] =
        (gf_onnx_value){.name = name, .type = type, .has_shape = true, .shape = file_shape(l), .batch = "n"};
    if (w->boxes && w->boxes->end == GF_BOXES_NMS) { /* whose operator's rows are of all images */
        w->o->input[w->o->n_inputs - 1].shape.dim[0] = 1;
        w->o->input[w->o->n_inputs - 1].batch = "";
    }
    if (image) {
        write_image(w, l, name);
    } else if (l->at.dtype == GF_U8) {
        gf_oo_int(w, gf_oo_node(w, "Cast", out, name, NULL, NULL), "to", GF_ONNX_FLOAT);
    } else {
        gf_oo_node(w, "Identity", out, name, NULL, NULL);
    }
    return GRAFT_OK;
}

/* ---- what comes out */

void gf_oo_output(gf_oo *w, const char *name, const gf_shape *shape)
{
    gf_onnx_value *v = &w->o->output[w->o->n_outputs++];
    *v = (gf_onnx_value){.name = name, .type = GF_ONNX_FLOAT, .has_shape = true, .shape = *shape, .batch = "n"};
}

/* A network without classes is written to its end: what looks like a classifier's softmax is its output too. */
static graft_status write_features(gf_oo *w)
{
    gf_shape shape = file_shape(&w->m->layer[w->last]);
    gf_oo_node(w, "Identity", "features", gf_oo_value(w, w->last), NULL, NULL);
    gf_oo_output(w, "features", &shape);
    return GRAFT_OK;
}

/* What stands behind the logits, and what it is called. */
static const struct {
    const char *op, *name, *told;
} ends[] = {
    [GF_END_SOFTMAX] = {"Softmax", "probabilities", "logits, and probabilities of the classes in this order"},
    [GF_END_LINEAR] = {NULL, NULL, "logits of the classes in this order"},
    [GF_END_SIGMOID] = {"Sigmoid", "probabilities", "logits, and probabilities of each class by itself, in this order"},
    [GF_END_LOG_SOFTMAX] = {"LogSoftmax", "log_probabilities",
                            "logits, and logarithms of the classes' probabilities in this order"}};

/* One logit z that does not come out of a dense layer (dense_tensor) becomes two, 0 and z. */
static const char *two_of_one(gf_oo *w, const char *z)
{
    const char *out = gf_oo_name(w, "%s/two", z), *kernel = gf_oo_name(w, "%s/zero_and_one", z);
    float *to = gf_oo_tensor(w, kernel, &GF_SHAPE(1, 2));
    if (to) to[1] = 1;
    gf_oo_node(w, "MatMul", out, z, kernel, NULL);
    return out;
}

static graft_status write_logits(gf_oo *w)
{
    const gf_layer *l = &w->m->layer[w->last];
    const gf_end end = w->m->end;
    int64_t n = (int64_t)gf_count(&l->shape);
    const bool one = n == 1 && end != GF_END_LINEAR;
    gf_shape shape = GF_SHAPE(-1, one ? 2 : n);
    const char *value = gf_oo_value(w, w->last);
    if (one && l->cls != &gf_layer_dense) value = two_of_one(w, value);
    gf_oo_int(w, gf_oo_node(w, "Flatten", "logits", value, NULL, NULL), "axis", 1);
    gf_oo_output(w, "logits", &shape);
    if (!ends[end].op) return GRAFT_OK;
    gf_onnx_node *node = gf_oo_node(w, ends[end].op, ends[end].name, "logits", NULL, NULL);
    if (end != GF_END_SIGMOID) gf_oo_int(w, node, "axis", 1);
    gf_oo_output(w, ends[end].name, &shape);
    return GRAFT_OK;
}

/* The first one, then the others, which are called as their layers. */
static graft_status write_outputs(gf_oo *w)
{
    enum { MOST = 2 + GF_MAX_ENDS };
    w->o->output = gf_onnx_alloc(w->o, MOST, sizeof *w->o->output);
    if (!w->o->output) return gf_fail_memory(w->err, MOST * sizeof *w->o->output, "an ONNX model");
    if (w->boxes) {
        gf_oo_boxes(w);
        return GRAFT_OK;
    }
    GF_TRY(w->m->classes ? write_logits(w) : write_features(w));
    for (int i = 0; i < w->m->n_more; i++) {
        gf_shape shape = file_shape(&w->m->layer[w->m->more[i]]);
        const char *name = gf_oo_name(w, "%s/output", w->m->layer[w->m->more[i]].name);
        gf_oo_node(w, "Identity", name, gf_oo_value(w, w->m->more[i]), NULL, NULL);
        gf_oo_output(w, name, &shape);
    }
    return GRAFT_OK;
}

enum { MOST_BOX_ROWS = 6 };

/* What a detector's files say besides; the rows that Ultralytics's exports have under their names. */
static void add_box_rows(gf_oo *w)
{
    const gf_export_boxes *b = w->boxes;
    const int64_t *d = w->m->layer[0].shape.dim;
    const int coarsest = b->places ? (int)b->place[b->places - 1].stride : 0;
    gf_onnx_meta *rows = w->o->meta;
    if (is_of_shares(w)) {
        rows[0].value = "0..1";
        rows[1].value = "images: float32 (n, channels, height, width), red green blue, 0..1; preprocessing is inside";
    }
    rows[2].value = gf_oo_boxes_told(b->end);
    const gf_onnx_meta more[] = {{GF_ONNX_NETWORK_ENDS, gf_oo_value(w, w->last)},
                                 {"detection", b->about},
                                 {"names", b->names},
                                 {"task", "detect"},
                                 {"stride", gf_oo_name(w, "%d", coarsest)},
                                 {"imgsz", gf_oo_name(w, "[%lld, %lld]", (long long)d[0], (long long)d[1])}};
    for (size_t i = 0; i < MOST_BOX_ROWS; i++) {
        const char *value = gf_onnx_text(w->o, more[i].value);
        w->failed |= !value;
        rows[w->o->n_meta++] = (gf_onnx_meta){more[i].key, value ? value : ""};
    }
}

/* "graft.pixels" comes first, and stands in files that take images alone. */
static graft_status write_metadata(gf_oo *w, const char *const *classes, size_t n)
{
    gf_text names = {0};
    for (size_t i = 0; i < n; i++) gf_text_printf(&names, "%s%s", i ? "\n" : "", classes[i]);
    const char *text = names.s ? gf_onnx_text(w->o, names.s) : "";
    const bool pieces = gf_oo_is_of_pieces(w->m);
    w->failed |= names.failed || !text;
    gf_text_free(&names);
    const gf_onnx_meta rows[] = {
        {"graft.pixels", "0..255"},
        {"input", pieces
                      ? "int64 (n, pieces), as the tokenizer of the encoder's folder gives them, padded at their ends"
                      : "image: float32 (n, channels, height, width), red green blue, 0..255; preprocessing is "
                        "inside"},
        {"output", w->m->classes ? ends[w->m->end].told : "features"},
        {"classes", text ? text : ""},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    w->o->meta = gf_onnx_alloc(w->o, ROWS + MOST_BOX_ROWS, sizeof *rows);
    if (!w->o->meta) return gf_fail_memory(w->err, sizeof rows, "an ONNX model");
    memcpy(w->o->meta, rows + pieces, sizeof rows - pieces * sizeof *rows);
    w->o->n_meta = ROWS - (n == 0) - (size_t)pieces;
    if (w->boxes) add_box_rows(w);
    return GRAFT_OK;
}

/* ---- the whole */

/* The layers that outputs are computed from. */
static void mark(const gf_model *m, bool *needed)
{
    int output[GF_MAX_ENDS], n = gf_model_outputs(m, output);
    for (int i = 0; i < n; i++) needed[output[i]] = true;
    for (int i = (int)m->n_layers - 1; i >= 0; i--) {
        for (int k = 0; needed[i] && k < m->layer[i].n_src; k++) needed[m->layer[i].src[k]] = true;
    }
}

static graft_status write_inputs(gf_oo *w, const bool *needed)
{
    int input[GF_MAX_ENDS], inputs = gf_model_inputs(w->m, input);
    if (gf_oo_is_of_pieces(w->m)) return gf_oo_pieces(w);
    for (int i = 0; i < inputs; i++) {
        if (needed[input[i]]) GF_TRY(write_input(w, input[i]));
    }
    return GRAFT_OK;
}

static graft_status build(gf_oo *w, const char *const *classes, size_t n_classes)
{
    const gf_model *m = w->m;
    gf_onnx *o = w->o;
    bool *needed = gf_onnx_alloc(o, m->n_layers, sizeof *needed);
    w->nodes_cap = NODES_A_LAYER * (m->n_layers + 2);
    w->tensors_cap = TENSORS_A_LAYER * (m->n_layers + 2);
    o->node = gf_onnx_alloc(o, w->nodes_cap, sizeof *o->node);
    o->tensor = gf_onnx_alloc(o, w->tensors_cap, sizeof *o->tensor);
    o->input = gf_onnx_alloc(o, GF_MAX_ENDS, sizeof *o->input);
    if (!needed || !o->node || !o->tensor || !o->input) return gf_fail_memory(w->err, w->nodes_cap, "an ONNX model");
    mark(m, needed);
    GF_TRY(write_inputs(w, needed));
    for (size_t i = 0; i < m->n_layers; i++) {
        bool does = !needed[i] || m->layer[i].cls == &gf_layer_input;
        if (!does) GF_TRY(gf_oo_piece_layer(w, (int)i, &does));
        if (!does) GF_TRY(gf_oo_layer(w, (int)i));
    }
    GF_TRY(write_outputs(w));
    GF_TRY(write_metadata(w, classes, n_classes));
    return w->failed ? gf_fail_memory(w->err, w->nodes_cap, "an ONNX model") : GRAFT_OK;
}

graft_status gf_onnx_from_model(gf_onnx *out, const gf_model *m, const char *const *classes, size_t n_classes,
                                const gf_export_boxes *boxes, graft_error *err)
{
    *out = (gf_onnx){.ir_version = IR_VERSION, .opset = OPSET, .producer = "graft", .producer_version = ""};
    gf_oo w = {.o = out, .m = m, .boxes = boxes, .err = err, .last = m->output};
    out->graph = gf_oo_name(&w, "%s", *m->name ? m->name : "graft");
    graft_status status = build(&w, classes, n_classes);
    if (status != GRAFT_OK) gf_onnx_free(out);
    return status;
}

graft_status gf_onnx_holds(const char *path, const gf_model *m, const char *const *classes, size_t n_classes, bool *it,
                           graft_error *err)
{
    gf_onnx file = {0}, made = {0};
    uint8_t *bytes[2] = {0};
    size_t n[2] = {0};
    graft_status status = GRAFT_OK;
    *it = false;
    GF_GOTO(gf_onnx_open(&file, path, NULL, NULL, err));
    GF_GOTO(gf_onnx_from_model(&made, m, classes, n_classes, NULL, err));
    GF_GOTO(gf_onnx_pack(&file, &bytes[0], &n[0], err));
    GF_GOTO(gf_onnx_pack(&made, &bytes[1], &n[1], err));
    *it = n[0] == n[1] && !memcmp(bytes[0], bytes[1], n[0]);
out:
    gf_free(bytes[0]);
    gf_free(bytes[1]);
    gf_onnx_free(&file);
    gf_onnx_free(&made);
    return status;
}

graft_status gf_onnx_export(const gf_model *m, const char *const *classes, size_t n_classes,
                            const gf_export_boxes *boxes, const char *path, graft_error *err)
{
    gf_onnx o;
    GF_TRY(gf_onnx_from_model(&o, m, classes, n_classes, boxes, err));
    graft_status status = gf_onnx_write(&o, path, err);
    gf_onnx_free(&o);
    return status;
}
