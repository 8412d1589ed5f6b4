/* onnx_attention.c - attention, put together from the products that ONNX spells it as:
 *
 *   Q, K, V = dense layers of their inputs, split into heads (Reshape, Transpose)
 *   softmax(scale Q K^T [+ a mask that hides what comes later]) V, the heads side by side again, a dense layer
 *
 * A product of two values is "scores" until its softmax meets V; then what follows is looked up ahead, and all of it is
 * one layer MultiHeadAttention, with the four dense layers' numbers. */
#include "exchange/onnx_in.h"

#include <math.h>
#include <string.h>

typedef struct heads {
    int layer; /* (places..., heads size) */
    int64_t heads, size;
    float scale; /* by which it was multiplied on the way */
} heads;

/* The factor of a layer that multiplies by one number; 0: it is no such. */
static float factor_of(const gf_layer *l)
{
    bool same = l->cls == &gf_layer_rescaling;
    for (int c = 0; c < 4 && same; c++) same = l->at.scale[c] == l->at.scale[0] && l->at.offset[c] == 0;
    return same ? l->at.scale[0] : 0;
}

/* Whether v is (n, heads, places, size), or turned (n, heads, size, places), of a layer (places..., heads size). */
static bool split_in_heads(const gf_oi *s, const gf_oi_value *v, bool transposed, heads *h)
{
    static const int straight[] = {1, 0, 2}, round[] = {1, 2, 0};
    int order[] = {0, 1, 2};
    *h = (heads){.layer = v->layer, .scale = 1};
    if (v->layout != GF_OI_NHWC || v->shape.rank != 4) return false;
    const gf_layer *l = &s->m->layer[v->layer];
    for (; l->cls == &gf_layer_permute || factor_of(l) != 0; l = &s->m->layer[l->src[0]]) {
        if (l->shape.rank != 3) return false;
        if (factor_of(l) != 0) h->scale *= factor_of(l);
        for (int i = 0; i < 3 && l->cls == &gf_layer_permute; i++) order[i] = l->at.permute[order[i]];
    }
    if (l->cls != &gf_layer_reshape || l->shape.rank != 3) return false;
    if (memcmp(order, transposed ? round : straight, sizeof order)) return false;
    h->heads = l->shape.dim[1];
    h->size = l->shape.dim[2];
    l = &s->m->layer[l->src[0]];
    if (factor_of(l) != 0) {
        h->scale *= factor_of(l);
        l = &s->m->layer[l->src[0]];
    }
    h->layer = (int)(l - s->m->layer);
    return (int64_t)gf_layer_channels(l) == h->heads * h->size;
}

/* ---- scores */

static graft_status set_scores(gf_oi *s, const gf_onnx_node *n, const gf_oi_scores *scores, const gf_shape *shape)
{
    gf_oi_value *out = gf_oi_find(s, n->output[0]);
    gf_oi_scores *own = gf_onnx_alloc(&s->mem, 1, sizeof *own);
    if (!out || !own) return gf_oi_no_memory(s);
    *own = *scores;
    out->known = true;
    out->shape = *shape;
    out->scores = own;
    return GRAFT_OK;
}

static graft_status product(gf_oi *s, const gf_onnx_node *n, gf_oi_value *a, gf_oi_value *b)
{
    heads q, k;
    GF_TRY(gf_oi_materialize(s, a));
    GF_TRY(gf_oi_materialize(s, b));
    bool fits = split_in_heads(s, a, false, &q) && split_in_heads(s, b, true, &k) && q.heads == k.heads;
    if (!fits || q.size != k.size) return gf_oi_refuse(s, n, "of two values, other than by heads of an attention");
    gf_oi_scores scores = {.query = q.layer, .key = k.layer, .scale = q.scale * k.scale};
    return set_scores(s, n, &scores, &GF_SHAPE(1, q.heads, a->shape.dim[2], b->shape.dim[3]));
}

/* 0 for what a place sees, itself and what comes before, and as good as nothing for the rest. */
static bool hides_the_later(gf_oi *s, gf_oi_const *c, const gf_shape *scores)
{
    const int64_t rows = scores->dim[2], columns = scores->dim[3];
    const float nothing = -1e4f;
    bool fits = (int64_t)gf_count(&c->shape) == rows * columns && c->shape.rank >= 2 &&
                c->shape.dim[c->shape.rank - 1] == columns && c->shape.dim[c->shape.rank - 2] == rows;
    const float *x = fits ? gf_oi_floats(s, c) : NULL;
    for (int64_t i = 0; x && i < rows * columns; i++) {
        if (i % columns > i / columns ? !(x[i] <= nothing) : x[i] != 0) return false;
    }
    return x != NULL;
}

/* What is done to scores before they meet the value. */
static graft_status weigh(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *v, const gf_oi_value *other)
{
    gf_oi_scores scores = *v->scores;
    gf_oi_const *c = other ? other->constant : NULL;
    const float *number = c && gf_count(&c->shape) == 1 ? gf_oi_floats(s, c) : NULL;
    int64_t axis = gf_oi_int(n, "axis", -1);
    bool first = gf_oi_input(s, n, 0) == v;
    if (!strcmp(n->op, "Mul") && number) {
        scores.scale *= *number;
    } else if (!strcmp(n->op, "Div") && number && first) {
        scores.scale /= *number;
    } else if (!strcmp(n->op, "Add") && c && !scores.weights && hides_the_later(s, c, &v->shape)) {
        scores.causal = true;
    } else if (!strcmp(n->op, "Softmax") && (axis == -1 || axis == 3) && !scores.weights) {
        scores.weights = true;
    } else if (strcmp(n->op, "Identity") && strcmp(n->op, "Dropout")) {
        return gf_oi_refuse(s, n, "of a product of two values: only attention is read");
    }
    bool late = scores.weights && v->scores->weights && scores.scale != v->scores->scale;
    if (late || (scores.causal && !v->scores->causal && v->scores->weights)) {
        return gf_oi_refuse(s, n, "of the weights of an attention");
    }
    return set_scores(s, n, &scores, &v->shape);
}

/* ---- the layer */

/* The node that alone reads node n's output, if it is of that kind. */
static const gf_onnx_node *then(gf_oi *s, const gf_onnx_node *n, const char *op)
{
    const gf_oi_value *out = n ? gf_oi_find(s, n->output[0]) : NULL;
    const gf_onnx_node *next = out && out->uses == 1 && out->consumer >= 0 ? &s->o->node[out->consumer] : NULL;
    bool fits = next && !strcmp(next->op, op) && next->n_inputs > 0 && gf_oi_find(s, next->input[0]) == out;
    return fits ? next : NULL;
}

static void done(gf_oi *s, const gf_onnx_node *n) { s->done[n - s->o->node] = true; }

static bool joins_heads(const gf_onnx_node *n)
{
    static const int64_t order[] = {0, 2, 1, 3};
    const gf_onnx_attr *perm = n ? gf_onnx_attribute(n, "perm") : NULL;
    return perm && perm->n_ints == 4 && !memcmp(perm->ints, order, sizeof order);
}

static gf_oi_fill *fill_of(gf_oi *s, int layer, const char *var)
{
    for (size_t i = 0; i < s->n_fills; i++) {
        if (s->fill[i].layer == layer && !strcmp(s->fill[i].var, var)) return &s->fill[i];
    }
    return NULL;
}

/* A dense layer's numbers, for the attention's. */
static graft_status take(gf_oi *s, int layer, int dense, const char *const var[2], float factor)
{
    static const char *const ours[] = {"kernel", "bias"};
    for (int i = 0; i < 2; i++) {
        const gf_oi_fill *from = fill_of(s, dense, ours[i]);
        const gf_param *p = gf_model_param(s->m, layer, var[i]);
        if (!p) continue;
        gf_oi_fill fill = {.how = GF_OI_VECTOR, .factor = 1};
        if (from) fill = *from;
        if (!from) fill.from = gf_oi_make_const(s, &GF_SHAPE((int64_t)p->count), false); /* no bias is one of zeros */
        if (!fill.from) return gf_oi_no_memory(s);
        if (!from) fill.from->made = true;
        fill.layer = layer;
        fill.var = var[i];
        fill.factor *= factor;
        GF_TRY(gf_oi_fill_later(s, fill));
    }
    return GRAFT_OK;
}

static const char *name_of(gf_oi *s, const char *kernel)
{
    static const char ending[] = "/attention_output/kernel";
    char text[2 * GF_NAME_MAX];
    size_t n = kernel ? strlen(kernel) : 0, e = strlen(ending);
    if (n <= e || n >= sizeof text || strcmp(kernel + n - e, ending)) return kernel;
    memcpy(text, kernel, n - e);
    memcpy(text + n - e, "/kernel", sizeof "/kernel");
    return gf_onnx_text(&s->mem, text);
}

typedef struct parts {
    heads value;
    const gf_onnx_node *transpose, *reshape, *last;
    gf_oi_const *kernel;
} parts;

static bool find_parts(gf_oi *s, const gf_onnx_node *n, const gf_oi_scores *scores, const gf_oi_value *v, parts *p)
{
    *p = (parts){.transpose = then(s, n, "Transpose")};
    if (!split_in_heads(s, v, false, &p->value) || !joins_heads(p->transpose)) return false;
    p->reshape = then(s, p->transpose, "Reshape");
    p->last = then(s, p->reshape, "MatMul");
    p->kernel = p->last ? gf_oi_weights(s, p->last, 1) : NULL;
    bool fits = p->kernel && p->kernel->shape.rank == 2 && p->value.scale == 1 &&
                p->kernel->shape.dim[0] == p->value.heads * p->value.size && p->kernel->shape.dim[1] > 0;
    for (int i = 0; i < 3 && fits; i++) {
        const gf_layer *l = &s->m->layer[i == 0 ? scores->query : i == 1 ? scores->key : p->value.layer];
        fits = l->cls == &gf_layer_dense && l->at.act == GF_ACT_LINEAR;
    }
    return fits;
}

static graft_status add_attention(gf_oi *s, const gf_oi_scores *scores, const parts *p)
{
    static const char *const var[4][2] = {{"query/kernel", "query/bias"},
                                          {"key/kernel", "key/bias"},
                                          {"value/kernel", "value/bias"},
                                          {"attention_output/kernel", "attention_output/bias"}};
    const int dense[] = {scores->query, scores->key, p->value.layer};
    const gf_layer *layers = s->m->layer;
    gf_layer l = {.cls = &gf_layer_attention, .n_src = 3};
    l.src[0] = layers[dense[0]].src[0], l.src[1] = layers[dense[2]].src[0], l.src[2] = layers[dense[1]].src[0];
    if (l.src[1] == l.src[2]) l.n_src = 2;
    l.at.heads = (int)p->value.heads;
    l.at.key_dim = (int)((int64_t)gf_layer_channels(&layers[dense[0]]) / p->value.heads);
    l.at.value_dim = (int)p->value.size;
    l.at.units = (int)p->kernel->shape.dim[1];
    l.at.causal = scores->causal;
    gf_shape out = layers[dense[0]].shape, file = {out.rank + 1, {1}};
    out.dim[out.rank - 1] = l.at.units;
    memcpy(file.dim + 1, out.dim, (size_t)out.rank * sizeof *out.dim);
    const gf_onnx_node *add = NULL;
    gf_oi_value like = {.shape = file, .layout = GF_OI_NHWC};
    gf_oi_const *bias = gf_oi_following_bias(s, p->last, &like, &add);
    l.at.no_bias = !bias;
    for (int i = 0; i < 3; i++) l.at.no_bias &= fill_of(s, dense[i], "bias") == NULL;
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, p->last, name_of(s, gf_oi_weights_name(p->last, 1)), &layer));
    const float factor = scores->scale * sqrtf((float)l.at.key_dim); /* the layer's own scale is 1 / sqrt(key_dim) */
    for (int i = 0; i < 3; i++) GF_TRY(take(s, layer, dense[i], var[i], i == 0 ? factor : 1));
    GF_TRY(gf_oi_fill_later(
        s, (gf_oi_fill){.layer = layer, .var = var[3][0], .from = p->kernel, .how = GF_OI_DENSE, .factor = 1}));
    if (!bias && !l.at.no_bias) bias = gf_oi_make_const(s, &GF_SHAPE(l.at.units), false);
    if (!bias && !l.at.no_bias) return gf_oi_no_memory(s);
    if (bias && !add) bias->made = true;
    if (bias) GF_TRY(gf_oi_fill_later(s, gf_oi_vector(layer, var[3][1], bias)));
    done(s, p->transpose), done(s, p->reshape), done(s, p->last);
    return gf_oi_set(s, add ? add : p->last, layer, GF_OI_NHWC, &file);
}

/* The heads' places, one by one, must be the query's again. */
static bool keeps_positions(gf_oi *s, const gf_oi_scores *scores, const parts *p)
{
    int64_t dims[2 * GF_MAX_RANK];
    int count;
    const gf_shape *positions = &s->m->layer[scores->query].shape;
    if (gf_oi_int_list(s, p->reshape, 1, "shape", dims, &count) != GRAFT_OK) return false;
    bool fits = count == positions->rank + 1;
    for (int i = 1; fits && i < count - 1; i++) fits = dims[i] == positions->dim[i - 1] || dims[i] == -1;
    return fits;
}

graft_status gf_oi_attention(gf_oi *s, const gf_onnx_node *n, bool *does)
{
    gf_oi_value *a = gf_oi_input(s, n, 0), *b = gf_oi_input(s, n, 1);
    bool of_two = !strcmp(n->op, "MatMul") && a && b && !a->constant && !b->constant;
    *does = (a && a->scores) || (b && b->scores) || of_two;
    if (!*does) return GRAFT_OK;
    if (!of_two) return weigh(s, n, a && a->scores ? a : b, a && a->scores ? b : a);
    if (!a->scores && !b->scores) return product(s, n, a, b);
    parts p = {0};
    if (!a->scores || b->scores || !a->scores->weights) return gf_oi_refuse(s, n, "of scores, other than in attention");
    GF_TRY(gf_oi_materialize(s, b));
    bool fits =
        find_parts(s, n, a->scores, b, &p) && keeps_positions(s, a->scores, &p) && p.value.heads == a->shape.dim[1];
    if (!fits) return gf_oi_refuse(s, n, "attention other than between four dense layers of its own");
    return add_attention(s, a->scores, &p);
}
