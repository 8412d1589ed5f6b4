/* onnx_out_layers.c - a layer class a function: how a layer becomes nodes. */
#include "exchange/onnx_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef graft_status (*write_fn)(gf_oo *w, const gf_layer *l, const char *in, const char *out);

static const float *values(const gf_oo *w, const gf_layer *l, const char *var, size_t *n)
{
    const gf_param *p = gf_model_param(w->m, (int)(l - w->m->layer), var);
    *n = p ? p->count : 0;
    return p ? w->m->value + p->offset : NULL;
}

static const gf_shape *source_shape(const gf_oo *w, const gf_layer *l) { return &w->m->layer[l->src[0]].shape; }

/* A parameter of one dimension; its name, or NULL where the layer has none. */
static const char *vector(gf_oo *w, const gf_layer *l, const char *var)
{
    size_t n;
    const float *from = values(w, l, var, &n);
    if (!from) return NULL;
    const char *name = gf_oo_param_name(w, l, var);
    float *to = gf_oo_param_tensor(w, l, name, &GF_SHAPE((int64_t)n));
    if (to) memcpy(to, from, n * sizeof *to);
    return name;
}

/* One number for each of n channels, such as normalisations without gamma have. */
static const char *constant(gf_oo *w, const gf_layer *l, const char *var, size_t n, float v)
{
    const char *name = gf_oo_name(w, "%s/%s", l->name, var);
    float *to = gf_oo_tensor(w, name, &GF_SHAPE((int64_t)n));
    for (size_t i = 0; to && i < n; i++) to[i] = v;
    return name;
}

static const char *vector_or(gf_oo *w, const gf_layer *l, const char *var, size_t n, float v)
{
    const char *name = vector(w, l, var);
    return name ? name : constant(w, l, var, n, v);
}

/* What comes before an activation of the layer's own. */
static const char *before_act(gf_oo *w, const gf_layer *l, const char *out)
{
    return l->at.act == GF_ACT_LINEAR ? out : gf_oo_name(w, "%s/linear", l->name);
}

static graft_status own_act(gf_oo *w, const gf_layer *l, const char *linear, const char *out)
{
    return linear == out ? GRAFT_OK : gf_oo_act(w, l->name, l->at.act, l->at.alpha, linear, out);
}

/* ---- between (n, c, h, w) and (n, h, w, c), (n, c, steps) and (n, steps, c) */

static const char *transposed(gf_oo *w, const gf_layer *l, const char *in, const char *out, const int64_t *perm,
                              size_t rank)
{
    const char *to = out ? out : gf_oo_name(w, "%s/turned%zu", l->name, w->steps++);
    gf_oo_ints(w, gf_oo_node(w, "Transpose", to, in, NULL, NULL), "perm", perm, rank);
    return to;
}

static const int64_t to_nhwc[4] = {0, 2, 3, 1}, to_nchw[4] = {0, 3, 1, 2}, exchanged[3] = {0, 2, 1};

/* The source in the layer's own order of dimensions, and a name for what is to be turned back. */
static const char *in_order(gf_oo *w, const gf_layer *l, const char *in)
{
    return source_shape(w, l)->rank == 3 ? transposed(w, l, in, NULL, to_nhwc, 4) : in;
}
static const char *before_back(gf_oo *w, const gf_layer *l, const char *out)
{
    return l->shape.rank == 3 ? gf_oo_name(w, "%s/own", l->name) : out;
}
static void back(gf_oo *w, const gf_layer *l, const char *own, const char *out)
{
    if (own != out) transposed(w, l, own, out, to_nchw, 4);
}

/* What ONNX computes with channels first: the source, a name for what comes out, and that turned back. */
static const char *channels_first(gf_oo *w, const gf_layer *l, const char *in)
{
    return source_shape(w, l)->rank == 2 ? transposed(w, l, in, NULL, exchanged, 3) : in;
}
static const char *before_last(gf_oo *w, const gf_layer *l, const char *out)
{
    return source_shape(w, l)->rank == 2 ? gf_oo_name(w, "%s/first", l->name) : out;
}
static void channels_last(gf_oo *w, const gf_layer *l, const char *first, const char *out)
{
    if (first != out) transposed(w, l, first, out, exchanged, 3);
}

static int64_t source_channels(const gf_oo *w, const gf_layer *l)
{
    const gf_shape *s = source_shape(w, l);
    return s->dim[s->rank - 1];
}

/* ---- windows */

static void window(gf_oo *w, gf_onnx_node *n, const gf_layer *l)
{
    const int64_t kernel[] = {l->at.kh, l->at.kw}, strides[] = {l->at.sh, l->at.sw}, dilations[] = {l->at.dh, l->at.dw};
    const int64_t pads[] = {l->at.pt, l->at.pl, l->at.pb, l->at.pr}, ends[] = {l->at.pl, l->at.pr};
    const size_t first = l->at.sequence; /* of a sequence the width alone */
    gf_oo_ints(w, n, "kernel_shape", kernel + first, 2 - first);
    gf_oo_ints(w, n, "strides", strides + first, 2 - first);
    gf_oo_ints(w, n, "pads", first ? ends : pads, first ? 2 : 4);
    if (l->at.dh != 1 || l->at.dw != 1) gf_oo_ints(w, n, "dilations", dilations + first, 2 - first);
}

/* (h, w, i, o) -> (o, i, h, w); depthwise (h, w, c, m) -> (c m, 1, h, w): its outputs lie in that order too */
static const char *kernel(gf_oo *w, const gf_layer *l, const char *var, int64_t in, int64_t out)
{
    size_t n;
    const float *from = values(w, l, var, &n);
    const gf_param *p = gf_model_param(w->m, (int)(l - w->m->layer), var);
    const char *name = gf_oo_param_name(w, l, var);
    if (!from) return name;
    const int64_t *d = p->shape.dim, positions = (int64_t)n / (in * out);
    gf_shape shape = l->at.sequence ? GF_SHAPE(out, in, d[0]) : GF_SHAPE(out, in, d[0], d[1]);
    float *to = gf_oo_param_tensor(w, l, name, &shape);
    for (int64_t o = 0; to && o < out; o++) {
        for (int64_t i = 0; i < in; i++) {
            for (int64_t k = 0; k < positions; k++) *to++ = from[(k * in + i) * out + o];
        }
    }
    return name;
}

static graft_status conv(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    bool depthwise = l->cls == &gf_layer_depthwise;
    int64_t channels = source_channels(w, l), groups = depthwise ? channels : l->at.groups;
    const char *linear = before_act(w, l, out), *first = before_last(w, l, linear);
    const char *k = kernel(w, l, "kernel", channels / groups, l->at.filters), *from = channels_first(w, l, in);
    gf_onnx_node *n = gf_oo_node(w, "Conv", first, from, k, vector(w, l, "bias"));
    window(w, n, l);
    gf_oo_int(w, n, "group", groups);
    channels_last(w, l, first, linear);
    return own_act(w, l, linear, out);
}

static graft_status separable(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    int64_t channels = source_channels(w, l), middle = channels * l->at.multiplier;
    const char *linear = before_act(w, l, out), *deep = gf_oo_name(w, "%s/depthwise", l->name);
    const char *first = before_last(w, l, linear), *from = channels_first(w, l, in);
    gf_onnx_node *n = gf_oo_node(w, "Conv", deep, from, kernel(w, l, "depthwise_kernel", 1, middle), NULL);
    window(w, n, l);
    gf_oo_int(w, n, "group", channels);
    gf_oo_node(w, "Conv", first, deep, kernel(w, l, "pointwise_kernel", middle, l->at.filters), vector(w, l, "bias"));
    channels_last(w, l, first, linear);
    return own_act(w, l, linear, out);
}

/* ONNX Runtime (1.31, "Pad_Fusion") makes one pool of a padding with zeros and a maximum pool behind it, which then
 * pads with the lowest number instead: wrong where all values of a window are negative. It leaves a pool alone that
 * also tells where the maxima were. */
static graft_status pool(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    bool max = l->cls == &gf_layer_max_pool;
    const char *first = before_last(w, l, out), *from = channels_first(w, l, in);
    gf_onnx_node *n = gf_oo_node(w, max ? "MaxPool" : "AveragePool", first, from, NULL, NULL);
    window(w, n, l);
    if (!max) gf_oo_int(w, n, "count_include_pad", l->at.count_padding);
    bool padded = w->m->layer[l->src[0]].cls == &gf_layer_zero_padding;
    if (max && padded && n) n->output[n->n_outputs++] = gf_oo_name(w, "%s/places", l->name);
    channels_last(w, l, first, out);
    return GRAFT_OK;
}

static graft_status global_pool(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const char *op = l->cls == &gf_layer_global_pool ? "GlobalAveragePool" : "GlobalMaxPool";
    const char *map = l->at.keepdims ? before_last(w, l, out) : gf_oo_name(w, "%s/map", l->name);
    gf_oo_node(w, op, map, channels_first(w, l, in), NULL, NULL);
    if (l->at.keepdims) {
        channels_last(w, l, map, out);
    } else
        gf_oo_int(w, gf_oo_node(w, "Flatten", out, map, NULL, NULL), "axis", 1);
    return GRAFT_OK;
}

/* ---- dense */

/* One logit z becomes two, 0 and z, whose softmax says 1 - sigmoid(z) and sigmoid(z). */
static const char *dense_tensor(gf_oo *w, const gf_layer *l, const char *var, int64_t rows)
{
    size_t n;
    const float *from = values(w, l, var, &n);
    bool last = w->m->classes && l == &w->m->layer[w->last],
         two = last && l->at.units == 1 && w->m->end != GF_END_LINEAR;
    int64_t cols = two ? 2 : l->at.units;
    if (!from) return NULL;
    const char *name = two ? gf_oo_name(w, "%s/%s", l->name, var) : gf_oo_param_name(w, l, var);
    float *to = gf_oo_param_tensor(w, l, name, rows ? &GF_SHAPE(rows, cols) : &GF_SHAPE(cols));
    for (size_t i = 0; to && i < n; i++) to[two ? 2 * i + 1 : i] = from[i];
    return name;
}

static graft_status dense(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const gf_shape *s = source_shape(w, l);
    const char *linear = before_act(w, l, out), *k = dense_tensor(w, l, "kernel", s->dim[s->rank - 1]);
    const char *bias = dense_tensor(w, l, "bias", 0);
    if (s->rank == 1 && bias) {
        gf_oo_node(w, "Gemm", linear, in, k, bias);
        return own_act(w, l, linear, out);
    }
    const char *own = before_back(w, l, linear), *product = bias ? gf_oo_name(w, "%s/product", l->name) : own;
    gf_oo_node(w, "MatMul", product, in_order(w, l, in), k, NULL);
    if (bias) gf_oo_node(w, "Add", own, product, bias, NULL);
    back(w, l, own, linear);
    return own_act(w, l, linear, out);
}

/* ---- normalisation */

static graft_status batch_norm(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    size_t c = gf_layer_channels(l);
    const char *first = before_last(w, l, out), *from = channels_first(w, l, in);
    gf_onnx_node *n =
        gf_oo_node(w, "BatchNormalization", first, from, vector_or(w, l, "gamma", c, 1), vector_or(w, l, "beta", c, 0));
    const char *mean = vector(w, l, "moving_mean"), *variance = vector(w, l, "moving_variance");
    if (n && mean && variance && !w->failed) {
        n->input[n->n_inputs++] = mean;
        n->input[n->n_inputs++] = variance;
    }
    gf_oo_float(w, n, "epsilon", l->at.epsilon);
    gf_oo_float(w, n, "momentum", l->at.momentum);
    channels_last(w, l, first, out);
    return GRAFT_OK;
}

static graft_status layer_norm(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    size_t c = gf_layer_channels(l);
    const char *own = before_back(w, l, out), *from = in_order(w, l, in);
    gf_onnx_node *n =
        gf_oo_node(w, "LayerNormalization", own, from, vector_or(w, l, "gamma", c, 1), vector_or(w, l, "beta", c, 0));
    gf_oo_float(w, n, "epsilon", l->at.epsilon);
    gf_oo_int(w, n, "axis", -1);
    back(w, l, own, out);
    return GRAFT_OK;
}

/* x scale + offset, a number for each channel of a value; either may be NULL. */
static void affine(gf_oo *w, const gf_layer *l, const float *scale, const float *offset, const char *in,
                   const char *out)
{
    int64_t c = (int64_t)gf_layer_channels(l);
    gf_shape shape = l->shape.rank == 3 ? GF_SHAPE(1, c, 1, 1) : GF_SHAPE(1, c);
    const char *between = !scale ? in : offset ? gf_oo_name(w, "%s/scaled", l->name) : out;
    const float *each[2] = {scale, offset};
    for (int k = 0; k < 2; k++) {
        const char *name = gf_oo_param_name(w, l, k ? "offset" : "scale");
        float *to = each[k] ? gf_oo_param_tensor(w, l, name, &shape) : NULL;
        if (to) memcpy(to, each[k], (size_t)c * sizeof *to);
        if (each[k]) gf_oo_node(w, k ? "Add" : "Mul", k ? out : between, k ? between : in, name, NULL);
    }
}

static graft_status group_norm(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const int64_t *d = l->shape.dim, groups = l->at.norm_groups, map[] = {0, d[2], d[0], d[1]},
                  steps[] = {0, d[1], d[0]};
    const bool sequence = l->shape.rank == 2;
    const char *joined = gf_oo_name(w, "%s/joined", l->name), *normed = gf_oo_name(w, "%s/normed", l->name);
    const char *plain = l->at.no_scale && l->at.no_center ? out : gf_oo_name(w, "%s/plain", l->name);
    const char *to = gf_oo_name(w, "%s/groups", l->name), *again = gf_oo_name(w, "%s/map", l->name);
    size_t n_gamma, n_beta;
    const float *gamma = values(w, l, "gamma", &n_gamma), *beta = values(w, l, "beta", &n_beta);
    gf_oo_int_tensor(w, to, (int64_t[]){0, groups, -1}, 3);
    gf_oo_int_tensor(w, again, sequence ? steps : map, sequence ? 3 : 4);
    gf_oo_node(w, "Reshape", joined, channels_first(w, l, in), to, NULL);
    gf_onnx_node *n = gf_oo_node(w, "InstanceNormalization", normed, joined, constant(w, l, "one", (size_t)groups, 1),
                                 constant(w, l, "zero", (size_t)groups, 0));
    gf_oo_float(w, n, "epsilon", l->at.epsilon);
    const char *first = before_last(w, l, plain);
    gf_oo_node(w, "Reshape", first, normed, again, NULL);
    channels_last(w, l, first, plain);
    if (plain != out) affine(w, l, gamma, beta, plain, out);
    return GRAFT_OK;
}

/* Keras: (x - mean) / max(sqrt(variance), 1e-7) */
static graft_status normalization(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    size_t n;
    const float *mean = values(w, l, "mean", &n), *variance = values(w, l, "variance", &n);
    float *scale = gf_onnx_alloc(w->o, n, sizeof *scale), *offset = gf_onnx_alloc(w->o, n, sizeof *offset);
    if (!scale || !offset) return gf_fail_memory(w->err, n, "an ONNX model");
    for (size_t i = 0; i < n; i++) {
        scale[i] = 1 / fmaxf(sqrtf(variance[i]), 1e-7f);
        offset[i] = -mean[i] * scale[i];
    }
    affine(w, l, scale, offset, in, out);
    return GRAFT_OK;
}

static graft_status rescaling(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    size_t n = gf_layer_channels(l);
    float *scale = gf_onnx_alloc(w->o, n, sizeof *scale), *offset = gf_onnx_alloc(w->o, n, sizeof *offset);
    if (!scale || !offset) return gf_fail_memory(w->err, n, "an ONNX model");
    for (size_t i = 0; i < n; i++) {
        scale[i] = l->at.scale[n <= 4 ? i : 0];
        offset[i] = l->at.offset[n <= 4 ? i : 0];
    }
    bool one = true;
    if (w->m->layer[l->src[0]].at.dtype == GF_S32) {
        const char *floats = gf_oo_name(w, "%s/floats", l->name);
        gf_oo_int(w, gf_oo_node(w, "Cast", floats, in, NULL, NULL), "to", GF_ONNX_FLOAT);
        in = floats;
    }
    for (size_t i = 1; i < n; i++) one &= scale[i] == scale[0] && offset[i] == offset[0];
    if (one) { /* of all channels */
        const char *scaled = gf_oo_name(w, "%s/scaled", l->name);
        gf_oo_node(w, "Mul", scaled, in, gf_oo_scalar(w, gf_oo_name(w, "%s/scale", l->name), scale[0]), NULL);
        gf_oo_node(w, "Add", out, scaled, gf_oo_scalar(w, gf_oo_name(w, "%s/offset", l->name), offset[0]), NULL);
    } else {
        affine(w, l, scale, offset, in, out);
    }
    return GRAFT_OK;
}

static graft_status layer_scale(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    size_t n;
    affine(w, l, values(w, l, "gamma", &n), NULL, in, out);
    return GRAFT_OK;
}

/* ---- activations, merging */

static graft_status activation(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    return gf_oo_act(w, l->name, l->at.act, l->at.alpha, in, out);
}

static graft_status softmax(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    int64_t axis = l->shape.rank == 3 ? 1 : -1;
    gf_oo_int(w, gf_oo_node(w, l->at.log ? "LogSoftmax" : "Softmax", out, in, NULL, NULL), "axis", axis);
    return GRAFT_OK;
}

static graft_status merge(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const char *op = l->cls == &gf_layer_add ? "Add" : "Mul", *sum = in;
    for (int k = 1; k < l->n_src; k++) {
        const char *to = k + 1 == l->n_src ? out : gf_oo_name(w, "%s/sum%d", l->name, k);
        gf_oo_node(w, op, to, sum, gf_oo_value(w, l->src[k]), NULL);
        sum = to;
    }
    if (l->n_src == 1) gf_oo_node(w, "Identity", out, in, NULL, NULL);
    return GRAFT_OK;
}

static graft_status concatenate(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    static const int64_t axes[] = {2, 3, 1}; /* of h, w, c */
    gf_onnx_node *n = gf_oo_node(w, "Concat", out, in, NULL, NULL);
    for (int k = 1; n && k < l->n_src && !w->failed; k++) n->input[n->n_inputs++] = gf_oo_value(w, l->src[k]);
    gf_oo_int(w, n, "axis", l->shape.rank == 3 ? axes[l->at.axis] : l->at.axis + 1);
    return GRAFT_OK;
}

/* ---- shapes */

static graft_status zero_padding(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const char *name = gf_oo_name(w, "%s/pads", l->name);
    const int64_t map[] = {0, 0, l->at.pt, l->at.pl, 0, 0, l->at.pb, l->at.pr};
    const int64_t steps[] = {0, l->at.pl, 0, 0, l->at.pr, 0};
    gf_oo_int_tensor(w, name, l->at.sequence ? steps : map, l->at.sequence ? 6 : 8);
    gf_oo_node(w, "Pad", out, in, name, NULL);
    return GRAFT_OK;
}

static graft_status cropping(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const char *start = gf_oo_name(w, "%s/start", l->name), *end = gf_oo_name(w, "%s/end", l->name);
    const char *axes = gf_oo_name(w, "%s/axes", l->name);
    const int64_t *d = l->shape.dim, from[] = {l->at.pt, l->at.pl}, to[] = {l->at.pt + d[0], l->at.pl + d[1]};
    const size_t first = l->at.sequence;
    gf_oo_int_tensor(w, start, from + first, 2 - first);
    gf_oo_int_tensor(w, end, first ? (int64_t[]){l->at.pl + d[0]} : to, 2 - first);
    gf_oo_int_tensor(w, axes, first ? (int64_t[]){1} : (int64_t[]){2, 3}, 2 - first);
    gf_onnx_node *n = gf_oo_node(w, "Slice", out, in, start, end);
    if (n && !w->failed) n->input[n->n_inputs++] = axes;
    return GRAFT_OK;
}

static graft_status upsampling(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const char *scales = gf_oo_name(w, "%s/scales", l->name);
    const float map[4] = {1, 1, (float)l->at.factor_h, (float)l->at.factor_w}, steps[3] = {1, (float)l->at.factor_w, 1};
    const size_t rank = l->at.sequence ? 3 : 4;
    float *to = gf_oo_tensor(w, scales, &GF_SHAPE((int64_t)rank));
    if (to) memcpy(to, l->at.sequence ? steps : map, rank * sizeof *to);
    gf_onnx_node *n = gf_oo_node(w, "Resize", out, in, "", scales);
    gf_oo_text(w, n, "mode", l->at.bilinear ? "linear" : "nearest");
    gf_oo_text(w, n, "coordinate_transformation_mode", l->at.bilinear ? "half_pixel" : "asymmetric");
    if (!l->at.bilinear) gf_oo_text(w, n, "nearest_mode", "floor");
    return GRAFT_OK;
}

static graft_status flatten(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    gf_oo_int(w, gf_oo_node(w, "Flatten", out, in_order(w, l, in), NULL, NULL), "axis", 1);
    return GRAFT_OK;
}

static graft_status reshape(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    int64_t dims[GF_MAX_RANK + 1] = {0}; /* 0: as it is, the batch */
    const char *name = gf_oo_name(w, "%s/shape", l->name), *own = before_back(w, l, out);
    for (int i = 0; i < l->shape.rank; i++) dims[i + 1] = l->shape.dim[i];
    gf_oo_int_tensor(w, name, dims, (size_t)l->shape.rank + 1);
    gf_oo_node(w, "Reshape", own, in_order(w, l, in), name, NULL);
    back(w, l, own, out);
    return GRAFT_OK;
}

static graft_status permute(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    int64_t perm[GF_MAX_RANK + 1] = {0};
    const char *own = before_back(w, l, out);
    for (int i = 0; i < l->shape.rank; i++) perm[i + 1] = l->at.permute[i] + 1;
    gf_onnx_node *n = gf_oo_node(w, "Transpose", own, in_order(w, l, in), NULL, NULL);
    gf_oo_ints(w, n, "perm", perm, (size_t)l->shape.rank + 1);
    back(w, l, own, out);
    return GRAFT_OK;
}

static graft_status dropout(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    gf_oo_node(w, "Dropout", out, in, gf_oo_scalar(w, gf_oo_name(w, "%s/ratio", l->name), l->at.rate), NULL);
    return GRAFT_OK;
}

static graft_status identity(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    (void)l;
    gf_oo_node(w, "Identity", out, in, NULL, NULL);
    return GRAFT_OK;
}

/* Any number of images adds it to what it has. */
static graft_status embedding(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    (void)in;
    size_t n;
    const float *from = values(w, l, "embeddings", &n);
    const char *name = gf_oo_param_name(w, l, "embeddings");
    float *to = gf_oo_param_tensor(w, l, name, &l->shape);
    if (to && from) memcpy(to, from, n * sizeof *to);
    gf_oo_node(w, "Identity", out, name, NULL, NULL);
    return GRAFT_OK;
}

/* ---- attention */

/* A projection's kernel as a matrix; *bias gets the name of its bias, or NULL. */
static const char *projection(gf_oo *w, const gf_layer *l, const char *what, int64_t in, const char **bias)
{
    const char *names[2], *ending[] = {"kernel", "bias"};
    for (int i = 0; i < 2; i++) {
        char var[48];
        size_t n;
        snprintf(var, sizeof var, "%s/%s", what, ending[i]);
        const float *from = values(w, l, var, &n);
        names[i] = from ? gf_oo_param_name(w, l, var) : NULL;
        gf_shape shape = i ? GF_SHAPE((int64_t)n) : GF_SHAPE(in, (int64_t)n / in);
        float *to = from ? gf_oo_param_tensor(w, l, names[i], &shape) : NULL;
        if (to) memcpy(to, from, n * sizeof *to);
    }
    *bias = names[1];
    return names[0] ? names[0] : "";
}

/* (n, places..., channels) -> what a projection makes of it, called `out` */
static void project(gf_oo *w, const gf_layer *l, const char *what, int64_t in, const char *from, const char *out)
{
    const char *bias, *kernel_name = projection(w, l, what, in, &bias);
    const char *product = bias ? gf_oo_name(w, "%s/%s/product", l->name, what) : out;
    gf_oo_node(w, "MatMul", product, from, kernel_name, NULL);
    if (bias) gf_oo_node(w, "Add", out, product, bias, NULL);
}

/* The same of source k by heads: (n, heads, places, channels), or turned for the key: (n, heads, channels, places). */
static const char *heads_of(gf_oo *w, const gf_layer *l, int k, const char *what, int64_t channels, bool turn)
{
    static const int64_t straight[] = {0, 2, 1, 3}, transposed_round[] = {0, 2, 3, 1};
    const gf_shape *s = &w->m->layer[l->src[k]].shape;
    const char *in = gf_oo_value(w, l->src[k]), *flat = gf_oo_name(w, "%s/%s", l->name, what);
    const char *split = gf_oo_name(w, "%s/%s/split", l->name, what), *to = gf_oo_name(w, "%s/%s/heads", l->name, what);
    const char *shape = gf_oo_name(w, "%s/%s/shape", l->name, what);
    if (s->rank == 3) in = transposed(w, l, in, NULL, to_nhwc, 4);
    project(w, l, what, s->dim[s->rank - 1], in, flat);
    gf_oo_int_tensor(w, shape, (int64_t[]){0, -1, l->at.heads, channels}, 4);
    gf_oo_node(w, "Reshape", split, flat, shape, NULL);
    return transposed(w, l, split, to, turn ? transposed_round : straight, 4);
}

/* 0 where a place sees another, else so low that its weight is 0. */
static const char *causal_mask(gf_oo *w, const gf_layer *l, const char *scores)
{
    const gf_shape *q = source_shape(w, l), *k = &w->m->layer[l->src[1]].shape;
    int64_t rows = (int64_t)gf_count(q) / q->dim[q->rank - 1], n = (int64_t)gf_count(k) / k->dim[k->rank - 1];
    const char *mask = gf_oo_name(w, "%s/mask", l->name), *masked = gf_oo_name(w, "%s/masked", l->name);
    float *to = gf_oo_tensor(w, mask, &GF_SHAPE(rows, n));
    for (int64_t i = 0; to && i < rows * n; i++) to[i] = i % n > i / n ? -1e9f : 0;
    gf_oo_node(w, "Add", masked, scores, mask, NULL);
    return masked;
}

static graft_status attention(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    (void)in;
    static const int64_t positions_first[] = {0, 2, 1, 3};
    const int64_t *d = l->shape.dim, inner = l->at.heads * l->at.value_dim;
    const char *q = heads_of(w, l, 0, "query", l->at.key_dim, false);
    const char *k = heads_of(w, l, l->n_src - 1, "key", l->at.key_dim, true);
    const char *v = heads_of(w, l, 1, "value", l->at.value_dim, false);
    const char *products = gf_oo_name(w, "%s/products", l->name), *scores = gf_oo_name(w, "%s/scores", l->name);
    const char *weights = gf_oo_name(w, "%s/weights", l->name), *mixed = gf_oo_name(w, "%s/mixed", l->name);
    const char *shape = gf_oo_name(w, "%s/places", l->name), *joined = gf_oo_name(w, "%s/joined", l->name);
    const char *scale = gf_oo_scalar(w, gf_oo_name(w, "%s/scale", l->name), 1 / sqrtf((float)l->at.key_dim));
    const char *own = before_back(w, l, out);
    gf_oo_node(w, "MatMul", products, q, k, NULL);
    gf_oo_node(w, "Mul", scores, products, scale, NULL);
    if (l->at.causal) scores = causal_mask(w, l, scores);
    gf_oo_int(w, gf_oo_node(w, "Softmax", weights, scores, NULL, NULL), "axis", -1);
    gf_oo_node(w, "MatMul", mixed, weights, v, NULL);
    if (l->shape.rank == 3) {
        gf_oo_int_tensor(w, shape, (int64_t[]){0, d[0], d[1], inner}, 4);
    } else {
        gf_oo_int_tensor(w, shape, (int64_t[]){0, d[0], inner}, 3);
    }
    gf_oo_node(w, "Reshape", joined, transposed(w, l, mixed, NULL, positions_first, 4), shape, NULL);
    project(w, l, "attention_output", inner, joined, own);
    back(w, l, own, out);
    return GRAFT_OK;
}

static const struct {
    const gf_layer_class *cls;
    write_fn write;
} table[] = {
    {&gf_layer_conv2d, conv},
    {&gf_layer_depthwise, conv},
    {&gf_layer_separable, separable},
    {&gf_layer_dense, dense},
    {&gf_layer_batch_norm, batch_norm},
    {&gf_layer_layer_norm, layer_norm},
    {&gf_layer_group_norm, group_norm},
    {&gf_layer_normalization, normalization},
    {&gf_layer_rescaling, rescaling},
    {&gf_layer_layer_scale, layer_scale},
    {&gf_layer_attention, attention},
    {&gf_layer_embedding, embedding},
    {&gf_layer_relu, activation},
    {&gf_layer_activation, activation},
    {&gf_layer_leaky_relu, activation},
    {&gf_layer_elu, activation},
    {&gf_layer_softmax, softmax},
    {&gf_layer_add, merge},
    {&gf_layer_multiply, merge},
    {&gf_layer_concatenate, concatenate},
    {&gf_layer_zero_padding, zero_padding},
    {&gf_layer_cropping, cropping},
    {&gf_layer_upsampling, upsampling},
    {&gf_layer_max_pool, pool},
    {&gf_layer_avg_pool, pool},
    {&gf_layer_global_pool, global_pool},
    {&gf_layer_global_max_pool, global_pool},
    {&gf_layer_flatten, flatten},
    {&gf_layer_reshape, reshape},
    {&gf_layer_permute, permute},
    {&gf_layer_dropout, dropout},
    {&gf_layer_identity, identity},
};

graft_status gf_oo_layer(gf_oo *w, int layer)
{
    const gf_layer *l = &w->m->layer[layer];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].cls == l->cls) return table[i].write(w, l, gf_oo_value(w, l->src[0]), gf_oo_value(w, layer));
    }
    return gf_fail(w->err, GF_E_ONNX_EXPORT, NULL, "layer %s (%s) cannot be written as ONNX", GF_ESC(l->name),
                   gf_layer_class_name(l));
}
