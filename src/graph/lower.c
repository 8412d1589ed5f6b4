/* lower.c - from layers to operations, with the passes on the way: padding goes into the convolution behind it, batch
 * normalisation folds into the convolution before it, activation and residual add go behind it. Each pass is a
 * line in `lowering`: how a layer class becomes a node, or disappears into one. */
#include "graph/lower.h"

#include <math.h>
#include <string.h>

typedef struct lowering_state {
    gf_graph *g;
    const gf_lower_options *o;
    int *uses;   /* of each layer's output; one more where it is wanted from outside */
    bool *grads; /* of each layer: it trains, or something before it */
} lowering_state;

/* How one image's values lie in a graph: a sequence (steps, c) is a map of one row, so every operation on maps takes
 * it. */
static gf_shape as_map(const gf_shape *s) { return s->rank == 2 ? GF_SHAPE(1, s->dim[0], s->dim[1]) : *s; }

typedef graft_status (*lower_fn)(lowering_state *st, int layer, graft_error *err);

static const gf_layer *layer_at(const lowering_state *st, int i) { return &st->g->model->layer[i]; }

static int param_of(const lowering_state *st, int layer, const char *var)
{
    const gf_param *p = gf_model_param(st->g->model, layer, var);
    return p ? (int)(p - st->g->model->param) : -1;
}

static graft_status add_value(lowering_state *st, const gf_shape *shape, int producer, int *out, graft_error *err)
{
    gf_graph *g = st->g;
    if (!gf_grow(&g->value, g->n_values, &g->values_cap)) return gf_fail_memory(err, sizeof(gf_value), "a graph");
    g->value[g->n_values] = (gf_value){.shape = *shape, .producer = producer};
    *out = (int)g->n_values++;
    return GRAFT_OK;
}

/* A node for `layer` from the values of its sources; *node is valid until the next is added. */
static graft_status add_node(lowering_state *st, int layer, const gf_op_class *cls, gf_node **node, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_layer *l = layer_at(st, layer);
    if (!gf_grow(&g->node, g->n_nodes, &g->nodes_cap)) return gf_fail_memory(err, sizeof(gf_node), "a graph");
    gf_node *n = &g->node[g->n_nodes];
    *n = (gf_node){.spec = {.cls = cls, .name = l->name, .n_src = l->n_src}, .layer = layer};
    n->kernel = n->bias = n->gamma = n->beta = n->mean = n->variance = -1;
    for (int i = 0; i < l->n_src; i++) {
        n->src[i] = g->value_of_layer[l->src[i]];
        if (n->src[i] >= 0) n->spec.src[i] = g->value[n->src[i]].shape; /* else padding, fused by the caller */
    }
    *node = n;
    return GRAFT_OK;
}

/* Gives the node its destination, and the layer that value. */
static graft_status close_node(lowering_state *st, int layer, gf_node *n, graft_error *err)
{
    gf_graph *g = st->g;
    GF_TRY(n->spec.cls->infer(&n->spec, &n->spec.dst, err));
    GF_TRY(add_value(st, &n->spec.dst, (int)g->n_nodes, &n->dst, err));
    g->value_of_layer[layer] = n->dst;
    g->n_nodes++;
    return GRAFT_OK;
}

/* The node whose output is layer `src`'s alone: something can be fused behind it. NULL: none. */
static gf_node *open_node(lowering_state *st, int src)
{
    int v = st->g->value_of_layer[src];
    int producer = st->o->no_fusion || st->uses[src] != 1 ? -1 : st->g->value[v].producer;
    gf_node *n = producer < 0 ? NULL : &st->g->node[producer];
    return n && n->spec.act == GF_ACT_LINEAR ? n : NULL;
}

/* Whether this activation goes behind the node that computes layer `layer`. Those with an exponential that need their
 * src are faster as a node of their own (EfficientNetB0 frozen, 117 ms a batch against 141 with oneDNN's swish fused),
 * but for convolutions in bytes, which end with them. */
static bool takes_act(const lowering_state *st, int layer, const gf_node *n, gf_act act)
{
    if (!gf_op_fuses(n->spec.cls, act)) return false;
    bool in_int8 = act == GF_ACT_SILU && n->spec.cls->int8 && layer < st->o->int8_layers &&
                   n->spec.dst.dim[1] * n->spec.dst.dim[2] > 1;
    return act < GF_ACT_NEEDS_SRC || (!st->grads[layer] && (act == GF_ACT_HARD_SILU || in_int8));
}

static void fused(lowering_state *st, int layer, gf_node *n)
{
    st->g->value_of_layer[layer] = n->dst;
    n->layer = layer;
    n->spec.name = layer_at(st, layer)->name;
}

/* The activation that Keras has inside a layer: fused, or a node of its own behind node n (which may move). */
static graft_status close_with_act(lowering_state *st, int layer, gf_node *n, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    if (l->at.act == GF_ACT_LINEAR || (takes_act(st, layer, n, l->at.act) && !st->o->no_fusion)) {
        n->spec.act = l->at.act;
        n->spec.act_alpha = l->at.alpha;
        return close_node(st, layer, n, err);
    }
    GF_TRY(close_node(st, layer, n, err));
    int before = n->dst;
    GF_TRY(add_node(st, layer, &gf_op_act, &n, err));
    n->spec.n_src = 1;
    n->src[0] = before;
    n->spec.src[0] = st->g->value[before].shape;
    n->spec.act = l->at.act;
    n->spec.act_alpha = l->at.alpha;
    return close_node(st, layer, n, err);
}

/* A layer that hands its input on: what stands behind it stands behind that input. */
static graft_status lower_identity(lowering_state *st, int layer, graft_error *err)
{
    (void)err;
    int src = layer_at(st, layer)->src[0];
    st->uses[src] += st->uses[layer] - 1;
    st->uses[layer] = st->uses[src];
    st->g->value_of_layer[layer] = st->g->value_of_layer[src];
    return GRAFT_OK;
}

/* An input as a value of its own, in the order of the model's inputs. */
static graft_status add_input(lowering_state *st, int layer, int *value, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_layer *l = layer_at(st, layer);
    gf_shape map = as_map(&l->shape), s = {.rank = map.rank + 1, .dim = {1}};
    memcpy(s.dim + 1, map.dim, (size_t)map.rank * sizeof *map.dim);
    GF_TRY(add_value(st, &s, -1, value, err));
    g->value[*value].dtype = l->at.dtype;
    int input[GF_MAX_ENDS];
    g->n_inputs = gf_model_inputs(g->model, input);
    for (int i = 0; i < g->n_inputs; i++) {
        if (input[i] == layer) g->inputs[i] = *value;
    }
    g->input = g->inputs[0];
    return GRAFT_OK;
}

/* The input layer's output is what comes in, rescaled as the weights want it: an image's colours, integers as floats.
 * A list of numbers stays as it is, and so do 32 bit integers, which are no quantities: a Rescaling makes floats of
 * them. */
static graft_status lower_input(lowering_state *st, int layer, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_layer *l = layer_at(st, layer);
    int value = -1;
    GF_TRY(add_input(st, layer, &value, err));
    if (l->at.dtype == GF_S32 || (l->at.dtype == GF_F32 && l->shape.rank == 1)) {
        g->value_of_layer[layer] = value;
        return GRAFT_OK;
    }
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_rescale, &n, err));
    n->spec.n_src = 1;
    n->src[0] = value;
    n->spec.src[0] = g->value[value].shape;
    memcpy(n->spec.rescale.scale, l->at.scale, sizeof l->at.scale);
    memcpy(n->spec.rescale.offset, l->at.offset, sizeof l->at.offset);
    n->spec.rescale.reverse = l->at.bgr;
    return close_node(st, layer, n, err);
}

/* A second rescaling of the image goes into the first. */
static graft_status lower_rescaling(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n = open_node(st, l->src[0]);
    bool joins = n && n->spec.cls == &gf_op_rescale && l->shape.dim[l->shape.rank - 1] <= 4;
    if (!joins) {
        GF_TRY(add_node(st, layer, &gf_op_rescale, &n, err));
        memcpy(n->spec.rescale.scale, l->at.scale, sizeof l->at.scale);
        memcpy(n->spec.rescale.offset, l->at.offset, sizeof l->at.offset);
        return close_node(st, layer, n, err);
    }
    for (int c = 0; c < 4; c++) {
        n->spec.rescale.scale[c] *= l->at.scale[c];
        n->spec.rescale.offset[c] = n->spec.rescale.offset[c] * l->at.scale[c] + l->at.offset[c];
    }
    fused(st, layer, n);
    return GRAFT_OK;
}

/* A convolution node with the layer's window, and the padding of the layer before it. */
static graft_status lower_window(lowering_state *st, int layer, gf_node **out, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer), *before = layer_at(st, l->src[0]);
    gf_node *n;
    GF_TRY(add_node(st, layer, st->o->reference ? &gf_op_conv_reference : &gf_op_conv, &n, err));
    gf_op_spec *s = &n->spec;
    s->conv.kh = l->at.kh, s->conv.kw = l->at.kw, s->conv.sh = l->at.sh, s->conv.sw = l->at.sw;
    s->conv.pt = l->at.pt, s->conv.pb = l->at.pb, s->conv.pl = l->at.pl, s->conv.pr = l->at.pr;
    s->conv.dh = l->at.dh - 1, s->conv.dw = l->at.dw - 1;
    s->conv.groups = l->at.groups;
    s->conv.filters = l->at.filters;
    bool padded = before->cls == &gf_layer_zero_padding && st->g->value_of_layer[l->src[0]] < 0;
    if (padded) { /* that layer left the work to this one */
        n->src[0] = st->g->value_of_layer[before->src[0]];
        s->src[0] = st->g->value[n->src[0]].shape;
        s->conv.pt += before->at.pt, s->conv.pb += before->at.pb;
        s->conv.pl += before->at.pl, s->conv.pr += before->at.pr;
    }
    *out = n;
    return GRAFT_OK;
}

static double window_flops(const gf_node *n, const gf_layer *l)
{
    double positions = (double)gf_count(&l->shape) / l->at.filters;
    return 2 * positions * l->at.kh * l->at.kw * n->spec.conv.filters *
           (double)(n->spec.src[0].dim[3] / n->spec.conv.groups);
}

static graft_status lower_conv(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(lower_window(st, layer, &n, err));
    gf_op_spec *s = &n->spec;
    n->kernel = param_of(st, layer, "kernel");
    n->bias = param_of(st, layer, "bias");
    s->has_bias = n->bias >= 0;
    n->flops = window_flops(n, l);
    return close_with_act(st, layer, n, err);
}

/* A depthwise convolution, then a pointwise one. */
static graft_status lower_separable(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(lower_window(st, layer, &n, err));
    n->spec.conv.groups = (int)n->spec.src[0].dim[3];
    n->spec.conv.filters = n->spec.conv.groups * l->at.multiplier;
    n->kernel = param_of(st, layer, "depthwise_kernel");
    n->flops = window_flops(n, l);
    GF_TRY(close_node(st, layer, n, err));
    int between = n->dst, channels = n->spec.conv.filters;
    GF_TRY(add_node(st, layer, st->o->reference ? &gf_op_conv_reference : &gf_op_conv, &n, err));
    n->src[0] = between;
    n->spec.src[0] = st->g->value[between].shape;
    n->spec.conv.kh = n->spec.conv.kw = n->spec.conv.sh = n->spec.conv.sw = n->spec.conv.groups = 1;
    n->spec.conv.filters = l->at.filters;
    n->kernel = param_of(st, layer, "pointwise_kernel");
    n->bias = param_of(st, layer, "bias");
    n->spec.has_bias = n->bias >= 0;
    n->flops = 2.0 * (double)gf_count(&l->shape) * channels;
    return close_with_act(st, layer, n, err);
}

/* Whether a batch normalisation measures its batch: what is frozen stays on its moving statistics, as in Keras. */
static bool measures(const lowering_state *st, int layer)
{
    const gf_param *mean = gf_model_param(st->g->model, layer, "moving_mean");
    return st->o->batch_norm && !gf_model_frozen(st->g->model, layer) && !(mean && mean->frozen);
}

static graft_status lower_batch_norm(lowering_state *st, int layer, graft_error *err)
{
    int src = layer_at(st, layer)->src[0];
    gf_node *n = open_node(st, src);
    bool live = measures(st, layer), folds = !live && n && n->spec.cls->scales && n->variance < 0 && n->spec.n_src == 1;
    if (!folds) GF_TRY(add_node(st, layer, live ? &gf_op_batch_norm : &gf_op_affine, &n, err));
    n->gamma = param_of(st, layer, "gamma");
    n->beta = param_of(st, layer, "beta");
    n->mean = param_of(st, layer, "moving_mean");
    n->variance = param_of(st, layer, "moving_variance");
    n->epsilon = layer_at(st, layer)->at.epsilon;
    n->spec.has_bias = true;
    if (live) {
        n->spec.norm.epsilon = n->epsilon;
        n->momentum = layer_at(st, layer)->at.momentum;
        n->unbiased = st->g->model->buffers;
    }
    if (!folds) return close_node(st, layer, n, err);
    fused(st, layer, n);
    return GRAFT_OK;
}

static graft_status lower_act(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n = open_node(st, l->src[0]);
    if (l->at.act == GF_ACT_LINEAR) return lower_identity(st, layer, err);
    if (n && takes_act(st, layer, n, l->at.act)) {
        n->spec.act = l->at.act;
        n->spec.act_alpha = l->at.alpha;
        fused(st, layer, n);
        return GRAFT_OK;
    }
    GF_TRY(add_node(st, layer, &gf_op_act, &n, err));
    n->spec.act = l->at.act;
    n->spec.act_alpha = l->at.alpha;
    return close_node(st, layer, n, err);
}

static graft_status lower_add(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    for (int k = 0; k < 2 && l->n_src == 2; k++) {
        gf_node *n = open_node(st, l->src[k]);
        int other = st->g->value_of_layer[l->src[1 - k]];
        if (!n || !n->spec.cls->residual || n->spec.n_src != 1 || st->g->value[other].producer >= n - st->g->node)
            continue;
        if (n->src[0] == other) continue; /* one node would write that value's gradient twice */
        n->src[1] = other;
        n->spec.src[1] = st->g->value[other].shape;
        n->spec.n_src = 2;
        fused(st, layer, n);
        return GRAFT_OK;
    }
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_add, &n, err));
    return close_node(st, layer, n, err);
}

static graft_status lower_zero_padding(lowering_state *st, int layer, graft_error *err)
{
    const gf_model *m = st->g->model;
    for (size_t i = (size_t)layer + 1; !st->o->no_fusion && st->uses[layer] == 1 && i < m->n_layers; i++) {
        const gf_layer *next = &m->layer[i];
        bool takes_padding =
            next->cls == &gf_layer_conv2d || next->cls == &gf_layer_depthwise || next->cls == &gf_layer_separable;
        if (takes_padding && next->src[0] == layer && next->at.padding != GF_PAD_SAME)
            return GRAFT_OK; /* its value stays -1 */
    }
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_pad, &n, err));
    n->spec.pad.pt = l->at.pt, n->spec.pad.pb = l->at.pb, n->spec.pad.pl = l->at.pl, n->spec.pad.pr = l->at.pr;
    return close_node(st, layer, n, err);
}

/* The image of a node under a reshape of its layer's own: the same values. */
static graft_status close_reshaped(lowering_state *st, int layer, gf_node *n, graft_error *err)
{
    GF_TRY(close_node(st, layer, n, err));
    int before = n->dst;
    GF_TRY(add_node(st, layer, &gf_op_reshape, &n, err));
    n->spec.n_src = 1;
    n->src[0] = before;
    n->spec.src[0] = st->g->value[before].shape;
    n->spec.reshape.shape = as_map(&layer_at(st, layer)->shape);
    return close_node(st, layer, n, err);
}

static graft_status lower_global_pool(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, l->cls == &gf_layer_global_pool ? &gf_op_global_pool : &gf_op_global_max_pool, &n, err));
    return l->at.keepdims ? close_reshaped(st, layer, n, err) : close_node(st, layer, n, err);
}

static graft_status lower_pool(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    static const gf_op_class *const cls[2][2] = {{&gf_op_avg_pool, &gf_op_avg_pool_reference},
                                                 {&gf_op_max_pool, &gf_op_max_pool_reference}};
    gf_node *n;
    GF_TRY(add_node(st, layer, cls[l->cls == &gf_layer_max_pool][st->o->reference], &n, err));
    gf_op_spec *s = &n->spec;
    s->pool.kh = l->at.kh, s->pool.kw = l->at.kw, s->pool.sh = l->at.sh, s->pool.sw = l->at.sw;
    s->pool.pt = l->at.pt, s->pool.pb = l->at.pb, s->pool.pl = l->at.pl, s->pool.pr = l->at.pr;
    s->pool.count_padding = l->at.count_padding;
    return close_node(st, layer, n, err);
}

static graft_status lower_cropping(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_pad, &n, err));
    n->spec.pad.pt = -l->at.pt, n->spec.pad.pb = -l->at.pb, n->spec.pad.pl = -l->at.pl, n->spec.pad.pr = -l->at.pr;
    return close_node(st, layer, n, err);
}

static graft_status lower_upsampling(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_upsample, &n, err));
    n->spec.upsample.factor_h = l->at.factor_h;
    n->spec.upsample.factor_w = l->at.factor_w;
    n->spec.upsample.bilinear = l->at.bilinear;
    return close_node(st, layer, n, err);
}

/* A node of that class, which needs nothing but its sources. */
static graft_status lower_as(lowering_state *st, int layer, const gf_op_class *cls, graft_error *err)
{
    gf_node *n;
    GF_TRY(add_node(st, layer, cls, &n, err));
    return close_node(st, layer, n, err);
}

/* Dimensions of its value that the layer's shape does not have. */
static int rows_before(const gf_layer *l) { return l->shape.rank == 2; }

static graft_status lower_concatenate(lowering_state *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_concat, &n, err));
    n->spec.concat.axis = layer_at(st, layer)->at.axis + 1 + rows_before(layer_at(st, layer));
    return close_node(st, layer, n, err);
}

static graft_status lower_reshape(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_shape from = as_map(&layer_at(st, l->src[0])->shape), to = as_map(&l->shape);
    if (gf_shape_equal(&from, &to)) return lower_identity(st, layer, err);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_reshape, &n, err));
    n->spec.reshape.shape = to;
    return close_node(st, layer, n, err);
}

static graft_status lower_permute(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_permute, &n, err));
    int first = 1 + rows_before(l);
    n->spec.permute.axis[1] = 1;
    for (int i = 0; i < l->shape.rank; i++) n->spec.permute.axis[i + first] = l->at.permute[i] + first;
    return close_node(st, layer, n, err);
}

static graft_status lower_softmax(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_softmax, &n, err));
    n->spec.softmax.axis = l->shape.rank + rows_before(l);
    n->spec.softmax.log = l->at.log;
    return close_node(st, layer, n, err);
}

static graft_status lower_operation(lowering_state *st, int layer, graft_error *err)
{
    return lower_as(st, layer, layer_at(st, layer)->at.op, err);
}

static graft_status lower_norm(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_norm, &n, err));
    n->spec.norm.groups = l->cls == &gf_layer_group_norm ? l->at.norm_groups : 0;
    n->spec.norm.epsilon = l->at.epsilon;
    n->kernel = param_of(st, layer, "gamma");
    n->bias = param_of(st, layer, "beta");
    n->spec.has_bias = n->bias >= 0;
    return close_node(st, layer, n, err);
}

/* dst = (src - mean) / sqrt(variance) */
static graft_status lower_normalization(lowering_state *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_affine, &n, err));
    n->mean = param_of(st, layer, "mean");
    n->variance = param_of(st, layer, "variance");
    n->spec.has_bias = true;
    return close_node(st, layer, n, err);
}

static graft_status lower_layer_scale(lowering_state *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_affine, &n, err));
    n->kernel = param_of(st, layer, "gamma");
    return close_node(st, layer, n, err);
}

/* A backbone's own dropout does nothing: it runs as Keras's base_model(x, training=False) does. */
static graft_status lower_dropout(lowering_state *st, int layer, graft_error *err)
{
    if (layer_at(st, layer)->backbone) return lower_identity(st, layer, err);
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_dropout, &n, err));
    n->spec.dropout.rate = layer_at(st, layer)->at.rate;
    n->spec.dropout.salt = (uint32_t)layer;
    return close_node(st, layer, n, err);
}

/* A dense layer at each place of a value is a convolution of 1x1; the kernel is the same numbers. */
static graft_status add_pointwise(lowering_state *st, int layer, int value, const char *kernel, const char *bias,
                                  gf_node **out, graft_error *err)
{
    gf_node *n;
    GF_TRY(add_node(st, layer, st->o->reference ? &gf_op_conv_reference : &gf_op_conv, &n, err));
    n->spec.n_src = 1;
    n->src[0] = value;
    n->spec.src[0] = st->g->value[value].shape;
    n->kernel = param_of(st, layer, kernel);
    n->bias = param_of(st, layer, bias);
    n->spec.has_bias = n->bias >= 0;
    n->spec.conv.kh = n->spec.conv.kw = n->spec.conv.sh = n->spec.conv.sw = n->spec.conv.groups = 1;
    int64_t in = n->spec.src[0].dim[3], positions = (int64_t)gf_count(&n->spec.src[0]) / in;
    n->spec.conv.filters = (int)((int64_t)st->g->model->param[n->kernel].count / in);
    n->flops = 2.0 * (double)(positions * in) * n->spec.conv.filters;
    *out = n;
    return GRAFT_OK;
}

static graft_status lower_dense_positions(lowering_state *st, int layer, graft_error *err)
{
    gf_node *n;
    int value = st->g->value_of_layer[layer_at(st, layer)->src[0]];
    GF_TRY(add_pointwise(st, layer, value, "kernel", "bias", &n, err));
    return close_with_act(st, layer, n, err);
}

/* Three dense layers, what the heads make of them, and a dense layer behind. Dropout of a backbone does nothing. */
static graft_status lower_attention(lowering_state *st, int layer, graft_error *err)
{
    static const char *const var[3][2] = {
        {"query/kernel", "query/bias"}, {"key/kernel", "key/bias"}, {"value/kernel", "value/bias"}};
    const gf_layer *l = layer_at(st, layer);
    const int source[3] = {l->src[0], l->src[l->n_src - 1], l->src[1]};
    int projected[3];
    gf_node *n;
    for (int k = 0; k < 3; k++) {
        GF_TRY(add_pointwise(st, layer, st->g->value_of_layer[source[k]], var[k][0], var[k][1], &n, err));
        GF_TRY(close_node(st, layer, n, err));
        projected[k] = n->dst;
    }
    GF_TRY(add_node(st, layer, st->o->reference ? &gf_op_attention_reference : &gf_op_attention, &n, err));
    n->spec.n_src = 3;
    for (int k = 0; k < 3; k++) {
        n->src[k] = projected[k];
        n->spec.src[k] = st->g->value[projected[k]].shape;
    }
    n->spec.attention.heads = l->at.heads;
    n->spec.attention.scale = 1 / sqrtf((float)l->at.key_dim);
    n->spec.attention.causal = l->at.causal;
    double queries = (double)gf_count(&n->spec.src[0]) / l->at.key_dim, /* of all heads */
        keys = (double)gf_count(&n->spec.src[1]) / l->at.key_dim / l->at.heads;
    n->flops = 2 * queries * keys * (l->at.key_dim + l->at.value_dim);
    GF_TRY(close_node(st, layer, n, err));
    GF_TRY(add_pointwise(st, layer, n->dst, "attention_output/kernel", "attention_output/bias", &n, err));
    return close_node(st, layer, n, err);
}

static graft_status lower_dense(lowering_state *st, int layer, graft_error *err)
{
    const gf_layer *l = layer_at(st, layer);
    if (l->shape.rank > 1) return lower_dense_positions(st, layer, err);
    gf_node *n;
    GF_TRY(add_node(st, layer, st->o->reference ? &gf_op_dense_reference : &gf_op_dense, &n, err));
    n->spec.dense.units = l->at.units;
    n->kernel = param_of(st, layer, "kernel");
    n->bias = param_of(st, layer, "bias");
    n->spec.has_bias = n->bias >= 0;
    n->flops = 2.0 * (double)n->spec.src[0].dim[1] * n->spec.dense.units;
    return close_with_act(st, layer, n, err);
}

static graft_status lower_embedding(lowering_state *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(add_node(st, layer, &gf_op_table, &n, err));
    n->spec.table.units = layer_at(st, layer)->at.units;
    n->kernel = param_of(st, layer, "embeddings");
    return close_node(st, layer, n, err);
}

static const struct {
    const gf_layer_class *cls;
    lower_fn lower;
    const gf_op_class *as; /* instead of `lower`: an operation that needs nothing but its sources */
} lowering[] = {
    {&gf_layer_input, lower_input},
    {&gf_layer_conv2d, lower_conv},
    {&gf_layer_depthwise, lower_conv},
    {&gf_layer_separable, lower_separable},
    {&gf_layer_dense, lower_dense},
    {&gf_layer_batch_norm, lower_batch_norm},
    {&gf_layer_layer_norm, lower_norm},
    {&gf_layer_group_norm, lower_norm},
    {&gf_layer_normalization, lower_normalization},
    {&gf_layer_rescaling, lower_rescaling},
    {&gf_layer_layer_scale, lower_layer_scale},
    {&gf_layer_relu, lower_act},
    {&gf_layer_activation, lower_act},
    {&gf_layer_leaky_relu, lower_act},
    {&gf_layer_elu, lower_act},
    {&gf_layer_softmax, lower_softmax},
    {&gf_layer_glu, NULL, &gf_op_glu},
    {&gf_layer_operation, lower_operation},
    {&gf_layer_add, lower_add},
    {&gf_layer_multiply, NULL, &gf_op_multiply},
    {&gf_layer_concatenate, lower_concatenate},
    {&gf_layer_zero_padding, lower_zero_padding},
    {&gf_layer_cropping, lower_cropping},
    {&gf_layer_upsampling, lower_upsampling},
    {&gf_layer_max_pool, lower_pool},
    {&gf_layer_avg_pool, lower_pool},
    {&gf_layer_global_pool, lower_global_pool},
    {&gf_layer_global_max_pool, lower_global_pool},
    {&gf_layer_flatten, lower_reshape},
    {&gf_layer_reshape, lower_reshape},
    {&gf_layer_permute, lower_permute},
    {&gf_layer_dropout, lower_dropout},
    {&gf_layer_embedding, lower_embedding},
    {&gf_layer_attention, lower_attention},
    {&gf_layer_identity, lower_identity},
};

static graft_status lower_layer(lowering_state *st, int layer, graft_error *err)
{
    for (size_t i = 0; i < sizeof lowering / sizeof *lowering; i++) {
        if (lowering[i].cls != layer_at(st, layer)->cls) continue;
        return lowering[i].as ? lower_as(st, layer, lowering[i].as, err) : lowering[i].lower(st, layer, err);
    }
    return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: class %s has no operation", layer_at(st, layer)->name,
                   layer_at(st, layer)->cls->name);
}

/* Nodes behind the value are dropped; values keep their numbers. */
static void end_at(gf_graph *g, int value)
{
    g->n_nodes = (size_t)(g->value[value].producer + 1);
    g->output = g->features = g->outputs[0] = value;
    g->n_outputs = 1;
}

static graft_status set_outputs(lowering_state *st, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_model *m = g->model;
    int output[GF_MAX_ENDS];
    g->n_outputs = gf_model_outputs(m, output);
    for (int i = 0; i < g->n_outputs; i++) g->outputs[i] = g->value_of_layer[output[i]];
    g->features = g->value_of_layer[m->features];
    g->output = g->outputs[0];
    if (st->o->output_layer >= 0) end_at(g, g->value_of_layer[st->o->output_layer]);
    for (int i = 0; i < st->o->n_taps; i++) {
        const int value = g->value_of_layer[st->o->taps[i]];
        bool there = g->value[value].producer < (int)g->n_nodes && g->n_outputs < GF_MAX_ENDS;
        if (!there) {
            return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: no output of a graph that ends before it, or has %d",
                           GF_ESC(m->layer[st->o->taps[i]].name), g->n_outputs);
        }
        g->outputs[g->n_outputs++] = value;
    }
    return GRAFT_OK;
}

/* How often each layer's output is read, and whether gradients go through it. */
static void count_uses(lowering_state *st)
{
    const gf_model *m = st->g->model;
    int output[GF_MAX_ENDS], n = gf_model_outputs(m, output);
    for (size_t i = 0; i < m->n_layers; i++) {
        for (int k = 0; k < m->layer[i].n_src; k++) {
            st->uses[m->layer[i].src[k]]++;
            st->grads[i] |= st->grads[m->layer[i].src[k]];
        }
        for (int k = 0; k < m->layer[i].n_params; k++) {
            st->grads[i] |= gf_model_param_trains(m, &m->param[m->layer[i].param[k]]);
        }
    }
    st->uses[m->features]++;
    for (int i = 0; i < n; i++) st->uses[output[i]]++;
    for (int i = 0; i < st->o->n_taps; i++) st->uses[st->o->taps[i]] += 2;
    if (st->o->output_layer >= 0) st->uses[st->o->output_layer] += 2; /* no later layer may be fused into it */
}

graft_status gf_graph_create(gf_graph *g, const gf_model *m, const gf_lower_options *options, graft_error *err)
{
    *g = (gf_graph){.model = m};
    lowering_state st = {.g = g, .o = options};
    graft_status status = GRAFT_OK;
    st.uses = gf_new_n(m->n_layers, int);
    st.grads = gf_new_n(m->n_layers, bool);
    g->value_of_layer = gf_new_n(m->n_layers, int);
    if (!st.uses || !st.grads || !g->value_of_layer) {
        status = gf_fail_memory(err, m->n_layers * sizeof(int), "a graph");
        goto out;
    }
    for (size_t i = 0; i < m->n_layers; i++) g->value_of_layer[i] = -1;
    count_uses(&st);
    for (size_t i = 0; i < m->n_layers; i++) GF_GOTO(lower_layer(&st, (int)i, err));
    GF_GOTO(set_outputs(&st, err));
    GF_GOTO(gf_graph_check_integers(g, err));
    gf_graph_mark_gradients(g);
out:
    gf_free(st.uses);
    gf_free(st.grads);
    if (status != GRAFT_OK) gf_graph_free(g);
    return status;
}
