/* cases.h - the shapes and attributes that operations are tested with. */
#ifndef TESTS_OPS_CASES_H
#define TESTS_OPS_CASES_H

#include "case.h"

typedef struct conv_shape {
    const char *what;
    int n, h, w, c;
    int kh, kw, sh, sw, pt, pb, pl, pr, groups, filters;
    int dh, dw;
} conv_shape;

static const conv_shape conv_shapes[] = {
    {"1x1", 2, 7, 7, 24, 1, 1, 1, 1, 0, 0, 0, 0, 1, 40},
    {"1x1, odd channels", 1, 5, 5, 13, 1, 1, 1, 1, 0, 0, 0, 0, 1, 29},
    {"1x1, one pixel", 8, 1, 1, 17, 1, 1, 1, 1, 0, 0, 0, 0, 1, 19},
    {"1x1, to one channel", 2, 4, 6, 33, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1},
    {"1x1, stride 2", 2, 7, 9, 16, 1, 1, 2, 2, 0, 0, 0, 0, 1, 24},
    {"1x1, padded", 2, 5, 5, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 16},
    {"1x1, batch 8", 8, 5, 5, 32, 1, 1, 1, 1, 0, 0, 0, 0, 1, 16},
    {"3x3", 2, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 16},
    {"3x3, odd everything", 1, 7, 5, 11, 3, 3, 1, 1, 1, 1, 1, 1, 1, 13},
    {"3x3, many filters", 1, 6, 6, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 64},
    {"3x3, valid", 2, 9, 8, 8, 3, 3, 1, 1, 0, 0, 0, 0, 1, 16},
    {"3x3, of an image", 2, 16, 16, 3, 3, 3, 2, 2, 0, 1, 0, 1, 1, 32},
    {"3x3, stride 2, odd", 2, 9, 7, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1, 24},
    {"3x3, strides 2 and 1", 1, 8, 8, 8, 3, 3, 2, 1, 1, 1, 1, 1, 1, 16},
    {"3x3, as large as its source", 2, 3, 3, 8, 3, 3, 1, 1, 0, 0, 0, 0, 1, 16},
    {"5x5", 1, 9, 9, 8, 5, 5, 1, 1, 2, 2, 2, 2, 1, 16},
    {"1x3", 2, 6, 7, 8, 1, 3, 1, 1, 0, 0, 1, 1, 1, 16},
    {"7x7, stride 2", 1, 13, 12, 3, 7, 7, 2, 2, 3, 3, 3, 3, 1, 8},
    {"depthwise", 2, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1, 32, 32},
    {"depthwise, odd channels", 1, 7, 5, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19, 19},
    {"depthwise, stride 2", 2, 8, 10, 48, 3, 3, 2, 2, 0, 1, 0, 1, 48, 48},
    {"depthwise, stride 2, odd", 2, 9, 7, 16, 3, 3, 2, 2, 1, 1, 1, 1, 16, 16},
    {"depthwise, 5x5", 1, 9, 9, 16, 5, 5, 1, 1, 2, 2, 2, 2, 16, 16},
    {"depthwise, batch 8", 8, 5, 5, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16, 16},
    {"depthwise, multiplier 2", 2, 6, 6, 8, 3, 3, 1, 1, 1, 1, 1, 1, 8, 16},
    {"2 groups", 2, 6, 6, 16, 3, 3, 1, 1, 1, 1, 1, 1, 2, 32},
    {"4 groups, odd, stride 2", 1, 7, 7, 12, 3, 3, 2, 2, 1, 1, 1, 1, 4, 20},
    {"4 groups, 1x1", 2, 5, 5, 16, 1, 1, 1, 1, 0, 0, 0, 0, 4, 32},
    {"3x3, dilated", 2, 9, 8, 16, 3, 3, 1, 1, 2, 2, 2, 2, 1, 24, 1, 1},
    {"2x3, dilated, odd everything, stride 2", 1, 11, 13, 5, 2, 3, 2, 1, 0, 3, 2, 1, 1, 7, 2, 1},
    {"1x3, dilated, of one row", 2, 1, 19, 8, 1, 3, 1, 1, 0, 0, 6, 0, 1, 16, 0, 2},
    {"depthwise, dilated", 2, 9, 8, 32, 3, 3, 1, 1, 2, 2, 2, 2, 32, 32, 1, 1},
    {"depthwise, dilated, multiplier 2", 1, 7, 9, 8, 3, 3, 1, 1, 0, 0, 3, 3, 8, 16, 0, 2},
    {"4 groups, dilated", 1, 8, 8, 16, 3, 3, 1, 1, 1, 1, 2, 2, 4, 20, 1, 1},
};
enum { CONV_SHAPES = sizeof conv_shapes / sizeof *conv_shapes };

typedef struct variant {
    const char *what;
    gf_act act;
    bool bias, residual;
    bool frozen, no_diff_src; /* weights without gradient; source without */
    bool accumulate[2];
    bool alias;
} variant;

static const variant variants[] = {
    {"plain", .act = GF_ACT_LINEAR},
    {"bias", .bias = true},
    {"bias, relu6", .act = GF_ACT_RELU6, .bias = true},
    {"bias, relu, added", .act = GF_ACT_RELU, .bias = true, .accumulate = {true}},
    {"bias, residual, alias", .bias = true, .residual = true, .alias = true},
    {"bias, residual, relu6, both added", .act = GF_ACT_RELU6, .bias = true, .residual = true,
     .accumulate = {true, true}},
    {"residual, relu, alias, added", .act = GF_ACT_RELU, .residual = true, .accumulate = {true}, .alias = true},
    {"bias, residual, relu6", .act = GF_ACT_RELU6, .bias = true, .residual = true},
    {"frozen weights, relu6, bias", .act = GF_ACT_RELU6, .bias = true, .frozen = true},
    {"weights alone, relu6, bias", .act = GF_ACT_RELU6, .bias = true, .no_diff_src = true},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static inline op_case conv_case(const conv_shape *s, const variant *v)
{
    op_case c = {.alias = v->alias};
    snprintf(c.name, sizeof c.name, "conv %s; %s", s->what, v->what);
    gf_op_spec *spec = &c.spec;
    spec->cls = &gf_op_conv;
    spec->n_src = 1;
    spec->src[0] = GF_SHAPE(s->n, s->h, s->w, s->c);
    spec->conv.kh = s->kh, spec->conv.kw = s->kw, spec->conv.sh = s->sh, spec->conv.sw = s->sw;
    spec->conv.pt = s->pt, spec->conv.pb = s->pb, spec->conv.pl = s->pl, spec->conv.pr = s->pr;
    spec->conv.dh = s->dh, spec->conv.dw = s->dw;
    spec->conv.groups = s->groups;
    spec->conv.filters = s->filters;
    spec->act = v->act;
    spec->has_bias = v->bias;
    spec->backward = true;
    spec->diff_weights = !v->frozen;
    spec->diff_src[0] = !v->no_diff_src;
    memcpy(spec->accumulate, v->accumulate, sizeof v->accumulate);
    if (v->residual) {
        assert_int_equal(spec->cls->infer(spec, &spec->dst, NULL), GRAFT_OK);
        spec->n_src = 2;
        spec->src[1] = spec->dst;
        spec->diff_src[1] = true;
    }
    return c;
}

/* Every padding of 0 or 1 on each side, strides 1 and 2, dense and depthwise: 64 shapes. */
enum { PADDINGS = 64 };
static inline conv_shape padding_shape(int i)
{
    bool depthwise = i & 32;
    int stride = i & 16 ? 2 : 1;
    return (conv_shape){"3x3 of some padding",
                        1,
                        6,
                        7,
                        8,
                        3,
                        3,
                        stride,
                        stride,
                        i & 1,
                        i >> 1 & 1,
                        i >> 2 & 1,
                        i >> 3 & 1,
                        depthwise ? 8 : 1,
                        depthwise ? 8 : 16};
}

typedef struct attention_shape {
    const char *what;
    int n, t, s, heads, key, value; /* places of query and key; channels a head */
    bool causal, accumulate[3], no_diff_src[3];
} attention_shape;
static const attention_shape attention_shapes[] = {
    {"self", 2, 9, 9, 3, 4, 4},
    {"self, many", 1, 49, 49, 2, 32, 32},
    {"cross, odd", 2, 7, 11, 3, 5, 3},
    {"causal, all added", 2, 8, 8, 2, 6, 7, .causal = true, .accumulate = {true, true, true}},
    {"causal, more keys", 1, 5, 9, 1, 4, 4, .causal = true},
    {"causal, fewer keys", 1, 9, 5, 2, 4, 4, .causal = true, .accumulate = {false, true}},
    {"one place", 3, 1, 6, 2, 8, 8},
    {"value alone", 1, 6, 6, 2, 4, 5, .no_diff_src = {true, true}},
    {"query alone", 1, 6, 6, 2, 4, 5, .no_diff_src = {false, true, true}},
};
enum { ATTENTION_SHAPES = sizeof attention_shapes / sizeof *attention_shapes };

static inline op_case attention_case(const attention_shape *a)
{
    op_case c = {.spec = {.cls = &gf_op_attention, .n_src = 3, .backward = true}};
    snprintf(c.name, sizeof c.name, "attention %s", a->what);
    gf_op_spec *s = &c.spec;
    s->src[0] = GF_SHAPE(a->n, 1, a->t, a->heads * a->key);
    s->src[1] = GF_SHAPE(a->n, 1, a->s, a->heads * a->key);
    s->src[2] = GF_SHAPE(a->n, 1, a->s, a->heads * a->value);
    s->attention.heads = a->heads;
    s->attention.scale = 2 / sqrtf((float)a->key); /* more than Keras's, so that weights differ */
    s->attention.causal = a->causal;
    for (int k = 0; k < 3; k++) {
        s->diff_src[k] = !a->no_diff_src[k];
        s->accumulate[k] = a->accumulate[k];
    }
    return c;
}

typedef struct dense_shape {
    int n, features, units;
} dense_shape;
static const dense_shape dense_shapes[] = {{1, 1280, 1}, {8, 1280, 1}, {2, 37, 5},
                                           {8, 64, 120}, {1, 1, 1},    {4, 1280, 19}};
enum { DENSE_SHAPES = sizeof dense_shapes / sizeof *dense_shapes };

static inline op_case dense_case(const dense_shape *s, const variant *v)
{
    op_case c = {0};
    snprintf(c.name, sizeof c.name, "dense %d x %d -> %d; %s", s->n, s->features, s->units, v->what);
    c.spec = (gf_op_spec){.cls = &gf_op_dense, .n_src = 1, .act = v->act, .has_bias = v->bias, .backward = true};
    c.spec.src[0] = GF_SHAPE(s->n, s->features);
    c.spec.dense.units = s->units;
    c.spec.diff_weights = !v->frozen;
    c.spec.diff_src[0] = !v->no_diff_src;
    c.spec.accumulate[0] = v->accumulate[0];
    return c;
}

#endif
