/* lower.c - from layers to operations, with the passes on the way: padding goes into the convolution behind it, batch
 * normalisation folds into the convolution before it, activation and residual add go behind it. How a layer becomes a
 * node, or disappears into one, stands with its class (layer_*.c); here is what those share. */
#include "graph/lower.h"

/* ---- shapes of layers */

graft_status gf_want_rank(const gf_model *m, const gf_layer *l, int rank, graft_error *err)
{
    const gf_shape *s = gf_source_shape(m, l, 0);
    if (s->rank == rank) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): its input is %s, wanted are %d dimensions",
                   GF_ESC(l->name), gf_layer_class_name(l), GF_SHAPE_TEXT(s), rank);
}

graft_status gf_want_map(const gf_model *m, const gf_layer *l, graft_error *err)
{
    return gf_want_rank(m, l, l->at.sequence ? 2 : 3, err);
}

graft_status gf_same_shape(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)err;
    l->shape = *gf_source_shape(m, l, 0);
    return GRAFT_OK;
}

/* ---- nodes */

int gf_lower_param(const gf_lowering *st, int layer, const char *var)
{
    const gf_param *p = gf_model_param(st->g->model, layer, var);
    return p ? (int)(p - st->g->model->param) : -1;
}

graft_status gf_lower_value(gf_lowering *st, const gf_shape *shape, int producer, int *out, graft_error *err)
{
    gf_graph *g = st->g;
    if (!gf_grow(&g->value, g->n_values, &g->values_cap)) return gf_fail_memory(err, sizeof(gf_value), "a graph");
    g->value[g->n_values] = (gf_value){.shape = *shape, .producer = producer};
    *out = (int)g->n_values++;
    return GRAFT_OK;
}

/* A node for `layer` from the values of its sources; *node is valid until the next is added. */
graft_status gf_lower_node(gf_lowering *st, int layer, const gf_op_class *cls, gf_node **node, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_layer *l = gf_lowered(st, layer);
    if (!gf_grow(&g->node, g->n_nodes, &g->nodes_cap)) return gf_fail_memory(err, sizeof(gf_node), "a graph");
    gf_node *n = &g->node[g->n_nodes];
    *n = (gf_node){.spec = {.cls = cls, .name = l->name, .n_src = l->n_src}, .layer = layer};
    for (int i = 0; i < GF_ROLES; i++) n->param[i] = -1;
    for (int i = 0; i < l->n_src; i++) {
        n->src[i] = g->value_of_layer[l->src[i]];
        if (n->src[i] >= 0) n->spec.src[i] = g->value[n->src[i]].shape; /* else padding, fused by the caller */
    }
    *node = n;
    return GRAFT_OK;
}

/* Gives the node its destination, and the layer that value. */
graft_status gf_lower_close(gf_lowering *st, int layer, gf_node *n, graft_error *err)
{
    gf_graph *g = st->g;
    GF_TRY(n->spec.cls->infer(&n->spec, &n->spec.dst, err));
    GF_TRY(gf_lower_value(st, &n->spec.dst, (int)g->n_nodes, &n->dst, err));
    for (int i = 0; i < n->spec.n_src && !n->spec.cls->unpacks; i++) {
        g->value[n->dst].packed |= g->value[n->src[i]].packed;
    }
    g->value_of_layer[layer] = n->dst;
    g->n_nodes++;
    return GRAFT_OK;
}

/* The node whose output is layer `src`'s alone: something can be fused behind it. NULL: none. */
gf_node *gf_lower_open(gf_lowering *st, int src)
{
    int v = st->g->value_of_layer[src];
    int producer = st->o->no_fusion || st->uses[src] != 1 ? -1 : st->g->value[v].producer;
    gf_node *n = producer < 0 ? NULL : &st->g->node[producer];
    return n && n->spec.act == GF_ACT_LINEAR ? n : NULL;
}

/* Whether this activation goes behind the node that computes layer `layer`. Those with an exponential that need their
 * src are faster as a node of their own (EfficientNetB0 frozen, 117 ms a batch against 141 with oneDNN's swish fused),
 * but for convolutions in bytes, which end with them. */
bool gf_lower_takes_act(const gf_lowering *st, int layer, const gf_node *n, gf_act act)
{
    if (!gf_op_fuses(n->spec.cls, act)) return false;
    bool in_int8 = act == GF_ACT_SILU && n->spec.cls->int8 && layer < st->o->int8_layers &&
                   n->spec.dst.dim[1] * n->spec.dst.dim[2] > 1;
    return act < GF_ACT_NEEDS_SRC || (!st->grads[layer] && (act == GF_ACT_HARD_SILU || in_int8));
}

void gf_lower_fused(gf_lowering *st, int layer, gf_node *n)
{
    st->g->value_of_layer[layer] = n->dst;
    n->layer = layer;
    n->spec.name = gf_lowered(st, layer)->name;
}

/* The activation that Keras has inside a layer: fused, or a node of its own behind node n (which may move). */
graft_status gf_lower_close_act(gf_lowering *st, int layer, gf_node *n, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    if (l->at.act == GF_ACT_LINEAR || (gf_lower_takes_act(st, layer, n, l->at.act) && !st->o->no_fusion)) {
        n->spec.act = l->at.act;
        n->spec.act_alpha = l->at.alpha;
        return gf_lower_close(st, layer, n, err);
    }
    GF_TRY(gf_lower_close(st, layer, n, err));
    int before = n->dst;
    GF_TRY(gf_lower_node(st, layer, &gf_op_act, &n, err));
    n->spec.n_src = 1;
    n->src[0] = before;
    n->spec.src[0] = st->g->value[before].shape;
    n->spec.act = l->at.act;
    n->spec.act_alpha = l->at.alpha;
    return gf_lower_close(st, layer, n, err);
}

/* The image of a node under a reshape of its layer's own: the same values. */
graft_status gf_lower_close_reshaped(gf_lowering *st, int layer, gf_node *n, graft_error *err)
{
    GF_TRY(gf_lower_close(st, layer, n, err));
    int before = n->dst;
    GF_TRY(gf_lower_node(st, layer, &gf_op_reshape, &n, err));
    n->spec.n_src = 1;
    n->src[0] = before;
    n->spec.src[0] = st->g->value[before].shape;
    n->spec.reshape.shape = gf_as_map(&gf_lowered(st, layer)->shape);
    return gf_lower_close(st, layer, n, err);
}

/* A layer that hands its input on: what stands behind it stands behind that input. */
graft_status gf_lower_identity(gf_lowering *st, int layer, graft_error *err)
{
    (void)err;
    int src = gf_lowered(st, layer)->src[0];
    st->uses[src] += st->uses[layer] - 1;
    st->uses[layer] = st->uses[src];
    st->g->value_of_layer[layer] = st->g->value_of_layer[src];
    return GRAFT_OK;
}

/* A node of that class, which needs nothing but its sources. */
graft_status gf_lower_as(gf_lowering *st, int layer, const gf_op_class *cls, graft_error *err)
{
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, cls, &n, err));
    return gf_lower_close(st, layer, n, err);
}

/* ---- the graph */

/* Nodes behind the value are dropped; values keep their numbers. */
static void end_at(gf_graph *g, int value)
{
    g->n_nodes = (size_t)(g->value[value].producer + 1);
    g->output = g->features = g->outputs[0] = value;
    g->n_outputs = 1;
}

static graft_status set_outputs(gf_lowering *st, graft_error *err)
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
static void count_uses(gf_lowering *st)
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
    gf_lowering st = {.g = g, .o = options};
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
    for (size_t i = 0; i < m->n_layers; i++) GF_GOTO(m->layer[i].cls->lower(&st, (int)i, err));
    GF_GOTO(set_outputs(&st, err));
    GF_GOTO(gf_graph_check_integers(g, err));
    gf_graph_mark_gradients(g);
out:
    gf_free(st.uses);
    gf_free(st.grads);
    if (status != GRAFT_OK) gf_graph_free(g);
    return status;
}
