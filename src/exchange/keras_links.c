/* keras_links.c - the sources of nodes, by the names that Keras's files give them. */
#include "exchange/keras_nodes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static int compare_nodes(const gf_kc_node *a, const gf_kc_node *b)
{
    int c = (a->scope > b->scope) - (a->scope < b->scope);
    c = c ? c : strcmp(a->name, b->name);
    return c ? c : (a->number > b->number) - (a->number < b->number);
}

/* By scope, name and call: node numbers, with their nodes beside them, since qsort hands on no context. */
typedef struct named {
    const gf_kc_node *base;
    int at;
} named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    return compare_nodes(&x->base[x->at], &y->base[y->at]);
}

static graft_status sort_names(gf_kc *st)
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
            GF_GOTO(gf_kc_refuse(st, st->node[list[i].at].name, "two layers have this name"));
        }
    }
out:
    gf_free(list);
    return status;
}

/* That call of the layer of that name in a scope; -1: none. */
static int find_call(const gf_kc *st, int scope_number, const char *name, int number)
{
    gf_kc_node key = {.scope = scope_number, .name = name, .number = number};
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

int gf_kc_find(const gf_kc *st, int scope_number, const char *name) { return find_call(st, scope_number, name, 0); }

/* Keras 2 counts a nested model's own making as its call 0, Keras 3 does so among a model's outputs alone: there a
 * nested model's calls begin with 1. Of one that is called once either is taken. */
static int64_t calls_begin(const gf_kc *st, const gf_kc_node *n, bool end)
{
    const gf_kc_scope *inner = n->nested < 0 ? NULL : &st->scope[n->nested];
    if (!inner || gf_json_size(gf_json_get(n->json, "inbound_nodes")) < 2) return 0;
    if (!st->old) return end && !inner->sequential;
    const gf_json *layers = gf_json_is_array(inner->config) ? inner->config : gf_json_get(inner->config, "layers");
    return !inner->sequential || !strcmp(gf_kc_class_name(gf_json_at(layers, 0)), "InputLayer");
}

/* ["name", call, output]: a tensor, by the node that makes it. */
static graft_status find_tensor(const gf_kc *st, int scope_number, const gf_json *j, const char *asks, bool end,
                                int *out)
{
    const char *name = gf_json_str(gf_json_at(j, 0), "");
    *out = gf_kc_find(st, scope_number, name);
    if (*out < 0) {
        return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: layer %s: its source %s is not there", GF_ESC(st->file),
                       GF_ESC(asks), GF_ESC(name));
    }
    const gf_kc_node *n = &st->node[*out];
    int64_t call = gf_json_i64(gf_json_at(j, 1), 0) - calls_begin(st, n, end),
            output = gf_json_i64(gf_json_at(j, 2), 0);
    bool once = gf_json_size(gf_json_get(n->json, "inbound_nodes")) < 2;
    if (once && n->nested >= 0 && call == 1) call = 0;
    *out = call >= 0 && call < INT_MAX ? find_call(st, scope_number, name, (int)call) : -1;
    if (*out < 0) return gf_kc_refuse(st, name, "a call of it is asked for that is not there");
    n = &st->node[*out];
    if (!output) return GRAFT_OK;
    const gf_kc_scope *inner = n->nested < 0 ? NULL : &st->scope[n->nested];
    if (!inner || output < 0 || output >= inner->n_outputs) {
        return gf_kc_refuse(st, name, "an output of it is asked for that is not there");
    }
    *out = inner->output[output];
    return GRAFT_OK;
}

/* ---- sources ---- */

static graft_status add_source(gf_kc *st, int at, const gf_json *tensor)
{
    gf_kc_node *n = &st->node[at];
    if (n->n_src == GF_OP_MAX_SRC) return gf_kc_refuse(st, n->name, "it has more than 8 sources");
    GF_TRY(find_tensor(st, n->scope, tensor, n->name, false, &n->src[n->n_src]));
    n->n_src++;
    return GRAFT_OK;
}

static void add_constant(gf_kc_node *n, double x)
{
    n->constant_first = !n->n_src;
    n->has_constant = true;
    n->constant = x;
}

static bool is_number(const gf_json *j) { return gf_json_f64(j, 0) == gf_json_f64(j, 1); }

typedef struct walk {
    gf_kc *st;
    int at;
} walk;

/* Keras 3: tensors stand as objects anywhere among a call's arguments. */
static graft_status walk_arguments(void *ctx, const char *key, const gf_json *j)
{
    walk *w = ctx;
    (void)key;
    if (gf_json_is_object(j)) {
        const gf_json *history = gf_json_get(gf_json_get(j, "config"), "keras_history");
        if (!strcmp(gf_kc_class_name(j), "__keras_tensor__")) return add_source(w->st, w->at, history);
        const gf_json *value = gf_json_get(gf_json_get(j, "config"), "value");
        bool many = !strcmp(gf_kc_class_name(j), "__tensor__") || !strcmp(gf_kc_class_name(j), "__numpy__");
        if (many && gf_json_is_array(value)) {
            gf_kc_node *n = &w->st->node[w->at];
            if (n->table) return gf_kc_refuse(w->st, n->name, "it computes with several constants of many numbers");
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
    gf_kc_node *n = &w->st->node[w->at];
    if (!strcmp(gf_json_str(gf_json_at(j, 0), ""), "_CONSTANT_VALUE")) {
        add_constant(n, gf_json_f64(gf_json_at(j, 2), 0));
    } else {
        GF_TRY(add_source(w->st, w->at, j));
    }
    bool function = !strcmp(gf_kc_class_name(n->json), "TFOpLambda");
    const gf_json *arguments = n->call = gf_json_at(j, 3);
    if (n->row && n->row->cls == &gf_layer_attention) return attention_sources(w, arguments);
    return function && gf_json_is_object(arguments) ? gf_json_each(arguments, old_operand, w) : GRAFT_OK;
}

static graft_status read_call(gf_kc *st, int at, const gf_json *call)
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

static graft_status link_node(gf_kc *st, int at)
{
    gf_kc_node *n = &st->node[at];
    if (st->scope[n->scope].sequential) return GRAFT_OK;
    const gf_json *calls = gf_json_get(n->json, "inbound_nodes");
    bool input = n->row && n->row->cls == &gf_layer_input;
    if (gf_json_size(calls)) GF_TRY(read_call(st, at, gf_json_at(calls, (size_t)n->number)));
    n = &st->node[at];
    if (!input != (n->n_src > 0))
        return gf_kc_refuse(st, n->name, input ? "an input with a source" : "it has no source");
    return GRAFT_OK;
}

/* graft's own files have each call of a layer by itself, which says whose it is. */
static graft_status find_first(gf_kc *st, int at)
{
    gf_kc_node *n = &st->node[at];
    const gf_json *own = st->options->own ? gf_json_get(gf_kc_config(n), "graft") : NULL;
    const char *name = gf_json_str(gf_json_get(own, "again"), NULL);
    if (!name) return GRAFT_OK;
    n->first = gf_kc_find(st, n->scope, name);
    n->named = true;
    if (n->first >= 0 && n->first != at && st->node[n->first].row == n->row) return GRAFT_OK;
    return gf_kc_refuse(st, n->name, "the layer that it calls again is not there");
}

/* ---- ends ---- */

/* [["name", 0, 0], ...] or ["name", 0, 0] */
static graft_status read_tensors(const gf_kc *st, int scope_number, const char *key, int *list, int *n)
{
    const gf_json *j = gf_keras_list(gf_json_get(st->scope[scope_number].config, key));
    bool one = gf_json_str(gf_json_at(j, 0), NULL);
    size_t count = one ? 1 : gf_json_size(j);
    if (!gf_json_is_array(j) || !count || count > GF_KC_ENDS) {
        return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: its %s are not a list of 1 to %d tensors",
                       GF_ESC(st->file), key, (int)GF_KC_ENDS);
    }
    for (size_t i = 0; i < count; i++) {
        GF_TRY(find_tensor(st, scope_number, one ? j : gf_json_at(j, i), key, true, &list[i]));
    }
    *n = (int)count;
    return GRAFT_OK;
}

/* Inputs and outputs of a scope; those of the scopes in it are known. */
static graft_status find_ends(gf_kc *st, int number)
{
    gf_kc_scope *s = &st->scope[number];
    if (!s->sequential) {
        GF_TRY(read_tensors(st, number, "input_layers", s->input, &s->n_inputs));
        return read_tensors(st, number, "output_layers", s->output, &s->n_outputs);
    }
    const gf_kc_scope *inner = s->first < 0 ? NULL : &st->scope[st->node[s->first].nested];
    if (inner && inner->n_inputs > 1) return gf_kc_refuse(st, st->node[s->first].name, "a model with several inputs");
    if (inner) s->input[0] = inner->input[0];
    s->n_inputs = s->n_outputs = 1;
    const char *name = s->parent < 0 ? "the model" : st->node[s->parent].name;
    return s->output[0] < 0 || s->input[0] < 0 ? gf_kc_refuse(st, name, "it has no layers") : GRAFT_OK;
}

/* What its parent has as one layer hands the output on, and its inputs get that layer's sources. Inner scopes first. */
static graft_status link_scope(gf_kc *st, int number)
{
    gf_kc_scope *s = &st->scope[number];
    if (s->parent < 0) return GRAFT_OK;
    gf_kc_node *outer = &st->node[s->parent];
    if (outer->n_src && outer->n_src != s->n_inputs)
        return gf_kc_refuse(st, outer->name, "not as many sources as inputs");
    for (int k = 0; k < outer->n_src; k++) {
        gf_kc_node *input = &st->node[s->input[k]];
        if (input->n_src) continue;
        if (!input->row || input->row->cls != &gf_layer_input) {
            return gf_kc_refuse(st, outer->name, "its input is no InputLayer");
        }
        input->row = NULL;
        input->n_src = 1;
        input->src[0] = outer->src[k];
    }
    outer->n_src = 1;
    outer->src[0] = s->output[0];
    return GRAFT_OK;
}

graft_status gf_kc_link(gf_kc *st)
{
    GF_TRY(sort_names(st));
    for (size_t i = 0; i < st->n; i++) GF_TRY(find_first(st, (int)i));
    for (size_t i = st->n_scopes; i-- > 0;) GF_TRY(find_ends(st, (int)i));
    for (size_t i = 0; i < st->n; i++) GF_TRY(link_node(st, (int)i));
    for (size_t i = st->n_scopes; i-- > 0;) GF_TRY(link_scope(st, (int)i));
    return GRAFT_OK;
}
