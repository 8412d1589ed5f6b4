/* layer_input.c - what comes into a network, and what is done with an image before all else. */
#include "graph/lower.h"

#include <string.h>

static graft_status input_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    (void)m, (void)l, (void)err; /* its shape is given */
    return GRAFT_OK;
}

/* An input as a value of its own, in the order of the model's inputs. */
static graft_status add_input(gf_lowering *st, int layer, int *value, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_layer *l = gf_lowered(st, layer);
    gf_shape map = gf_as_map(&l->shape), s = {.rank = map.rank + 1, .dim = {1}};
    memcpy(s.dim + 1, map.dim, (size_t)map.rank * sizeof *map.dim);
    GF_TRY(gf_lower_value(st, &s, -1, value, err));
    g->value[*value].dtype = l->at.dtype;
    int input[GF_MAX_ENDS];
    g->n_inputs = gf_model_inputs(g->model, input);
    for (int i = 0; i < g->n_inputs; i++) {
        if (input[i] == layer) g->inputs[i] = *value;
    }
    g->input = g->inputs[0];
    return GRAFT_OK;
}

/* The input layer's output is what comes in, rescaled as the weights want it: an image's colours, integers as floats.
 * A list of numbers stays as it is, and so do 32 bit integers, which are no quantities: a Rescaling makes floats of
 * them. */
static graft_status lower_input(gf_lowering *st, int layer, graft_error *err)
{
    gf_graph *g = st->g;
    const gf_layer *l = gf_lowered(st, layer);
    int value = -1;
    GF_TRY(add_input(st, layer, &value, err));
    if (l->at.dtype == GF_S32 || (l->at.dtype == GF_F32 && l->shape.rank == 1)) {
        g->value_of_layer[layer] = value;
        return GRAFT_OK;
    }
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_rescale, &n, err));
    n->spec.n_src = 1;
    n->src[0] = value;
    n->spec.src[0] = g->value[value].shape;
    memcpy(n->spec.rescale.scale, l->at.scale, sizeof l->at.scale);
    memcpy(n->spec.rescale.offset, l->at.offset, sizeof l->at.offset);
    n->spec.rescale.reverse = l->at.bgr;
    return gf_lower_close(st, layer, n, err);
}

/* A second rescaling of the image goes into the first. */
static graft_status lower_rescaling(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n = gf_lower_open(st, l->src[0]);
    bool joins = n && n->spec.cls == &gf_op_rescale && l->shape.dim[l->shape.rank - 1] <= 4;
    if (!joins) {
        GF_TRY(gf_lower_node(st, layer, &gf_op_rescale, &n, err));
        memcpy(n->spec.rescale.scale, l->at.scale, sizeof l->at.scale);
        memcpy(n->spec.rescale.offset, l->at.offset, sizeof l->at.offset);
        return gf_lower_close(st, layer, n, err);
    }
    for (int c = 0; c < 4; c++) {
        n->spec.rescale.scale[c] *= l->at.scale[c];
        n->spec.rescale.offset[c] = n->spec.rescale.offset[c] * l->at.scale[c] + l->at.offset[c];
    }
    gf_lower_fused(st, layer, n);
    return GRAFT_OK;
}

const gf_layer_class gf_layer_input = {"InputLayer", input_infer, NULL, lower_input};
const gf_layer_class gf_layer_rescaling = {"Rescaling", gf_same_shape, NULL, lower_rescaling};
