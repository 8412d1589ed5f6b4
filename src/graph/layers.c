/* layers.c - the layer classes: shapes and parameters, as Keras 3 defines them. */
#include "graph/model.h"

#include <string.h>

static const gf_shape *src_shape(const gf_model *m, const gf_layer *l, int k) { return &m->layer[l->src[k]].shape; }

/* What a window goes over: (h, w, c); a sequence is a map of one row. */
static gf_shape map_of(const gf_layer *l, const gf_shape *s)
{
    return l->at.sequence ? GF_SHAPE(1, s->dim[0], s->dim[1]) : *s;
}

static gf_shape shape_of(const gf_layer *l, int64_t h, int64_t w, int64_t c)
{
    return l->at.sequence ? GF_SHAPE(w, c) : GF_SHAPE(h, w, c);
}

static graft_status want_rank(const gf_model *m, const gf_layer *l, int rank, graft_error *err)
{
    const gf_shape *s = src_shape(m, l, 0);
    if (s->rank == rank) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): its input is %s, wanted are %d dimensions",
                   GF_ESC(l->name), gf_layer_class_name(l), GF_SHAPE_TEXT(s), rank);
}

static graft_status want_map(const gf_model *m, const gf_layer *l, graft_error *err)
{
    return want_rank(m, l, l->at.sequence ? 2 : 3, err);
}

static int64_t channels_before(const gf_model *m, const gf_layer *l)
{
    const gf_shape *s = src_shape(m, l, 0);
    return s->dim[s->rank - 1];
}

static graft_status input_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)m, (void)l, (void)err; /* its shape is given */
    return GRAFT_OK;
}

/* ---- windows */

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

static graft_status window_shape(gf_model *m, gf_layer *l, int64_t channels, graft_error *err)
{
    GF_TRY(want_map(m, l, err));
    const gf_shape s = map_of(l, src_shape(m, l, 0));
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
                       (long long)reach_w, GF_SHAPE_TEXT(src_shape(m, l, 0)));
    }
    l->shape = shape_of(l, h, w, channels);
    return GRAFT_OK;
}

static graft_status add_kernel(gf_model *m, gf_layer *l, const char *var, int64_t in, int64_t out, graft_error *err)
{
    gf_shape s = l->at.sequence ? GF_SHAPE(l->at.kw, in, out) : GF_SHAPE(l->at.kh, l->at.kw, in, out);
    return gf_model_add_param(m, l, var, &s, false, err);
}

static graft_status add_bias(gf_model *m, gf_layer *l, bool wanted, int64_t n, graft_error *err)
{
    return wanted ? gf_model_add_param(m, l, "bias", &GF_SHAPE(n), false, err) : GRAFT_OK;
}

static graft_status conv_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(window_shape(m, l, l->at.filters, err));
    if (l->at.groups < 1) l->at.groups = 1;
    int64_t ic = channels_before(m, l);
    if (ic % l->at.groups || l->at.filters % l->at.groups) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %lld channels and %d filters in %d groups",
                       GF_ESC(l->name), (long long)ic, l->at.filters, l->at.groups);
    }
    GF_TRY(add_kernel(m, l, "kernel", ic / l->at.groups, l->at.filters, err));
    return add_bias(m, l, l->at.use_bias, l->at.filters, err);
}

static graft_status multiplied(gf_model *m, gf_layer *l, int64_t *c, graft_error *err)
{
    GF_TRY(want_map(m, l, err));
    *c = channels_before(m, l);
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
    GF_TRY(window_shape(m, l, c * l->at.multiplier, err));
    l->at.groups = (int)c;
    l->at.filters = (int)c * l->at.multiplier;
    GF_TRY(add_kernel(m, l, "kernel", c, l->at.multiplier, err));
    return add_bias(m, l, l->at.use_bias, l->at.filters, err);
}

static graft_status separable_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    int64_t c;
    GF_TRY(multiplied(m, l, &c, err));
    GF_TRY(window_shape(m, l, l->at.filters, err));
    GF_TRY(add_kernel(m, l, "depthwise_kernel", c, l->at.multiplier, err));
    int64_t middle = c * l->at.multiplier;
    gf_shape point = l->at.sequence ? GF_SHAPE(1, middle, l->at.filters) : GF_SHAPE(1, 1, middle, l->at.filters);
    GF_TRY(gf_model_add_param(m, l, "pointwise_kernel", &point, false, err));
    return add_bias(m, l, l->at.use_bias, l->at.filters, err);
}

static graft_status pool_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (!l->at.sh) l->at.sh = l->at.kh; /* Keras's strides=None */
    if (!l->at.sw) l->at.sw = l->at.kw;
    return window_shape(m, l, channels_before(m, l), err);
}

static graft_status global_pool_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_map(m, l, err));
    int64_t c = channels_before(m, l);
    l->shape = l->at.keepdims ? shape_of(l, 1, 1, c) : GF_SHAPE(c);
    return GRAFT_OK;
}

/* ---- normalisation */

static graft_status add_scale(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    gf_shape c = GF_SHAPE(l->shape.dim[l->shape.rank - 1]);
    if (!l->at.no_scale) GF_TRY(gf_model_add_param(m, l, "gamma", &c, false, err));
    if (!l->at.no_center) GF_TRY(gf_model_add_param(m, l, "beta", &c, false, err));
    return GRAFT_OK;
}

static graft_status batch_norm_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(add_scale(m, l, err));
    gf_shape c = GF_SHAPE(l->shape.dim[l->shape.rank - 1]);
    GF_TRY(gf_model_add_param(m, l, "moving_mean", &c, true, err));
    return gf_model_add_param(m, l, "moving_variance", &c, true, err);
}

static graft_status group_norm_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (src_shape(m, l, 0)->rank != 2) GF_TRY(want_rank(m, l, 3, err));
    int64_t c = channels_before(m, l);
    if (l->at.norm_groups < 1 || c % l->at.norm_groups) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %lld channels in %d groups", GF_ESC(l->name),
                       (long long)c, l->at.norm_groups);
    }
    return add_scale(m, l, err);
}

static graft_status layer_scale_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->at.no_center = true;
    return add_scale(m, l, err);
}

static graft_status normalization_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    gf_shape c = GF_SHAPE(l->shape.dim[l->shape.rank - 1]), one = {.rank = 0};
    GF_TRY(gf_model_add_param(m, l, "mean", &c, true, err));
    GF_TRY(gf_model_add_param(m, l, "variance", &c, true, err));
    GF_TRY(gf_model_add_param(m, l, "count", &one, true, err));
    m->param[l->param[l->n_params - 1]].idle = true;
    return GRAFT_OK;
}

/* ---- merging */

static graft_status same_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)err;
    l->shape = *src_shape(m, l, 0);
    return GRAFT_OK;
}

static graft_status mismatch(const gf_model *m, const gf_layer *l, int k, graft_error *err)
{
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): its inputs are %s and %s", GF_ESC(l->name),
                   gf_layer_class_name(l), GF_SHAPE_TEXT(src_shape(m, l, 0)), GF_SHAPE_TEXT(src_shape(m, l, k)));
}

static graft_status add_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    for (int k = 1; k < l->n_src; k++) {
        if (!gf_shape_equal(&l->shape, src_shape(m, l, k))) return mismatch(m, l, k, err);
    }
    return GRAFT_OK;
}

/* Whether `s` is one value a channel of `of`: (1, 1, c) for (h, w, c), (1, c) for (steps, c). */
static bool is_gate(const gf_shape *s, const gf_shape *of)
{
    gf_shape gate = *of;
    for (int i = 0; i < of->rank - 1; i++) gate.dim[i] = 1;
    return (of->rank == 2 || of->rank == 3) && gf_shape_equal(s, &gate);
}

static graft_status multiply_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (l->n_src != 2) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (Multiply): %d inputs, 2 are wanted", GF_ESC(l->name),
                       l->n_src);
    }
    if (is_gate(src_shape(m, l, 0), src_shape(m, l, 1))) { /* the gate comes second */
        int first = l->src[0];
        l->src[0] = l->src[1];
        l->src[1] = first;
    }
    l->shape = *src_shape(m, l, 0);
    const gf_shape *by = src_shape(m, l, 1);
    return gf_shape_equal(by, &l->shape) || is_gate(by, &l->shape) ? GRAFT_OK : mismatch(m, l, 1, err);
}

static graft_status concatenate_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    if (l->at.axis < 0) l->at.axis += l->shape.rank;
    bool fits = l->at.axis >= 0 && l->at.axis < l->shape.rank;
    for (int k = 1; k < l->n_src && fits; k++) {
        gf_shape other = *src_shape(m, l, k);
        int64_t along = other.rank == l->shape.rank ? other.dim[l->at.axis] : 0;
        if (other.rank == l->shape.rank) other.dim[l->at.axis] = l->shape.dim[l->at.axis];
        if (!gf_shape_equal(&other, &l->shape)) return mismatch(m, l, k, err);
        l->shape.dim[l->at.axis] += along;
    }
    if (fits) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: axis %d of %s", GF_ESC(l->name), l->at.axis,
                   GF_SHAPE_TEXT(&l->shape));
}

/* ---- shapes */

static graft_status border(gf_model *m, gf_layer *l, int sign, graft_error *err)
{
    GF_TRY(want_map(m, l, err));
    const gf_shape s = map_of(l, src_shape(m, l, 0));
    enum { LARGEST = 1 << 16 };
    const int side[] = {l->at.pt, l->at.pb, l->at.pl, l->at.pr};
    bool sane = true;
    for (int i = 0; i < 4; i++) sane &= side[i] >= 0 && side[i] < LARGEST && (i > 1 || !l->at.sequence || !side[i]);
    int64_t h = s.dim[0] + sign * (l->at.pt + l->at.pb), w = s.dim[1] + sign * (l->at.pl + l->at.pr);
    if (!sane || h < 1 || w < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): %d, %d, %d, %d of %s", GF_ESC(l->name),
                       gf_layer_class_name(l), side[0], side[1], side[2], side[3], GF_SHAPE_TEXT(src_shape(m, l, 0)));
    }
    l->shape = shape_of(l, h, w, s.dim[2]);
    return GRAFT_OK;
}

static graft_status zero_padding_infer(gf_model *m, gf_layer *l, graft_error *err) { return border(m, l, 1, err); }
static graft_status cropping_infer(gf_model *m, gf_layer *l, graft_error *err) { return border(m, l, -1, err); }

static graft_status upsampling_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_map(m, l, err));
    const gf_shape s = map_of(l, src_shape(m, l, 0));
    enum { LARGEST = 64 };
    if (l->at.factor_h < 1 || l->at.factor_w < 1 || l->at.factor_h > LARGEST || l->at.factor_w > LARGEST) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: factors %d and %d", GF_ESC(l->name), l->at.factor_h,
                       l->at.factor_w);
    }
    l->shape = shape_of(l, s.dim[0] * l->at.factor_h, s.dim[1] * l->at.factor_w, s.dim[2]);
    return GRAFT_OK;
}

static graft_status flatten_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)err;
    l->shape = GF_SHAPE((int64_t)gf_count(src_shape(m, l, 0)));
    return GRAFT_OK;
}

static graft_status reshape_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = l->at.target;
    int64_t have = (int64_t)gf_count(src_shape(m, l, 0)), known = 1;
    int open = -1;
    for (int i = 0; i < l->shape.rank; i++) {
        if (l->shape.dim[i] == -1 && open < 0) {
            open = i;
        } else if (l->shape.dim[i] < 1 || l->shape.dim[i] > have) {
            known = have + 1; /* never fits */
            break;
        } else if (known <= have) {
            known *= l->shape.dim[i];
        }
    }
    if (open >= 0 && known <= have && have % known == 0) {
        l->shape.dim[open] = have / known;
        known = have;
    }
    if (known == have && l->shape.rank > 0 && l->shape.rank < GF_MAX_RANK) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %s into %s", GF_ESC(l->name),
                   GF_SHAPE_TEXT(src_shape(m, l, 0)), GF_SHAPE_TEXT(&l->at.target));
}

static graft_status permute_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    const gf_shape *s = src_shape(m, l, 0);
    unsigned seen = 0;
    l->shape = *s;
    for (int i = 0; i < s->rank; i++) {
        int from = l->at.permute[i];
        if (from >= 0 && from < s->rank) {
            seen |= 1u << from;
            l->shape.dim[i] = s->dim[from];
        }
    }
    if (seen == (1u << s->rank) - 1) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: not an order of %d dimensions", GF_ESC(l->name), s->rank);
}

static graft_status glu_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    int64_t *c = &l->shape.dim[l->shape.rank - 1];
    if (*c % 2) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL,
                       "layer %s: a gated linear unit wants an even number of channels, not %s", GF_ESC(l->name),
                       GF_SHAPE_TEXT(&l->shape));
    }
    *c /= 2;
    return GRAFT_OK;
}

/* A batch of one image goes through the operation's own inference. */
static graft_status operation_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    gf_op_spec s = {.cls = l->at.op, .name = l->name, .n_src = l->n_src};
    if (!s.cls || !s.cls->plain) return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: no operation", GF_ESC(l->name));
    for (int k = 0; k < l->n_src; k++) {
        const gf_shape *src = src_shape(m, l, k);
        s.src[k] = (gf_shape){.rank = src->rank + 1, .dim = {1}};
        memcpy(s.src[k].dim + 1, src->dim, (size_t)src->rank * sizeof *src->dim);
    }
    GF_TRY(s.cls->infer(&s, &s.dst, err));
    l->shape.rank = s.dst.rank - 1;
    memcpy(l->shape.dim, s.dst.dim + 1, (size_t)l->shape.rank * sizeof *l->shape.dim);
    return GRAFT_OK;
}

static graft_status dense_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    if (l->shape.rank < 1 || l->shape.rank > 3) return want_rank(m, l, 1, err);
    if (l->at.units < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %d units", GF_ESC(l->name), l->at.units);
    }
    int64_t in = l->shape.dim[l->shape.rank - 1];
    l->shape.dim[l->shape.rank - 1] = l->at.units;
    GF_TRY(gf_model_add_param(m, l, "kernel", &GF_SHAPE(in, l->at.units), false, err));
    return add_bias(m, l, !l->at.no_bias, l->at.units, err);
}

/* A row for each place: where a network learns places, their numbers are what it looks up. */
static graft_status embedding_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_rank(m, l, 2, err));
    int64_t positions = src_shape(m, l, 0)->dim[0];
    if (l->at.units < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %d channels", GF_ESC(l->name), l->at.units);
    }
    l->shape = GF_SHAPE(positions, l->at.units);
    return gf_model_add_param(m, l, "embeddings", &l->shape, l->at.fixed, err);
}

/* ---- attention: dense layers to all heads, and back (Vaswani et al., 2017) */

static graft_status add_projection(gf_model *m, gf_layer *l, const char *const var[2], gf_shape kernel, gf_shape bias,
                                   graft_error *err)
{
    GF_TRY(gf_model_add_param(m, l, var[0], &kernel, false, err));
    return l->at.no_bias ? GRAFT_OK : gf_model_add_param(m, l, var[1], &bias, false, err);
}

static int64_t positions_of(const gf_shape *s) { return (int64_t)gf_count(s) / s->dim[s->rank - 1]; }

/* Query, value and key are sequences or maps, of any number of places. */
static bool attention_fits(const gf_model *m, const gf_layer *l)
{
    enum { LARGEST = 1 << 15, MOST_PAIRS = 1 << 28 }; /* of places: what a head's scores take is bounded */
    const int size[] = {l->at.heads, l->at.key_dim, l->at.value_dim};
    bool fits = l->n_src == 2 || l->n_src == 3;
    for (int i = 0; i < 3; i++) fits &= size[i] > 0 && size[i] < LARGEST;
    for (int k = 0; k < l->n_src && fits; k++) {
        fits = src_shape(m, l, k)->rank == 2 || src_shape(m, l, k)->rank == 3;
    }
    if (!fits) return false;
    int64_t queries = positions_of(src_shape(m, l, 0)), values = positions_of(src_shape(m, l, 1));
    return positions_of(src_shape(m, l, l->n_src - 1)) == values && queries <= MOST_PAIRS / values;
}

static graft_status attention_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (!l->at.value_dim) l->at.value_dim = l->at.key_dim;
    if (!attention_fits(m, l)) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): %d heads of %d and %d do not fit its %d inputs",
                       GF_ESC(l->name), l->cls->name, l->at.heads, l->at.key_dim, l->at.value_dim, l->n_src);
    }
    static const char *const var[4][2] = {{"query/kernel", "query/bias"},
                                          {"key/kernel", "key/bias"},
                                          {"value/kernel", "value/bias"},
                                          {"attention_output/kernel", "attention_output/bias"}};
    int64_t h = l->at.heads, k = l->at.key_dim, v = l->at.value_dim, in[3];
    for (int i = 0; i < 3; i++) {
        const gf_shape *s = src_shape(m, l, i == 0 ? 0 : i == 2 ? 1 : l->n_src - 1); /* query, key, value */
        in[i] = s->dim[s->rank - 1];
    }
    int64_t out = l->at.units > 0 ? l->at.units : in[0];
    GF_TRY(add_projection(m, l, var[0], GF_SHAPE(in[0], h, k), GF_SHAPE(h, k), err));
    GF_TRY(add_projection(m, l, var[1], GF_SHAPE(in[1], h, k), GF_SHAPE(h, k), err));
    GF_TRY(add_projection(m, l, var[2], GF_SHAPE(in[2], h, v), GF_SHAPE(h, v), err));
    GF_TRY(add_projection(m, l, var[3], GF_SHAPE(h, v, out), GF_SHAPE(out), err));
    l->shape = *src_shape(m, l, 0);
    l->shape.dim[l->shape.rank - 1] = out;
    return GRAFT_OK;
}

const gf_layer_class gf_layer_input = {"InputLayer", input_infer, NULL};
const gf_layer_class gf_layer_conv2d = {"Conv2D", conv_infer, "Conv1D"};
const gf_layer_class gf_layer_depthwise = {"DepthwiseConv2D", depthwise_infer, "DepthwiseConv1D"};
const gf_layer_class gf_layer_separable = {"SeparableConv2D", separable_infer, "SeparableConv1D"};
const gf_layer_class gf_layer_dense = {"Dense", dense_infer, NULL};
const gf_layer_class gf_layer_batch_norm = {"BatchNormalization", batch_norm_infer, NULL};
const gf_layer_class gf_layer_layer_norm = {"LayerNormalization", add_scale, NULL};
const gf_layer_class gf_layer_group_norm = {"GroupNormalization", group_norm_infer, NULL};
const gf_layer_class gf_layer_normalization = {"Normalization", normalization_infer, NULL};
const gf_layer_class gf_layer_rescaling = {"Rescaling", same_infer, NULL};
const gf_layer_class gf_layer_layer_scale = {"LayerScale", layer_scale_infer, NULL};
const gf_layer_class gf_layer_relu = {"ReLU", same_infer, NULL};
const gf_layer_class gf_layer_activation = {"Activation", same_infer, NULL};
const gf_layer_class gf_layer_leaky_relu = {"LeakyReLU", same_infer, NULL};
const gf_layer_class gf_layer_elu = {"ELU", same_infer, NULL};
const gf_layer_class gf_layer_softmax = {"Softmax", same_infer, NULL};
const gf_layer_class gf_layer_operation = {"Operation", operation_infer, NULL};
const gf_layer_class gf_layer_glu = {"GLU", glu_infer, NULL};
const gf_layer_class gf_layer_add = {"Add", add_infer, NULL};
const gf_layer_class gf_layer_multiply = {"Multiply", multiply_infer, NULL};
const gf_layer_class gf_layer_concatenate = {"Concatenate", concatenate_infer, NULL};
const gf_layer_class gf_layer_zero_padding = {"ZeroPadding2D", zero_padding_infer, "ZeroPadding1D"};
const gf_layer_class gf_layer_cropping = {"Cropping2D", cropping_infer, "Cropping1D"};
const gf_layer_class gf_layer_upsampling = {"UpSampling2D", upsampling_infer, "UpSampling1D"};
const gf_layer_class gf_layer_max_pool = {"MaxPooling2D", pool_infer, "MaxPooling1D"};
const gf_layer_class gf_layer_avg_pool = {"AveragePooling2D", pool_infer, "AveragePooling1D"};
const gf_layer_class gf_layer_global_pool = {"GlobalAveragePooling2D", global_pool_infer, "GlobalAveragePooling1D"};
const gf_layer_class gf_layer_global_max_pool = {"GlobalMaxPooling2D", global_pool_infer, "GlobalMaxPooling1D"};
const gf_layer_class gf_layer_flatten = {"Flatten", flatten_infer, NULL};
const gf_layer_class gf_layer_reshape = {"Reshape", reshape_infer, NULL};
const gf_layer_class gf_layer_permute = {"Permute", permute_infer, NULL};
const gf_layer_class gf_layer_dropout = {"Dropout", same_infer, NULL};
const gf_layer_class gf_layer_embedding = {"Embedding", embedding_infer, NULL};
const gf_layer_class gf_layer_attention = {"MultiHeadAttention", attention_infer, NULL};
const gf_layer_class gf_layer_identity = {"Identity", same_infer, NULL};
