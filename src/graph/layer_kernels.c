/* layer_kernels.c - layers with a kernel: convolutions and dense layers. */
#include "graph/lower.h"

static graft_status add_kernel(gf_model *m, gf_layer *l, const char *var, int64_t in, int64_t out, graft_error *err)
{
    gf_shape s = l->at.sequence ? GF_SHAPE(l->at.kw, in, out) : GF_SHAPE(l->at.kh, l->at.kw, in, out);
    return gf_model_add_param(m, l, var, &s, false, err);
}

static graft_status add_bias(gf_model *m, gf_layer *l, bool wanted, int64_t n, graft_error *err)
{
    return wanted ? gf_model_add_param(m, l, "bias", &GF_SHAPE(n), false, err) : GRAFT_OK;
}

/* A convolution node with the layer's window, and the padding of the layer before it. */
static graft_status lower_window(gf_lowering *st, int layer, gf_node **out, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer), *before = gf_lowered(st, l->src[0]);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, st->o->reference ? &gf_op_conv_reference : &gf_op_conv, &n, err));
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

static graft_status conv_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(gf_window_shape(m, l, l->at.filters, err));
    if (l->at.groups < 1) l->at.groups = 1;
    int64_t ic = gf_channels_before(m, l);
    if (ic % l->at.groups || l->at.filters % l->at.groups) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %lld channels and %d filters in %d groups",
                       GF_ESC(l->name), (long long)ic, l->at.filters, l->at.groups);
    }
    GF_TRY(add_kernel(m, l, "kernel", ic / l->at.groups, l->at.filters, err));
    return add_bias(m, l, l->at.use_bias, l->at.filters, err);
}

static graft_status lower_conv(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(lower_window(st, layer, &n, err));
    gf_op_spec *s = &n->spec;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "kernel");
    n->param[GF_ROLE_BIAS] = gf_lower_param(st, layer, "bias");
    s->has_bias = n->param[GF_ROLE_BIAS] >= 0;
    n->flops = window_flops(n, l);
    return gf_lower_close_act(st, layer, n, err);
}

static graft_status multiplied(gf_model *m, gf_layer *l, int64_t *c, graft_error *err)
{
    GF_TRY(gf_want_map(m, l, err));
    *c = gf_channels_before(m, l);
    if (!l->at.multiplier) l->at.multiplier = 1;
    enum { LARGEST = 1 << 24 };
    if (l->at.multiplier > 0 && *c * l->at.multiplier <= LARGEST) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: a depth multiplier of %d", GF_ESC(l->name),
                   l->at.multiplier);
}

static graft_status depthwise_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    int64_t c;
    GF_TRY(multiplied(m, l, &c, err));
    GF_TRY(gf_window_shape(m, l, c * l->at.multiplier, err));
    l->at.groups = (int)c;
    l->at.filters = (int)c * l->at.multiplier;
    GF_TRY(add_kernel(m, l, "kernel", c, l->at.multiplier, err));
    return add_bias(m, l, l->at.use_bias, l->at.filters, err);
}

static graft_status separable_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    int64_t c;
    GF_TRY(multiplied(m, l, &c, err));
    GF_TRY(gf_window_shape(m, l, l->at.filters, err));
    GF_TRY(add_kernel(m, l, "depthwise_kernel", c, l->at.multiplier, err));
    int64_t middle = c * l->at.multiplier;
    gf_shape point = l->at.sequence ? GF_SHAPE(1, middle, l->at.filters) : GF_SHAPE(1, 1, middle, l->at.filters);
    GF_TRY(gf_model_add_param(m, l, "pointwise_kernel", &point, false, err));
    return add_bias(m, l, l->at.use_bias, l->at.filters, err);
}

/* A depthwise convolution, then a pointwise one. */
static graft_status lower_separable(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(lower_window(st, layer, &n, err));
    n->spec.conv.groups = (int)n->spec.src[0].dim[3];
    n->spec.conv.filters = n->spec.conv.groups * l->at.multiplier;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "depthwise_kernel");
    n->flops = window_flops(n, l);
    GF_TRY(gf_lower_close(st, layer, n, err));
    int between = n->dst, channels = n->spec.conv.filters;
    GF_TRY(gf_lower_node(st, layer, st->o->reference ? &gf_op_conv_reference : &gf_op_conv, &n, err));
    n->src[0] = between;
    n->spec.src[0] = st->g->value[between].shape;
    n->spec.conv.kh = n->spec.conv.kw = n->spec.conv.sh = n->spec.conv.sw = n->spec.conv.groups = 1;
    n->spec.conv.filters = l->at.filters;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "pointwise_kernel");
    n->param[GF_ROLE_BIAS] = gf_lower_param(st, layer, "bias");
    n->spec.has_bias = n->param[GF_ROLE_BIAS] >= 0;
    n->flops = 2.0 * (double)gf_count(&l->shape) * channels;
    return gf_lower_close_act(st, layer, n, err);
}

static graft_status dense_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *gf_source_shape(m, l, 0);
    if (l->shape.rank < 1 || l->shape.rank > 3) return gf_want_rank(m, l, 1, err);
    if (l->at.units < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %d units", GF_ESC(l->name), l->at.units);
    }
    int64_t in = l->shape.dim[l->shape.rank - 1];
    l->shape.dim[l->shape.rank - 1] = l->at.units;
    GF_TRY(gf_model_add_param(m, l, "kernel", &GF_SHAPE(in, l->at.units), false, err));
    return add_bias(m, l, !l->at.no_bias, l->at.units, err);
}

/* A dense layer at each place of a value is a convolution of 1x1; the kernel is the same numbers. */
graft_status gf_lower_pointwise(gf_lowering *st, int layer, int value, const char *kernel, const char *bias,
                                gf_node **out, graft_error *err)
{
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, st->o->reference ? &gf_op_conv_reference : &gf_op_conv, &n, err));
    n->spec.n_src = 1;
    n->src[0] = value;
    n->spec.src[0] = st->g->value[value].shape;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, kernel);
    n->param[GF_ROLE_BIAS] = gf_lower_param(st, layer, bias);
    n->spec.has_bias = n->param[GF_ROLE_BIAS] >= 0;
    n->spec.conv.kh = n->spec.conv.kw = n->spec.conv.sh = n->spec.conv.sw = n->spec.conv.groups = 1;
    int64_t in = n->spec.src[0].dim[3], positions = (int64_t)gf_count(&n->spec.src[0]) / in;
    n->spec.conv.filters = (int)((int64_t)st->g->model->param[n->param[GF_ROLE_KERNEL]].count / in);
    n->flops = 2.0 * (double)(positions * in) * n->spec.conv.filters;
    *out = n;
    return GRAFT_OK;
}

static graft_status lower_dense_positions(gf_lowering *st, int layer, graft_error *err)
{
    gf_node *n;
    int value = st->g->value_of_layer[gf_lowered(st, layer)->src[0]];
    GF_TRY(gf_lower_pointwise(st, layer, value, "kernel", "bias", &n, err));
    return gf_lower_close_act(st, layer, n, err);
}

static graft_status lower_dense(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    if (l->shape.rank > 1) return lower_dense_positions(st, layer, err);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, st->o->reference ? &gf_op_dense_reference : &gf_op_dense, &n, err));
    n->spec.dense.units = l->at.units;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "kernel");
    n->param[GF_ROLE_BIAS] = gf_lower_param(st, layer, "bias");
    n->spec.has_bias = n->param[GF_ROLE_BIAS] >= 0;
    n->flops = 2.0 * (double)n->spec.src[0].dim[1] * n->spec.dense.units;
    return gf_lower_close_act(st, layer, n, err);
}

const gf_layer_class gf_layer_conv2d = {"Conv2D", conv_infer, "Conv1D", lower_conv};
const gf_layer_class gf_layer_depthwise = {"DepthwiseConv2D", depthwise_infer, "DepthwiseConv1D", lower_conv};
const gf_layer_class gf_layer_separable = {"SeparableConv2D", separable_infer, "SeparableConv1D", lower_separable};
const gf_layer_class gf_layer_dense = {"Dense", dense_infer, NULL, lower_dense};
