/* onnx_in.h - what the parts of the ONNX importer share (onnx_in.c, onnx_const.c, onnx_expr.c, onnx_nodes.c).
 *
 * Nodes are visited once, in the file's order. A value of the graph is then one of
 *   a constant     known numbers: initializers, and what is computed from such alone
 *   a layer        the output of a layer of the model, with a note how the file's dimensions lie in it
 *   an expression  a function, of one layer's output alone, that was not made a layer yet: exporters spell activations
 *                  out (x sigmoid(x), relu6(x + 3) / 6, 0.5 x (1 + erf(x / sqrt 2))), so it is identified, when
 *                  somebody wants its value, by the numbers it gives for some samples */
#ifndef GF_EXCHANGE_ONNX_IN_H
#define GF_EXCHANGE_ONNX_IN_H

#include "exchange/import.h"
#include "formats/onnx.h"
#include "graph/model.h"

/* How a value's dimensions in the file lie in the layer's output, (h, w, c), (steps, c) or (features). */
typedef enum gf_oi_layout {
    GF_OI_NCHW,    /* (n, c, h, w), (n, c, steps) */
    GF_OI_NHWC,    /* (n, h, w, c), (n, steps, c): the layer's own order, of any number of dimensions */
    GF_OI_FLAT,    /* (n, features), in the layer's own order */
    GF_OI_FLAT_CHW /* of some shape, (n, c h w) or (n, groups, ...), with the values in the order (c, h, w) of a layer
                      that still is (h, w, c) */
} gf_oi_layout;

typedef struct gf_oi_const gf_oi_const;
struct gf_oi_const {
    gf_shape shape;
    bool ints;
    const gf_onnx_tensor *tensor; /* where its numbers are, until somebody wants them */
    float *f;
    int64_t *i;
    const gf_oi_const *of; /* the constant that this has the numbers of, in another shape; NULL: it is its own */
    bool made;             /* stands in no file: zeros for a bias that is not there */
};

/* The product of two values, on the way to an attention (onnx_attention.c). */
typedef struct gf_oi_scores {
    int query, key; /* layers */
    float scale;
    bool causal, weights; /* weights: softmax was taken of it */
} gf_oi_scores;

enum { GF_OI_SAMPLES = 24 };
extern const double gf_oi_samples[GF_OI_SAMPLES]; /* what expressions are computed for */

typedef struct gf_oi_value {
    const char *name;
    int uses;     /* by nodes, and as the graph's output */
    int consumer; /* the last node that uses it */
    int producer; /* -1: none */
    bool known;
    gf_oi_const *constant; /* NULL: none */
    gf_shape shape;        /* as the file sees it, with n = 1 */
    int layer;             /* -1: an expression that is no layer yet */
    gf_oi_layout layout;
    bool shared;          /* its layer's output has other names with users of their own */
    int root;             /* the value that an expression is a function of; itself */
    int depth;            /* of the expression */
    gf_oi_scores *scores; /* NULL: it is no such */
    bool bare;            /* the file has taken n away, which is 1 there; `shape` still begins with it */
    bool label;           /* the file's is the number of the likeliest class; this is what that is chosen by */
    bool lone;            /* nobody else uses what lies between root and this, nor the root */
    double f[GF_OI_SAMPLES];
} gf_oi_value;

typedef struct gf_oi_fill gf_oi_fill;

typedef struct gf_oi {
    const gf_onnx *o;
    const char *path;
    const gf_import_options *options;
    gf_model *m;
    graft_error *err;
    gf_onnx mem; /* owns constants and other blocks, all freed together */
    gf_oi_value *value;
    size_t n_values;
    bool *done; /* nodes that an earlier one has taken with it */
    gf_oi_fill *fill;
    size_t n_fills, fills_cap;
    int input_layer;
    bool no_memory;            /* for a constant's numbers */
    bool prepares;             /* the file's own preprocessing was found */
    bool channels_last, bytes; /* the image: (n, h, w, c); of bytes */
    int64_t batch;             /* the file's n, where it is a number */
} gf_oi;

/* ---- onnx_in.c */

graft_status gf_oi_refuse(gf_oi *s, const gf_onnx_node *n, const char *why);
graft_status gf_oi_no_memory(gf_oi *s);
gf_oi_value *gf_oi_find(gf_oi *s, const char *name);                 /* NULL: no such, or "" */
gf_oi_value *gf_oi_input(gf_oi *s, const gf_onnx_node *n, size_t k); /* NULL: left out */
int64_t gf_oi_int(const gf_onnx_node *n, const char *attribute, int64_t otherwise);
float gf_oi_float(const gf_onnx_node *n, const char *attribute, float otherwise);

/* Adds a layer behind l.src; its name comes from a tensor's ("features.0.weight"; may be NULL) or from the node's. */
graft_status gf_oi_add_layer(gf_oi *s, gf_layer l, const gf_onnx_node *n, const char *tensor, int *index);
/* The node's first output is that layer's. */
graft_status gf_oi_set(gf_oi *s, const gf_onnx_node *n, int layer, gf_oi_layout layout, const gf_shape *shape);
/* The same of its k-th; one that the file leaves out is none. */
graft_status gf_oi_set_k(gf_oi *s, const gf_onnx_node *n, size_t k, int layer, gf_oi_layout layout,
                         const gf_shape *shape);
/* The node's first output is another name for the value. */
graft_status gf_oi_alias(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v);

void gf_oi_clean(char name[GF_NAME_MAX]); /* to what names of layers are made of */
void gf_oi_is_layer(gf_oi *s, gf_oi_value *v, int layer, gf_oi_layout layout, const gf_shape *shape);

/* ---- onnx_ends.c */

/* A layer for each input that is no initializer: s->input_layer is the first image's, below 0 where there is none. */
graft_status gf_oi_add_inputs(gf_oi *s);
/* The model's outputs; those that only say again what the first one says are left out. */
graft_status gf_oi_set_outputs(gf_oi *s);

/* How a constant becomes a layer's parameter. */
typedef enum gf_oi_how { GF_OI_VECTOR, GF_OI_OIHW, GF_OI_DENSE } gf_oi_how;
struct gf_oi_fill {
    int layer;
    const char *var;
    gf_oi_const *from;
    gf_oi_how how;
    float factor;
    bool transposed; /* dense: stored as (out, in) */
    int h, w, c;     /* dense: its inputs come in the order c, h, w; 0: as they are */
};
graft_status gf_oi_fill_later(gf_oi *s, gf_oi_fill fill);

/* ---- onnx_calls.c */

/* Of layers that do the same with the same tensors, in the finished list: which are further calls of which. */
graft_status gf_oi_find_calls(gf_oi *s);

/* ---- onnx_const.c */

gf_oi_const *gf_oi_make_const(gf_oi *s, const gf_shape *shape, bool ints); /* NULL: no memory */
const float *gf_oi_floats(gf_oi *s, gf_oi_const *c);                       /* NULL: no memory, or no such numbers */
const int64_t *gf_oi_ints(gf_oi *s, gf_oi_const *c);
/* The list of integers in input k, or in the attribute of older opsets: at most 2 GF_MAX_RANK. *count -1: there is
 * none.
 */
graft_status gf_oi_int_list(gf_oi *s, const gf_onnx_node *n, size_t k, const char *attribute, int64_t *out, int *count);
/* Whether dimension d is in a list of axes, which count from either end. */
bool gf_oi_in_axes(const int64_t *axes, int count, int d, int rank);
/* The file's axis in the value's `shape`, from 0. */
int64_t gf_oi_axis(const gf_oi_value *v, int64_t axis);
/* Computes the node if all that it needs is known; *folded tells. */
graft_status gf_oi_fold(gf_oi *s, const gf_onnx_node *n, bool *folded);

/* ---- onnx_expr.c */

/* Whether the node is a function, element by element, of one value (and numbers): then its output is an expression. */
graft_status gf_oi_expression(gf_oi *s, const gf_onnx_node *n, bool *is_one);
bool gf_oi_is_elementwise(const char *op);
/* Makes the value a layer's output, if it is none yet. */
graft_status gf_oi_materialize(gf_oi *s, gf_oi_value *v);
/* Add, Sub, Mul, Div of two values, or of a value and a number for each channel. */
graft_status gf_oi_arithmetic(gf_oi *s, const gf_onnx_node *n);
/* PRelu of a slope for each channel. */
graft_status gf_oi_prelu(gf_oi *s, const gf_onnx_node *n);
/* A constant as one number for each of the value's channels; NULL: it is not of such a shape, or no memory. */
gf_oi_const *gf_oi_per_channel(gf_oi *s, const gf_oi_value *v, gf_oi_const *c);
/* If the node's output goes into an Add of a number for each of `channels` channels alone: that number, and that node
 * is done; what it gives is then to be set by *add. NULL: no. */
gf_oi_const *gf_oi_following_bias(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *like, const gf_onnx_node **add);

/* ---- onnx_shapes.c */

gf_oi_const *gf_oi_weights(gf_oi *s, const gf_onnx_node *n, size_t k); /* input k; NULL: it is no constant */
const char *gf_oi_weights_name(const gf_onnx_node *n, size_t k);
gf_oi_fill gf_oi_vector(int layer, const char *var, gf_oi_const *from);
bool gf_oi_is_map(const gf_oi_value *v); /* of places and channels, in one of the two orders */
/* Input 0 with channels first; *v may be a copy, for layers that were put before it. */
graft_status gf_oi_map_input(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v);
/* Values of one rank, which may become copies, with their dimensions lying alike in their layers. */
graft_status gf_oi_alike(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v, size_t count);
graft_status gf_oi_map_or_flat(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v);
graft_status gf_oi_set_map(gf_oi *s, const gf_onnx_node *n, int layer); /* the output, channels first */
graft_status gf_oi_flatten(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_reshape(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_squeeze(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_unsqueeze(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_transpose(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_pad(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_slice(gf_oi *s, const gf_onnx_node *n);
graft_status gf_oi_resize(gf_oi *s, const gf_onnx_node *n);

/* ---- onnx_cut.c */

/* Entries before .. of the layer's own axis, what it is `before` and `after` the part less. */
graft_status gf_oi_cut(gf_oi *s, const gf_onnx_node *n, int from, int axis, int64_t before, int64_t after, int *layer);
/* The layer's axis that the file's is; -1: none. */
int gf_oi_own_axis(const gf_oi_value *v, int64_t axis);
graft_status gf_oi_split(gf_oi *s, const gf_onnx_node *n);
/* Whether the node makes or hands on the number of a class: then its outputs are what that is chosen by. */
graft_status gf_oi_labels(gf_oi *s, const gf_onnx_node *n, bool *does);
graft_status gf_oi_label(gf_oi *s, const gf_onnx_node *n); /* of other inputs than classes: refused */

/* ---- onnx_attention.c */

/* Whether the node is part of an attention: then it is done here. */
graft_status gf_oi_attention(gf_oi *s, const gf_onnx_node *n, bool *does);

/* ---- onnx_nodes.c */

typedef graft_status (*gf_oi_handler)(gf_oi *s, const gf_onnx_node *n);
/* NULL: the operator is not known. Elementwise ones are not in this table. */
gf_oi_handler gf_oi_handler_of(const char *op);

#endif
