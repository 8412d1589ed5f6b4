/* onnx_in.c - the importer's course: names to values, nodes in order, then the parameters. */
#include "exchange/onnx_in.h"

#include "exchange/onnx.h"
#include "exchange/prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 10000, LEAST_OPSET = 7 };

/* ---- small things the parts share */

graft_status gf_oi_no_memory(gf_oi *s) { return gf_fail_memory(s->err, 0, s->path); }

graft_status gf_oi_refuse(gf_oi *s, const gf_onnx_node *n, const char *why)
{
    return gf_fail(s->err, GF_E_ONNX_UNSUPPORTED, "docs/formats.md lists what is read", "%s: op `%s` (node %s): %s",
                   GF_ESC(s->path), GF_ESC(n->op),
                   GF_ESC(*n->name       ? n->name
                          : n->n_outputs ? n->output[0]
                                         : ""),
                   why);
}

int64_t gf_oi_int(const gf_onnx_node *n, const char *attribute, int64_t otherwise)
{
    const gf_onnx_attr *a = gf_onnx_attribute(n, attribute);
    return a ? a->i : otherwise;
}

float gf_oi_float(const gf_onnx_node *n, const char *attribute, float otherwise)
{
    const gf_onnx_attr *a = gf_onnx_attribute(n, attribute);
    return a ? a->f : otherwise;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gf_oi_value *)a)->name, ((const gf_oi_value *)b)->name);
}

gf_oi_value *gf_oi_find(gf_oi *s, const char *name)
{
    gf_oi_value key = {.name = name};
    if (!*name || !s->n_values) return NULL;
    return bsearch(&key, s->value, s->n_values, sizeof key, by_name);
}

gf_oi_value *gf_oi_input(gf_oi *s, const gf_onnx_node *n, size_t k)
{
    return k < n->n_inputs ? gf_oi_find(s, n->input[k]) : NULL;
}

/* ---- layers' names */

/* "features.0.weight" -> "features.0"; false: a name that some exporter made up. */
static bool module_of(const char *tensor, char name[GF_NAME_MAX])
{
    static const char *const endings[] = {".weight",           "/weight", "/kernel",    "/gamma",
                                          "/depthwise_kernel", ".kernel", "/embeddings"};
    for (size_t i = 0; tensor && i < sizeof endings / sizeof *endings && !strstr(tensor, "::"); i++) {
        size_t n = strlen(tensor), m = strlen(endings[i]);
        if (n <= m || n - m >= GF_NAME_MAX || strcmp(tensor + n - m, endings[i])) continue;
        snprintf(name, GF_NAME_MAX, "%.*s", (int)(n - m), tensor);
        return true;
    }
    return false;
}

/* Names stand in files as LAYER/VAR: no slash in them, nor what a terminal would take amiss. */
void gf_oi_clean(char name[GF_NAME_MAX])
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t skip = strspn(name, "/");
    memmove(name, name + skip, strlen(name + skip) + 1);
    for (char *c = name; *c; c++) {
        if (!strchr(kept, *c)) *c = '_';
    }
}

static void name_layer(gf_oi *s, gf_layer *l, const gf_onnx_node *n, const char *tensor)
{
    char stem[GF_NAME_MAX];
    enum { ROOM_FOR_NUMBER = 12 };
    if (!module_of(tensor, stem)) snprintf(stem, sizeof stem, "%s", *n->name ? n->name : n->op);
    gf_oi_clean(stem);
    stem[GF_NAME_MAX - ROOM_FOR_NUMBER] = 0;
    if (!*stem) snprintf(stem, sizeof stem, "layer");
    snprintf(l->name, sizeof l->name, "%s", stem);
    for (size_t i = s->m->n_layers; gf_model_find(s->m, l->name) >= 0; i++) { /* one try, unless somebody is nasty */
        snprintf(l->name, sizeof l->name, "%.*s_%zu", GF_NAME_MAX - ROOM_FOR_NUMBER, stem, i);
    }
}

graft_status gf_oi_add_layer(gf_oi *s, gf_layer l, const gf_onnx_node *n, const char *tensor, int *index)
{
    l.backbone = true;
    name_layer(s, &l, n, tensor);
    return gf_model_add(s->m, &l, index, s->err);
}

/* ---- values */

void gf_oi_is_layer(gf_oi *s, gf_oi_value *v, int layer, gf_oi_layout layout, const gf_shape *shape)
{
    v->known = true;
    v->layer = layer;
    v->layout = layout;
    v->shape = *shape;
    v->root = (int)(v - s->value);
    v->lone = true;
    v->bare = false;
    memcpy(v->f, gf_oi_samples, sizeof v->f);
}

graft_status gf_oi_set(gf_oi *s, const gf_onnx_node *n, int layer, gf_oi_layout layout, const gf_shape *shape)
{
    gf_oi_value *v = n->n_outputs ? gf_oi_find(s, n->output[0]) : NULL;
    if (!v) return gf_oi_refuse(s, n, "an output without a name");
    gf_oi_is_layer(s, v, layer, layout, shape);
    return GRAFT_OK;
}

graft_status gf_oi_set_k(gf_oi *s, const gf_onnx_node *n, size_t k, int layer, gf_oi_layout layout,
                         const gf_shape *shape)
{
    gf_oi_value *v = k < n->n_outputs ? gf_oi_find(s, n->output[k]) : NULL;
    if (v) gf_oi_is_layer(s, v, layer, layout, shape);
    return GRAFT_OK;
}

graft_status gf_oi_alias(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v)
{
    gf_oi_value *out = n->n_outputs ? gf_oi_find(s, n->output[0]) : NULL;
    if (!out) return gf_oi_refuse(s, n, "an output without a name");
    GF_TRY(gf_oi_materialize(s, (gf_oi_value *)v));
    gf_oi_is_layer(s, out, v->layer, v->layout, &v->shape);
    out->shared = v->shared || v->uses > 1;
    out->lone = v->lone && !out->shared;
    return GRAFT_OK;
}

graft_status gf_oi_fill_later(gf_oi *s, gf_oi_fill fill)
{
    if (!gf_grow(&s->fill, s->n_fills, &s->fills_cap)) return gf_oi_no_memory(s);
    s->fill[s->n_fills++] = fill;
    return GRAFT_OK;
}

/* Every name that something gives: inputs, initializers, nodes. */
static size_t collect(gf_oi *s, gf_oi_value *to)
{
    const gf_onnx *o = s->o;
    size_t n = 0;
    for (size_t i = 0; i < o->n_tensors; i++) to[n++] = (gf_oi_value){.name = o->tensor[i].name, .producer = -2};
    for (size_t i = 0; i < o->n_inputs; i++) {
        if (!gf_onnx_find(o, o->input[i].name)) to[n++] = (gf_oi_value){.name = o->input[i].name, .producer = -1};
    }
    for (size_t i = 0; i < o->n_nodes; i++) {
        for (size_t k = 0; k < o->node[i].n_outputs; k++) {
            if (*o->node[i].output[k]) to[n++] = (gf_oi_value){.name = o->node[i].output[k], .producer = (int)i};
        }
    }
    return n;
}

static graft_status make_values(gf_oi *s)
{
    const gf_onnx *o = s->o;
    size_t n = o->n_tensors + o->n_inputs;
    for (size_t i = 0; i < o->n_nodes; i++) n += o->node[i].n_outputs;
    s->value = gf_onnx_alloc(&s->mem, n, sizeof *s->value);
    s->done = gf_onnx_alloc(&s->mem, o->n_nodes, sizeof *s->done);
    if (!s->value || !s->done) return gf_oi_no_memory(s);
    s->n_values = collect(s, s->value);
    qsort(s->value, s->n_values, sizeof *s->value, by_name);
    for (size_t i = 0; i < s->n_values; i++) {
        s->value[i].layer = s->value[i].consumer = -1;
        if (i && !strcmp(s->value[i].name, s->value[i - 1].name)) {
            return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: two nodes or tensors are called %s", GF_ESC(s->path),
                           GF_ESC(s->value[i].name));
        }
    }
    for (size_t i = 0; i < o->n_nodes; i++) {
        for (size_t k = 0; k < o->node[i].n_inputs; k++) {
            gf_oi_value *v = gf_oi_input(s, &o->node[i], k);
            if (!v) continue;
            v->uses++;
            v->consumer = (int)i;
        }
    }
    for (size_t i = 0; i < o->n_outputs; i++) {
        gf_oi_value *v = gf_oi_find(s, o->output[i].name);
        if (v) v->uses++, v->consumer = -1;
    }
    return GRAFT_OK;
}

static graft_status make_constants(gf_oi *s)
{
    for (size_t i = 0; i < s->o->n_tensors; i++) {
        const gf_onnx_tensor *t = &s->o->tensor[i];
        gf_oi_value *v = gf_oi_find(s, t->name);
        gf_oi_const *c = gf_onnx_alloc(&s->mem, 1, sizeof *c);
        if (!c) return gf_oi_no_memory(s);
        if (!v) continue;
        *c = (gf_oi_const){.shape = t->shape, .tensor = t, .ints = t->dtype == GF_S64 || t->dtype == GF_S32};
        v->constant = c;
        v->known = true;
    }
    return GRAFT_OK;
}

/* ---- what the file is */

/* All operators that are not known, at once. */
static graft_status check_operators(gf_oi *s)
{
    gf_text list = {0};
    size_t bad = 0, inputs = 0;
    enum { MOST = 12 };
    for (size_t i = 0; i < s->o->n_nodes; i++) inputs += s->o->node[i].n_inputs;
    if (inputs > 4 * MAX_NODES || s->o->n_nodes > MAX_NODES || s->o->n_tensors > MAX_NODES ||
        s->o->n_inputs > MAX_NODES) {
        return gf_fail(s->err, GF_E_ONNX_LIMIT, NULL, "%s: %zu nodes and %zu tensors, at most %d are read",
                       GF_ESC(s->path), s->o->n_nodes, s->o->n_tensors, MAX_NODES);
    }
    if (s->o->opset < LEAST_OPSET) { /* later ones are known or not by their operators */
        return gf_fail(s->err, GF_E_ONNX_UNSUPPORTED, "export it again with opset_version=17",
                       "%s: opset %lld, %d and later are read", GF_ESC(s->path), (long long)s->o->opset, LEAST_OPSET);
    }
    for (size_t i = 0; i < s->o->n_nodes; i++) {
        const gf_onnx_node *n = &s->o->node[i];
        bool folds = !strcmp(n->op, "Constant") || !strcmp(n->op, "Shape");
        if (!*n->domain && (folds || gf_oi_is_elementwise(n->op) || gf_oi_handler_of(n->op))) continue;
        if (++bad > MOST) continue;
        gf_text_printf(&list, "%sop `%s%s%s` (node %s)", bad > 1 ? ", " : "", GF_ESC(n->domain), *n->domain ? "::" : "",
                       GF_ESC(n->op),
                       GF_ESC(*n->name       ? n->name
                              : n->n_outputs ? n->output[0]
                                             : ""));
    }
    if (bad > MOST) gf_text_printf(&list, " and %zu more", bad - MOST);
    graft_status status = GRAFT_OK;
    if (list.failed) {
        status = gf_oi_no_memory(s);
    } else if (bad) {
        status = gf_fail(s->err, GF_E_ONNX_UNSUPPORTED, "docs/formats.md lists what is read", "%s: not supported: %s",
                         GF_ESC(s->path), list.s);
    }
    gf_text_free(&list);
    return status;
}

/* ---- nodes */

static graft_status check_inputs(gf_oi *s, const gf_onnx_node *n)
{
    for (size_t k = 0; k < n->n_inputs; k++) {
        if (!*n->input[k]) continue;
        const gf_oi_value *v = gf_oi_find(s, n->input[k]);
        if (v && v->known) continue;
        return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: node %s reads %s, which no node before it gives",
                       GF_ESC(s->path), GF_ESC(n->name), GF_ESC(n->input[k]));
    }
    return GRAFT_OK;
}

/* Operators that are read where the file has no n, too, and those of them whose output may have it again. */
static bool takes_bare(const gf_onnx_node *n, bool *keeps)
{
    static const char *const keep[] = {"MatMul",    "Softmax", "LogSoftmax", "Identity", "Cast", "ReduceMean",
                                       "ReduceMax", "Dropout", "Add",        "ArgMax",   "TopK"};
    static const char *const change[] = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Shape"};
    *keeps = gf_oi_is_elementwise(n->op);
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) *keeps |= !strcmp(n->op, keep[i]);
    bool takes = *keeps;
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) takes |= !strcmp(n->op, change[i]);
    return takes;
}

static graft_status read_node(gf_oi *s, const gf_onnx_node *n)
{
    bool does = false;
    GF_TRY(gf_oi_labels(s, n, &does));
    if (!does) GF_TRY(gf_oi_fold(s, n, &does));
    if (!does) GF_TRY(gf_oi_attention(s, n, &does));
    if (!does) GF_TRY(gf_oi_expression(s, n, &does));
    gf_oi_handler handler = does ? NULL : gf_oi_handler_of(n->op);
    if (does) return GRAFT_OK;
    return handler ? handler(s, n) : gf_oi_refuse(s, n, "of these inputs");
}

static graft_status visit(gf_oi *s, size_t i)
{
    const gf_onnx_node *n = &s->o->node[i];
    bool bare = false, keeps = false, integers = false;
    if (s->done[i]) return GRAFT_OK;
    if (!n->n_outputs) return gf_oi_refuse(s, n, "it gives nothing");
    GF_TRY(check_inputs(s, n));
    for (size_t k = 0; k < n->n_inputs; k++) {
        const gf_oi_value *v = gf_oi_input(s, n, k);
        bare |= v && v->bare;
        integers |= v && v->known && !v->constant && v->layer >= 0 && s->m->layer[v->layer].at.dtype == GF_S32;
    }
    if (integers && strcmp(n->op, "Cast") && strcmp(n->op, "Identity"))
        return gf_oi_refuse(s, n, "of an input of integers");
    if (bare && !takes_bare(n, &keeps)) return gf_oi_refuse(s, n, "of a value without n");
    GF_TRY(read_node(s, n));
    for (size_t k = 0; keeps && k < n->n_outputs; k++) {
        gf_oi_value *v = gf_oi_find(s, n->output[k]);
        if (v && !v->constant) v->bare = true;
    }
    return GRAFT_OK;
}

/* ---- parameters */

static void oihw(const float *from, const gf_shape *s, float *to)
{
    const int64_t *d = s->dim, positions = d[2] * (s->rank == 4 ? d[3] : 1); /* o, i, h, w, or o, i, steps */
    size_t at = 0;
    for (int64_t o = 0; o < d[0]; o++) {
        for (int64_t i = 0; i < d[1]; i++) {
            for (int64_t k = 0; k < positions; k++) to[(k * d[1] + i) * d[0] + o] = from[at++];
        }
    }
}

/* Where input feature i of the layer, in the order (h, w, c), stands in the file's order (c, h, w). */
static int64_t in_file(const gf_oi_fill *f, int64_t i)
{
    if (!f->c) return i;
    int64_t position = i / f->c, c = i % f->c;
    return c * f->h * f->w + position;
}

static void dense(const gf_oi_fill *f, const float *from, int64_t in, int64_t units, float *to)
{
    for (int64_t i = 0; i < in; i++) {
        int64_t row = in_file(f, i);
        for (int64_t u = 0; u < units; u++) to[i * units + u] = from[f->transposed ? u * in + row : row * units + u];
    }
}

static graft_status fill_one(gf_oi *s, const gf_oi_fill *f)
{
    const gf_param *p = gf_model_param(s->m, f->layer, f->var);
    size_t n = gf_count(&f->from->shape);
    if (!p || p->count != n) {
        return gf_fail(s->err, GF_E_INTERNAL, NULL, "layer %s: %s has %zu values, not %zu",
                       GF_ESC(s->m->layer[f->layer].name), f->var, p ? p->count : 0, n);
    }
    float *to = s->m->value + p->offset, *copy = f->from->f ? NULL : gf_alloc_raw(n, sizeof *copy);
    const float *from = f->from->f ? f->from->f : copy;
    if (!from) return gf_oi_no_memory(s);
    if (copy && !(f->from->tensor && gf_onnx_floats(f->from->tensor, copy))) {
        gf_free(copy);
        return gf_fail(s->err, GF_E_WEIGHTS_DTYPE, NULL, "%s: %s of layer %s is not made of floats", GF_ESC(s->path),
                       f->var, GF_ESC(s->m->layer[f->layer].name));
    }
    if (f->how == GF_OI_OIHW) {
        oihw(from, &f->from->shape, to);
    } else if (f->how == GF_OI_DENSE) {
        const int64_t in = f->from->shape.dim[f->transposed];
        dense(f, from, in, (int64_t)n / in, to);
    } else {
        memcpy(to, from, n * sizeof *to);
    }
    for (size_t i = 0; i < n; i++) to[i] *= f->factor;
    gf_free(copy);
    size_t bad = s->options->allow_nonfinite ? 0 : gf_count_nonfinite(to, n);
    if (!bad) return GRAFT_OK;
    return gf_fail(s->err, GF_E_WEIGHTS_NONFINITE, NULL, "%s: %s/%s: %zu of %zu values are NaN or infinite",
                   GF_ESC(s->path), GF_ESC(s->m->layer[f->layer].name), f->var, bad, n);
}

static graft_status prepare(gf_oi *s)
{
    const char *pixels = gf_onnx_metadata(s->o, "graft.pixels"); /* in a file of graft's */
    const bool torch = !strcmp(s->o->producer, "pytorch"),
               keras = !strcmp(s->o->producer, "tf2onnx") || s->channels_last;
    const gf_preparing w = {.path = s->path,
                            .asked = s->options->preprocess,
                            .has_values = true,
                            .own = pixels && !strcmp(pixels, "0..255"),
                            .bytes = s->bytes,
                            .like = {.source = torch   ? "torch"
                                               : keras ? "keras"
                                                       : NULL}};
    return gf_prepare(s->m, &w, s->options, s->err);
}

/* Layers that the output is not computed from: what an attention was put together from, above all. */
static graft_status keep_needed(gf_oi *s)
{
    gf_model all = *s->m;
    size_t kept = 0;
    *s->m = (gf_model){0};
    graft_status status = gf_model_copy_needed(s->m, &all, s->err);
    for (size_t i = 0; status == GRAFT_OK && i < s->n_fills; i++) {
        gf_oi_fill fill = s->fill[i];
        if (all.layer[fill.layer].again) continue;
        fill.layer = gf_model_find(s->m, all.layer[fill.layer].name);
        if (fill.layer >= 0) s->fill[kept++] = fill;
    }
    s->n_fills = kept;
    if (s->input_layer >= 0) s->input_layer = gf_model_find(s->m, all.layer[s->input_layer].name);
    gf_model_free(&all);
    return status;
}

/* Whether any output is computed from an input. */
static graft_status check_depends(const gf_oi *s)
{
    int input[GF_MAX_ENDS];
    if (gf_model_inputs(s->m, input)) return GRAFT_OK;
    return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: its output does not depend on the image", GF_ESC(s->path));
}

static graft_status build(gf_oi *s)
{
    GF_TRY(check_operators(s));
    GF_TRY(make_values(s));
    GF_TRY(make_constants(s));
    s->input_layer = -2; /* no image */
    GF_TRY(gf_oi_add_inputs(s));
    for (size_t i = 0; i < s->o->n_nodes; i++) {
        graft_status status = visit(s, i);
        if (s->no_memory) return gf_oi_no_memory(s);
        GF_TRY(status);
    }
    GF_TRY(gf_oi_set_outputs(s));
    GF_TRY(gf_oi_find_calls(s));
    GF_TRY(keep_needed(s));
    GF_TRY(check_depends(s));
    GF_TRY(gf_model_finish(s->m, s->err));
    for (size_t i = 0; i < s->n_fills; i++) GF_TRY(fill_one(s, &s->fill[i]));
    return prepare(s);
}

graft_status gf_onnx_to_model(gf_model *m, const gf_onnx *o, const char *name, const gf_import_options *options,
                              graft_error *err)
{
    gf_oi s = {.o = o, .path = name, .options = options, .m = m, .err = err};
    *m = (gf_model){0};
    snprintf(m->name, sizeof m->name, "%.90s", *o->graph ? o->graph : "onnx");
    gf_oi_clean(m->name);
    graft_status status = build(&s);
    gf_free(s.fill);
    gf_onnx_free(&s.mem);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}

/* A name per line in the metadata "classes". */
static graft_status names_of_onnx(gf_names *classes, const gf_onnx *o, graft_error *err)
{
    const char *at = gf_onnx_metadata(o, "classes");
    while (at && *at) {
        size_t n = strcspn(at, "\n");
        char *name = gf_strndup(at, n);
        graft_status status = name ? gf_names_add(classes, name, err) : gf_fail_memory(err, n, "class names");
        gf_free(name);
        GF_TRY(status);
        at += n + (at[n] != 0);
    }
    return GRAFT_OK;
}

/* A detector's file without the nodes that decode its output, which stand behind all others. */
static graft_status drop_decoding(gf_onnx *o, const char *path, graft_error *err)
{
    const char *end = gf_onnx_metadata(o, GF_ONNX_NETWORK_ENDS);
    if (!end) return GRAFT_OK;
    for (size_t i = 0; i < o->n_nodes; i++) {
        if (!o->node[i].n_outputs || strcmp(o->node[i].output[0], end) != 0) continue;
        o->n_nodes = i + 1;
        o->output[0] = (gf_onnx_value){.name = o->node[i].output[0], .type = GF_ONNX_FLOAT, .batch = ""};
        o->n_outputs = 1;
        return GRAFT_OK;
    }
    return gf_fail(err, GF_E_ONNX_GRAPH, NULL,
                   "%s: its metadata say that the network ends with %s, which no node gives", GF_ESC(path),
                   GF_ESC(end));
}

graft_status gf_onnx_import(gf_model *m, const char *path, const gf_import_options *options, graft_error *err)
{
    gf_onnx o;
    *m = (gf_model){0};
    GF_TRY(gf_onnx_open(&o, path, NULL, NULL, err));
    graft_status status = o.n_outputs ? drop_decoding(&o, path, err) : GRAFT_OK;
    if (status == GRAFT_OK) status = gf_onnx_to_model(m, &o, path, options, err);
    if (status == GRAFT_OK && options->classes) status = names_of_onnx(options->classes, &o, err);
    if (status != GRAFT_OK) gf_model_free(m);
    gf_onnx_free(&o);
    return status;
}
