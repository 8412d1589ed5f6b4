/* onnx_nodes.c - an operator a function: how a node becomes a layer. */
#include "exchange/onnx_in.h"

#include <string.h>

/* ---- windows */

/* A window's height and width; of a sequence the width alone. */
static graft_status sides(gf_oi *s, const gf_onnx_node *n, const char *name, int height, int width, bool sequence,
                          int *first, int *second)
{
    const gf_onnx_attr *a = gf_onnx_attribute(n, name);
    const size_t dimensions = sequence ? 1 : 2;
    enum { LARGEST = 1 << 16 };
    *first = height;
    *second = width;
    if (!a) return GRAFT_OK;
    bool fits = a->n_ints == dimensions;
    for (size_t i = 0; i < dimensions && fits; i++) fits = a->ints[i] > 0 && a->ints[i] < LARGEST;
    if (!fits) return gf_oi_refuse(s, n, "a window of other dimensions than its input has");
    *first = sequence ? 1 : (int)a->ints[0];
    *second = (int)a->ints[dimensions - 1];
    return GRAFT_OK;
}

/* SAME_LOWER puts the larger half first, which Keras never does. */
static void same_lower(int64_t in, int64_t k, int stride, int *before, int *after)
{
    int64_t out = (in + stride - 1) / stride, total = (out - 1) * stride + k - in;
    if (total < 0) total = 0;
    *after = (int)(total / 2);
    *before = (int)(total - total / 2);
}

static graft_status padding(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, gf_layer *l)
{
    const gf_onnx_attr *mode = gf_onnx_attribute(n, "auto_pad"), *pads = gf_onnx_attribute(n, "pads");
    const char *how = mode ? mode->s : "NOTSET";
    enum { LARGEST = 1 << 16 };
    if (!strcmp(how, "SAME_UPPER")) {
        l->at.padding = GF_PAD_SAME;
    } else if (!strcmp(how, "SAME_LOWER")) {
        l->at.padding = GF_PAD_EXPLICIT;
        int64_t reach_h = ((int64_t)l->at.kh - 1) * l->at.dh + 1, reach_w = ((int64_t)l->at.kw - 1) * l->at.dw + 1;
        if (!l->at.sequence) same_lower(v->shape.dim[2], reach_h, l->at.sh, &l->at.pt, &l->at.pb);
        same_lower(v->shape.dim[v->shape.rank - 1], reach_w, l->at.sw, &l->at.pl, &l->at.pr);
    } else if (!strcmp(how, "NOTSET") && pads) {
        const size_t ends = l->at.sequence ? 2 : 4;
        const int64_t *p = pads->ints;
        bool fits = pads->n_ints == ends;
        for (size_t i = 0; fits && i < ends; i++) fits = p[i] >= 0 && p[i] < LARGEST;
        if (!fits) return gf_oi_refuse(s, n, "padding that is negative or of other dimensions than its input has");
        if (!l->at.sequence) l->at.pt = (int)p[0], l->at.pb = (int)p[2];
        l->at.pl = (int)p[ends / 2 - 1], l->at.pr = (int)p[ends - 1];
        bool any = l->at.pt || l->at.pl || l->at.pb || l->at.pr;
        l->at.padding = any ? GF_PAD_EXPLICIT : GF_PAD_VALID;
    } else if (strcmp(how, "VALID") && strcmp(how, "NOTSET") && *how) {
        return gf_oi_refuse(s, n, "an unknown auto_pad");
    }
    return GRAFT_OK;
}

static graft_status window(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, gf_layer *l)
{
    const bool sequence = l->at.sequence = v->shape.rank == 3;
    if (sequence) l->at.kh = 1;
    GF_TRY(sides(s, n, "dilations", 1, 1, sequence, &l->at.dh, &l->at.dw));
    bool pools = l->cls == &gf_layer_max_pool || l->cls == &gf_layer_avg_pool;
    if (pools && (l->at.dh != 1 || l->at.dw != 1)) return gf_oi_refuse(s, n, "dilations other than 1");
    GF_TRY(sides(s, n, "kernel_shape", l->at.kh, l->at.kw, sequence, &l->at.kh, &l->at.kw));
    GF_TRY(sides(s, n, "strides", 1, 1, sequence, &l->at.sh, &l->at.sw));
    return padding(s, n, v, l);
}

/* ---- convolution and what folds into it */

static graft_status conv(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    gf_oi_const *kernel = gf_oi_weights(s, n, 1), *bias = gf_oi_weights(s, n, 2);
    const gf_onnx_node *add = NULL;
    GF_TRY(gf_oi_map_input(s, n, &v));
    if (!kernel || kernel->shape.rank != v->shape.rank) {
        return gf_oi_refuse(s, n, "its kernel is no constant of as many dimensions as its input");
    }
    const int64_t *k = kernel->shape.dim, channels = v->shape.dim[1], groups = gf_oi_int(n, "group", 1);
    const int64_t kh = kernel->shape.rank == 4 ? k[2] : 1, kw = k[kernel->shape.rank - 1];
    enum { LARGEST = 1 << 24 };
    bool fits = groups > 0 && groups <= channels && k[0] > 0 && k[0] < LARGEST && k[1] > 0 && channels % groups == 0 &&
                k[1] == channels / groups && k[0] % groups == 0 && kh > 0 && kh < 65536 && kw > 0 && kw < 65536;
    if (!fits) return gf_oi_refuse(s, n, "its kernel does not fit its input");

    gf_layer l = {.cls = &gf_layer_conv2d, .n_src = 1, .src = {v->layer}};
    l.at.filters = (int)k[0];
    l.at.kh = (int)kh;
    l.at.kw = (int)kw;
    GF_TRY(window(s, n, v, &l));
    if (l.at.kh != kh || l.at.kw != kw) return gf_oi_refuse(s, n, "kernel_shape is not its kernel's");
    l.at.groups = (int)groups;
    if (groups > 1 && groups == channels) {
        l.cls = &gf_layer_depthwise;
        l.at.multiplier = (int)(k[0] / groups);
    }
    gf_oi_value like = {.shape = {v->shape.rank, {1, k[0], 1, 1}}, .layout = GF_OI_NCHW};
    if (!bias) bias = gf_oi_following_bias(s, n, &like, &add);
    l.at.use_bias = bias != NULL;
    if (bias && gf_count(&bias->shape) != (size_t)k[0]) return gf_oi_refuse(s, n, "its bias does not fit its kernel");

    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, gf_oi_weights_name(n, 1), &layer));
    gf_oi_fill fill = {.layer = layer, .var = "kernel", .from = kernel, .how = GF_OI_OIHW, .factor = 1};
    GF_TRY(gf_oi_fill_later(s, fill));
    if (bias) GF_TRY(gf_oi_fill_later(s, gf_oi_vector(layer, "bias", bias)));
    return gf_oi_set_map(s, add ? add : n, layer);
}

static graft_status batch_norm(gf_oi *s, const gf_onnx_node *n)
{
    static const char *const vars[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    gf_oi_value *v = gf_oi_input(s, n, 0);
    if (!v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_materialize(s, v));
    if (v->layout != GF_OI_NCHW && v->layout != GF_OI_FLAT)
        return gf_oi_refuse(s, n, "channels are not its dimension 1");
    if (!gf_oi_int(n, "spatial", 1)) return gf_oi_refuse(s, n, "of each place by itself (spatial 0)");
    if (gf_oi_int(n, "training_mode", 0)) return gf_oi_refuse(s, n, "in training mode");
    gf_layer l = {.cls = &gf_layer_batch_norm, .n_src = 1, .src = {v->layer}};
    l.at.epsilon = gf_oi_float(n, "epsilon", 1e-5f);
    l.at.momentum = gf_oi_float(n, "momentum", 0.9f);
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, gf_oi_weights_name(n, 1), &layer));
    for (size_t k = 0; k < 4; k++) {
        gf_oi_const *c = gf_oi_weights(s, n, k + 1);
        if (!c || gf_count(&c->shape) != gf_layer_channels(&s->m->layer[layer])) {
            return gf_oi_refuse(s, n, "its scale, bias, mean and variance are not constants of one per channel");
        }
        GF_TRY(gf_oi_fill_later(s, gf_oi_vector(layer, vars[k], c)));
    }
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

/* Over channels, which must be the file's last dimension. */
static graft_status layer_norm(gf_oi *s, const gf_onnx_node *n)
{
    static const char *const vars[] = {"gamma", "beta"};
    gf_oi_value *v = gf_oi_input(s, n, 0);
    if (!v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_materialize(s, v));
    int64_t axis = gf_oi_int(n, "axis", -1);
    if (axis < 0) axis += v->shape.rank;
    bool last = axis == v->shape.rank - 1 && (v->layout == GF_OI_NHWC || v->layout == GF_OI_FLAT);
    if (!last || n->n_outputs != 1) return gf_oi_refuse(s, n, "other than over channels");
    gf_layer l = {.cls = &gf_layer_layer_norm, .n_src = 1, .src = {v->layer}};
    l.at.epsilon = gf_oi_float(n, "epsilon", 1e-5f);
    l.at.no_scale = !gf_oi_weights(s, n, 1);
    l.at.no_center = !gf_oi_weights(s, n, 2);
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, gf_oi_weights_name(n, 1), &layer));
    for (size_t k = 0; k < 2; k++) {
        gf_oi_const *c = gf_oi_weights(s, n, k + 1);
        if (!c) continue;
        if (gf_count(&c->shape) != gf_layer_channels(&s->m->layer[layer])) {
            return gf_oi_refuse(s, n, "its scale and bias are not one per channel");
        }
        GF_TRY(gf_oi_fill_later(s, gf_oi_vector(layer, vars[k], c)));
    }
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

/* ---- pooling */

/* ceil_mode: one more window where the last would be cut off. The border behind it counts for nothing: averages must
 * not count padding for this to be exact. */
static graft_status ceil_mode(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, gf_layer *l)
{
    if (!gf_oi_int(n, "ceil_mode", 0) || l->at.padding == GF_PAD_SAME) return GRAFT_OK;
    if (l->at.sequence) return gf_oi_refuse(s, n, "ceil_mode of a sequence");
    const int64_t in[2] = {v->shape.dim[2] + l->at.pt + l->at.pb, v->shape.dim[3] + l->at.pl + l->at.pr};
    const int64_t real[2] = {v->shape.dim[2] + l->at.pt, v->shape.dim[3] + l->at.pl};
    const int k[2] = {l->at.kh, l->at.kw}, stride[2] = {l->at.sh, l->at.sw};
    int *after[2] = {&l->at.pb, &l->at.pr}, more = 0;
    for (int i = 0; i < 2; i++) {
        int64_t rest = in[i] >= k[i] ? (in[i] - k[i]) % stride[i] : 0;
        int64_t start = rest ? in[i] - k[i] - rest + stride[i] : 0; /* of the added window: it must begin inside */
        if (!rest || start >= real[i]) continue;
        *after[i] += (int)(stride[i] - rest);
        more++;
    }
    bool padded = l->at.padding == GF_PAD_EXPLICIT;
    if (more) l->at.padding = GF_PAD_EXPLICIT;
    if (more && l->at.count_padding && padded) return gf_oi_refuse(s, n, "ceil_mode with count_include_pad");
    if (more) l->at.count_padding = false;
    return GRAFT_OK;
}

static graft_status pool(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(gf_oi_map_input(s, n, &v));
    bool max = !strcmp(n->op, "MaxPool");
    gf_layer l = {.cls = max ? &gf_layer_max_pool : &gf_layer_avg_pool, .n_src = 1, .src = {v->layer}};
    l.at.count_padding = !max && gf_oi_int(n, "count_include_pad", 0);
    GF_TRY(window(s, n, v, &l));
    if (!l.at.kw) return gf_oi_refuse(s, n, "it has no kernel_shape");
    if (l.at.padding == GF_PAD_VALID) l.at.count_padding = false; /* there is nothing to count */
    GF_TRY(ceil_mode(s, n, v, &l));
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set_map(s, n, layer);
}

static graft_status add_global(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, bool max, bool keeps)
{
    gf_layer l = {.cls = max ? &gf_layer_global_max_pool : &gf_layer_global_pool, .n_src = 1, .src = {v->layer}};
    l.at.keepdims = keeps;
    l.at.sequence = v->shape.rank == 3;
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    int64_t c = (int64_t)gf_layer_channels(&s->m->layer[v->layer]);
    if (!keeps) return gf_oi_set(s, n, layer, GF_OI_FLAT, &GF_SHAPE(1, c));
    gf_shape shape = {v->shape.rank, {1, 1, 1, 1}};
    shape.dim[v->layout == GF_OI_NCHW ? 1 : v->shape.rank - 1] = c;
    return gf_oi_set(s, n, layer, v->layout, &shape);
}

static graft_status global_pool(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(gf_oi_map_input(s, n, &v));
    return add_global(s, n, v, !strcmp(n->op, "GlobalMaxPool"), true);
}

static graft_status reduce(gf_oi *s, const gf_onnx_node *n)
{
    int64_t axes[2 * GF_MAX_RANK];
    int count, seen = 0;
    gf_oi_value *v = gf_oi_input(s, n, 0);
    if (!v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_int_list(s, n, 1, "axes", axes, &count));
    GF_TRY(gf_oi_materialize(s, v));
    bool map = gf_oi_is_map(v);
    int first = v->layout == GF_OI_NCHW ? 2 : 1, positions = v->shape.rank - 2;
    for (int i = 0; map && i < count; i++) {
        int64_t axis = gf_oi_axis(v, axes[i]);
        if (axis >= first && axis < first + positions) seen |= 1 << (axis - first);
    }
    if (!map || count != positions || seen != (1 << positions) - 1) {
        return gf_oi_refuse(s, n, "other than over height and width");
    }
    return add_global(s, n, v, !strcmp(n->op, "ReduceMax"), gf_oi_int(n, "keepdims", 1) != 0);
}

/* Over each channel of an image by itself; of (n, groups, ...), which a map was given the shape of, over groups. */
static graft_status instance_norm(gf_oi *s, const gf_onnx_node *n)
{
    static const char *const vars[] = {"gamma", "beta"};
    gf_oi_value *v = gf_oi_input(s, n, 0);
    if (!v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_materialize(s, v));
    const gf_layer *from = &s->m->layer[v->layer];
    int64_t groups = v->shape.dim[1], channels = (int64_t)gf_layer_channels(from);
    bool map = from->shape.rank == 2 || from->shape.rank == 3;
    bool fits = (v->layout == GF_OI_NCHW || v->layout == GF_OI_FLAT_CHW) && v->shape.rank >= 3 && map;
    if (!fits || channels % groups)
        return gf_oi_refuse(s, n, "other than over the channels of a map, or groups of them");
    gf_oi_const *given[2], *each[2];
    bool plain = true;
    for (int k = 0; k < 2; k++) {
        given[k] = gf_oi_weights(s, n, (size_t)k + 1);
        const float *x = given[k] && (int64_t)gf_count(&given[k]->shape) == groups ? gf_oi_floats(s, given[k]) : NULL;
        each[k] = x ? gf_oi_make_const(s, &GF_SHAPE(channels), false) : NULL;
        if (!each[k]) return gf_oi_refuse(s, n, "its scale and bias are not constants of one per channel");
        each[k]->of = given[k]->of ? given[k]->of : given[k];
        for (int64_t c = 0; c < channels; c++) each[k]->f[c] = x[c / (channels / groups)];
        for (int64_t c = 0; c < channels; c++) plain &= each[k]->f[c] == (float)!k;
    }
    gf_layer l = {.cls = &gf_layer_group_norm, .n_src = 1, .src = {v->layer}};
    l.at.norm_groups = (int)groups;
    l.at.epsilon = gf_oi_float(n, "epsilon", 1e-5f);
    l.at.no_scale = l.at.no_center = plain;
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, gf_oi_weights_name(n, 1), &layer));
    for (int k = 0; k < 2 && !plain; k++) GF_TRY(gf_oi_fill_later(s, gf_oi_vector(layer, vars[k], each[k])));
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

/* ---- merging */

/* The node's inputs, alike; *v is the importer's memory. */
static graft_status all_inputs(gf_oi *s, const gf_onnx_node *n, gf_oi_value ***v)
{
    *v = gf_onnx_alloc(&s->mem, n->n_inputs + 1, sizeof **v);
    if (!*v) return gf_oi_no_memory(s);
    for (size_t k = 0; k < n->n_inputs; k++) {
        (*v)[k] = gf_oi_input(s, n, k);
        if (!(*v)[k]) return gf_oi_refuse(s, n, "an input is left out");
    }
    return n->n_inputs ? gf_oi_alike(s, n, *v, n->n_inputs) : gf_oi_refuse(s, n, "it has no input");
}

static graft_status concat(gf_oi *s, const gf_onnx_node *n)
{
    int64_t axis = gf_oi_int(n, "axis", 1), along = 0;
    gf_layer l = {.cls = &gf_layer_concatenate};
    gf_oi_value **v;
    int layer = -1;
    GF_TRY(all_inputs(s, n, &v));
    const gf_oi_value *first = v[0];
    if (axis < 0) axis += first->shape.rank;
    l.at.axis = gf_oi_own_axis(first, axis);
    if (l.at.axis < 0) return gf_oi_refuse(s, n, "of values whose dimensions lie differently");
    for (size_t k = 0; k < n->n_inputs; k++) {
        along += v[k]->shape.dim[axis];
        l.src[l.n_src++] = v[k]->layer;
        bool last = k + 1 == n->n_inputs;
        if (l.n_src < GF_OP_MAX_SRC && !last) continue;
        if (last && l.n_src == 1) { /* a concatenation of one */
            layer = l.src[0];
            continue;
        }
        GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
        l.src[0] = layer; /* more than fit into one go on behind it */
        l.n_src = 1;
    }
    gf_shape shape = first->shape;
    shape.dim[axis] = along;
    return gf_oi_set(s, n, layer, first->layout, &shape);
}

/* Add of any number of values. */
static graft_status sum(gf_oi *s, const gf_onnx_node *n)
{
    gf_layer l = {.cls = &gf_layer_add};
    gf_oi_value *first = gf_oi_input(s, n, 0), **v;
    int layer;
    if (n->n_inputs == 1 && first) return gf_oi_alias(s, n, first);
    if (n->n_inputs > GF_OP_MAX_SRC) return gf_oi_refuse(s, n, "of more than 8 values");
    GF_TRY(all_inputs(s, n, &v));
    for (size_t k = 0; k < n->n_inputs; k++) l.src[l.n_src++] = v[k]->layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set(s, n, layer, v[0]->layout, &v[0]->shape);
}

/* ---- dense layers */

/* Input 0 as features; of a map that the file flattened as (c, h, w) the order is put into *fill. */
static graft_status features_of(gf_oi *s, const gf_onnx_node *n, int *layer, gf_oi_fill *fill)
{
    gf_oi_value *v = gf_oi_input(s, n, 0);
    if (!v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_materialize(s, v));
    *layer = v->layer;
    if (v->layout == GF_OI_FLAT && v->shape.rank == 2) return GRAFT_OK;
    if (v->layout == GF_OI_NHWC && gf_oi_is_map(v)) return GRAFT_OK; /* at each place by itself */
    if (v->layout != GF_OI_FLAT_CHW) return gf_oi_refuse(s, n, "its input is not (n, features)");
    const gf_shape *map = &s->m->layer[v->layer].shape;
    if (v->shape.rank != 2) return gf_oi_refuse(s, n, "its input is not (n, features)");
    fill->c = (int)map->dim[map->rank - 1], fill->h = 1, fill->w = (int)(gf_count(map) / (size_t)fill->c);
    gf_layer l = {.cls = &gf_layer_flatten, .n_src = 1, .src = {v->layer}};
    return gf_oi_add_layer(s, l, n, NULL, layer);
}

static graft_status dense(gf_oi *s, const gf_onnx_node *n)
{
    bool gemm = !strcmp(n->op, "Gemm");
    gf_oi_const *kernel = gf_oi_weights(s, n, 1), *bias = gemm ? gf_oi_weights(s, n, 2) : NULL;
    const gf_onnx_node *add = NULL;
    gf_oi_fill fill = {.var = "kernel", .from = kernel, .how = GF_OI_DENSE, .factor = 1};
    gf_layer l = {.cls = &gf_layer_dense, .n_src = 1};
    if (!kernel || kernel->shape.rank != 2) return gf_oi_refuse(s, n, "its kernel is no constant of 2 dimensions");
    if (gemm && gf_oi_int(n, "transA", 0)) return gf_oi_refuse(s, n, "transA");
    GF_TRY(features_of(s, n, &l.src[0], &fill));
    fill.transposed = gemm && gf_oi_int(n, "transB", 0);
    fill.factor = gemm ? gf_oi_float(n, "alpha", 1) : 1;
    int64_t in = kernel->shape.dim[fill.transposed], units = kernel->shape.dim[!fill.transposed];
    enum { LARGEST = 1 << 24 };
    const gf_shape *from = &s->m->layer[l.src[0]].shape;
    bool map = from->rank > 1, fits = from->dim[from->rank - 1] == in && units > 0 && units < LARGEST;
    if (!fits || (map && gemm)) return gf_oi_refuse(s, n, "its kernel does not fit its input");
    gf_oi_value like = {.shape = GF_SHAPE(1, units), .layout = GF_OI_FLAT};
    if (map) {
        like = (gf_oi_value){.shape = {from->rank + 1, {1, from->dim[0], from->dim[1]}}, .layout = GF_OI_NHWC};
        like.shape.dim[from->rank] = units;
    }
    if (bias) {
        bias = gf_oi_per_channel(s, &like, bias);
        if (!bias) return gf_oi_refuse(s, n, "its bias does not fit its kernel");
    } else {
        bias = gf_oi_following_bias(s, n, &like, &add);
    }
    l.at.units = (int)units;
    l.at.no_bias = !bias;
    GF_TRY(gf_oi_add_layer(s, l, n, gf_oi_weights_name(n, 1), &fill.layer));
    GF_TRY(gf_oi_fill_later(s, fill));
    if (bias) {
        gf_oi_fill b = gf_oi_vector(fill.layer, "bias", bias);
        b.factor = gemm && !add ? gf_oi_float(n, "beta", 1) : 1;
        GF_TRY(gf_oi_fill_later(s, b));
    }
    const bool bare = gf_oi_input(s, n, 0)->bare;
    GF_TRY(gf_oi_set(s, add ? add : n, fill.layer, like.layout, &like.shape));
    if (add) gf_oi_find(s, add->output[0])->bare = bare;
    return GRAFT_OK;
}

/* ---- the rest */

/* An input of integers as floats. */
static graft_status floats_of(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v)
{
    gf_layer l = {.cls = &gf_layer_rescaling, .n_src = 1, .src = {v->layer}};
    for (int c = 0; c < 4; c++) l.at.scale[c] = 1;
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

/* Identity, and Cast from one kind of floats to another. */
static graft_status same(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t to = gf_oi_int(n, "to", GF_ONNX_FLOAT);
    bool floats = to == GF_ONNX_FLOAT || to == GF_ONNX_FLOAT16 || to == GF_ONNX_DOUBLE || to == GF_ONNX_BFLOAT16;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    if (!floats) return gf_oi_refuse(s, n, "to integers");
    bool integers = v->layer >= 0 && s->m->layer[v->layer].at.dtype == GF_S32;
    if (integers && !strcmp(n->op, "Cast")) return floats_of(s, n, v);
    return gf_oi_alias(s, n, v);
}

/* Blue first: of the image, before any arithmetic, it is preprocessing. */
static graft_status gather(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v = gf_oi_input(s, n, 0);
    gf_oi_const *c = gf_oi_weights(s, n, 1);
    const int64_t *order = c && gf_count(&c->shape) == 3 ? gf_oi_ints(s, c) : NULL;
    bool turns = order && order[0] == 2 && order[1] == 1 && order[2] == 0;
    gf_layer *l = &s->m->layer[s->input_layer < 0 ? 0 : s->input_layer];
    bool first = v && v->layer == s->input_layer && v->uses == 1 && !v->shared && !s->prepares && l->shape.dim[2] == 3;
    int64_t axis = gf_oi_int(n, "axis", 0);
    if (!first || !turns || (axis < 0 ? axis + 4 : axis) != (v->layout == GF_OI_NCHW ? 1 : 3)) {
        return gf_oi_refuse(s, n, "other than red, green, blue turned round at the beginning");
    }
    l->at.bgr = !l->at.bgr;
    return gf_oi_alias(s, n, v);
}

static graft_status dropout(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    gf_oi_const *c = gf_oi_weights(s, n, 1);
    const float *ratio = c && gf_count(&c->shape) == 1 ? gf_oi_floats(s, c) : NULL;
    gf_layer l = {.cls = &gf_layer_dropout, .n_src = 1};
    l.at.rate = ratio ? *ratio : gf_oi_float(n, "ratio", 0.5f);
    if (!(l.at.rate > 0 && l.at.rate < 1)) return gf_oi_alias(s, n, v);
    GF_TRY(gf_oi_materialize(s, v));
    l.src[0] = v->layer;
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

static graft_status softmax(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(gf_oi_map_or_flat(s, n, &v));
    GF_TRY(gf_oi_materialize(s, v));
    int64_t axis = gf_oi_axis(v, gf_oi_int(n, "axis", s->o->opset < 13 ? 1 : -1));
    bool one_position = v->layout == GF_OI_NCHW && v->shape.rank == 4 && v->shape.dim[2] == 1 && v->shape.dim[3] == 1;
    bool fits = axis == 1 && (v->layout == GF_OI_FLAT || v->layout == GF_OI_NCHW);
    if (s->o->opset < 13) fits &= v->layout == GF_OI_FLAT || one_position; /* it took all dimensions from there on */
    fits |= axis == v->shape.rank - 1 && v->layout == GF_OI_NHWC;
    fits |= one_position && gf_oi_own_axis(v, axis) == v->shape.rank - 2;
    if (!fits) return gf_oi_refuse(s, n, "over other than channels");
    gf_layer l = {.cls = &gf_layer_softmax, .n_src = 1, .src = {v->layer}};
    l.at.log = !strcmp(n->op, "LogSoftmax");
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

static const struct {
    const char *op;
    gf_oi_handler handler;
} handlers[] = {
    {"Conv", conv},
    {"BatchNormalization", batch_norm},
    {"LayerNormalization", layer_norm},
    {"MaxPool", pool},
    {"AveragePool", pool},
    {"GlobalAveragePool", global_pool},
    {"GlobalMaxPool", global_pool},
    {"ReduceMean", reduce},
    {"ReduceMax", reduce},
    {"Flatten", gf_oi_flatten},
    {"Reshape", gf_oi_reshape},
    {"Squeeze", gf_oi_squeeze},
    {"Unsqueeze", gf_oi_unsqueeze},
    {"Transpose", gf_oi_transpose},
    {"Pad", gf_oi_pad},
    {"Slice", gf_oi_slice},
    {"Resize", gf_oi_resize},
    {"Upsample", gf_oi_resize},
    {"Split", gf_oi_split},
    {"PRelu", gf_oi_prelu},
    {"ArgMax", gf_oi_label},
    {"TopK", gf_oi_label},
    {"Greater", gf_oi_label},
    {"GreaterOrEqual", gf_oi_label},
    {"Less", gf_oi_label},
    {"LessOrEqual", gf_oi_label},
    {"InstanceNormalization", instance_norm},
    {"Concat", concat},
    {"Sum", sum},
    {"Gemm", dense},
    {"MatMul", dense},
    {"Identity", same},
    {"Cast", same},
    {"Gather", gather},
    {"Dropout", dropout},
    {"Softmax", softmax},
    {"LogSoftmax", softmax},
    {"Add", gf_oi_arithmetic},
    {"Sub", gf_oi_arithmetic},
    {"Mul", gf_oi_arithmetic},
    {"Div", gf_oi_arithmetic},
};

gf_oi_handler gf_oi_handler_of(const char *op)
{
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (!strcmp(handlers[i].op, op)) return handlers[i].handler;
    }
    return NULL;
}
