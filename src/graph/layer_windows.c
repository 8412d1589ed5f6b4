/* layer_windows.c - layers with a window but without a kernel, and what goes round or between: pooling, padding,
 * cropping, upsampling. */
#include "graph/lower.h"

/* Output size of one dimension, and what padding comes to. Keras's "same": total = max((out - 1) stride + k - in, 0),
 * the smaller half first; k is what a dilated kernel reaches over. */
static int64_t window(int64_t in, int64_t k, int stride, gf_padding padding, int *before, int *after)
{
    if (padding == GF_PAD_SAME) {
        int64_t out = (in + stride - 1) / stride, total = (out - 1) * stride + k - in;
        if (total < 0) total = 0;
        *before = (int)(total / 2);
        *after = (int)(total - total / 2);
        return out;
    }
    if (padding == GF_PAD_VALID || padding == GF_PAD_CAUSAL) *before = *after = 0;
    if (padding == GF_PAD_CAUSAL) *before = (int)(k - 1);
    in += *before + *after;
    return in < k ? 0 : (in - k) / stride + 1;
}

graft_status gf_window_shape(gf_model *m, gf_layer *l, int64_t channels, graft_error *err)
{
    GF_TRY(gf_want_map(m, l, err));
    const gf_shape s = gf_layer_map(l, gf_source_shape(m, l, 0));
    int *one[] = {&l->at.sh, &l->at.sw, &l->at.dh, &l->at.dw};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) *one[i] += !*one[i];
    enum { LARGEST = 1 << 16 };                         /* a window's side; keeps what is computed from it in range */
    bool row = l->at.kh == 1 && !(l->at.pt | l->at.pb); /* all that a sequence has room for */
    int64_t reach_h = ((int64_t)l->at.kh - 1) * l->at.dh + 1, reach_w = ((int64_t)l->at.kw - 1) * l->at.dw + 1;
    bool sane = l->at.kh > 0 && l->at.kw > 0 && l->at.sh > 0 && l->at.sw > 0 && channels > 0 && l->at.kh < LARGEST &&
                l->at.kw < LARGEST && l->at.sh < LARGEST && l->at.sw < LARGEST && l->at.pt >= 0 && l->at.pb >= 0 &&
                l->at.pl >= 0 && l->at.pr >= 0 && l->at.dh > 0 && l->at.dw > 0 && reach_h < LARGEST &&
                reach_w < LARGEST && (row || !l->at.sequence);
    if (!sane) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): a window of %dx%d, strides %dx%d, %lld channels",
                       GF_ESC(l->name), gf_layer_class_name(l), l->at.kh, l->at.kw, l->at.sh, l->at.sw,
                       (long long)channels);
    }
    int64_t h = window(s.dim[0], reach_h, l->at.sh, l->at.padding, &l->at.pt, &l->at.pb);
    int64_t w = window(s.dim[1], reach_w, l->at.sw, l->at.padding, &l->at.pl, &l->at.pr);
    if (h < 1 || w < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "use a larger image size",
                       "layer %s: a %lldx%lld window does not fit into %s", GF_ESC(l->name), (long long)reach_h,
                       (long long)reach_w, GF_SHAPE_TEXT(gf_source_shape(m, l, 0)));
    }
    l->shape = gf_layer_shape(l, h, w, channels);
    return GRAFT_OK;
}

static graft_status pool_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (!l->at.sh) l->at.sh = l->at.kh; /* Keras's strides=None */
    if (!l->at.sw) l->at.sw = l->at.kw;
    return gf_window_shape(m, l, gf_channels_before(m, l), err);
}

static graft_status lower_pool(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    static const gf_op_class *const cls[2][2] = {{&gf_op_avg_pool, &gf_op_avg_pool_reference},
                                                 {&gf_op_max_pool, &gf_op_max_pool_reference}};
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, cls[l->cls == &gf_layer_max_pool][st->o->reference], &n, err));
    gf_op_spec *s = &n->spec;
    s->pool.kh = l->at.kh, s->pool.kw = l->at.kw, s->pool.sh = l->at.sh, s->pool.sw = l->at.sw;
    s->pool.pt = l->at.pt, s->pool.pb = l->at.pb, s->pool.pl = l->at.pl, s->pool.pr = l->at.pr;
    s->pool.count_padding = l->at.count_padding;
    return gf_lower_close(st, layer, n, err);
}

static graft_status global_pool_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(gf_want_map(m, l, err));
    int64_t c = gf_channels_before(m, l);
    l->shape = l->at.keepdims ? gf_layer_shape(l, 1, 1, c) : GF_SHAPE(c);
    return GRAFT_OK;
}

static graft_status lower_global_pool(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, l->cls == &gf_layer_global_pool ? &gf_op_global_pool : &gf_op_global_max_pool, &n,
                         err));
    return l->at.keepdims ? gf_lower_close_reshaped(st, layer, n, err) : gf_lower_close(st, layer, n, err);
}

static graft_status border(gf_model *m, gf_layer *l, int sign, graft_error *err)
{
    GF_TRY(gf_want_map(m, l, err));
    const gf_shape s = gf_layer_map(l, gf_source_shape(m, l, 0));
    enum { LARGEST = 1 << 16 };
    const int side[] = {l->at.pt, l->at.pb, l->at.pl, l->at.pr};
    bool sane = true;
    for (int i = 0; i < 4; i++) sane &= side[i] >= 0 && side[i] < LARGEST && (i > 1 || !l->at.sequence || !side[i]);
    int64_t h = s.dim[0] + sign * (l->at.pt + l->at.pb), w = s.dim[1] + sign * (l->at.pl + l->at.pr);
    if (!sane || h < 1 || w < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): %d, %d, %d, %d of %s", GF_ESC(l->name),
                       gf_layer_class_name(l), side[0], side[1], side[2], side[3],
                       GF_SHAPE_TEXT(gf_source_shape(m, l, 0)));
    }
    l->shape = gf_layer_shape(l, h, w, s.dim[2]);
    return GRAFT_OK;
}

static graft_status zero_padding_infer(gf_model *m, gf_layer *l, graft_error *err) { return border(m, l, 1, err); }

static graft_status lower_zero_padding(gf_lowering *st, int layer, graft_error *err)
{
    const gf_model *m = st->g->model;
    for (size_t i = (size_t)layer + 1; !st->o->no_fusion && st->uses[layer] == 1 && i < m->n_layers; i++) {
        const gf_layer *next = &m->layer[i];
        bool takes_padding =
            next->cls == &gf_layer_conv2d || next->cls == &gf_layer_depthwise || next->cls == &gf_layer_separable;
        if (takes_padding && next->src[0] == layer && next->at.padding != GF_PAD_SAME)
            return GRAFT_OK; /* its value stays -1 */
    }
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_pad, &n, err));
    n->spec.pad.pt = l->at.pt, n->spec.pad.pb = l->at.pb, n->spec.pad.pl = l->at.pl, n->spec.pad.pr = l->at.pr;
    return gf_lower_close(st, layer, n, err);
}

static graft_status cropping_infer(gf_model *m, gf_layer *l, graft_error *err) { return border(m, l, -1, err); }

static graft_status lower_cropping(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_pad, &n, err));
    n->spec.pad.pt = -l->at.pt, n->spec.pad.pb = -l->at.pb, n->spec.pad.pl = -l->at.pl, n->spec.pad.pr = -l->at.pr;
    return gf_lower_close(st, layer, n, err);
}

static graft_status upsampling_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(gf_want_map(m, l, err));
    const gf_shape s = gf_layer_map(l, gf_source_shape(m, l, 0));
    enum { LARGEST = 64 };
    if (l->at.factor_h < 1 || l->at.factor_w < 1 || l->at.factor_h > LARGEST || l->at.factor_w > LARGEST) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: factors %d and %d", GF_ESC(l->name), l->at.factor_h,
                       l->at.factor_w);
    }
    l->shape = gf_layer_shape(l, s.dim[0] * l->at.factor_h, s.dim[1] * l->at.factor_w, s.dim[2]);
    return GRAFT_OK;
}

static graft_status lower_upsampling(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_upsample, &n, err));
    n->spec.upsample.factor_h = l->at.factor_h;
    n->spec.upsample.factor_w = l->at.factor_w;
    n->spec.upsample.bilinear = l->at.bilinear;
    return gf_lower_close(st, layer, n, err);
}

const gf_layer_class gf_layer_max_pool = {"MaxPooling2D", pool_infer, "MaxPooling1D", lower_pool};
const gf_layer_class gf_layer_avg_pool = {"AveragePooling2D", pool_infer, "AveragePooling1D", lower_pool};
const gf_layer_class gf_layer_global_pool = {"GlobalAveragePooling2D", global_pool_infer, "GlobalAveragePooling1D",
                                             lower_global_pool};
const gf_layer_class gf_layer_global_max_pool = {"GlobalMaxPooling2D", global_pool_infer, "GlobalMaxPooling1D",
                                                 lower_global_pool};
const gf_layer_class gf_layer_zero_padding = {"ZeroPadding2D", zero_padding_infer, "ZeroPadding1D", lower_zero_padding};
const gf_layer_class gf_layer_cropping = {"Cropping2D", cropping_infer, "Cropping1D", lower_cropping};
const gf_layer_class gf_layer_upsampling = {"UpSampling2D", upsampling_infer, "UpSampling1D", lower_upsampling};
