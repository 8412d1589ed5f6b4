/* keras_config_in.c - Keras's configuration into layers, in three steps: all layers of all nested models become nodes
 * of one list (unknown classes are collected on the way), their sources are looked up by name, and those whose sources
 * are there become layers, until none is left. */
#include "exchange/keras_config.h"

#include "exchange/keras_layers.h"
#include "exchange/keras_positions.h"
#include "exchange/keras_unknown.h"
#include "formats/keras_h5_write.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 10000, MAX_TEXT = 16 << 20, DEFAULT_SIDE = 224, LARGEST_SIDE = 4096 };
static const size_t default_params = 2000000000, largest_values = (size_t)1 << 31; /* of one image at one layer */

/* A layer of the file. */
typedef struct node {
    const gf_json *json;       /* NULL: an input that a sequential model leaves unsaid */
    const gf_json *call;       /* the named arguments of its call */
    const gf_keras_class *row; /* NULL: hands its source on: a nested model, and what it calls its input */
    const char *name;          /* as its model knows it */
    char key[GF_KEY_MAX];      /* as gf_layer has it */
    int scope;
    int nested;                    /* the scope that is this layer's inside; -1: none */
    int n_src, src[GF_OP_MAX_SRC]; /* nodes */
    double constant;
    bool has_constant, constant_first;
    const gf_json *table;   /* the other operand, where that is many numbers */
    gf_positions positions; /* where it gives numbers of places: its layer is then what those are the places of */
    int layer, given;       /* in the model, -1: not yet; and what `table` became */
} node;

/* A model of the file: the outermost, or one nested in another. */
typedef struct scope {
    const gf_json *config;
    int parent;               /* node that stands for it; -1: the outermost */
    int first, input, output; /* nodes; -1: not yet known */
    bool sequential;
} scope;

typedef struct state {
    const char *file;
    const gf_keras_config_options *options;
    graft_error *err;
    gf_model *m;
    node *node;
    size_t n, cap;
    scope *scope;
    size_t n_scopes, scopes_cap;
    int *order; /* nodes by scope and name */
    gf_keras_unknown unknown;
    size_t max_params;
    bool old;
    int width, height; /* that layers of the file resize images to, first of all; 0: none does */
} state;

static graft_status refuse(const state *st, const char *layer, const char *why)
{
    return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: layer %s: %s", GF_ESC(st->file), GF_ESC(layer), why);
}

/* ---- 1: nodes ---- */

/* A name may become a path in some file: none that leads elsewhere. */
static bool good_name(const char *name)
{
    size_t n = strlen(name);
    if (!n || n >= GF_NAME_MAX || name[0] == '/' || name[n - 1] == '/') return false;
    for (const char *s = name; *s; s++) {
        if ((unsigned char)*s < ' ' || *s == '\\' || *s == 0x7f) return false;
    }
    for (const char *part = name;; part++) {
        size_t length = strcspn(part, "/");
        bool dots = length == strspn(part, ".") || !length;
        if (dots) return false;
        part += length;
        if (!*part) return true;
    }
}

static graft_status new_node(state *st, const gf_json *json, const char *name, int in, int *out)
{
    if (st->n == MAX_NODES) {
        return gf_fail(st->err, GF_E_KERAS_LIMIT, NULL, "%s: more than %d layers", GF_ESC(st->file), (int)MAX_NODES);
    }
    if (!good_name(name)) return refuse(st, name, "a layer cannot have this name");
    if (!gf_grow(&st->node, st->n, &st->cap)) return gf_fail_memory(st->err, sizeof(node), "a model");
    st->node[st->n] = (node){.json = json, .name = name, .scope = in, .nested = -1, .layer = -1};
    *out = (int)st->n++;
    return GRAFT_OK;
}

static bool is_model(const char *cls)
{
    return !strcmp(cls, "Functional") || !strcmp(cls, "Model") || !strcmp(cls, "Sequential");
}

/* Keras's own classes come from Keras's own modules; a registered name with a package is a custom class. */
static bool is_keras(const gf_json *layer)
{
    const char *module = gf_json_str(gf_json_get(layer, "module"), "keras");
    const char *registered = gf_json_str(gf_json_get(layer, "registered_name"), "");
    static const char *const roots[] = {"keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras", "tf.keras"};
    bool known = false;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        size_t n = strlen(roots[i]);
        known |= !strncmp(module, roots[i], n) && (!module[n] || module[n] == '.');
    }
    return known && !strchr(registered, '>');
}

static const char *class_name(const gf_json *layer) { return gf_json_str(gf_json_get(layer, "class_name"), ""); }

static const char *layer_name(const gf_json *layer)
{
    const char *inner = gf_json_str(gf_json_get(gf_json_get(layer, "config"), "name"), "");
    return gf_json_str(gf_json_get(layer, "name"), inner);
}

/* The row of a layer's class; NULL and noted where there is none. */
static const gf_keras_class *row_of(state *st, const gf_json *layer)
{
    const char *cls = class_name(layer), *module = gf_json_str(gf_json_get(layer, "module"), "");
    if (!is_keras(layer)) {
        const char *registered = gf_json_str(gf_json_get(layer, "registered_name"), "");
        gf_keras_add_unknown(&st->unknown, *registered ? registered : cls, *registered || !*module ? "" : module);
        return NULL;
    }
    if (!strcmp(cls, "TFOpLambda")) {
        const char *function = gf_json_str(gf_json_get(gf_json_get(layer, "config"), "function"), "");
        const gf_keras_class *row = gf_keras_class_of_function(function);
        if (!row) gf_keras_add_unknown(&st->unknown, "TFOpLambda", function);
        return row;
    }
    const gf_keras_class *row = gf_keras_class_find(cls);
    if (!row) gf_keras_add_unknown(&st->unknown, *cls ? cls : "(no class)", "");
    return row;
}

static graft_status read_scope(state *st, const gf_json *model, int parent, int *out);

/* A sequential model's layer stands behind the one before it. */
static graft_status chain(state *st, int scope_number, int at, const gf_json *layer)
{
    scope *s = &st->scope[scope_number];
    node *n = &st->node[at];
    if (s->output >= 0) {
        n->n_src = 1;
        n->src[0] = s->output;
    } else if (n->row && n->row->cls == &gf_layer_input) {
        s->input = at;
    } else if (n->nested >= 0) { /* its input is this model's: link_scope */
        s->first = at;
    } else {
        int input;
        GF_TRY(new_node(st, NULL, "input_layer", scope_number, &input));
        st->node[input].row = gf_keras_class_find("InputLayer");
        st->node[input].json = layer; /* whose config may tell the shape */
        s = &st->scope[scope_number];
        s->input = input;
        st->node[at].n_src = 1;
        st->node[at].src[0] = input;
    }
    s->output = at;
    return GRAFT_OK;
}

/* A `.weights.h5` numbers the layers of each class within each model. */
static void set_key(state *st, int at)
{
    node *n = &st->node[at];
    int parent = st->scope[n->scope].parent, same = 0;
    const char *cls = class_name(n->json);
    for (int i = parent + 1; i < at; i++) {
        const node *other = &st->node[i];
        same += other->scope == n->scope && other->json && !strcmp(class_name(other->json), cls);
    }
    char own[GF_KEY_MAX], number[16] = "";
    gf_keras_snake_case(strcmp(cls, "Model") ? cls : "Functional", own, sizeof own);
    if (same) snprintf(number, sizeof number, "_%d", same);
    const char *outer = parent < 0 ? "" : st->node[parent].key;
    int length = snprintf(n->key, sizeof n->key, "%s%s%s%s", outer, *outer ? "/" : "", own, number);
    if (length >= (int)sizeof n->key) snprintf(n->key, sizeof n->key, "?"); /* which no file has */
}

static graft_status read_layer(state *st, int scope_number, const gf_json *layer)
{
    const char *cls = class_name(layer);
    int at;
    if (!gf_json_is_object(layer)) return refuse(st, "?", "it is no object");
    bool nested = is_model(cls) && is_keras(layer);
    GF_TRY(new_node(st, layer, layer_name(layer), scope_number, &at));
    set_key(st, at);
    if (nested) {
        int inner;
        GF_TRY(read_scope(st, layer, at, &inner));
        st->node[at].nested = inner;
    } else {
        st->node[at].row = row_of(st, layer);
    }
    return st->scope[scope_number].sequential ? chain(st, scope_number, at, layer) : GRAFT_OK;
}

/* Recursion is as deep as the text is nested, which the JSON parser bounds. */
static graft_status read_scope(state *st, const gf_json *model, int parent, int *out)
{
    const gf_json *config = gf_json_get(model, "config");
    bool sequential = !strcmp(class_name(model), "Sequential");
    const gf_json *layers = gf_json_is_array(config) ? config : gf_json_get(config, "layers"); /* Keras 2.1: a list */
    if (!gf_json_is_array(layers)) {
        return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: its %s has no list of layers", GF_ESC(st->file),
                       sequential ? "sequential model" : "model");
    }
    if (!gf_grow(&st->scope, st->n_scopes, &st->scopes_cap)) return gf_fail_memory(st->err, sizeof(scope), "a model");
    *out = (int)st->n_scopes++;
    st->scope[*out] = (scope){.config = config, .parent = parent, .sequential = sequential};
    st->scope[*out].first = st->scope[*out].input = st->scope[*out].output = -1;
    for (size_t i = 0; i < gf_json_size(layers); i++) GF_TRY(read_layer(st, *out, gf_json_at(layers, i)));
    return GRAFT_OK;
}

/* ---- 2: sources ---- */

static int compare_nodes(const node *a, const node *b)
{
    int c = (a->scope > b->scope) - (a->scope < b->scope);
    return c ? c : strcmp(a->name, b->name);
}

/* By scope and name: node numbers, with their nodes beside them, since qsort hands on no context. */
typedef struct named {
    const node *base;
    int at;
} named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    return compare_nodes(&x->base[x->at], &y->base[y->at]);
}

static graft_status sort_names(state *st)
{
    named *list = gf_new_n(st->n, named);
    st->order = gf_new_n(st->n, int);
    graft_status status = GRAFT_OK;
    if (!list || !st->order) {
        status = gf_fail_memory(st->err, st->n * sizeof *list, "a model");
        goto out;
    }
    for (size_t i = 0; i < st->n; i++) list[i] = (named){st->node, (int)i};
    qsort(list, st->n, sizeof *list, by_name);
    for (size_t i = 0; i < st->n; i++) {
        st->order[i] = list[i].at;
        if (i && !by_name(&list[i - 1], &list[i])) {
            GF_GOTO(refuse(st, st->node[list[i].at].name, "two layers have this name"));
        }
    }
out:
    gf_free(list);
    return status;
}

/* The node of that name in a scope; -1: none. */
static int find(const state *st, int scope_number, const char *name)
{
    node key = {.scope = scope_number, .name = name};
    size_t low = 0, high = st->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = compare_nodes(&st->node[st->order[middle]], &key);
        if (!c) return st->order[middle];
        if (c < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

/* ["name", call, output]: a tensor, by the layer that makes it. A nested model's own making is its call 0. */
static graft_status find_tensor(const state *st, int scope_number, const gf_json *j, const char *asks, int *out)
{
    const char *name = gf_json_str(gf_json_at(j, 0), "");
    *out = find(st, scope_number, name);
    if (*out < 0) {
        return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: layer %s: its source %s is not there", GF_ESC(st->file),
                       GF_ESC(asks), GF_ESC(name));
    }
    int64_t call = gf_json_i64(gf_json_at(j, 1), 0), output = gf_json_i64(gf_json_at(j, 2), 0);
    if (call < 0 || call > (st->node[*out].nested >= 0) || output) {
        return refuse(st, name, "it is called more than once, or has several outputs");
    }
    return GRAFT_OK;
}

static graft_status add_source(state *st, int at, const gf_json *tensor)
{
    node *n = &st->node[at];
    if (n->n_src == GF_OP_MAX_SRC) return refuse(st, n->name, "it has more than 8 sources");
    GF_TRY(find_tensor(st, n->scope, tensor, n->name, &n->src[n->n_src]));
    n->n_src++;
    return GRAFT_OK;
}

static void add_constant(node *n, double x)
{
    n->constant_first = !n->n_src;
    n->has_constant = true;
    n->constant = x;
}

static bool is_number(const gf_json *j) { return gf_json_f64(j, 0) == gf_json_f64(j, 1); }

typedef struct walk {
    state *st;
    int at;
} walk;

/* Keras 3: tensors stand as objects anywhere among a call's arguments. */
static graft_status walk_arguments(void *ctx, const char *key, const gf_json *j)
{
    walk *w = ctx;
    (void)key;
    if (gf_json_is_object(j)) {
        const gf_json *history = gf_json_get(gf_json_get(j, "config"), "keras_history");
        if (!strcmp(class_name(j), "__keras_tensor__")) return add_source(w->st, w->at, history);
        const gf_json *value = gf_json_get(gf_json_get(j, "config"), "value");
        bool many = !strcmp(class_name(j), "__tensor__") || !strcmp(class_name(j), "__numpy__");
        if (many && gf_json_is_array(value)) {
            node *n = &w->st->node[w->at];
            if (n->table) return refuse(w->st, n->name, "it computes with several constants of many numbers");
            n->table = value;
            return GRAFT_OK;
        }
        return gf_json_each(j, walk_arguments, w);
    }
    for (size_t i = 0; gf_json_is_array(j) && i < gf_json_size(j); i++) {
        GF_TRY(walk_arguments(w, "", gf_json_at(j, i)));
    }
    if (is_number(j)) add_constant(&w->st->node[w->at], gf_json_f64(j, 0));
    return GRAFT_OK;
}

/* Keras 2: a tensor is ["name", call, output, arguments]. Among the arguments of a TensorFlow function are its other
 * operands: tensors or numbers. */
static graft_status old_operand(void *ctx, const char *key, const gf_json *j)
{
    walk *w = ctx;
    (void)key;
    bool tensor = gf_json_is_array(j) && gf_json_str(gf_json_at(j, 0), NULL) && gf_json_size(j) >= 3;
    if (tensor) return add_source(w->st, w->at, j);
    if (is_number(j)) add_constant(&w->st->node[w->at], gf_json_f64(j, 0));
    return GRAFT_OK;
}

/* attention(query, value, key): those that are not given by place are by name. */
static graft_status attention_sources(walk *w, const gf_json *rest)
{
    static const char *const order[] = {"query", "value", "key"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const gf_json *j = gf_json_get(rest, order[i]);
        bool old = gf_json_is_array(j); /* Keras 2 */
        if (j) GF_TRY(old ? add_source(w->st, w->at, j) : walk_arguments(w, "", j));
    }
    return GRAFT_OK;
}

static graft_status old_tensor(walk *w, const gf_json *j)
{
    node *n = &w->st->node[w->at];
    if (!strcmp(gf_json_str(gf_json_at(j, 0), ""), "_CONSTANT_VALUE")) {
        add_constant(n, gf_json_f64(gf_json_at(j, 2), 0));
    } else {
        GF_TRY(add_source(w->st, w->at, j));
    }
    bool function = !strcmp(class_name(n->json), "TFOpLambda");
    const gf_json *arguments = n->call = gf_json_at(j, 3);
    if (n->row && n->row->cls == &gf_layer_attention) return attention_sources(w, arguments);
    return function && gf_json_is_object(arguments) ? gf_json_each(arguments, old_operand, w) : GRAFT_OK;
}

static graft_status read_call(state *st, int at, const gf_json *call)
{
    walk w = {st, at};
    if (gf_json_is_object(call)) {
        GF_TRY(walk_arguments(&w, "", gf_json_get(call, "args")));
        const gf_json *rest = st->node[at].call = gf_json_get(call, "kwargs");
        const gf_keras_class *row = st->node[at].row;
        if (row && row->cls == &gf_layer_attention) return attention_sources(&w, rest);
        bool operation = row && row->kind == GF_KERAS_OPERATION;
        return operation ? walk_arguments(&w, "", rest) : GRAFT_OK; /* of layers: training, mask */
    }
    st->old = true;
    if (gf_json_str(gf_json_at(call, 0), NULL)) return old_tensor(&w, call);
    for (size_t i = 0; i < gf_json_size(call); i++) GF_TRY(old_tensor(&w, gf_json_at(call, i)));
    return GRAFT_OK;
}

static graft_status link_node(state *st, int at)
{
    node *n = &st->node[at];
    if (st->scope[n->scope].sequential) return GRAFT_OK;
    const gf_json *calls = gf_json_get(n->json, "inbound_nodes");
    if (gf_json_size(calls) > 1) return refuse(st, n->name, "it is called more than once (shared layers are not read)");
    bool input = n->row && n->row->cls == &gf_layer_input;
    if (gf_json_size(calls)) GF_TRY(read_call(st, at, gf_json_at(calls, 0)));
    n = &st->node[at];
    if (!input != (n->n_src > 0)) return refuse(st, n->name, input ? "an input with a source" : "it has no source");
    return GRAFT_OK;
}

/* [["name", 0, 0]] or ["name", 0, 0] */
static graft_status only_tensor(const state *st, int scope_number, const char *key, int *out)
{
    const gf_json *j = gf_keras_list(gf_json_get(st->scope[scope_number].config, key));
    if (gf_json_is_array(gf_json_at(j, 0)) && gf_json_size(j) == 1) j = gf_json_at(j, 0);
    if (!gf_json_str(gf_json_at(j, 0), NULL)) {
        return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: its %s are not one tensor", GF_ESC(st->file), key);
    }
    return find_tensor(st, scope_number, j, key, out);
}

/* Input and output of a scope, inner scopes first; what its parent has as one layer hands the output on, and its input
 * gets that layer's source. */
static graft_status link_scope(state *st, int number)
{
    scope *s = &st->scope[number];
    if (!s->sequential) {
        GF_TRY(only_tensor(st, number, "input_layers", &s->input));
        GF_TRY(only_tensor(st, number, "output_layers", &s->output));
    } else if (s->first >= 0) {
        s->input = st->scope[st->node[s->first].nested].input;
    }
    const char *name = s->parent < 0 ? "the model" : st->node[s->parent].name;
    if (s->output < 0 || s->input < 0) return refuse(st, name, "it has no layers");
    if (s->parent < 0) return GRAFT_OK;
    node *outer = &st->node[s->parent], *input = &st->node[s->input];
    if (outer->n_src > 1) return refuse(st, name, "a model with several inputs");
    if (outer->n_src && input->n_src == 0) {
        if (!input->row || input->row->cls != &gf_layer_input) return refuse(st, name, "its input is no InputLayer");
        input->row = NULL;
        input->n_src = 1;
        input->src[0] = outer->src[0];
    }
    outer->n_src = 1;
    outer->src[0] = s->output;
    return GRAFT_OK;
}

/* ---- 3: layers ---- */

static const gf_json *config_of(const node *n) { return gf_json_get(n->json, "config"); }

/* What tells an image's shape: (batch, height, width, channels). */
static const gf_json *image_shape(const state *st, const node *n)
{
    static const char *const keys[] = {"batch_shape", "batch_input_shape"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const gf_json *shape = gf_keras_list(gf_json_get(config_of(n), keys[i]));
        if (shape) return shape;
    }
    return gf_keras_list(gf_json_get(st->scope[n->scope].config, "build_input_shape"));
}

static int side(const gf_json *j, int given, int fallback)
{
    int64_t x = gf_json_is_null(j) ? (given ? given : fallback) : gf_json_i64(j, -1);
    return x > 0 && x <= LARGEST_SIDE ? (int)x : 0;
}

static void read_floats(const gf_json *j, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)gf_json_f64(gf_json_at(j, i), 0);
}

static bool resizes(const node *n)
{
    const char *cls = n->row ? n->row->name : "";
    return !strcmp(cls, "Resizing") || !strcmp(cls, "CenterCrop") || !strcmp(cls, "RandomCrop");
}

/* Whether only what hands images on stands before the node. */
static bool reads_image(const state *st, const node *n)
{
    for (size_t steps = 0; n->n_src == 1 && steps < st->n; steps++) {
        n = &st->node[n->src[0]];
        if (n->row && n->row->cls == &gf_layer_input) return true;
        if ((n->row && n->row->cls != &gf_layer_identity) || resizes(n)) return false;
    }
    return false;
}

/* Where a file leaves the image's size open and then resizes it, that is the size which it takes. */
static void find_size(state *st)
{
    for (size_t i = 0; i < st->n; i++) {
        const node *n = &st->node[i];
        if (!resizes(n) || !reads_image(st, n)) continue;
        const gf_json *config = config_of(n);
        int64_t h = gf_json_i64(gf_json_get(config, "height"), 0), w = gf_json_i64(gf_json_get(config, "width"), 0);
        bool fits = h > 0 && w > 0 && h <= LARGEST_SIDE && w <= LARGEST_SIDE && !strcmp(n->row->name, "Resizing");
        st->height = fits ? (int)h : 0;
        st->width = fits ? (int)w : 0;
        return;
    }
}

/* The layer is left out, and how it would have done it may be another way. */
static void tell_resize(const state *st, const node *n)
{
    static const char *const ways[] = {"crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"};
    const gf_json *config = config_of(n);
    const char *how = gf_json_str(gf_json_get(config, "interpolation"), "bilinear"), *way = "";
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (gf_json_true(gf_json_get(config, ways[i]), false)) way = ways[i];
    }
    bool same = !strcmp(how, "bilinear") && !*way;
    char what[2 * GF_NAME_MAX];
    snprintf(what, sizeof what, "layer %.90s (%s)", n->name, n->row->name);
    gf_decide(st->options->log, GF_ESC(what), "left out",
              "%s: images are resized before the model, bilinear%s%.40s%s%s", GF_ESC(st->file),
              same ? "" : "; the layer would by ", same ? "" : GF_ESC(how), *way ? ", " : "", way);
}

static graft_status make_input(const state *st, const node *n, gf_layer *l)
{
    const gf_json *shape = image_shape(st, n);
    enum { CHANNELS = 3, MOST_CHANNELS = 4 };
    int h = side(gf_json_at(shape, 1), st->options->height, st->height ? st->height : DEFAULT_SIDE);
    int w = side(gf_json_at(shape, 2), st->options->width, st->width ? st->width : DEFAULT_SIDE);
    int c = side(gf_json_at(shape, 3), 0, CHANNELS);
    if ((shape && gf_json_size(shape) != 4) || !h || !w || !c || c > MOST_CHANNELS) {
        char *text = gf_json_text(shape, 0);
        graft_status status =
            gf_fail(st->err, GF_E_KERAS_GRAPH, NULL,
                    "%s: layer %s: its shape is %.80s, wanted is an image's: (batch, height, width, 1 to 4 channels). "
                    "Networks of text (token ids), series or tables are not read",
                    GF_ESC(st->file), GF_ESC(n->name), text ? text : "?");
        gf_free(text);
        return status;
    }
    l->cls = &gf_layer_input;
    l->shape = GF_SHAPE(h, w, c);
    for (int i = 0; i < MOST_CHANNELS; i++) l->at.scale[i] = 1;
    const gf_json *own = st->options->own ? gf_json_get(config_of(n), "graft") : NULL;
    if (!own) return GRAFT_OK;
    read_floats(gf_json_get(own, "scale"), l->at.scale, (size_t)c);
    read_floats(gf_json_get(own, "offset"), l->at.offset, (size_t)c);
    l->at.bgr = gf_json_true(gf_json_get(own, "bgr"), false);
    return GRAFT_OK;
}

/* What Keras has no word for: keras_config_out.c writes it. */
static graft_status read_own(const state *st, const node *n, gf_layer *l)
{
    const gf_json *own = st->options->own ? gf_json_get(config_of(n), "graft") : NULL;
    const gf_json *padding = gf_json_get(own, "padding"), *act = gf_json_get(own, "activation");
    l->backbone = !gf_json_true(gf_json_get(own, "head"), false);
    l->at.count_padding = gf_json_true(gf_json_get(own, "count_padding"), false);
    l->at.fixed = gf_json_true(gf_json_get(own, "fixed"), false);
    if (padding) {
        int *side[] = {&l->at.pt, &l->at.pb, &l->at.pl, &l->at.pr};
        enum { LARGEST = 1 << 15 };
        l->at.padding = GF_PAD_EXPLICIT;
        for (size_t i = 0; i < 4; i++) {
            int64_t x = gf_json_i64(gf_json_at(padding, i), -1);
            if (x < 0 || x > LARGEST) return refuse(st, n->name, "its padding is out of range");
            *side[i] = (int)x;
        }
    }
    const gf_keras_act *a = gf_keras_act_find(gf_json_str(act, "linear"));
    if (act && !a) return refuse(st, n->name, "its activation is not known");
    if (act) l->at.act = a->act;
    l->at.alpha = (float)gf_json_f64(gf_json_get(own, "alpha"), (double)l->at.alpha);
    return GRAFT_OK;
}

/* A layer that a nested model calls like one outside it gets the model's name before its own. */
static graft_status unique_name(const state *st, const node *n, char out[GF_NAME_MAX])
{
    snprintf(out, GF_NAME_MAX, "%s", n->name);
    for (int outer = st->scope[n->scope].parent; outer >= 0; outer = st->scope[st->node[outer].scope].parent) {
        int same = find(st, 0, out);
        bool taken = gf_model_find(st->m, out) >= 0 || (same >= 0 && &st->node[same] != n && st->node[same].row);
        if (!taken) break;
        char longer[2 * GF_NAME_MAX];
        snprintf(longer, sizeof longer, "%s/%s", st->node[outer].name, out);
        if (strlen(longer) >= GF_NAME_MAX) return refuse(st, n->name, "its name is too long");
        memcpy(out, longer, strlen(longer) + 1);
    }
    return GRAFT_OK;
}

static graft_status check_size(const state *st, const gf_layer *l, size_t params)
{
    size_t count, values = gf_shape_count(&l->shape, &count) ? count : SIZE_MAX;
    if (params <= st->max_params && values <= largest_values) return GRAFT_OK;
    return gf_fail(st->err, GF_E_KERAS_LIMIT, NULL,
                   "%s: layer %s: with it the model has %zu parameters (the limit is %zu), an image %zu values here",
                   GF_ESC(st->file), GF_ESC(l->name), params, st->max_params, values);
}

static graft_status add_layer(state *st, const gf_layer *l, size_t *params, int *out)
{
    size_t before = st->m->n_params, n = st->m->n_layers;
    gf_layer own = *l;
    if (n && !st->m->layer[n - 1].backbone) own.backbone = false; /* behind the head is no backbone */
    graft_error inner = {0};                                      /* which says nothing of the file */
    if (gf_model_add(st->m, &own, out, &inner) != GRAFT_OK) {
        return gf_fail(st->err, (gf_errno)inner.number, inner.hint[0] ? inner.hint : NULL, "%s: %s", GF_ESC(st->file),
                       inner.message);
    }
    for (size_t i = before; i < st->m->n_params; i++) {
        if (!gf_add_size(*params, st->m->param[i].count, params)) *params = SIZE_MAX;
    }
    return check_size(st, &st->m->layer[*out], *params);
}

static graft_status add_after(state *st, const gf_layer *first, gf_layer *l, size_t *params, int *at)
{
    const char *ending = gf_keras_layer_act_of(l)->name;
    if (snprintf(l->name, sizeof l->name, "%s_%s", first->name, ending) >= GF_NAME_MAX) {
        return refuse(st, first->name, "its name is too long");
    }
    l->n_src = 1;
    l->src[0] = *at;
    l->backbone = true;
    return add_layer(st, l, params, at);
}

/* "NAME_scale" between the layer and its second source. */
static graft_status add_before(state *st, gf_layer *l, gf_layer *before, size_t *params)
{
    if (snprintf(before->name, sizeof before->name, "%s_scale", l->name) >= GF_NAME_MAX) {
        return refuse(st, l->name, "its name is too long");
    }
    before->n_src = 1;
    before->src[0] = l->src[1];
    before->backbone = true;
    return add_layer(st, before, params, &l->src[1]);
}

static int most_sources(const gf_layer_class *cls)
{
    enum { OF_ATTENTION = 3 };
    bool merges = cls == &gf_layer_add || cls == &gf_layer_multiply || cls == &gf_layer_concatenate;
    return merges ? GF_OP_MAX_SRC : cls == &gf_layer_attention ? OF_ATTENTION : 1;
}

static bool has_positions(const state *st, const node *n)
{
    bool has = false;
    for (int k = 0; k < n->n_src; k++) has |= st->node[n->src[k]].positions.what != GF_POSITIONS_NONE;
    return has;
}

/* An operation that makes numbers of places is no layer: its output is known for what it is. */
static graft_status build_positions(state *st, node *n)
{
    const node *src = &st->node[n->src[0]];
    gf_positions_call call = {.cls = n->row->name,
                              .config = config_of(n),
                              .args = gf_json_get(gf_json_at(gf_json_get(n->json, "inbound_nodes"), 0), "args"),
                              .constant = n->constant,
                              .has_constant = n->has_constant,
                              .constant_first = n->constant_first};
    bool known = n->n_src == 1 && st->m->layer[src->layer].shape.rank == 2;
    if (!known || !gf_keras_positions(&call, &src->positions, &n->positions)) {
        return refuse(st, n->name, "it is read only where it counts the places of a sequence, for an Embedding");
    }
    n->layer = src->layer;
    return GRAFT_OK;
}

static graft_status check_embedding(const state *st, const node *n)
{
    if (n->n_src == 1 && gf_positions_count_up(&st->node[n->src[0]].positions)) return GRAFT_OK;
    return refuse(st, n->name,
                  "an Embedding is read only where it looks up the places of a sequence, 0, 1, 2, ...: what a network "
                  "gets here is an image, no tokens");
}

/* x + table: an Embedding of the places of x, whose values the file has here. */
static graft_status add_given(state *st, node *n, gf_layer *sum, size_t *params)
{
    const gf_shape *s = &st->m->layer[sum->src[0]].shape;
    gf_layer l = {.cls = &gf_layer_embedding, .n_src = 1, .src = {sum->src[0]}, .backbone = true};
    bool fits = sum->n_src == 1 && n->row->cls == &gf_layer_add && !n->has_constant && gf_keras_table_fits(n->table, s);
    if (!fits || snprintf(l.name, sizeof l.name, "%s_table", sum->name) >= GF_NAME_MAX) {
        return refuse(st, n->name,
                      "it computes with a constant of many numbers, other than adding one for each place "
                      "and channel of a sequence");
    }
    l.at.units = (int)s->dim[1];
    l.at.fixed = true;
    GF_TRY(add_layer(st, &l, params, &n->given));
    sum->src[sum->n_src++] = n->given;
    return GRAFT_OK;
}

static graft_status build_node(state *st, node *n, size_t *params)
{
    gf_layer l = {.n_src = n->n_src, .backbone = true};
    for (int k = 0; k < n->n_src; k++) l.src[k] = st->node[n->src[k]].layer;
    if (!n->row) {
        n->layer = l.src[0];
        n->positions = st->node[n->src[0]].positions;
        return GRAFT_OK;
    }
    if (n->row->cls == &gf_layer_embedding) {
        GF_TRY(check_embedding(st, n));
    } else if (n->row->kind == GF_KERAS_POSITIONS || has_positions(st, n)) {
        return build_positions(st, n);
    }
    GF_TRY(unique_name(st, n, l.name));
    memcpy(l.key, n->key, sizeof l.key);
    gf_keras_reader r = {.file = st->file,
                         .cls = n->row->name,
                         .config = config_of(n),
                         .call = n->call,
                         .src = l.n_src ? &st->m->layer[l.src[0]].shape : NULL,
                         .constant = n->constant,
                         .has_constant = n->has_constant,
                         .constant_first = n->constant_first,
                         .old = st->old,
                         .l = &l,
                         .err = st->err};
    bool input = n->row->cls == &gf_layer_input;
    if (input && l.n_src) return refuse(st, n->name, "an input with a source");
    GF_TRY(input ? make_input(st, n, &l) : gf_keras_layer_read(&r, n->row));
    GF_TRY(read_own(st, n, &l));
    if (l.n_src > most_sources(l.cls)) return refuse(st, n->name, "it has more sources than its class takes");
    if (resizes(n)) tell_resize(st, n);
    if (r.before.cls) GF_TRY(add_before(st, &l, &r.before, params));
    if (n->table) GF_TRY(add_given(st, n, &l, params));
    GF_TRY(add_layer(st, &l, params, &n->layer));
    return r.after.cls ? add_after(st, &l, &r.after, params, &n->layer) : GRAFT_OK;
}

static bool is_ready(const state *st, const node *n)
{
    for (int k = 0; k < n->n_src; k++) {
        if (st->node[n->src[k]].layer < 0) return false;
    }
    return n->layer < 0;
}

/* In the file's order, which is Keras's; what stands before its sources waits for the next round. */
static graft_status build(state *st)
{
    size_t left = st->n, params = 0;
    while (left) {
        size_t before = left;
        for (size_t i = 0; i < st->n; i++) {
            if (!is_ready(st, &st->node[i])) continue;
            GF_TRY(build_node(st, &st->node[i], &params));
            left--;
        }
        if (left < before) continue;
        size_t stuck = 0;
        while (st->node[stuck].layer >= 0) stuck++;
        return refuse(st, st->node[stuck].name, "it waits for itself: the graph has a cycle");
    }
    size_t inputs = 0;
    for (size_t i = 0; i < st->m->n_layers; i++) inputs += st->m->layer[i].cls == &gf_layer_input;
    if (inputs == 1) return GRAFT_OK;
    return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: it has %zu inputs, wanted is one image", GF_ESC(st->file),
                   inputs);
}

/* The tables' values, in the finished model. */
static graft_status fill_tables(state *st)
{
    for (size_t i = 0; i < st->n; i++) {
        const node *n = &st->node[i];
        if (!n->table || n->given < 0) continue;
        gf_param *p = &st->m->param[st->m->layer[n->given].param[0]];
        p->given = true;
        if (!gf_keras_table_read(n->table, st->m->value + p->offset, p->count)) {
            return refuse(st, n->name, "its constant is not made of numbers");
        }
    }
    return GRAFT_OK;
}

/* Layers that the output does not come from are no part of the model. */
static graft_status keep_needed(state *st, int output)
{
    gf_model all = *st->m;
    int at = -1;
    *st->m = (gf_model){0};
    graft_status status = gf_model_copy_layers(st->m, &all, output, NULL, &at, st->err);
    for (size_t i = 0; i < st->n; i++) {
        node *n = &st->node[i];
        if (n->table) n->given = gf_model_find(st->m, all.layer[n->given].name); /* -1: not needed */
    }
    gf_model_free(&all);
    st->m->output = st->m->features = at;
    return status;
}

/* Which layers give features and logits, and how many classes: graft's own. */
static graft_status read_ends(state *st, const gf_json *top)
{
    const gf_json *own = st->options->own ? gf_json_get(top, "graft") : NULL;
    if (!own) return GRAFT_OK;
    int64_t classes = gf_json_i64(gf_json_get(own, "classes"), 0);
    int features = gf_model_find(st->m, gf_json_str(gf_json_get(own, "features"), ""));
    enum { MOST_CLASSES = 1 << 24 };
    int64_t outputs = (int64_t)gf_count(&st->m->layer[st->m->output].shape);
    int64_t end = gf_json_i64(gf_json_get(own, "end"), GF_END_SOFTMAX);
    bool one = classes == 2 && outputs == 1;
    bool fits = (classes == 0 || one || classes == outputs) && end >= 0 && end <= GF_END_LOG_SOFTMAX;
    if (features < 0 || classes < 0 || classes > MOST_CLASSES || !fits) {
        return refuse(st, st->m->layer[st->m->output].name, "not the model's features and classes");
    }
    st->m->features = features;
    st->m->classes = (int)classes;
    st->m->end = (gf_end)end;
    return GRAFT_OK;
}

static graft_status parse_model(state *st, const gf_json *top)
{
    int scope_number;
    const char *version = gf_json_str(gf_json_get(top, "keras_version"), "3");
    st->old = version[0] == '1' || version[0] == '2';
    GF_TRY(gf_keras_add_lambdas(&st->unknown, top));
    if (!is_model(class_name(top)) || !is_keras(top)) {
        gf_keras_add_unknown(&st->unknown, *class_name(top) ? class_name(top) : "(no class)", "as the model itself");
    } else {
        GF_TRY(read_scope(st, top, -1, &scope_number));
    }
    GF_TRY(gf_keras_refuse_unknown(&st->unknown, st->file, st->err));
    GF_TRY(sort_names(st));
    for (size_t i = 0; i < st->n; i++) GF_TRY(link_node(st, (int)i));
    for (size_t i = st->n_scopes; i-- > 0;) GF_TRY(link_scope(st, (int)i));
    find_size(st);
    GF_TRY(build(st));
    const node *last = &st->node[st->scope[0].output];
    if (last->positions.what != GF_POSITIONS_NONE)
        return refuse(st, last->name, "the output does not depend on the image");
    GF_TRY(keep_needed(st, last->layer));
    snprintf(st->m->name, sizeof st->m->name, "%s", gf_json_str(gf_json_get(st->scope[0].config, "name"), "model"));
    GF_TRY(read_ends(st, top));
    GF_TRY(gf_model_finish(st->m, st->err));
    return fill_tables(st);
}

graft_status gf_keras_config_parse(gf_model *m, const char *text, size_t n, const char *name,
                                   const gf_keras_config_options *options, graft_error *err)
{
    static const gf_keras_config_options defaults;
    state st = {.file = name, .options = options ? options : &defaults, .err = err, .m = m};
    gf_json *json = NULL;
    graft_status status = GRAFT_OK;
    *m = (gf_model){0};
    st.max_params = st.options->max_params ? st.options->max_params : default_params;
    if (n > MAX_TEXT) {
        return gf_fail(err, GF_E_KERAS_LIMIT, NULL, "%s: a configuration of %zu bytes, at most %d are read",
                       GF_ESC(name), n, (int)MAX_TEXT);
    }
    GF_GOTO(gf_json_parse(&json, text, n, name, err));
    GF_GOTO(parse_model(&st, json));
out:
    gf_free(st.node);
    gf_free(st.scope);
    gf_free(st.order);
    gf_text_free(&st.unknown.list);
    gf_json_free(json);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}
