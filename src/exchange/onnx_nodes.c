/* onnx_nodes.c - an operator a function: how a node becomes a layer. */
#include "exchange/onnx_in.h"

#include <string.h>

/* The k-th input as a layer's output with height and width; refused where it has none. */
static graft_status map_input(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v)
{
    *v = gf_oi_input(s, n, 0);
    if (!*v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_materialize(s, *v));
    if ((*v)->layout != GF_OI_NCHW || (*v)->shape.rank != 4) return gf_oi_refuse(s, n, "its input is not (n, c, h, w)");
    return GRAFT_OK;
}

static gf_oi_const *weights(gf_oi *s, const gf_onnx_node *n, size_t k)
{
    gf_oi_value *v = gf_oi_input(s, n, k);
    return v ? v->constant : NULL;
}

static const char *weights_name(const gf_onnx_node *n, size_t k) { return k < n->n_inputs ? n->input[k] : NULL; }

static gf_oi_fill vector(int layer, const char *var, gf_oi_const *from)
{
    return (gf_oi_fill){.layer = layer, .var = var, .from = from, .how = GF_OI_VECTOR, .factor = 1};
}

/* ---- windows */

static graft_status two(gf_oi *s, const gf_onnx_node *n, const char *name, int otherwise, int *first, int *second)
{
    const gf_onnx_attr *a = gf_onnx_attribute(n, name);
    enum { LARGEST = 1 << 16 };
    *first = *second = otherwise;
    if (!a) return GRAFT_OK;
    bool fits = a->n_ints == 2 && a->ints[0] > 0 && a->ints[1] > 0 && a->ints[0] < LARGEST && a->ints[1] < LARGEST;
    if (!fits) return gf_oi_refuse(s, n, "a window of other than two dimensions");
    *first = (int)a->ints[0];
    *second = (int)a->ints[1];
    return GRAFT_OK;
}

/* SAME_LOWER puts the larger half first, which Keras never does. */
static void same_lower(int64_t in, int k, int stride, int *before, int *after)
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
        same_lower(v->shape.dim[2], l->at.kh, l->at.sh, &l->at.pt, &l->at.pb);
        same_lower(v->shape.dim[3], l->at.kw, l->at.sw, &l->at.pl, &l->at.pr);
    } else if (!strcmp(how, "NOTSET") && pads) {
        bool fits = pads->n_ints == 4;
        for (size_t i = 0; fits && i < 4; i++) fits = pads->ints[i] >= 0 && pads->ints[i] < LARGEST;
        if (!fits) return gf_oi_refuse(s, n, "padding that is negative or of other than two dimensions");
        l->at.pt = (int)pads->ints[0], l->at.pl = (int)pads->ints[1];
        l->at.pb = (int)pads->ints[2], l->at.pr = (int)pads->ints[3];
        bool any = l->at.pt || l->at.pl || l->at.pb || l->at.pr;
        l->at.padding = any ? GF_PAD_EXPLICIT : GF_PAD_VALID;
    } else if (strcmp(how, "VALID") && strcmp(how, "NOTSET") && *how) {
        return gf_oi_refuse(s, n, "an unknown auto_pad");
    }
    return GRAFT_OK;
}

static graft_status window(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, gf_layer *l)
{
    int dh, dw;
    GF_TRY(two(s, n, "dilations", 1, &dh, &dw));
    if (dh != 1 || dw != 1) return gf_oi_refuse(s, n, "dilations other than 1");
    GF_TRY(two(s, n, "kernel_shape", l->at.kh, &l->at.kh, &l->at.kw));
    GF_TRY(two(s, n, "strides", 1, &l->at.sh, &l->at.sw));
    return padding(s, n, v, l);
}

/* (h, w, c) -> (1, c, h, w) */
static gf_shape as_nchw(const gf_shape *s) { return GF_SHAPE(1, s->dim[2], s->dim[0], s->dim[1]); }

static graft_status set_map(gf_oi *s, const gf_onnx_node *n, int layer)
{
    gf_shape shape = as_nchw(&s->m->layer[layer].shape);
    return gf_oi_set(s, n, layer, GF_OI_NCHW, &shape);
}

/* ---- convolution and what folds into it */

static graft_status conv(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    gf_oi_const *kernel = weights(s, n, 1), *bias = weights(s, n, 2);
    const gf_onnx_node *add = NULL;
    GF_TRY(map_input(s, n, &v));
    if (!kernel || kernel->shape.rank != 4) return gf_oi_refuse(s, n, "its kernel is no constant of 4 dimensions");
    const int64_t *k = kernel->shape.dim, channels = v->shape.dim[1], groups = gf_oi_int(n, "group", 1);
    enum { LARGEST = 1 << 24 };
    bool fits = groups > 0 && groups <= channels && k[0] > 0 && k[0] < LARGEST && k[1] > 0 && channels % groups == 0 &&
                k[1] == channels / groups && k[0] % groups == 0 && k[2] > 0 && k[2] < 65536 && k[3] > 0 && k[3] < 65536;
    if (!fits) return gf_oi_refuse(s, n, "its kernel does not fit its input");

    gf_layer l = {.cls = &gf_layer_conv2d, .n_src = 1, .src = {v->layer}};
    l.at.filters = (int)k[0];
    l.at.kh = (int)k[2];
    l.at.kw = (int)k[3];
    GF_TRY(window(s, n, v, &l));
    if (l.at.kh != k[2] || l.at.kw != k[3]) return gf_oi_refuse(s, n, "kernel_shape is not its kernel's");
    l.at.groups = (int)groups;
    if (groups > 1 && groups == channels) {
        l.cls = &gf_layer_depthwise;
        l.at.multiplier = (int)(k[0] / groups);
    }
    gf_oi_value like = {.shape = GF_SHAPE(1, k[0], 1, 1), .layout = GF_OI_NCHW};
    if (!bias) bias = gf_oi_following_bias(s, n, &like, &add);
    l.at.use_bias = bias != NULL;
    if (bias && gf_count(&bias->shape) != (size_t)k[0]) return gf_oi_refuse(s, n, "its bias does not fit its kernel");

    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, weights_name(n, 1), &layer));
    gf_oi_fill fill = {.layer = layer, .var = "kernel", .from = kernel, .how = GF_OI_OIHW, .factor = 1};
    GF_TRY(gf_oi_fill_later(s, fill));
    if (bias) GF_TRY(gf_oi_fill_later(s, vector(layer, "bias", bias)));
    return set_map(s, add ? add : n, layer);
}

static graft_status batch_norm(gf_oi *s, const gf_onnx_node *n)
{
    static const char *const vars[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    gf_oi_value *v = gf_oi_input(s, n, 0);
    if (!v) return gf_oi_refuse(s, n, "it has no input");
    GF_TRY(gf_oi_materialize(s, v));
    if (v->layout != GF_OI_NCHW && v->layout != GF_OI_FLAT)
        return gf_oi_refuse(s, n, "channels are not its dimension 1");
    gf_layer l = {.cls = &gf_layer_batch_norm, .n_src = 1, .src = {v->layer}};
    l.at.epsilon = gf_oi_float(n, "epsilon", 1e-5f);
    l.at.momentum = gf_oi_float(n, "momentum", 0.9f);
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, weights_name(n, 1), &layer));
    for (size_t k = 0; k < 4; k++) {
        gf_oi_const *c = weights(s, n, k + 1);
        if (!c || gf_count(&c->shape) != gf_layer_channels(&s->m->layer[layer])) {
            return gf_oi_refuse(s, n, "its scale, bias, mean and variance are not constants of one a channel");
        }
        GF_TRY(gf_oi_fill_later(s, vector(layer, vars[k], c)));
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
    l.at.no_scale = !weights(s, n, 1);
    l.at.no_center = !weights(s, n, 2);
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, weights_name(n, 1), &layer));
    for (size_t k = 0; k < 2; k++) {
        gf_oi_const *c = weights(s, n, k + 1);
        if (!c) continue;
        if (gf_count(&c->shape) != gf_layer_channels(&s->m->layer[layer])) {
            return gf_oi_refuse(s, n, "its scale and bias are not one a channel");
        }
        GF_TRY(gf_oi_fill_later(s, vector(layer, vars[k], c)));
    }
    return gf_oi_set(s, n, layer, v->layout, &v->shape);
}

/* ---- pooling */

/* ceil_mode: one more window where the last would be cut off. The border behind it counts for nothing: averages must
 * not count padding for this to be exact. */
static graft_status ceil_mode(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, gf_layer *l)
{
    if (!gf_oi_int(n, "ceil_mode", 0) || l->at.padding == GF_PAD_SAME) return GRAFT_OK;
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
    GF_TRY(map_input(s, n, &v));
    bool max = !strcmp(n->op, "MaxPool");
    gf_layer l = {.cls = max ? &gf_layer_max_pool : &gf_layer_avg_pool, .n_src = 1, .src = {v->layer}};
    l.at.count_padding = !max && gf_oi_int(n, "count_include_pad", 0);
    GF_TRY(window(s, n, v, &l));
    if (!l.at.kh) return gf_oi_refuse(s, n, "it has no kernel_shape");
    if (l.at.padding == GF_PAD_VALID) l.at.count_padding = false; /* there is nothing to count */
    GF_TRY(ceil_mode(s, n, v, &l));
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return set_map(s, n, layer);
}

static graft_status add_global(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, bool max, bool keeps)
{
    gf_layer l = {.cls = max ? &gf_layer_global_max_pool : &gf_layer_global_pool, .n_src = 1, .src = {v->layer}};
    l.at.keepdims = keeps;
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    int64_t c = s->m->layer[v->layer].shape.dim[2];
    if (!keeps) return gf_oi_set(s, n, layer, GF_OI_FLAT, &GF_SHAPE(1, c));
    return gf_oi_set(s, n, layer, v->layout, v->layout == GF_OI_NCHW ? &GF_SHAPE(1, c, 1, 1) : &GF_SHAPE(1, 1, 1, c));
}

static graft_status global_pool(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(map_input(s, n, &v));
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
    bool map = v->shape.rank == 4 && (v->layout == GF_OI_NCHW || v->layout == GF_OI_NHWC);
    int first = v->layout == GF_OI_NCHW ? 2 : 1;
    for (int i = 0; map && i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
        if (axis == first || axis == first + 1) seen |= 1 << (axis - first);
    }
    if (!map || count != 2 || seen != 3) return gf_oi_refuse(s, n, "other than over height and width");
    return add_global(s, n, v, !strcmp(n->op, "ReduceMax"), gf_oi_int(n, "keepdims", 1) != 0);
}

/* ---- shapes */

/* (n, everything): the global pooling before it just does not keep its dimensions; a map of one place is a list of
 * channels; else the order of the file's features must be kept in mind. */
static graft_status collapse(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v)
{
    gf_layer *before = &s->m->layer[v->layer];
    gf_shape flat = GF_SHAPE(1, (int64_t)gf_count(&v->shape));
    if (v->shape.rank == 2 || v->layout == GF_OI_FLAT_CHW) return gf_oi_alias(s, n, v);
    bool pools = before->cls == &gf_layer_global_pool || before->cls == &gf_layer_global_max_pool;
    if (pools && (size_t)v->layer + 1 == s->m->n_layers && v->uses == 1 && !v->shared) {
        before->at.keepdims = false;
        before->shape = GF_SHAPE(before->shape.dim[2]);
        return gf_oi_set(s, n, v->layer, GF_OI_FLAT, &flat);
    }
    bool one_place = before->shape.dim[0] == 1 && before->shape.dim[1] == 1;
    if (v->layout == GF_OI_NCHW && !one_place && before->shape.dim[2] != 1) {
        GF_TRY(gf_oi_alias(s, n, v));
        gf_oi_value *out = gf_oi_find(s, n->output[0]);
        out->layout = GF_OI_FLAT_CHW;
        out->shape = flat;
        return GRAFT_OK;
    }
    int layer;
    gf_layer l = {.cls = &gf_layer_flatten, .n_src = 1, .src = {v->layer}};
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set(s, n, layer, GF_OI_FLAT, &flat);
}

/* (n, features) -> (n, c, h, w) or, for one place, (n, 1, 1, c) */
static graft_status unfold(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, const gf_shape *to)
{
    if (v->layout == GF_OI_FLAT_CHW) {
        gf_shape was = as_nchw(&s->m->layer[v->layer].shape);
        if (!gf_shape_equal(&was, to)) return gf_oi_refuse(s, n, "into a shape that is not read");
        return gf_oi_set(s, n, v->layer, GF_OI_NCHW, to);
    }
    gf_layer l = {.cls = &gf_layer_reshape, .n_src = 1, .src = {v->layer}};
    bool last = to->dim[1] == 1 && to->dim[2] == 1;
    bool place = last || (to->dim[2] == 1 && to->dim[3] == 1);
    int layer;
    l.at.target = place ? GF_SHAPE(1, 1, last ? to->dim[3] : to->dim[1]) : GF_SHAPE(to->dim[1], to->dim[2], to->dim[3]);
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    if (!place) {
        gf_layer turn = {.cls = &gf_layer_permute, .n_src = 1, .src = {layer}, .at = {.permute = {1, 2, 0}}};
        GF_TRY(gf_oi_add_layer(s, turn, n, NULL, &layer));
    }
    return gf_oi_set(s, n, layer, last && to->dim[3] != 1 ? GF_OI_NHWC : GF_OI_NCHW, to);
}

static graft_status to_shape(gf_oi *s, const gf_onnx_node *n, gf_oi_value *v, const gf_shape *to)
{
    if (gf_shape_equal(&v->shape, to)) return gf_oi_alias(s, n, v);
    size_t have = gf_count(&v->shape), want;
    if (!gf_shape_count(to, &want) || want != have) return gf_oi_refuse(s, n, "into a shape that does not fit");
    GF_TRY(gf_oi_materialize(s, v));
    if (to->rank == 2 && to->dim[0] == 1) return collapse(s, n, v);
    if (v->shape.rank == 4 && to->rank == 4 &&
        to->dim[0] == 1) { /* a map of one place: what is called channels moves */
        int64_t c = s->m->layer[v->layer].shape.dim[2];
        bool place = (int64_t)have == c, first = to->dim[1] == c, last = to->dim[3] == c;
        if (place && (first || last)) return gf_oi_set(s, n, v->layer, first ? GF_OI_NCHW : GF_OI_NHWC, to);
    }
    if (v->shape.rank == 2 && to->rank == 4 && to->dim[0] == 1) return unfold(s, n, v, to);
    return gf_oi_refuse(s, n, "into a shape that is not read: (n, features) and (n, c, h, w) are");
}

static graft_status map_or_flat(gf_oi *s, const gf_onnx_node *n, gf_oi_value **v)
{
    *v = gf_oi_input(s, n, 0);
    if (!*v || (*v)->constant || !(*v)->known) return gf_oi_refuse(s, n, "it has no input that depends on the picture");
    return GRAFT_OK;
}

static graft_status flatten(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    GF_TRY(map_or_flat(s, n, &v));
    int64_t axis = gf_oi_int(n, "axis", 1);
    if (axis != 1 && axis != 1 - v->shape.rank) return gf_oi_refuse(s, n, "along another axis than 1");
    return to_shape(s, n, v, &GF_SHAPE(1, (int64_t)gf_count(&v->shape)));
}

static graft_status reshape(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t dims[2 * GF_MAX_RANK];
    int count, open = -1;
    GF_TRY(map_or_flat(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "shape", dims, &count));
    gf_shape to = {.rank = count};
    if (count < 1 || count > GF_MAX_RANK) return gf_oi_refuse(s, n, "into more dimensions than 6");
    int64_t known = 1, have = (int64_t)gf_count(&v->shape);
    for (int d = 0; d < count; d++) {
        to.dim[d] = !dims[d] && d < v->shape.rank ? v->shape.dim[d] : dims[d];
        if (to.dim[d] == -1 && open < 0) {
            open = d;
        } else if (to.dim[d] < 1 || to.dim[d] > have || known > have) {
            return gf_oi_refuse(s, n, "into a shape that does not fit");
        } else {
            known *= to.dim[d];
        }
    }
    if (open >= 0 && known > 0) to.dim[open] = have / known;
    return to_shape(s, n, v, &to);
}

static graft_status squeeze(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t axes[2 * GF_MAX_RANK];
    int count;
    GF_TRY(map_or_flat(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "axes", axes, &count));
    gf_shape to = {0};
    for (int d = 0; d < v->shape.rank; d++) {
        bool drop = count < 0 && d > 0 && v->shape.dim[d] == 1;
        for (int i = 0; i < count; i++) drop |= axes[i] == d || axes[i] + v->shape.rank == d;
        if (!drop) to.dim[to.rank++] = v->shape.dim[d];
    }
    return to_shape(s, n, v, &to);
}

static graft_status unsqueeze(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t axes[2 * GF_MAX_RANK];
    int count;
    GF_TRY(map_or_flat(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "axes", axes, &count));
    gf_shape to = {.rank = v->shape.rank + count};
    if (count < 1 || to.rank > GF_MAX_RANK) return gf_oi_refuse(s, n, "into more dimensions than 6");
    for (int d = 0, k = 0; d < to.rank; d++) {
        bool is_new = false;
        for (int i = 0; i < count; i++) is_new |= axes[i] == d || axes[i] + to.rank == d;
        to.dim[d] = is_new || k == v->shape.rank ? 1 : v->shape.dim[k++];
    }
    return to_shape(s, n, v, &to);
}

/* Between (n, c, h, w) and (n, h, w, c) nothing moves: only what the file calls the dimensions changes. */
static graft_status transpose(gf_oi *s, const gf_onnx_node *n)
{
    static const int64_t to_nchw[] = {0, 3, 1, 2}, to_nhwc[] = {0, 2, 3, 1}, same[] = {0, 1, 2, 3};
    gf_oi_value *v;
    GF_TRY(map_or_flat(s, n, &v));
    const gf_onnx_attr *perm = gf_onnx_attribute(n, "perm");
    if (!perm || perm->n_ints != (size_t)v->shape.rank || v->shape.rank > 4) {
        return gf_oi_refuse(s, n, "of dimensions other than (n, c, h, w) and (n, h, w, c)");
    }
    size_t bytes = perm->n_ints * sizeof *perm->ints;
    if (!memcmp(perm->ints, same, bytes)) return gf_oi_alias(s, n, v);
    bool nchw = v->layout == GF_OI_NHWC && v->shape.rank == 4 && !memcmp(perm->ints, to_nchw, bytes);
    bool nhwc = v->layout == GF_OI_NCHW && v->shape.rank == 4 && !memcmp(perm->ints, to_nhwc, bytes);
    if (!nchw && !nhwc) return gf_oi_refuse(s, n, "of dimensions other than (n, c, h, w) and (n, h, w, c)");
    GF_TRY(gf_oi_materialize(s, v));
    GF_TRY(gf_oi_alias(s, n, v));
    gf_oi_value *out = gf_oi_find(s, n->output[0]);
    const int64_t *d = v->shape.dim;
    out->layout = nchw ? GF_OI_NCHW : GF_OI_NHWC;
    out->shape = nchw ? GF_SHAPE(1, d[3], d[1], d[2]) : GF_SHAPE(1, d[2], d[3], d[1]);
    return GRAFT_OK;
}

static graft_status pad(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t p[2 * GF_MAX_RANK];
    int count;
    GF_TRY(map_input(s, n, &v));
    GF_TRY(gf_oi_int_list(s, n, 1, "pads", p, &count));
    const gf_onnx_attr *mode = gf_onnx_attribute(n, "mode");
    gf_oi_const *with = weights(s, n, 2);
    const float *number = with && gf_count(&with->shape) == 1 ? gf_oi_floats(s, with) : NULL;
    bool zero = (!mode || !strcmp(mode->s, "constant")) && (!number || *number == 0) && gf_oi_float(n, "value", 0) == 0;
    bool fits = count == 8 && n->n_inputs <= 3 && !p[0] && !p[1] && !p[4] && !p[5];
    for (int i = 0; fits && i < 8; i++) fits = p[i] >= 0 && p[i] < 65536;
    if (!zero || !fits) return gf_oi_refuse(s, n, "other than zeros around height and width");
    gf_layer l = {.cls = &gf_layer_zero_padding, .n_src = 1, .src = {v->layer}};
    l.at.pt = (int)p[2], l.at.pl = (int)p[3], l.at.pb = (int)p[6], l.at.pr = (int)p[7];
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return set_map(s, n, layer);
}

static graft_status concat(gf_oi *s, const gf_onnx_node *n)
{
    int64_t axis = gf_oi_int(n, "axis", 1), channels = 0;
    gf_layer l = {.cls = &gf_layer_concatenate, .at = {.axis = -1}};
    gf_oi_value *first = gf_oi_input(s, n, 0);
    int layer = -1;
    for (size_t k = 0; k < n->n_inputs; k++) {
        gf_oi_value *v = gf_oi_input(s, n, k);
        if (!v) return gf_oi_refuse(s, n, "an input is left out");
        GF_TRY(gf_oi_materialize(s, v));
        int own = v->layout == GF_OI_NHWC ? 3 : v->layout == GF_OI_FLAT_CHW ? -1 : 1;
        if (v->layout != first->layout || own != (axis < 0 ? axis + v->shape.rank : axis)) {
            return gf_oi_refuse(s, n, "of other than channels");
        }
        channels += v->shape.dim[own];
        l.src[l.n_src++] = v->layer;
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
    if (layer < 0) return gf_oi_refuse(s, n, "it has no input");
    gf_shape shape = first->shape;
    shape.dim[first->layout == GF_OI_NHWC ? 3 : 1] = channels;
    return gf_oi_set(s, n, layer, first->layout, &shape);
}

/* Add of any number of values. */
static graft_status sum(gf_oi *s, const gf_onnx_node *n)
{
    gf_layer l = {.cls = &gf_layer_add};
    gf_oi_value *first = gf_oi_input(s, n, 0);
    if (n->n_inputs == 1 && first) return gf_oi_alias(s, n, first);
    if (!first || n->n_inputs > GF_OP_MAX_SRC) return gf_oi_refuse(s, n, "of more than 8 values");
    for (size_t k = 0; k < n->n_inputs; k++) {
        gf_oi_value *v = gf_oi_input(s, n, k);
        if (!v) return gf_oi_refuse(s, n, "an input is left out");
        GF_TRY(gf_oi_materialize(s, v));
        if (v->layout != first->layout) return gf_oi_refuse(s, n, "of values whose dimensions lie differently");
        l.src[l.n_src++] = v->layer;
    }
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    return gf_oi_set(s, n, layer, first->layout, &first->shape);
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
    if (v->layout == GF_OI_NHWC && v->shape.rank == 4) return GRAFT_OK; /* at each place by itself */
    if (v->layout != GF_OI_FLAT_CHW) return gf_oi_refuse(s, n, "its input is not (n, features)");
    const gf_shape *map = &s->m->layer[v->layer].shape;
    fill->h = (int)map->dim[0], fill->w = (int)map->dim[1], fill->c = (int)map->dim[2];
    gf_layer l = {.cls = &gf_layer_flatten, .n_src = 1, .src = {v->layer}};
    return gf_oi_add_layer(s, l, n, NULL, layer);
}

static graft_status dense(gf_oi *s, const gf_onnx_node *n)
{
    bool gemm = !strcmp(n->op, "Gemm");
    gf_oi_const *kernel = weights(s, n, 1), *bias = gemm ? weights(s, n, 2) : NULL;
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
    bool map = from->rank == 3, fits = from->dim[from->rank - 1] == in && units > 0 && units < LARGEST;
    if (!fits || (map && gemm)) return gf_oi_refuse(s, n, "its kernel does not fit its input");
    gf_oi_value like = {.shape = GF_SHAPE(1, units), .layout = GF_OI_FLAT};
    if (map) like = (gf_oi_value){.shape = GF_SHAPE(1, from->dim[0], from->dim[1], units), .layout = GF_OI_NHWC};
    if (bias) {
        bias = gf_oi_per_channel(s, &like, bias);
        if (!bias) return gf_oi_refuse(s, n, "its bias does not fit its kernel");
    } else {
        bias = gf_oi_following_bias(s, n, &like, &add);
    }
    l.at.units = (int)units;
    l.at.no_bias = !bias;
    GF_TRY(gf_oi_add_layer(s, l, n, weights_name(n, 1), &fill.layer));
    GF_TRY(gf_oi_fill_later(s, fill));
    if (bias) {
        gf_oi_fill b = vector(fill.layer, "bias", bias);
        b.factor = gemm && !add ? gf_oi_float(n, "beta", 1) : 1;
        GF_TRY(gf_oi_fill_later(s, b));
    }
    return gf_oi_set(s, add ? add : n, fill.layer, like.layout, &like.shape);
}

/* ---- the rest */

/* Identity, and Cast from one kind of floats to another. */
static graft_status same(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v;
    int64_t to = gf_oi_int(n, "to", GF_ONNX_FLOAT);
    bool floats = to == GF_ONNX_FLOAT || to == GF_ONNX_FLOAT16 || to == GF_ONNX_DOUBLE || to == GF_ONNX_BFLOAT16;
    GF_TRY(map_or_flat(s, n, &v));
    if (!floats) return gf_oi_refuse(s, n, "to integers");
    return gf_oi_alias(s, n, v);
}

/* Blue first: of the picture, before any arithmetic, it is preprocessing. */
static graft_status gather(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v = gf_oi_input(s, n, 0);
    gf_oi_const *c = weights(s, n, 1);
    const int64_t *order = c && gf_count(&c->shape) == 3 ? gf_oi_ints(s, c) : NULL;
    bool turns = order && order[0] == 2 && order[1] == 1 && order[2] == 0;
    gf_layer *l = &s->m->layer[s->input_layer];
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
    GF_TRY(map_or_flat(s, n, &v));
    gf_oi_const *c = weights(s, n, 1);
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
    GF_TRY(map_or_flat(s, n, &v));
    GF_TRY(gf_oi_materialize(s, v));
    int64_t axis = gf_oi_int(n, "axis", s->o->opset < 13 ? 1 : -1);
    if (axis < 0) axis += v->shape.rank;
    bool one_place = v->layout == GF_OI_NCHW && v->shape.dim[2] == 1 && v->shape.dim[3] == 1;
    bool fits = axis == 1 && (v->layout == GF_OI_FLAT || v->layout == GF_OI_NCHW);
    if (s->o->opset < 13) fits &= v->layout == GF_OI_FLAT || one_place; /* it took all dimensions from there on */
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
    {"Flatten", flatten},
    {"Reshape", reshape},
    {"Squeeze", squeeze},
    {"Unsqueeze", unsqueeze},
    {"Transpose", transpose},
    {"Pad", pad},
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
