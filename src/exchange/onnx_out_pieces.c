/* onnx_out_pieces.c - encoders of texts as nodes. Their inputs are those that tokenizers of Hugging Face's give:
 * input_ids, attention_mask and, where there is a table of segments, token_type_ids, all int64 (n, pieces), padding
 * behind a text. Values are (n, pieces, channels); of places alone (pieces, channels), which the sum spreads. */
#include "exchange/onnx_out.h"

#include <math.h>
#include <string.h>

static const char ids[] = "input_ids", mask[] = "attention_mask", segments[] = "token_type_ids";
static const char there[] = "pieces/there", bias[] = "pieces/bias", count[] = "pieces/count";

static bool is_lookup(const gf_layer *l, gf_lookup by)
{
    return l->cls == &gf_layer_piece_lookup && l->at.by == by && (by != GF_LOOKUP_SEGMENT || l->at.rows > 1);
}

bool gf_oo_is_of_pieces(const gf_model *m)
{
    for (size_t i = 0; i < m->n_layers; i++) {
        if (m->layer[i].cls == &gf_layer_piece_lookup) return true;
    }
    return false;
}

/* ---- inputs */

static void input(gf_oo *w, const char *name)
{
    w->o->input[w->o->n_inputs++] = (gf_onnx_value){
        .name = name, .type = GF_ONNX_INT64, .has_shape = true, .shape = GF_SHAPE(-1, -1), .batch = "n"};
}

static void put_int(gf_oo *w, const char *name, int64_t v) { gf_oo_int_tensor(w, name, &v, 1); }

/* What of a text is there, as 1 and 0; what hides the rest from attention; how many pieces texts have at most. */
graft_status gf_oo_pieces(gf_oo *w)
{
    bool has_segments = false;
    for (size_t i = 0; i < w->m->n_layers; i++) has_segments |= is_lookup(&w->m->layer[i], GF_LOOKUP_SEGMENT);
    input(w, ids);
    input(w, mask);
    if (has_segments) input(w, segments);
    gf_oo_int(w, gf_oo_node(w, "Cast", there, mask, NULL, NULL), "to", GF_ONNX_FLOAT);
    gf_oo_node(w, "Sub", "pieces/hidden", there, gf_oo_scalar(w, "pieces/one", 1), NULL);
    gf_oo_node(w, "Mul", "pieces/low", "pieces/hidden", gf_oo_scalar(w, "pieces/large", 1e9f), NULL);
    gf_oo_int_tensor(w, "pieces/bias_shape", (int64_t[]){0, 1, 1, -1}, 4);
    gf_oo_node(w, "Reshape", bias, "pieces/low", "pieces/bias_shape", NULL);
    gf_onnx_node *shape = gf_oo_node(w, "Shape", count, ids, NULL, NULL);
    gf_oo_int(w, shape, "start", 1);
    gf_oo_int(w, shape, "end", 2);
    return GRAFT_OK;
}

/* ---- tables */

static const char *table_of(gf_oo *w, const gf_layer *l)
{
    const gf_param *p = gf_model_param(w->m, (int)(l - w->m->layer), "embeddings");
    const char *name = gf_oo_param_name(w, l, "embeddings");
    float *to = p ? gf_oo_param_tensor(w, l, name, &p->shape) : NULL;
    if (to) memcpy(to, w->m->value + p->offset, p->count * sizeof *to);
    return name;
}

static graft_status lookup(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    (void)in;
    const char *table = table_of(w, l);
    if (is_lookup(l, GF_LOOKUP_PIECE) || is_lookup(l, GF_LOOKUP_SEGMENT)) {
        gf_oo_int(w, gf_oo_node(w, "Gather", out, table, l->at.by == GF_LOOKUP_PIECE ? ids : segments, NULL), "axis",
                  0);
        return GRAFT_OK;
    }
    const char *first = gf_oo_name(w, "%s/first", l->name), *axis = gf_oo_name(w, "%s/axis", l->name);
    const char *end = gf_oo_name(w, "%s/end", l->name);
    const bool places = l->at.by == GF_LOOKUP_PLACE;
    put_int(w, first, places ? l->at.skip : 0);
    put_int(w, axis, 0);
    if (places) gf_oo_node(w, "Add", end, count, first, NULL);
    if (!places) put_int(w, end, 1); /* the one row that there is */
    gf_onnx_node *n = gf_oo_node(w, "Slice", out, table, first, end);
    if (n && !w->failed) n->input[n->n_inputs++] = axis;
    return GRAFT_OK;
}

/* ---- attention */

/* Source k by heads: (n, heads, pieces, size), of the key (n, heads, size, pieces). */
static const char *heads_of(gf_oo *w, const gf_layer *l, int k)
{
    static const char *const what[] = {"query", "key", "value"};
    static const int64_t straight[] = {0, 2, 1, 3}, turned[] = {0, 2, 3, 1};
    const int64_t width = w->m->layer[l->src[k]].shape.dim[1];
    const char *shape = gf_oo_name(w, "%s/%s/shape", l->name, what[k]);
    const char *split = gf_oo_name(w, "%s/%s/split", l->name, what[k]);
    const char *heads = gf_oo_name(w, "%s/%s/heads", l->name, what[k]);
    gf_oo_int_tensor(w, shape, (int64_t[]){0, 0, l->at.heads, width / l->at.heads}, 4);
    gf_oo_node(w, "Reshape", split, gf_oo_value(w, l->src[k]), shape, NULL);
    gf_oo_ints(w, gf_oo_node(w, "Transpose", heads, split, NULL, NULL), "perm", k == 1 ? turned : straight, 4);
    return heads;
}

static graft_status attention(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    (void)in;
    static const int64_t places_first[] = {0, 2, 1, 3};
    const float width = (float)w->m->layer[l->src[0]].shape.dim[1];
    const char *q = heads_of(w, l, 0), *k = heads_of(w, l, 1), *v = heads_of(w, l, 2);
    const char *products = gf_oo_name(w, "%s/products", l->name), *scores = gf_oo_name(w, "%s/scores", l->name);
    const char *masked = gf_oo_name(w, "%s/masked", l->name), *weights = gf_oo_name(w, "%s/weights", l->name);
    const char *mixed = gf_oo_name(w, "%s/mixed", l->name), *joined = gf_oo_name(w, "%s/joined", l->name);
    const char *shape = gf_oo_name(w, "%s/places", l->name);
    const char *scale = gf_oo_scalar(w, gf_oo_name(w, "%s/scale", l->name), 1 / sqrtf(width / (float)l->at.heads));
    if (l->at.causal) {
        return gf_fail(w->err, GF_E_ONNX_EXPORT, NULL, "layer %s: attention to earlier pieces alone cannot be written",
                       GF_ESC(l->name));
    }
    gf_oo_node(w, "MatMul", products, q, k, NULL);
    gf_oo_node(w, "Mul", scores, products, scale, NULL);
    gf_oo_node(w, "Add", masked, scores, bias, NULL);
    gf_oo_int(w, gf_oo_node(w, "Softmax", weights, masked, NULL, NULL), "axis", -1);
    gf_oo_node(w, "MatMul", mixed, weights, v, NULL);
    gf_oo_ints(w, gf_oo_node(w, "Transpose", joined, mixed, NULL, NULL), "perm", places_first, 4);
    gf_oo_int_tensor(w, shape, (int64_t[]){0, 0, l->shape.dim[1]}, 3);
    gf_oo_node(w, "Reshape", out, joined, shape, NULL);
    return GRAFT_OK;
}

/* ---- a text's row */

static graft_status pooling(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const char *axis = gf_oo_name(w, "%s/axis", l->name), *last = gf_oo_name(w, "%s/last", l->name);
    const char *each = gf_oo_name(w, "%s/each", l->name), *kept = gf_oo_name(w, "%s/kept", l->name);
    const char *sum = gf_oo_name(w, "%s/sum", l->name), *number = gf_oo_name(w, "%s/number", l->name);
    gf_onnx_node *n;
    if (l->at.first_place) {
        const char *place = gf_oo_name(w, "%s/place", l->name);
        put_int(w, place, 0);
        gf_oo_int(w, gf_oo_node(w, "Gather", each, in, place, NULL), "axis", 1);
        gf_oo_int(w, gf_oo_node(w, "Flatten", out, each, NULL, NULL), "axis", 1);
        return GRAFT_OK;
    }
    put_int(w, axis, 1);
    put_int(w, last, 2);
    gf_oo_node(w, "Unsqueeze", each, there, last, NULL);
    gf_oo_node(w, "Mul", kept, in, each, NULL);
    n = gf_oo_node(w, "ReduceSum", sum, kept, axis, NULL);
    gf_oo_int(w, n, "keepdims", 0);
    n = gf_oo_node(w, "ReduceSum", number, each, axis, NULL);
    gf_oo_int(w, n, "keepdims", 0);
    gf_oo_node(w, "Div", out, sum, number, NULL);
    return GRAFT_OK;
}

static graft_status unit(gf_oo *w, const gf_layer *l, const char *in, const char *out)
{
    const int64_t last[] = {-1};
    const char *length = gf_oo_name(w, "%s/length", l->name), *safe = gf_oo_name(w, "%s/safe", l->name);
    gf_onnx_node *n = gf_oo_node(w, "ReduceL2", length, in, NULL, NULL);
    gf_oo_ints(w, n, "axes", last, 1);
    gf_oo_node(w, "Max", safe, length, gf_oo_scalar(w, gf_oo_name(w, "%s/least", l->name), 1e-12f), NULL);
    gf_oo_node(w, "Div", out, in, safe, NULL);
    return GRAFT_OK;
}

graft_status gf_oo_piece_layer(gf_oo *w, int layer, bool *does)
{
    static const struct {
        const gf_layer_class *cls;
        graft_status (*write)(gf_oo *w, const gf_layer *l, const char *in, const char *out);
    } table[] = {{&gf_layer_piece_lookup, lookup},
                 {&gf_layer_piece_attention, attention},
                 {&gf_layer_piece_pooling, pooling},
                 {&gf_layer_operation, unit}};
    const gf_layer *l = &w->m->layer[layer];
    *does = false;
    for (size_t i = 0; i < sizeof table / sizeof *table && !*does; i++) {
        *does = table[i].cls == l->cls && (l->cls != &gf_layer_operation || l->at.op == &gf_op_unit_norm);
        if (*does) return table[i].write(w, l, gf_oo_value(w, l->src[0]), gf_oo_value(w, layer));
    }
    return GRAFT_OK;
}
