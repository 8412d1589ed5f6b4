/* lower.h - what the layer classes (layer_*.c) share: how shapes are inferred, and how layers become nodes. */
#ifndef GF_GRAPH_LOWER_H
#define GF_GRAPH_LOWER_H

#include "graph/graph.h"

struct gf_lowering {
    gf_graph *g;
    const gf_lower_options *o;
    int *uses;   /* of each layer's output; one more where it is wanted from outside */
    bool *grads; /* of each layer: it trains, or something before it */
};

static inline const gf_shape *gf_source_shape(const gf_model *m, const gf_layer *l, int k)
{
    return &m->layer[l->src[k]].shape;
}

/* What a window goes over: (h, w, c); a sequence is a map of one row. */
static inline gf_shape gf_layer_map(const gf_layer *l, const gf_shape *s)
{
    return l->at.sequence ? GF_SHAPE(1, s->dim[0], s->dim[1]) : *s;
}

static inline gf_shape gf_layer_shape(const gf_layer *l, int64_t h, int64_t w, int64_t c)
{
    return l->at.sequence ? GF_SHAPE(w, c) : GF_SHAPE(h, w, c);
}

static inline int64_t gf_channels_before(const gf_model *m, const gf_layer *l)
{
    const gf_shape *s = gf_source_shape(m, l, 0);
    return s->dim[s->rank - 1];
}

static inline const gf_layer *gf_lowered(const gf_lowering *st, int i) { return &st->g->model->layer[i]; }

/* How one image's values lie in a graph: a sequence (steps, c) is a map of one row, so every operation on maps takes
 * it. */
static inline gf_shape gf_as_map(const gf_shape *s) { return s->rank == 2 ? GF_SHAPE(1, s->dim[0], s->dim[1]) : *s; }

/* Dimensions of its value that the layer's shape does not have. */
static inline int gf_rows_before(const gf_layer *l) { return l->shape.rank == 2; }

/* ---- for infer functions */

graft_status gf_want_rank(const gf_model *m, const gf_layer *l, int rank, graft_error *err);
graft_status gf_want_map(const gf_model *m, const gf_layer *l, graft_error *err);
graft_status gf_same_shape(gf_model *m, gf_layer *l, graft_error *err);
graft_status gf_window_shape(gf_model *m, gf_layer *l, int64_t channels, graft_error *err);

/* ---- for lower functions */

int gf_lower_param(const gf_lowering *st, int layer, const char *var);
graft_status gf_lower_value(gf_lowering *st, const gf_shape *shape, int producer, int *out, graft_error *err);
/* A node for `layer` from the values of its sources; *node is valid until the next is added. */
graft_status gf_lower_node(gf_lowering *st, int layer, const gf_op_class *cls, gf_node **node, graft_error *err);
/* Gives the node its destination, and the layer that value. */
graft_status gf_lower_close(gf_lowering *st, int layer, gf_node *n, graft_error *err);
/* The node whose output is layer `src`'s alone: something can be fused behind it. NULL: none. */
gf_node *gf_lower_open(gf_lowering *st, int src);
/* Whether this activation goes behind the node that computes layer `layer`. Those with an exponential that need their
 * src are faster as a node of their own (EfficientNetB0 frozen, 117 ms a batch against 141 with oneDNN's swish fused),
 * but for convolutions in bytes, which end with them. */
bool gf_lower_takes_act(const gf_lowering *st, int layer, const gf_node *n, gf_act act);
void gf_lower_fused(gf_lowering *st, int layer, gf_node *n);
/* The activation that Keras has inside a layer: fused, or a node of its own behind node n (which may move). */
graft_status gf_lower_close_act(gf_lowering *st, int layer, gf_node *n, graft_error *err);
/* The image of a node under a reshape of its layer's own: the same values. */
graft_status gf_lower_close_reshaped(gf_lowering *st, int layer, gf_node *n, graft_error *err);
/* A layer that hands its input on: what stands behind it stands behind that input. */
graft_status gf_lower_identity(gf_lowering *st, int layer, graft_error *err);
/* A node of that class, which needs nothing but its sources. */
graft_status gf_lower_as(gf_lowering *st, int layer, const gf_op_class *cls, graft_error *err);
/* A dense layer at each place of a value is a convolution of 1x1; the kernel is the same numbers. */
graft_status gf_lower_pointwise(gf_lowering *st, int layer, int value, const char *kernel, const char *bias,
                                gf_node **out, graft_error *err);

/* ---- of a finished graph (graph.c) */

/* Which nodes train, and through which gradients go. */
void gf_graph_mark_gradients(gf_graph *g);
/* Integers are for whoever makes numbers of them: E3102 where another operation reads them. */
graft_status gf_graph_check_integers(const gf_graph *g, graft_error *err);

#endif
