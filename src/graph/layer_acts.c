/* layer_acts.c - activations and what else acts value by value, and what does so only while a model trains. */
#include "graph/lower.h"

#include <string.h>

static graft_status lower_act(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n = gf_lower_open(st, l->src[0]);
    if (l->at.act == GF_ACT_LINEAR) return gf_lower_identity(st, layer, err);
    if (n && gf_lower_takes_act(st, layer, n, l->at.act)) {
        n->spec.act = l->at.act;
        n->spec.act_alpha = l->at.alpha;
        gf_lower_fused(st, layer, n);
        return GRAFT_OK;
    }
    GF_TRY(gf_lower_node(st, layer, &gf_op_act, &n, err));
    n->spec.act = l->at.act;
    n->spec.act_alpha = l->at.alpha;
    return gf_lower_close(st, layer, n, err);
}

static graft_status lower_softmax(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_softmax, &n, err));
    n->spec.softmax.axis = l->shape.rank + gf_rows_before(l);
    n->spec.softmax.log = l->at.log;
    return gf_lower_close(st, layer, n, err);
}

static graft_status glu_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    l->shape = *gf_source_shape(m, l, 0);
    int64_t *c = &l->shape.dim[l->shape.rank - 1];
    if (*c % 2) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL,
                       "layer %s: a gated linear unit wants an even number of channels, not %s", GF_ESC(l->name),
                       GF_SHAPE_TEXT(&l->shape));
    }
    *c /= 2;
    return GRAFT_OK;
}

static graft_status lower_glu(gf_lowering *st, int layer, graft_error *err)
{
    return gf_lower_as(st, layer, &gf_op_glu, err);
}

/* A backbone's own dropout does nothing unless it is asked for: else it runs as Keras's base_model(x, training=False)
 * does. */
static graft_status lower_dropout(gf_lowering *st, int layer, graft_error *err)
{
    if (gf_lowered(st, layer)->backbone && !st->o->backbone_dropout) return gf_lower_identity(st, layer, err);
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_dropout, &n, err));
    n->spec.dropout.rate = gf_lowered(st, layer)->at.rate;
    n->spec.dropout.salt = (uint32_t)layer;
    n->spec.dropout.what = gf_lowered(st, layer)->at.dropped;
    return gf_lower_close(st, layer, n, err);
}

/* A batch of one image goes through the operation's own inference. */
static graft_status operation_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    gf_op_spec s = {.cls = l->at.op, .name = l->name, .n_src = l->n_src};
    if (!s.cls || !s.cls->plain) return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: no operation", GF_ESC(l->name));
    int least = s.cls->least_src ? s.cls->least_src : 1, most = s.cls->most_src ? s.cls->most_src : 1;
    if (l->n_src < least || l->n_src > most) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): %d sources, wanted are %d to %d", GF_ESC(l->name),
                       s.cls->name, l->n_src, least, most);
    }
    for (int k = 0; k < l->n_src; k++) {
        const gf_shape *src = gf_source_shape(m, l, k);
        s.src[k] = (gf_shape){.rank = src->rank + 1, .dim = {1}};
        memcpy(s.src[k].dim + 1, src->dim, (size_t)src->rank * sizeof *src->dim);
    }
    GF_TRY(s.cls->infer(&s, &s.dst, err));
    l->shape.rank = s.dst.rank - 1;
    memcpy(l->shape.dim, s.dst.dim + 1, (size_t)l->shape.rank * sizeof *l->shape.dim);
    return GRAFT_OK;
}

static graft_status lower_operation(gf_lowering *st, int layer, graft_error *err)
{
    return gf_lower_as(st, layer, gf_lowered(st, layer)->at.op, err);
}

const gf_layer_class gf_layer_relu = {"ReLU", gf_same_shape, NULL, lower_act};
const gf_layer_class gf_layer_activation = {"Activation", gf_same_shape, NULL, lower_act};
const gf_layer_class gf_layer_leaky_relu = {"LeakyReLU", gf_same_shape, NULL, lower_act};
const gf_layer_class gf_layer_elu = {"ELU", gf_same_shape, NULL, lower_act};
const gf_layer_class gf_layer_softmax = {"Softmax", gf_same_shape, NULL, lower_softmax};
const gf_layer_class gf_layer_glu = {"GLU", glu_infer, NULL, lower_glu};
const gf_layer_class gf_layer_dropout = {"Dropout", gf_same_shape, NULL, lower_dropout};
const gf_layer_class gf_layer_identity = {"Identity", gf_same_shape, NULL, gf_lower_identity};
const gf_layer_class gf_layer_operation = {"Operation", operation_infer, NULL, lower_operation};
