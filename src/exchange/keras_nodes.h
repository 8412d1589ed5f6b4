/* keras_nodes.h - the inside of the reader of Keras's configuration, shared by keras_nodes.c (all layers of all nested
 * models become nodes of one list), keras_links.c (their sources are looked up by name) and keras_config_in.c (nodes
 * become layers).
 *
 * A node is one call of a layer. A layer that is called n times is n nodes, and a nested model that is called n times
 * is its nodes n times: all but the first know whose further call they are (`first`), and own no parameters. */
#ifndef GF_EXCHANGE_KERAS_NODES_H
#define GF_EXCHANGE_KERAS_NODES_H

#include "exchange/keras_config.h"
#include "exchange/keras_layers.h"
#include "exchange/keras_positions.h"
#include "exchange/keras_unknown.h"

enum { GF_KC_ENDS = GF_OP_MAX_SRC }; /* inputs or outputs of a model, at most */

/* A layer of the file, called. */
typedef struct gf_kc_node {
    const gf_json *json;       /* NULL: an input that a sequential model leaves unsaid */
    const gf_json *call;       /* the named arguments of its call */
    const gf_keras_class *row; /* NULL: hands its source on: a nested model, and what it calls its input */
    const char *name;          /* as its model knows it */
    char key[GF_KEY_MAX];      /* as gf_layer has it */
    int scope;
    int number;                    /* of the call in its model, from 0 */
    int first;                     /* node whose layer is called again; -1: this is the first call */
    bool named;                    /* a further call with a name of its own: in graft's own files */
    int further;                   /* of a first call: how many further ones became layers */
    int nested;                    /* the scope that is this layer's inside; -1: none */
    int n_src, src[GF_OP_MAX_SRC]; /* nodes */
    double constant;
    bool has_constant, constant_first;
    const gf_json *table;   /* the other operand, where that is many numbers */
    gf_positions positions; /* where it gives position indices: its layer is then the one whose positions they are */
    int layer;              /* in the model: the last one that the node became; -1: none yet */
    int own;                /* the one of its class, which owns the parameters */
    int given;              /* what `table` became; -1 */
} gf_kc_node;

/* A model of the file: the outermost, or one nested in another (a scope for each of its calls). */
typedef struct gf_kc_scope {
    const gf_json *config;
    int parent; /* node that stands for it; -1: the outermost */
    int first;  /* node of a sequential model that begins with a nested one; -1 */
    int n_inputs, n_outputs;
    int input[GF_KC_ENDS], output[GF_KC_ENDS]; /* nodes; of a sequential model input[0] may be -1: not yet known */
    bool sequential;
} gf_kc_scope;

typedef struct gf_kc {
    const char *file;
    const gf_keras_config_options *options;
    graft_error *err;
    gf_model *m;
    gf_kc_node *node;
    size_t n, cap;
    gf_kc_scope *scope;
    size_t n_scopes, scopes_cap;
    int *order; /* nodes by scope, name and call */
    gf_keras_unknown unknown;
    size_t max_params, params; /* the most, and how many there are */
    bool old;                  /* Keras 2 */
    int width, height;         /* that layers of the file resize images to, first of all; 0: none does */
} gf_kc;

graft_status gf_kc_refuse(const gf_kc *st, const char *layer, const char *why);

/* ---- keras_nodes.c */

const char *gf_kc_class_name(const gf_json *layer);
bool gf_kc_is_model(const char *cls);
bool gf_kc_is_keras(const gf_json *layer); /* a class of Keras's own */
static inline const gf_json *gf_kc_config(const gf_kc_node *n) { return gf_json_get(n->json, "config"); }

/* All nodes of a model and of what is nested in it; *out: its scope. */
graft_status gf_kc_read_scope(gf_kc *st, const gf_json *model, int parent, int *out);

/* ---- keras_links.c */

/* Sources of all nodes, inputs and outputs of all scopes. */
graft_status gf_kc_link(gf_kc *st);
/* The first call of the layer of that name in a scope; -1: none. */
int gf_kc_find(const gf_kc *st, int scope_number, const char *name);

/* ---- keras_input.c */

/* Where a file leaves the image's size open and then resizes it, that is the size which it takes: st->width, height. */
void gf_kc_find_size(gf_kc *st);
/* A layer that resizes images is left out; that is told. */
bool gf_kc_resizes(const gf_kc_node *n);
void gf_kc_tell_resize(const gf_kc *st, const gf_kc_node *n);
graft_status gf_kc_make_input(const gf_kc *st, const gf_kc_node *n, gf_layer *l);

#endif
