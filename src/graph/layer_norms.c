/* layer_norms.c - normalisations, and factors that train. */
#include "graph/lower.h"

static graft_status add_scale(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *gf_source_shape(m, l, 0);
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

/* Whether a batch normalisation measures its batch: what is frozen stays on its moving statistics, as in Keras. */
static bool measures(const gf_lowering *st, int layer)
{
    const gf_param *mean = gf_model_param(st->g->model, layer, "moving_mean");
    bool on = st->o->batch_norm || (st->o->head_norm && !st->g->model->layer[layer].backbone);
    return on && !gf_model_frozen(st->g->model, layer) && !(mean && mean->frozen);
}

static graft_status lower_batch_norm(gf_lowering *st, int layer, graft_error *err)
{
    int src = gf_lowered(st, layer)->src[0];
    gf_node *n = gf_lower_open(st, src);
    bool live = measures(st, layer),
         folds = !live && n && n->spec.cls->scales && n->param[GF_ROLE_VARIANCE] < 0 && n->spec.n_src == 1;
    if (!folds) GF_TRY(gf_lower_node(st, layer, live ? &gf_op_batch_norm : &gf_op_affine, &n, err));
    n->param[GF_ROLE_GAMMA] = gf_lower_param(st, layer, "gamma");
    n->param[GF_ROLE_BETA] = gf_lower_param(st, layer, "beta");
    n->param[GF_ROLE_MEAN] = gf_lower_param(st, layer, "moving_mean");
    n->param[GF_ROLE_VARIANCE] = gf_lower_param(st, layer, "moving_variance");
    n->epsilon = gf_lowered(st, layer)->at.epsilon;
    n->spec.has_bias = true;
    if (live) {
        n->spec.norm.epsilon = n->epsilon;
        n->momentum = gf_lowered(st, layer)->at.momentum;
        n->unbiased = st->g->model->buffers;
    }
    if (!folds) return gf_lower_close(st, layer, n, err);
    gf_lower_fused(st, layer, n);
    return GRAFT_OK;
}

static graft_status group_norm_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    if (gf_source_shape(m, l, 0)->rank != 2) GF_TRY(gf_want_rank(m, l, 3, err));
    int64_t c = gf_channels_before(m, l);
    if (l->at.norm_groups < 1 || c % l->at.norm_groups) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %lld channels in %d groups", GF_ESC(l->name),
                       (long long)c, l->at.norm_groups);
    }
    return add_scale(m, l, err);
}

static graft_status lower_norm(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_norm, &n, err));
    n->spec.norm.groups = l->cls == &gf_layer_group_norm ? l->at.norm_groups : 0;
    n->spec.norm.epsilon = l->at.epsilon;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "gamma");
    n->param[GF_ROLE_BIAS] = gf_lower_param(st, layer, "beta");
    n->spec.has_bias = n->param[GF_ROLE_BIAS] >= 0;
    return gf_lower_close(st, layer, n, err);
}

static graft_status normalization_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *gf_source_shape(m, l, 0);
    gf_shape c = GF_SHAPE(l->shape.dim[l->shape.rank - 1]), one = {.rank = 0};
    GF_TRY(gf_model_add_param(m, l, "mean", &c, true, err));
    GF_TRY(gf_model_add_param(m, l, "variance", &c, true, err));
    GF_TRY(gf_model_add_param(m, l, "count", &one, true, err));
    m->param[l->param[l->n_params - 1]].idle = true;
    return GRAFT_OK;
}

/* dst = (src - mean) / sqrt(variance) */
static graft_status lower_normalization(gf_lowering *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_affine, &n, err));
    n->param[GF_ROLE_MEAN] = gf_lower_param(st, layer, "mean");
    n->param[GF_ROLE_VARIANCE] = gf_lower_param(st, layer, "variance");
    n->spec.has_bias = true;
    return gf_lower_close(st, layer, n, err);
}

static graft_status layer_scale_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->at.no_center = true;
    return add_scale(m, l, err);
}

static graft_status lower_layer_scale(gf_lowering *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_affine, &n, err));
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "gamma");
    return gf_lower_close(st, layer, n, err);
}

const gf_layer_class gf_layer_batch_norm = {"BatchNormalization", batch_norm_infer, NULL, lower_batch_norm};
const gf_layer_class gf_layer_layer_norm = {"LayerNormalization", add_scale, NULL, lower_norm};
const gf_layer_class gf_layer_group_norm = {"GroupNormalization", group_norm_infer, NULL, lower_norm};
const gf_layer_class gf_layer_normalization = {"Normalization", normalization_infer, NULL, lower_normalization};
const gf_layer_class gf_layer_layer_scale = {"LayerScale", layer_scale_infer, NULL, lower_layer_scale};
