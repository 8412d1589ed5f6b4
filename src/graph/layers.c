/* layers.c - the layer classes: shapes and parameters, as Keras 3 defines them. */
#include "graph/model.h"

#include <string.h>

static const gf_shape *src_shape(const gf_model *m, const gf_layer *l, int k) { return &m->layer[l->src[k]].shape; }

static graft_status want_rank(const gf_model *m, const gf_layer *l, int rank, graft_error *err)
{
    const gf_shape *s = src_shape(m, l, 0);
    if (s->rank == rank) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): its input is %s, wanted are %d dimensions",
                   GF_ESC(l->name), l->cls->name, GF_SHAPE_TEXT(s), rank);
}

static graft_status input_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)m, (void)l, (void)err; /* its shape is given */
    return GRAFT_OK;
}

/* Output size of one dimension, and Keras's "same" padding: total = max((out - 1) stride + k - in, 0), the smaller half
 * first. */
static int64_t window(int64_t in, int k, int stride, bool same, int *before, int *after)
{
    if (!same) {
        *before = *after = 0;
        return in < k ? 0 : (in - k) / stride + 1;
    }
    int64_t out = (in + stride - 1) / stride, total = (out - 1) * stride + k - in;
    if (total < 0) total = 0;
    *before = (int)(total / 2);
    *after = (int)(total - total / 2);
    return out;
}

static graft_status conv_shape(gf_model *m, gf_layer *l, int filters, graft_error *err)
{
    GF_TRY(want_rank(m, l, 3, err));
    const gf_shape *s = src_shape(m, l, 0);
    int64_t h = window(s->dim[0], l->at.kh, l->at.sh, l->at.same, &l->at.pt, &l->at.pb);
    int64_t w = window(s->dim[1], l->at.kw, l->at.sw, l->at.same, &l->at.pl, &l->at.pr);
    if (h < 1 || w < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "use a larger picture size",
                       "layer %s: a %dx%d window does not fit into %s", GF_ESC(l->name), l->at.kh, l->at.kw,
                       GF_SHAPE_TEXT(s));
    }
    l->shape = GF_SHAPE(h, w, filters);
    return GRAFT_OK;
}

static graft_status conv_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(conv_shape(m, l, l->at.filters, err));
    if (!l->at.groups) l->at.groups = 1;
    int64_t ic = src_shape(m, l, 0)->dim[2];
    GF_TRY(gf_model_add_param(m, l, "kernel", &GF_SHAPE(l->at.kh, l->at.kw, ic / l->at.groups, l->at.filters), false,
                              err));
    if (!l->at.use_bias) return GRAFT_OK;
    return gf_model_add_param(m, l, "bias", &GF_SHAPE(l->at.filters), false, err);
}

static graft_status depthwise_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_rank(m, l, 3, err));
    int c = (int)src_shape(m, l, 0)->dim[2];
    GF_TRY(conv_shape(m, l, c, err));
    l->at.filters = l->at.groups = c;
    GF_TRY(gf_model_add_param(m, l, "kernel", &GF_SHAPE(l->at.kh, l->at.kw, c, 1), false, err));
    return l->at.use_bias ? gf_model_add_param(m, l, "bias", &GF_SHAPE(c), false, err) : GRAFT_OK;
}

static graft_status batch_norm_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    gf_shape c = GF_SHAPE(l->shape.dim[l->shape.rank - 1]);
    GF_TRY(gf_model_add_param(m, l, "gamma", &c, false, err));
    GF_TRY(gf_model_add_param(m, l, "beta", &c, false, err));
    GF_TRY(gf_model_add_param(m, l, "moving_mean", &c, true, err));
    return gf_model_add_param(m, l, "moving_variance", &c, true, err);
}

static graft_status same_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *src_shape(m, l, 0);
    if (l->n_src == 2 && !gf_shape_equal(&l->shape, src_shape(m, l, 1))) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: cannot add %s and %s", GF_ESC(l->name),
                       GF_SHAPE_TEXT(&l->shape), GF_SHAPE_TEXT(src_shape(m, l, 1)));
    }
    return GRAFT_OK;
}

static graft_status zero_padding_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_rank(m, l, 3, err));
    const gf_shape *s = src_shape(m, l, 0);
    l->shape = GF_SHAPE(s->dim[0] + l->at.pt + l->at.pb, s->dim[1] + l->at.pl + l->at.pr, s->dim[2]);
    return GRAFT_OK;
}

static graft_status global_pool_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_rank(m, l, 3, err));
    l->shape = GF_SHAPE(src_shape(m, l, 0)->dim[2]);
    return GRAFT_OK;
}

static graft_status dense_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(want_rank(m, l, 1, err));
    l->shape = GF_SHAPE(l->at.units);
    GF_TRY(gf_model_add_param(m, l, "kernel", &GF_SHAPE(src_shape(m, l, 0)->dim[0], l->at.units), false, err));
    return gf_model_add_param(m, l, "bias", &GF_SHAPE(l->at.units), false, err);
}

const gf_layer_class gf_layer_input = {"InputLayer", input_infer};
const gf_layer_class gf_layer_conv2d = {"Conv2D", conv_infer};
const gf_layer_class gf_layer_depthwise = {"DepthwiseConv2D", depthwise_infer};
const gf_layer_class gf_layer_batch_norm = {"BatchNormalization", batch_norm_infer};
const gf_layer_class gf_layer_relu = {"ReLU", same_infer};
const gf_layer_class gf_layer_add = {"Add", same_infer};
const gf_layer_class gf_layer_zero_padding = {"ZeroPadding2D", zero_padding_infer};
const gf_layer_class gf_layer_global_pool = {"GlobalAveragePooling2D", global_pool_infer};
const gf_layer_class gf_layer_dropout = {"Dropout", same_infer};
const gf_layer_class gf_layer_dense = {"Dense", dense_infer};
