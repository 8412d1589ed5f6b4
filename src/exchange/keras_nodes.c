/* keras_nodes.c - all layers of all nested models as nodes of one list; classes that are not known are collected on the
 * way. */
#include "exchange/keras_nodes.h"

#include "formats/keras_h5_write.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NODES = 10000 };

graft_status gf_kc_refuse(const gf_kc *st, const char *layer, const char *why)
{
    return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: layer %s: %s", GF_ESC(st->file), GF_ESC(layer), why);
}

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

static graft_status new_node(gf_kc *st, const gf_json *json, const char *name, int in, int *out)
{
    if (st->n == MAX_NODES) {
        return gf_fail(st->err, GF_E_KERAS_LIMIT, NULL, "%s: more than %d layers", GF_ESC(st->file), (int)MAX_NODES);
    }
    if (!good_name(name)) return gf_kc_refuse(st, name, "a layer cannot have this name");
    if (!gf_grow(&st->node, st->n, &st->cap)) return gf_fail_memory(st->err, sizeof(gf_kc_node), "a model");
    st->node[st->n] = (gf_kc_node){
        .json = json, .name = name, .scope = in, .first = -1, .nested = -1, .layer = -1, .own = -1, .given = -1};
    *out = (int)st->n++;
    return GRAFT_OK;
}

bool gf_kc_is_model(const char *cls)
{
    return !strcmp(cls, "Functional") || !strcmp(cls, "Model") || !strcmp(cls, "Sequential");
}

/* Keras's own classes come from Keras's own modules; a registered name with a package is a custom class. */
bool gf_kc_is_keras(const gf_json *layer)
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

const char *gf_kc_class_name(const gf_json *layer) { return gf_json_str(gf_json_get(layer, "class_name"), ""); }

static const char *layer_name(const gf_json *layer)
{
    const char *inner = gf_json_str(gf_json_get(gf_json_get(layer, "config"), "name"), "");
    return gf_json_str(gf_json_get(layer, "name"), inner);
}

/* The row of a layer's class; NULL and noted where there is none. */
static const gf_keras_class *row_of(gf_kc *st, const gf_json *layer)
{
    const char *cls = gf_kc_class_name(layer), *module = gf_json_str(gf_json_get(layer, "module"), "");
    if (!gf_kc_is_keras(layer)) {
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

/* A sequential model's layer stands behind the one before it. */
static graft_status chain(gf_kc *st, int scope_number, int at, const gf_json *layer)
{
    gf_kc_scope *s = &st->scope[scope_number];
    gf_kc_node *n = &st->node[at];
    if (s->output[0] >= 0) {
        n->n_src = 1;
        n->src[0] = s->output[0];
    } else if (n->row && n->row->cls == &gf_layer_input) {
        s->input[0] = at;
    } else if (n->nested >= 0) { /* its input is this model's: keras_links.c */
        s->first = at;
    } else {
        int input;
        GF_TRY(new_node(st, NULL, "input_layer", scope_number, &input));
        st->node[input].row = gf_keras_class_find("InputLayer");
        st->node[input].json = layer; /* whose config may tell the shape */
        s = &st->scope[scope_number];
        s->input[0] = input;
        st->node[at].n_src = 1;
        st->node[at].src[0] = input;
    }
    s->output[0] = at;
    return GRAFT_OK;
}

/* A `.weights.h5` numbers the layers of each class within each model. */
static void set_key(gf_kc *st, int at)
{
    gf_kc_node *n = &st->node[at];
    int parent = st->scope[n->scope].parent, same = 0;
    const char *cls = gf_kc_class_name(n->json);
    for (int i = parent + 1; i < at; i++) {
        const gf_kc_node *other = &st->node[i];
        same +=
            other->scope == n->scope && !other->number && other->json && !strcmp(gf_kc_class_name(other->json), cls);
    }
    char own[GF_KEY_MAX], number[16] = "";
    gf_keras_snake_case(strcmp(cls, "Model") ? cls : "Functional", own, sizeof own);
    if (same) snprintf(number, sizeof number, "_%d", same);
    const char *outer = parent < 0 ? "" : st->node[parent].key;
    int length = snprintf(n->key, sizeof n->key, "%s%s%s%s", outer, *outer ? "/" : "", own, number);
    if (length >= (int)sizeof n->key) snprintf(n->key, sizeof n->key, "?"); /* which no file has */
}

/* Nodes from `at` on are what those from `first` on are, called again. */
static void call_again(gf_kc *st, int first, int at)
{
    for (int i = at; i < (int)st->n; i++) {
        gf_kc_node *n = &st->node[i];
        const gf_kc_node *before = &st->node[first + (i - at)];
        n->first = before->first >= 0 ? before->first : first + (i - at);
        memcpy(n->key, st->node[n->first].key, sizeof n->key);
    }
}

/* Call `number` of a layer, with what is nested in it. */
static graft_status read_call(gf_kc *st, int scope_number, const gf_json *layer, int number, int *at)
{
    GF_TRY(new_node(st, layer, layer_name(layer), scope_number, at));
    st->node[*at].number = number;
    set_key(st, *at);
    if (!gf_kc_is_model(gf_kc_class_name(layer)) || !gf_kc_is_keras(layer)) {
        st->node[*at].row = row_of(st, layer);
        return GRAFT_OK;
    }
    int inner;
    GF_TRY(gf_kc_read_scope(st, layer, *at, &inner));
    st->node[*at].nested = inner;
    return GRAFT_OK;
}

static graft_status read_layer(gf_kc *st, int scope_number, const gf_json *layer)
{
    int first, at;
    if (!gf_json_is_object(layer)) return gf_kc_refuse(st, "?", "it is no object");
    GF_TRY(read_call(st, scope_number, layer, 0, &first));
    if (st->scope[scope_number].sequential) return chain(st, scope_number, first, layer);
    size_t calls = gf_json_size(gf_json_get(layer, "inbound_nodes"));
    for (size_t i = 1; i < calls; i++) {
        GF_TRY(read_call(st, scope_number, layer, (int)i, &at));
        call_again(st, first, at);
    }
    return GRAFT_OK;
}

/* Recursion is as deep as the text is nested, which the JSON parser bounds. */
graft_status gf_kc_read_scope(gf_kc *st, const gf_json *model, int parent, int *out)
{
    const gf_json *config = gf_json_get(model, "config");
    bool sequential = !strcmp(gf_kc_class_name(model), "Sequential");
    const gf_json *layers = gf_json_is_array(config) ? config : gf_json_get(config, "layers"); /* Keras 2.1: a list */
    if (!gf_json_is_array(layers)) {
        return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: its %s has no list of layers", GF_ESC(st->file),
                       sequential ? "sequential model" : "model");
    }
    if (!gf_grow(&st->scope, st->n_scopes, &st->scopes_cap))
        return gf_fail_memory(st->err, sizeof(gf_kc_scope), "a model");
    *out = (int)st->n_scopes++;
    st->scope[*out] = (gf_kc_scope){
        .config = config, .parent = parent, .first = -1, .input = {-1}, .output = {-1}, .sequential = sequential};
    for (size_t i = 0; i < gf_json_size(layers); i++) GF_TRY(read_layer(st, *out, gf_json_at(layers, i)));
    return GRAFT_OK;
}
