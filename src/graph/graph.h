/* graph.h - a model lowered to operations: batch normalisation folded into its convolution, activation, residual and
 * zero padding fused behind or before it.
 *
 * Where batch normalisation uses fixed statistics (Keras's training=False) convolution and normalisation are one
 * convolution: s = gamma / sqrt(var + eps)      W' = s W      b' = beta + (b - mean) s also while gamma and beta train;
 * their gradients come out of those of W' and b': dW = s dW'    db = s db'    dbeta = db'    dgamma = (sum_c dW' W + (b
 * - mean) db') / sqrt(var + eps)
 *
 * Where it is to measure its batch (gf_lower_options) it is a node of its own, behind the freeze boundary alone.
 *
 * Each call of a layer is lowered by itself. Nodes may then have parameters in common: their gradients are added, in
 * the order of the nodes. */
#ifndef GF_GRAPH_GRAPH_H
#define GF_GRAPH_GRAPH_H

#include "graph/model.h"

/* What a node does with a parameter. The operation's kernel is made of the first, and of what is behind GF_ROLE_MORE,
 * one after the other: so an operation with several parts of a kernel needs no role of its own. */
typedef enum gf_role {
    GF_ROLE_KERNEL,
    GF_ROLE_BIAS,
    GF_ROLE_GAMMA,
    GF_ROLE_BETA,
    GF_ROLE_MEAN,
    GF_ROLE_VARIANCE,
    GF_ROLE_MORE,
    GF_ROLES = GF_ROLE_MORE + 3
} gf_role;

typedef struct gf_node {
    gf_op_spec spec;             /* shapes with n = 1; gradients' flags are the plan's business */
    int src[GF_OP_MAX_SRC], dst; /* values */
    int param[GF_ROLES];         /* of the model, by role; -1: none */
    float epsilon, momentum;     /* momentum, unbiased: of gf_op_batch_norm, see gf_node_update_moving_stats */
    bool unbiased;
    int layer;       /* the last layer it computes */
    bool trains;     /* one of its parameters does */
    bool needs_grad; /* it trains, or something before it */
    double flops;    /* an image, forward */
} gf_node;

/* What flows between nodes. */
typedef struct gf_value {
    gf_shape shape; /* with n = 1 */
    int producer;   /* node; -1: an input of the graph */
    gf_dtype dtype; /* of an input */
    bool packed;    /* a row for each place of texts, which stand behind one another (gf_packing) */
    bool needs_grad;
} gf_value;

typedef struct gf_graph {
    const gf_model *model;
    gf_node *node;
    gf_value *value;
    size_t n_nodes, nodes_cap, n_values, values_cap;
    int *value_of_layer; /* -1: fused away */
    int n_inputs, inputs[GF_MAX_ENDS];
    int n_outputs, outputs[GF_MAX_ENDS]; /* the model's, then the taps; two may be one value */
    int input, output, features;         /* the first of each; pooled features */
} gf_graph;

typedef struct gf_lower_options {
    bool no_fusion;   /* one node a layer: for tests */
    int output_layer; /* the graph ends with this layer's output; -1: with the model's */
    int n_taps;       /* taps: layers whose outputs are outputs too, behind those; with output_layer, before it */
    const int *taps;
    bool reference;        /* the reference implementations */
    bool head_norm;        /* that of the head does so, whatever batch_norm says */
    bool batch_norm;       /* batch normalisation that trains does so on the statistics of the batch */
    bool backbone_dropout; /* in training the backbone's own dropout drops, too */
    int int8_layers;       /* what lies below this layer and does not train may be computed in bytes */
} gf_lower_options;

/* Lowers the model with its present boundary. The graph borrows the model. */
graft_status gf_graph_create(gf_graph *g, const gf_model *m, const gf_lower_options *options, graft_error *err);
void gf_graph_free(gf_graph *g);

bool gf_graph_is_output(const gf_graph *g, int value);
/* Whether its input is pieces of texts, which are computed behind one another (gf_packing). */
bool gf_graph_is_packed(const gf_graph *g);

/* The first node that needs a gradient; n_nodes: none. */
size_t gf_graph_first_grad(const gf_graph *g);

/* The first node that drops values in training; n_nodes: none. Dropout needs no gradient, and yet belongs behind the
 * split point: what lies before it is computed as at inference. */
size_t gf_graph_first_dropout(const gf_graph *g);

/* How many nodes, from the first on, two graphs of one model have in common. */
size_t gf_graph_common(const gf_graph *a, const gf_graph *b);

/* Where to cut between the frozen part and the trainable one: at or a little before node `most` and the first one that
 * needs a gradient, where what crosses is smallest (so that it can be kept); at most `share` of the work is moved
 * behind the split point for it. Texts are not cut apart: what crosses is pieces, or a row for each text. */
size_t gf_graph_split_point(const gf_graph *g, size_t most, double share);

/* The values that cross the split point before node `at`: produced before it (or the image), used at it or later.
 * Returns how many. */
enum { GF_MAX_BOUNDARY_TENSORS = 8 };
size_t gf_graph_boundary_tensors(const gf_graph *g, size_t at, int value[GF_MAX_BOUNDARY_TENSORS]);

/* The ranges of a value's channels; NULL: it has none. A layer of several nodes is known by its last one, and by what
 * is between the two convolutions of a separable one. */
gf_range *gf_graph_range(const gf_graph *g, int value);
bool gf_graph_is_between(const gf_graph *g, int value);

/* Kernel and bias as the node's operation wants them, from the model's parameters: copies into kernel and bias. */
void gf_node_fold(const gf_model *m, const gf_node *n, float *kernel, float *bias);
/* Moves the statistics of a gf_op_batch_norm node: moving = momentum moving + (1 - momentum) new. New are the mean and
 * the variance over all micro-batches of a step; dkernel is the sum of their gradients, `images` how many were in them,
 * `start` the moving mean that they were measured about: what it was before the first call of the layer moved it.
 * Where layers are PyTorch's that variance is the unbiased one. */
void gf_node_update_moving_stats(gf_model *m, const gf_node *n, const float *dkernel, const float *start,
                                 size_t images);

/* Gradients of this node's parameters that train; grad[0] belongs to value `trainable_offset` of the model's block.
 * Those of the roles in
 * `adds` (bits 1 << role) are added to what is there, the others are set. */
void gf_node_unfold(const gf_model *m, const gf_node *n, const float *dkernel, const float *dbias, unsigned adds,
                    float *grad, size_t trainable_offset);

#endif
