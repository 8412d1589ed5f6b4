/* layer_pieces.c - layers of encoders of texts. Their input is the pieces of a text, 32 bit integers; every value up to
 * the pooling has a row for each place, and texts of a micro-batch stand behind one another (gf_value.packed). */
#include "graph/lower.h"

#include <math.h>

static graft_status lookup_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(gf_want_rank(m, l, 1, err));
    const gf_layer *input = &m->layer[l->src[0]];
    int64_t places = input->shape.dim[0];
    bool pieces = input->cls == &gf_layer_input && input->at.dtype == GF_S32;
    bool fits = l->at.rows > 0 && l->at.units > 0 && l->at.skip >= 0 && l->at.by < GF_LOOKUPS;
    if (!pieces || !fits || (l->at.by == GF_LOOKUP_PLACE && places > (int64_t)l->at.rows - l->at.skip)) {
        return gf_fail(err, GF_E_MODEL_SHAPE, pieces && fits ? "texts of fewer pieces: --max-length" : NULL,
                       "layer %s (%s): a table of %d rows of %d, the first %d left out, for %lld places",
                       GF_ESC(l->name), l->cls->name, l->at.rows, l->at.units, l->at.skip, (long long)places);
    }
    l->shape = GF_SHAPE(places, l->at.units);
    return gf_model_add_param(m, l, "embeddings", &GF_SHAPE(l->at.rows, l->at.units), false, err);
}

static graft_status lower_lookup(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    st->g->value[st->g->value_of_layer[l->src[0]]].packed = true;
    GF_TRY(gf_lower_node(st, layer, &gf_op_gather, &n, err));
    n->spec.gather.by = l->at.by;
    n->spec.gather.rows = l->at.rows;
    n->spec.gather.units = l->at.units;
    n->spec.gather.skip = l->at.skip;
    n->spec.gather.separator = l->at.separator;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "embeddings");
    return gf_lower_close(st, layer, n, err);
}

static graft_status attention_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    bool fits = l->n_src == 3 && l->at.heads > 0;
    for (int k = 0; k < l->n_src && fits; k++) {
        const gf_shape *s = gf_source_shape(m, l, k);
        fits = s->rank == 2 && s->dim[0] == gf_source_shape(m, l, 0)->dim[0] && s->dim[1] % l->at.heads == 0;
    }
    if (!fits || gf_source_shape(m, l, 0)->dim[1] != gf_source_shape(m, l, 1)->dim[1]) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): %d heads do not fit its %d inputs", GF_ESC(l->name),
                       l->cls->name, l->at.heads, l->n_src);
    }
    l->shape = *gf_source_shape(m, l, 2);
    return GRAFT_OK;
}

/* Whether the layer's first source has texts behind one another. */
static graft_status want_packed(const gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    const gf_graph *g = st->g;
    bool packed = true;
    for (int k = 0; k < l->n_src; k++) packed = packed && g->value[g->value_of_layer[l->src[k]]].packed;
    if (packed) return GRAFT_OK;
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s (%s): its input is not of pieces of texts", GF_ESC(l->name),
                   l->cls->name);
}

static graft_status lower_attention(gf_lowering *st, int layer, graft_error *err)
{
    const gf_layer *l = gf_lowered(st, layer);
    gf_node *n;
    GF_TRY(want_packed(st, layer, err));
    GF_TRY(gf_lower_node(st, layer, &gf_op_text_attention, &n, err));
    double places = (double)l->shape.dim[0], width = (double)n->spec.src[0].dim[3];
    n->spec.attention.heads = l->at.heads;
    n->spec.attention.scale = 1 / sqrtf((float)width / (float)l->at.heads);
    n->spec.attention.causal = l->at.causal;
    n->flops = 2 * places * places * (width + (double)l->shape.dim[1]);
    return gf_lower_close(st, layer, n, err);
}

static graft_status pooling_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(gf_want_rank(m, l, 2, err));
    l->shape = GF_SHAPE(gf_channels_before(m, l));
    return GRAFT_OK;
}

static graft_status lower_pooling(gf_lowering *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(want_packed(st, layer, err));
    GF_TRY(gf_lower_node(st, layer, &gf_op_pool_pieces, &n, err));
    n->spec.pool_pieces.mean = !gf_lowered(st, layer)->at.first_place;
    return gf_lower_close(st, layer, n, err);
}

const gf_layer_class gf_layer_piece_lookup = {"PieceLookup", lookup_infer, NULL, lower_lookup};
const gf_layer_class gf_layer_piece_attention = {"PieceAttention", attention_infer, NULL, lower_attention};
const gf_layer_class gf_layer_piece_pooling = {"PiecePooling", pooling_infer, NULL, lower_pooling};
