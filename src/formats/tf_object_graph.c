/* tf_object_graph.c - what variables of tf.train.Checkpoint are called. Keys are paths through the program's objects
 * ("layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE"); the graph of these objects is a text in the checkpoint
 * (tensorflow/core/protobuf/trackable_object_graph.proto) and has the variables' own names as well. */
#include "base/alloc.h"
#include "formats/tf_bundle.h"
#include "formats/wire.h"

#include <stdlib.h>
#include <string.h>

static const char graph_key[] = "_CHECKPOINTABLE_OBJECT_GRAPH";

typedef struct node {
    const uint8_t *bytes; /* its message */
    size_t n;
    uint32_t parent;     /* by the shortest way from the root; of the root itself */
    const uint8_t *name; /* what the parent calls it */
    size_t n_name;
    bool reached, slot;
} node;

typedef struct graph {
    node *item;
    size_t n, cap;
    uint32_t *queue; /* n */
} graph;

static graft_status damaged(const gf_tf_bundle *b, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_TF_GRAPH, NULL, "%s: the graph of objects: %s", GF_ESC(b->path), what);
}

static graft_status list_nodes(const gf_tf_bundle *b, graph *g, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_wire w = gf_wire_of(bytes, n);
    while (gf_wire_next(&w)) {
        if (!gf_wire_is(&w, 1, GF_WIRE_BYTES)) continue;
        if (!gf_grow(&g->item, g->n, &g->cap)) return gf_fail_memory(err, g->n * sizeof *g->item, "a graph of objects");
        g->item[g->n++] = (node){.bytes = w.bytes, .n = w.n};
    }
    if (w.bad || g->n > UINT32_MAX) return damaged(b, "it does not parse", err);
    g->queue = gf_new_n(g->n, uint32_t);
    return g->queue ? GRAFT_OK : gf_fail_memory(err, g->n * sizeof *g->queue, "a graph of objects");
}

/* A child's name and number, or a slot's number, out of its message. */
static bool read_reference(const gf_wire *w, uint32_t number_field, uint64_t *number, const uint8_t **name, size_t *n)
{
    gf_wire r = gf_wire_of(w->bytes, w->n);
    *number = 0; /* what is 0 is not written */
    *name = NULL;
    *n = 0;
    while (gf_wire_next(&r)) {
        if (gf_wire_is(&r, number_field, GF_WIRE_NUMBER)) *number = r.number;
        if (!gf_wire_is(&r, 2, GF_WIRE_BYTES)) continue;
        *name = r.bytes;
        *n = r.n;
    }
    return !r.bad;
}

/* Breadth first from the root, so that each object has its shortest path. */
static graft_status walk(const gf_tf_bundle *b, graph *g, graft_error *err)
{
    size_t from = 0, to = 0;
    if (g->n) {
        g->queue[to++] = 0;
        g->item[0].reached = true;
    }
    while (from < to) {
        uint32_t at = g->queue[from++];
        gf_wire w = gf_wire_of(g->item[at].bytes, g->item[at].n);
        while (gf_wire_next(&w)) {
            bool child = gf_wire_is(&w, 1, GF_WIRE_BYTES), slot = gf_wire_is(&w, 3, GF_WIRE_BYTES);
            uint64_t number;
            const uint8_t *name;
            size_t n;
            if (!child && !slot) continue;
            if (!read_reference(&w, child ? 1 : 3, &number, &name, &n) || number >= g->n)
                return damaged(b, "an object is not there", err);
            node *to_node = &g->item[number];
            to_node->slot |= slot;
            if (!child || to_node->reached) continue;
            *to_node = (node){to_node->bytes, to_node->n, at, name, n, true, to_node->slot};
            g->queue[to++] = (uint32_t)number;
        }
        if (w.bad) return damaged(b, "an object does not parse", err);
    }
    return GRAFT_OK;
}

/* "model/dense/kernel" (gf_free); NULL: no memory. */
static char *path_of(const graph *g, uint32_t at)
{
    size_t length = 0;
    for (uint32_t i = at; i; i = g->item[i].parent) length += g->item[i].n_name + 1;
    char *path = gf_alloc(length + 1, 1);
    if (!path) return NULL;
    size_t end = length ? length - 1 : 0;
    for (uint32_t i = at; i; i = g->item[i].parent) {
        end -= g->item[i].n_name;
        if (g->item[i].n_name) memcpy(path + end, g->item[i].name, g->item[i].n_name);
        if (end) path[--end] = '/';
    }
    return path;
}

/* "Variable", "Variable_7": names that say nothing. */
static bool says_nothing(const uint8_t *name, size_t n)
{
    static const char word[] = "Variable";
    size_t length = sizeof word - 1;
    if (!n) return true;
    if (n < length || memcmp(name, word, length)) return false;
    if (n > length && name[length] != '_') return false;
    for (size_t i = length + 1; i < n; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
    }
    return true;
}

static int by_key(const void *key, const void *item) { return strcmp(key, ((const gf_tf_tensor *)item)->key); }

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* An attribute of a node: the tensor under its key gets the variable's name, or the node's path. */
static graft_status name_tensor(gf_tf_bundle *b, const graph *g, uint32_t at, const gf_wire *attribute,
                                graft_error *err)
{
    gf_wire w = gf_wire_of(attribute->bytes, attribute->n);
    const uint8_t *full = NULL, *key = NULL;
    size_t n_full = 0, n_key = 0;
    while (gf_wire_next(&w)) {
        if (gf_wire_is(&w, 2, GF_WIRE_BYTES)) full = w.bytes, n_full = w.n;
        if (gf_wire_is(&w, 3, GF_WIRE_BYTES)) key = w.bytes, n_key = w.n;
    }
    if (w.bad) return damaged(b, "an attribute does not parse", err);
    if (!key) return GRAFT_OK;
    char *wanted = gf_strndup((const char *)key, n_key);
    if (!wanted) return gf_fail_memory(err, n_key, "a key");
    gf_tf_tensor *t = bsearch(wanted, b->item, b->n, sizeof *b->item, by_key);
    gf_free(wanted);
    if (!t) return GRAFT_OK;
    char *path = path_of(g, at);
    if (!path) return gf_fail_memory(err, 64, "a name");
    t->slot |=
        g->item[at].slot || begins(path, "optimizer") || begins(path, "save_counter") || begins(path, "keras_api");
    char *name = says_nothing(full, n_full) ? path : gf_strndup((const char *)full, n_full);
    if (name != path) gf_free(path);
    if (!name) return gf_fail_memory(err, n_full, "a name");
    gf_free(t->name);
    t->name = name;
    return GRAFT_OK;
}

static graft_status name_all(gf_tf_bundle *b, graph *g, const uint8_t *bytes, size_t n, graft_error *err)
{
    GF_TRY(list_nodes(b, g, bytes, n, err));
    GF_TRY(walk(b, g, err));
    for (size_t i = 0; i < g->n; i++) {
        if (!g->item[i].reached) continue;
        gf_wire w = gf_wire_of(g->item[i].bytes, g->item[i].n);
        while (gf_wire_next(&w)) {
            if (gf_wire_is(&w, 2, GF_WIRE_BYTES)) GF_TRY(name_tensor(b, g, (uint32_t)i, &w, err));
        }
    }
    return GRAFT_OK;
}

graft_status gf_tf_object_graph(gf_tf_bundle *b, const uint8_t *bytes, size_t n, graft_error *err)
{
    graph g = {0};
    graft_status status = name_all(b, &g, bytes, n, err);
    gf_free(g.item);
    gf_free(g.queue);
    return status;
}

graft_status gf_tf_bundle_name(gf_tf_bundle *b, graft_error *err)
{
    enum { STRING = 7 };
    gf_tf_tensor *t = bsearch(graph_key, b->item, b->n, sizeof *b->item, by_key);
    if (!t) return GRAFT_OK;
    t->slot = true;
    if (t->type != STRING || t->shape.rank) return damaged(b, "it is no text", err);
    uint8_t *bytes;
    GF_TRY(gf_tf_bundle_read(b, t, &bytes, err));
    const uint8_t *at = bytes, *end = bytes + t->bytes;
    uint64_t length; /* one text: its length, a checksum of that, its bytes; all has been checked */
    graft_status status = gf_varint(&at, end, &length) && (uint64_t)(end - at) == length + 4
                              ? gf_tf_object_graph(b, at + 4, length, err)
                              : damaged(b, "it is no text", err);
    gf_free(bytes);
    return status;
}
