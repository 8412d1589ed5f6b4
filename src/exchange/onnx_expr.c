/* onnx_expr.c - arithmetic and activations. A chain of elementwise operators from one value is followed by computing it
 * for some samples; when its value is wanted, the samples tell which function it is. */
#include "exchange/onnx_in.h"

#include "ops/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 32 };

/* Both sides of every kink that activations have, far out and near 0. */
const double gf_oi_samples[GF_OI_SAMPLES] = {-20, -8,  -6.5, -4,   -3.25, -2.75, -2, -1.5, -1,  -0.75, -0.5, -0.1,
                                             0,   0.1, 0.25, 0.75, 1,     1.5,   2,  2.75, 3.5, 5,     6.5,  20};
enum { AT_MINUS_1 = 8, AT_0 = 12, AT_1 = 16 };

/* ---- the operators */

typedef struct operands {
    const gf_onnx_node *n;
    double low, high; /* Clip */
} operands;

static double at(const operands *o, const char *name, double otherwise)
{
    return (double)gf_oi_float(o->n, name, (float)otherwise);
}
static double cut(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

#define ONE(name, expression)                                 \
    static double name(const operands *o, double x, double y) \
    {                                                         \
        (void)o, (void)y;                                     \
        return (expression);                                  \
    }
ONE(f_relu, x < 0 ? 0 : x)
ONE(f_clip, cut(x, o->low, o->high))
ONE(f_sigmoid, 1 / (1 + exp(-x)))
ONE(f_tanh, tanh(x))
ONE(f_erf, erf(x))
ONE(f_exp, exp(x))
ONE(f_sqrt, sqrt(x))
ONE(f_neg, -x)
ONE(f_abs, fabs(x))
ONE(f_reciprocal, 1 / x)
ONE(f_softplus, softplus(x))
ONE(f_softsign, x / (1 + fabs(x)))
ONE(f_mish, x *tanh(softplus(x)))
ONE(f_elu, x < 0 ? at(o, "alpha", 1) * expm1(x) : x)
ONE(f_celu, x < 0 ? at(o, "alpha", 1) * expm1(x / at(o, "alpha", 1)) : x)
ONE(f_selu, at(o, "gamma", 1.0507009873554805) * (x < 0 ? at(o, "alpha", 1.6732632423543772) * expm1(x) : x))
ONE(f_leaky, x < 0 ? at(o, "alpha", 0.01) * x : x)
ONE(f_threshold, x > at(o, "alpha", 1) ? x : 0)
ONE(f_shrink, x > at(o, "lambd", 0.5) ? x - at(o, "bias", 0) : x < -at(o, "lambd", 0.5) ? x + at(o, "bias", 0) : 0)
ONE(f_hard_sigmoid, cut(at(o, "alpha", 0.2) * x + at(o, "beta", 0.5), 0, 1))
ONE(f_hard_swish, x *cut(x + 3, 0, 6) / 6)
ONE(f_prelu, x < 0 ? y * x : x)
ONE(f_add, x + y)
ONE(f_sub, x - y)
ONE(f_mul, x *y)
ONE(f_div, x / y)
ONE(f_pow, pow(x, y))
ONE(f_min, x < y ? x : y)
ONE(f_max, x > y ? x : y)

static double f_gelu(const operands *o, double x, double y)
{
    const gf_onnx_attr *a = gf_onnx_attribute(o->n, "approximate");
    (void)y;
    if (a && !strcmp(a->s, "tanh")) return x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    return x * erfc(-x * sqrt(0.5)) / 2;
}

typedef struct elementwise {
    const char *op;
    double (*f)(const operands *o, double x, double y);
    size_t inputs;
} elementwise;

static const elementwise table[] = {
    {"Relu", f_relu, 1},
    {"Clip", f_clip, 1},
    {"Sigmoid", f_sigmoid, 1},
    {"Tanh", f_tanh, 1},
    {"Erf", f_erf, 1},
    {"Exp", f_exp, 1},
    {"Sqrt", f_sqrt, 1},
    {"Neg", f_neg, 1},
    {"Abs", f_abs, 1},
    {"Reciprocal", f_reciprocal, 1},
    {"Softplus", f_softplus, 1},
    {"Softsign", f_softsign, 1},
    {"Mish", f_mish, 1},
    {"Elu", f_elu, 1},
    {"Celu", f_celu, 1},
    {"Selu", f_selu, 1},
    {"LeakyRelu", f_leaky, 1},
    {"ThresholdedRelu", f_threshold, 1},
    {"Shrink", f_shrink, 1},
    {"HardSigmoid", f_hard_sigmoid, 1},
    {"HardSwish", f_hard_swish, 1},
    {"Gelu", f_gelu, 1},
    {"PRelu", f_prelu, 2},
    {"Add", f_add, 2},
    {"Sub", f_sub, 2},
    {"Mul", f_mul, 2},
    {"Div", f_div, 2},
    {"Pow", f_pow, 2},
    {"Min", f_min, 2},
    {"Max", f_max, 2},
};

static const elementwise *find(const char *op)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!strcmp(table[i].op, op)) return &table[i];
    }
    return NULL;
}

bool gf_oi_is_elementwise(const char *op) { return find(op) != NULL; }

/* ---- what a function is, by its samples */

typedef enum what { UNKNOWN, AFFINE, ACTIVATION } what;

typedef struct identity {
    what what;
    gf_act act;
    float alpha;
    double scale, offset;
} identity;

static bool close_to(double a, double b) { return fabs(a - b) <= 2e-6 * (1 + fabs(a)); }

static bool is_act(const double *f, gf_act act, float alpha)
{
    for (int i = 0; i < GF_OI_SAMPLES; i++) {
        if (!close_to(f[i], (double)gf_act_value(act, alpha, (float)gf_oi_samples[i]))) return false;
    }
    return true;
}

/* `hint`: an alpha that the file names. */
static identity identify(const double *f, double hint)
{
    identity it = {.scale = f[AT_1] - f[AT_0], .offset = f[AT_0]};
    bool line = true;
    for (int i = 0; i < GF_OI_SAMPLES; i++) line &= close_to(f[i], it.scale * gf_oi_samples[i] + it.offset);
    if (line) {
        it.what = AFFINE;
        return it;
    }
    /* the alphas that would make each function right at one point */
    const double below = f[AT_MINUS_1];
    for (int act = GF_ACT_RELU; act < GF_ACTS; act++) {
        double alpha = act == GF_ACT_LEAKY_RELU   ? -below
                       : act == GF_ACT_ELU        ? below / expm1(-1)
                       : act == GF_ACT_SQUAREPLUS ? 4 * f[AT_0] * f[AT_0]
                                                  : hint;
        if (!is_act(f, (gf_act)act, (float)alpha)) continue;
        it.what = ACTIVATION;
        it.act = (gf_act)act;
        it.alpha = (float)alpha;
        return it;
    }
    return it;
}

/* ---- expressions */

/* The bounds of a Clip: attributes before opset 11, numbers behind. */
static bool clip_bounds(gf_oi *s, const gf_onnx_node *n, operands *o)
{
    double *bound[2] = {&o->low, &o->high};
    o->low = (double)gf_oi_float(n, "min", -INFINITY);
    o->high = (double)gf_oi_float(n, "max", INFINITY);
    for (size_t k = 0; k < 2; k++) {
        gf_oi_value *v = gf_oi_input(s, n, k + 1);
        if (!v) continue;
        const float *x = v->constant && gf_count(&v->constant->shape) == 1 ? gf_oi_floats(s, v->constant) : NULL;
        if (!x) return false;
        *bound[k] = (double)*x;
    }
    return true;
}

/* A number that every element gets: a constant of one element that adds no dimension. */
static const float *number(gf_oi *s, const gf_oi_value *v)
{
    return v->constant && gf_count(&v->constant->shape) == 1 ? gf_oi_floats(s, v->constant) : NULL;
}

graft_status gf_oi_expression(gf_oi *s, const gf_onnx_node *n, bool *is_one)
{
    const elementwise *e = find(n->op);
    operands o = {.n = n};
    gf_oi_value *in[2] = {0}, *base = NULL, *out = n->n_outputs ? gf_oi_find(s, n->output[0]) : NULL;
    const float *constant[2] = {0};
    int operands_used = 0;
    *is_one = false;
    if (!e || !out || n->n_inputs < e->inputs || (e->f == f_clip && !clip_bounds(s, n, &o))) return GRAFT_OK;
    for (size_t k = 0; k < e->inputs; k++) {
        in[k] = gf_oi_input(s, n, k);
        if (!in[k]) return gf_oi_refuse(s, n, "an input is left out");
        constant[k] = number(s, in[k]);
        if (constant[k]) continue;
        if (in[k]->constant || (base && base->root != in[k]->root)) return GRAFT_OK; /* not of one value alone */
        if (!base || in[k]->depth > base->depth) base = in[k];
        operands_used++;
    }
    if (!base) return GRAFT_OK;
    for (int i = 0; i < GF_OI_SAMPLES; i++) {
        double x[2] = {0};
        for (size_t k = 0; k < e->inputs; k++) x[k] = constant[k] ? (double)*constant[k] : in[k]->f[i];
        out->f[i] = e->f(&o, x[0], x[1]);
    }
    *is_one = true;
    out->known = true;
    out->shape = base->shape;
    out->layout = base->layout;
    out->root = base->root;
    out->depth = base->depth + 1;
    out->layer = -1;
    out->lone = operands_used == 1 && base->uses == 1 && base->lone;
    return out->depth < MAX_DEPTH ? GRAFT_OK : gf_oi_materialize(s, out);
}

/* From here on a value of its own. */
static void rooted(gf_oi *s, gf_oi_value *v, int layer)
{
    v->layer = layer;
    v->root = (int)(v - s->value);
    v->depth = 0;
    v->lone = true;
    memcpy(v->f, gf_oi_samples, sizeof v->f);
}

/* A layer from the layer of `src`, for what node n computes. */
static graft_status behind(gf_oi *s, const gf_onnx_node *n, gf_layer l, const gf_oi_value *src, gf_oi_value *v)
{
    int layer;
    l.n_src = 1;
    l.src[0] = src->layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    rooted(s, v, layer);
    return GRAFT_OK;
}

/* Arithmetic on the image that nobody else sees joins the input layer's. */
static void prepare(gf_oi *s, const float *scale, const float *offset, bool each)
{
    gf_layer *l = &s->m->layer[s->input_layer];
    for (int c = 0; c < 4; c++) {
        float a = scale[each ? c : 0];
        l->at.scale[c] *= a;
        l->at.offset[c] = l->at.offset[c] * a + offset[each ? c : 0];
    }
    s->prepares = true;
}

static graft_status affine(gf_oi *s, const gf_onnx_node *n, const identity *it, const gf_oi_value *src, gf_oi_value *v)
{
    const float scale = (float)it->scale, offset = (float)it->offset;
    if (src->layer == s->input_layer && v->lone) {
        prepare(s, &scale, &offset, false);
        rooted(s, v, src->layer);
        return GRAFT_OK;
    }
    if (it->scale == 1 && it->offset == 0) {
        rooted(s, v, src->layer);
        v->shared = true;
        v->lone = false;
        return GRAFT_OK;
    }
    gf_layer l = {.cls = &gf_layer_rescaling};
    for (int c = 0; c < 4; c++) l.at.scale[c] = scale, l.at.offset[c] = offset;
    return behind(s, n, l, src, v);
}

static graft_status activation(gf_oi *s, const gf_onnx_node *n, const identity *it, const gf_oi_value *src,
                               gf_oi_value *v)
{
    gf_layer l = {.cls = &gf_layer_activation};
    if (it->act == GF_ACT_RELU || it->act == GF_ACT_RELU6) l.cls = &gf_layer_relu;
    if (it->act == GF_ACT_LEAKY_RELU) l.cls = &gf_layer_leaky_relu;
    if (it->act == GF_ACT_ELU) l.cls = &gf_layer_elu;
    l.at.act = it->act;
    l.at.alpha = it->alpha;
    return behind(s, n, l, src, v);
}

/* Add or Multiply of two layers' outputs. */
static graft_status merge(gf_oi *s, const gf_onnx_node *n, gf_oi_value *a, gf_oi_value *b, gf_oi_value *out)
{
    bool adds = !strcmp(n->op, "Add"), multiplies = !strcmp(n->op, "Mul");
    if (!adds && !multiplies) return gf_oi_refuse(s, n, "of two values that depend on the image");
    gf_oi_value *both[2] = {a, b};
    GF_TRY(gf_oi_alike(s, n, both, 2));
    a = both[0];
    b = both[1];
    gf_layer l = {.cls = adds ? &gf_layer_add : &gf_layer_multiply, .n_src = 2, .src = {a->layer, b->layer}};
    int layer;
    GF_TRY(gf_oi_add_layer(s, l, n, NULL, &layer));
    const gf_oi_value *larger = gf_count(&a->shape) >= gf_count(&b->shape) ? a : b;
    out->shape = larger->shape;
    out->layout = larger->layout;
    out->known = true;
    rooted(s, out, layer);
    return GRAFT_OK;
}

/* clip(alpha x + beta, 0, 1) = relu6(z + 3) / 6 of z = 6 alpha x + 6 beta - 3 */
static graft_status hard_sigmoid(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *src, gf_oi_value *v)
{
    gf_oi_value between = *v;
    identity line = {.scale = 6 * (double)gf_oi_float(n, "alpha", 0.2f),
                     .offset = 6 * (double)gf_oi_float(n, "beta", 0.5f) - 3};
    identity act = {.act = GF_ACT_HARD_SIGMOID};
    between.lone = false;
    GF_TRY(affine(s, n, &line, src, &between));
    return activation(s, n, &act, &between, v);
}

/* ---- an expression in two parts: the first becomes a layer, the second is a function of it that is known */

enum { MAX_EVALUATIONS = 256 }; /* of nodes, for one value */

/* The samples of v as a function of u, which stands before it; false: v is more than that, or *left ran out. */
static bool as_function_of(gf_oi *s, const gf_oi_value *v, const gf_oi_value *u, int *left, double *f)
{
    double x[2][GF_OI_SAMPLES] = {{0}};
    if (v == u) {
        memcpy(f, gf_oi_samples, sizeof gf_oi_samples);
        return true;
    }
    const gf_onnx_node *n = v->layer < 0 && v->producer >= 0 ? &s->o->node[v->producer] : NULL;
    const elementwise *e = n ? find(n->op) : NULL;
    operands o = {.n = n};
    if (!e || n->n_inputs < e->inputs || --*left < 0 || (e->f == f_clip && !clip_bounds(s, n, &o))) return false;
    for (size_t k = 0; k < e->inputs; k++) {
        const gf_oi_value *in = gf_oi_input(s, n, k);
        const float *constant = in ? number(s, in) : NULL;
        if (!in || (!constant && !as_function_of(s, in, u, left, x[k]))) return false;
        for (int i = 0; constant && i < GF_OI_SAMPLES; i++) x[k][i] = (double)*constant;
    }
    for (int i = 0; i < GF_OI_SAMPLES; i++) f[i] = e->f(&o, x[0][i], x[1][i]);
    return true;
}

/* What v is computed from last: its deepest operand that depends on the image. */
static gf_oi_value *deepest_operand(gf_oi *s, const gf_oi_value *v)
{
    const gf_onnx_node *n = &s->o->node[v->producer];
    const elementwise *e = find(n->op);
    gf_oi_value *found = NULL;
    for (size_t k = 0; e && k < e->inputs; k++) {
        gf_oi_value *in = gf_oi_input(s, n, k);
        if (in && !in->constant && (!found || in->depth > found->depth)) found = in;
    }
    return found;
}

/* With the first part as short as that is possible. */
static graft_status in_two_parts(gf_oi *s, const gf_onnx_node *n, gf_oi_value *v, bool *done)
{
    gf_oi_value *before[MAX_DEPTH];
    int depth = 0;
    *done = false;
    for (gf_oi_value *u = deepest_operand(s, v); u && u->layer < 0 && u->producer >= 0 && depth < MAX_DEPTH;
         u = deepest_operand(s, u)) {
        before[depth++] = u;
    }
    while (--depth >= 1) { /* the last operator alone is the caller's */
        double f[GF_OI_SAMPLES];
        int left = MAX_EVALUATIONS;
        if (!as_function_of(s, v, before[depth], &left, f)) continue;
        identity it = identify(f, (double)gf_oi_float(n, "alpha", 1));
        if (it.what == UNKNOWN) continue;
        GF_TRY(gf_oi_materialize(s, before[depth]));
        *done = true;
        return it.what == AFFINE ? affine(s, n, &it, before[depth], v) : activation(s, n, &it, before[depth], v);
    }
    return GRAFT_OK;
}

/* The node's own function, its operands made layers first. */
static graft_status decompose(gf_oi *s, gf_oi_value *v)
{
    const gf_onnx_node *n = &s->o->node[v->producer];
    const elementwise *e = find(n->op);
    operands o = {.n = n};
    gf_oi_value *in[2] = {0}, *only = NULL;
    const float *constant[2] = {0};
    for (size_t k = 0; k < e->inputs; k++) {
        in[k] = gf_oi_input(s, n, k);
        constant[k] = number(s, in[k]);
        if (!constant[k]) only = only ? v : in[k];
    }
    bool done;
    GF_TRY(in_two_parts(s, n, v, &done));
    if (done) return GRAFT_OK;
    if (only == v && in[0] != in[1]) return merge(s, n, in[0], in[1], v);
    if (only == v) only = in[0];
    if (only->layer < 0 || v->root != only->root) { /* this operator alone, on what comes before it */
        bool is_one;
        GF_TRY(gf_oi_materialize(s, only));
        v->layer = -1;
        GF_TRY(gf_oi_expression(s, n, &is_one));
        return gf_oi_materialize(s, v);
    }
    if (e->f == f_hard_sigmoid) return hard_sigmoid(s, n, only, v);
    if (e->f == f_clip && clip_bounds(s, n, &o)) return gf_oi_refuse(s, n, "bounds other than 0 and 6");
    return gf_oi_refuse(s, n, "no activation that is known");
}

graft_status gf_oi_materialize(gf_oi *s, gf_oi_value *v)
{
    if (v->constant || !v->known)
        return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: value %s does not depend on the image", GF_ESC(s->path),
                       GF_ESC(v->name));
    if (v->layer >= 0) return GRAFT_OK;
    if (v->scores) return gf_oi_refuse(s, &s->o->node[v->producer], "a product of two values that is no attention");
    const gf_oi_value *root = &s->value[v->root];
    const gf_onnx_node *n = &s->o->node[v->producer];
    double alpha = (double)gf_oi_float(n, "alpha", 1);
    identity it = identify(v->f, (double)gf_oi_float(n, "lambd", (float)alpha));
    if (it.what == AFFINE) return affine(s, n, &it, root, v);
    if (it.what == ACTIVATION) return activation(s, n, &it, root, v);
    return decompose(s, v);
}

/* ---- numbers for each channel */

static int channel_axis(const gf_oi_value *v)
{
    return v->layout == GF_OI_NHWC ? v->shape.rank - 1 : v->layout == GF_OI_FLAT_CHW ? -1 : 1;
}

gf_oi_const *gf_oi_per_channel(gf_oi *s, const gf_oi_value *v, gf_oi_const *c)
{
    int axis = channel_axis(v), rank = v->shape.rank;
    if (axis < 0 || axis >= rank || c->shape.rank > rank) return NULL;
    int64_t channels = v->shape.dim[axis];
    for (int d = 1; d <= c->shape.rank; d++) {
        int64_t have = c->shape.dim[c->shape.rank - d];
        if (have != 1 && (rank - d != axis || have != channels)) return NULL;
    }
    const float *from = gf_oi_floats(s, c);
    gf_oi_const *each = from ? gf_oi_make_const(s, &GF_SHAPE(channels), false) : NULL;
    bool one = gf_count(&c->shape) == 1;
    if (each) each->of = c->of ? c->of : c;
    for (int64_t i = 0; each && i < channels; i++) each->f[i] = from[one ? 0 : i];
    return each;
}

gf_oi_const *gf_oi_following_bias(gf_oi *s, const gf_onnx_node *n, const gf_oi_value *like, const gf_onnx_node **add)
{
    const gf_oi_value *out = gf_oi_find(s, n->output[0]);
    const gf_onnx_node *next = out && out->uses == 1 && out->consumer >= 0 ? &s->o->node[out->consumer] : NULL;
    if (!next || strcmp(next->op, "Add") || next->n_inputs != 2 || next->n_outputs != 1) return NULL;
    gf_oi_value *a = gf_oi_input(s, next, 0), *b = gf_oi_input(s, next, 1), *other = a == out ? b : a;
    gf_oi_const *each = other && other->constant ? gf_oi_per_channel(s, like, other->constant) : NULL;
    if (!each) return NULL;
    s->done[out->consumer] = true;
    *add = next;
    return each;
}

/* scale x + offset as batch normalisation with mean 0 and variance 1: it can train. NULL: 1 and 0. */
static graft_status scaled(gf_oi *s, const gf_onnx_node *n, int from, gf_oi_const *scale, gf_oi_const *offset,
                           const char *tensor, int *layer)
{
    static const struct {
        const char *var;
        float value;
    } fixed[] = {{"moving_mean", 0}, {"moving_variance", 1}, {"gamma", 1}, {"beta", 0}};
    gf_layer l = {.cls = &gf_layer_batch_norm, .n_src = 1, .src = {from}, .at = {.momentum = 0.99f}};
    GF_TRY(gf_oi_add_layer(s, l, n, tensor, layer));
    gf_oi_const *given[4] = {NULL, NULL, scale, offset};
    size_t channels = gf_layer_channels(&s->m->layer[*layer]);
    for (int i = 0; i < 4; i++) {
        gf_oi_const *c = given[i] ? given[i] : gf_oi_make_const(s, &GF_SHAPE((int64_t)channels), false);
        if (!c) return gf_oi_no_memory(s);
        c->made = !given[i];
        for (size_t k = 0; !given[i] && k < channels; k++) c->f[k] = fixed[i].value;
        GF_TRY(gf_oi_fill_later(s, (gf_oi_fill){.layer = *layer, .var = fixed[i].var, .from = c, .factor = 1}));
    }
    return GRAFT_OK;
}

static graft_status each_channel(gf_oi *s, const gf_onnx_node *n, gf_oi_value *v, gf_oi_const *scale,
                                 gf_oi_const *offset, gf_oi_value *out)
{
    const bool lone = v->lone && v->uses == 1;
    int layer;
    out->known = true;
    out->shape = v->shape;
    out->layout = v->layout;
    GF_TRY(gf_oi_materialize(s, v));
    if (v->layer == s->input_layer && lone) {
        float a[4] = {1, 1, 1, 1}, b[4] = {0};
        for (int64_t c = 0; c < 4 && c < s->m->layer[v->layer].shape.dim[2]; c++) {
            if (scale) a[c] = scale->f[c];
            if (offset) b[c] = offset->f[c];
        }
        prepare(s, a, b, true);
        rooted(s, out, v->layer);
        return GRAFT_OK;
    }
    GF_TRY(scaled(s, n, v->layer, scale, offset, NULL, &layer));
    rooted(s, out, layer);
    return GRAFT_OK;
}

/* relu(x) + (-slope) relu(-x): exact on both sides. */
graft_status gf_oi_prelu(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *v = gf_oi_input(s, n, 0), *out = n->n_outputs ? gf_oi_find(s, n->output[0]) : NULL;
    gf_oi_const *c = gf_oi_weights(s, n, 1), *slope = NULL;
    int minus, below, bent, above, sum;
    if (!v || v->constant || !out) return gf_oi_refuse(s, n, "of these inputs");
    GF_TRY(gf_oi_materialize(s, v));
    if (c) slope = gf_oi_per_channel(s, v, c);
    if (!slope) return gf_oi_refuse(s, n, "of slopes that are not constants of one per channel");
    for (size_t i = 0; i < gf_count(&slope->shape); i++) slope->f[i] = -slope->f[i], slope->of = NULL;
    gf_layer negative = {.cls = &gf_layer_rescaling, .n_src = 1, .src = {v->layer}};
    for (int i = 0; i < 4; i++) negative.at.scale[i] = -1;
    gf_layer relu = {.cls = &gf_layer_relu, .n_src = 1, .at = {.act = GF_ACT_RELU}},
             both = {.cls = &gf_layer_add, .n_src = 2};
    GF_TRY(gf_oi_add_layer(s, negative, n, NULL, &minus));
    relu.src[0] = minus;
    GF_TRY(gf_oi_add_layer(s, relu, n, NULL, &below));
    GF_TRY(scaled(s, n, below, slope, NULL, gf_oi_weights_name(n, 1), &bent));
    relu.src[0] = v->layer;
    GF_TRY(gf_oi_add_layer(s, relu, n, NULL, &above));
    both.src[0] = above;
    both.src[1] = bent;
    GF_TRY(gf_oi_add_layer(s, both, n, NULL, &sum));
    return gf_oi_set(s, n, sum, v->layout, &v->shape);
}

/* A number for each place and channel of a sequence: a table that trains, added. */
static graft_status add_table(gf_oi *s, const gf_onnx_node *n, gf_oi_value *v, gf_oi_const *c, size_t which)
{
    gf_layer positions = {.cls = &gf_layer_embedding, .n_src = 1}, sum = {.cls = &gf_layer_add, .n_src = 2};
    int layer, added;
    char name[2 * GF_NAME_MAX];
    snprintf(name, sizeof name, "%.*s.weight", GF_NAME_MAX, n->input[which]);
    GF_TRY(gf_oi_materialize(s, v));
    positions.src[0] = sum.src[0] = v->layer;
    positions.at.units = (int)v->shape.dim[2];
    GF_TRY(gf_oi_add_layer(s, positions, n, name, &layer));
    GF_TRY(gf_oi_fill_later(s, (gf_oi_fill){.layer = layer, .var = "embeddings", .from = c, .factor = 1}));
    sum.src[1] = layer;
    GF_TRY(gf_oi_add_layer(s, sum, n, NULL, &added));
    return gf_oi_set(s, n, added, GF_OI_NHWC, &v->shape);
}

static bool is_table(const gf_oi_value *v, const gf_oi_const *c)
{
    const gf_shape *s = &c->shape;
    bool sequence = v->known && v->layout == GF_OI_NHWC && v->shape.rank == 3, batch = s->rank == 3 && s->dim[0] == 1;
    return sequence && (s->rank == 2 || batch) && s->dim[s->rank - 2] == v->shape.dim[1] &&
           s->dim[s->rank - 1] == v->shape.dim[2];
}

graft_status gf_oi_arithmetic(gf_oi *s, const gf_onnx_node *n)
{
    gf_oi_value *a = gf_oi_input(s, n, 0), *b = gf_oi_input(s, n, 1), *out = gf_oi_find(s, n->output[0]);
    if (!a || !b || !out || n->n_inputs != 2) return gf_oi_refuse(s, n, "two inputs are wanted");
    if (!a->constant && !b->constant) return merge(s, n, a, b, out);
    bool first = a->constant != NULL, sub = !strcmp(n->op, "Sub"), mul = !strcmp(n->op, "Mul");
    bool div = !strcmp(n->op, "Div"), add = !strcmp(n->op, "Add");
    gf_oi_value *v = first ? b : a;
    gf_oi_const *each = gf_oi_per_channel(s, v, first ? a->constant : b->constant);
    gf_oi_const *positions = first ? a->constant : b->constant;
    if (!each && add && is_table(v, positions)) return add_table(s, n, v, positions, !first);
    if (!each || (first && (sub || div)) || !(sub || mul || div || add)) {
        return gf_oi_refuse(s, n, "by numbers that are not one per channel");
    }
    for (size_t i = 0; i < gf_count(&each->shape); i++) { /* a copy of its own */
        if (sub) each->f[i] = -each->f[i];
        if (div) each->f[i] = 1 / each->f[i];
    }
    gf_oi_const *bias = NULL;
    const gf_onnx_node *next = NULL;
    if (mul || div) bias = gf_oi_following_bias(s, n, v, &next);
    if (next) out = gf_oi_find(s, next->output[0]);
    if (!out) return gf_oi_refuse(s, n, "an output without a name");
    return each_channel(s, n, v, mul || div ? each : NULL, mul || div ? bias : each, out);
}
