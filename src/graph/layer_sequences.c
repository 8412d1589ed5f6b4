/* layer_sequences.c - layers of sequences: positions that are learnt, attention. */
#include "graph/lower.h"

#include <math.h>

/* A row for each place: where a network learns places, their numbers are what it looks up. */
static graft_status embedding_infer(gf_model *m, gf_layer *l, graft_error *err)
{
    GF_TRY(gf_want_rank(m, l, 2, err));
    int64_t positions = gf_source_shape(m, l, 0)->dim[0];
    if (l->at.units < 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %d channels", GF_ESC(l->name), l->at.units);
    }
    l->shape = GF_SHAPE(positions, l->at.units);
    return gf_model_add_param(m, l, "embeddings", &l->shape, l->at.fixed, err);
}

static graft_status lower_embedding(gf_lowering *st, int layer, graft_error *err)
{
    gf_node *n;
    GF_TRY(gf_lower_node(st, layer, &gf_op_table, &n, err));
    n->spec.table.units = gf_lowered(st, layer)->at.units;
    n->param[GF_ROLE_KERNEL] = gf_lower_param(st, layer, "embeddings");
    return gf_lower_close(st, layer, n, err);
}

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
        fits = gf_source_shape(m, l, k)->rank == 2 || gf_source_shape(m, l, k)->rank == 3;
    }
    if (!fits) return false;
    int64_t queries = positions_of(gf_source_shape(m, l, 0)), values = positions_of(gf_source_shape(m, l, 1));
    return positions_of(gf_source_shape(m, l, l->n_src - 1)) == values && queries <= MOST_PAIRS / values;
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
        const gf_shape *s = gf_source_shape(m, l, i == 0 ? 0 : i == 2 ? 1 : l->n_src - 1); /* query, key, value */
        in[i] = s->dim[s->rank - 1];
    }
    int64_t out = l->at.units > 0 ? l->at.units : in[0];
    GF_TRY(add_projection(m, l, var[0], GF_SHAPE(in[0], h, k), GF_SHAPE(h, k), err));
    GF_TRY(add_projection(m, l, var[1], GF_SHAPE(in[1], h, k), GF_SHAPE(h, k), err));
    GF_TRY(add_projection(m, l, var[2], GF_SHAPE(in[2], h, v), GF_SHAPE(h, v), err));
    GF_TRY(add_projection(m, l, var[3], GF_SHAPE(h, v, out), GF_SHAPE(out), err));
    l->shape = *gf_source_shape(m, l, 0);
    l->shape.dim[l->shape.rank - 1] = out;
    return GRAFT_OK;
}

/* Three dense layers, what the heads make of them, and a dense layer behind. Dropout of a backbone does nothing. */
static graft_status lower_attention(gf_lowering *st, int layer, graft_error *err)
{
    static const char *const var[3][2] = {
        {"query/kernel", "query/bias"}, {"key/kernel", "key/bias"}, {"value/kernel", "value/bias"}};
    const gf_layer *l = gf_lowered(st, layer);
    const int source[3] = {l->src[0], l->src[l->n_src - 1], l->src[1]};
    int projected[3];
    gf_node *n;
    for (int k = 0; k < 3; k++) {
        GF_TRY(gf_lower_pointwise(st, layer, st->g->value_of_layer[source[k]], var[k][0], var[k][1], &n, err));
        GF_TRY(gf_lower_close(st, layer, n, err));
        projected[k] = n->dst;
    }
    GF_TRY(gf_lower_node(st, layer, st->o->reference ? &gf_op_attention_reference : &gf_op_attention, &n, err));
    n->spec.n_src = 3;
    for (int k = 0; k < 3; k++) {
        n->src[k] = projected[k];
        n->spec.src[k] = st->g->value[projected[k]].shape;
    }
    n->spec.attention.heads = l->at.heads;
    n->spec.attention.scale = 1 / sqrtf((float)l->at.key_dim);
    n->spec.attention.causal = l->at.causal;
    double queries = (double)gf_count(&n->spec.src[0]) / l->at.key_dim, /* of all heads */
        keys = (double)gf_count(&n->spec.src[1]) / l->at.key_dim / l->at.heads;
    n->flops = 2 * queries * keys * (l->at.key_dim + l->at.value_dim);
    GF_TRY(gf_lower_close(st, layer, n, err));
    GF_TRY(gf_lower_pointwise(st, layer, n->dst, "attention_output/kernel", "attention_output/bias", &n, err));
    return gf_lower_close(st, layer, n, err);
}

const gf_layer_class gf_layer_embedding = {"Embedding", embedding_infer, NULL, lower_embedding};
const gf_layer_class gf_layer_attention = {"MultiHeadAttention", attention_infer, NULL, lower_attention};
