/* others.h - operations that are their own twins, with the shapes and attributes that they are tested with. */
#ifndef TESTS_OPS_OTHERS_H
#define TESTS_OPS_OTHERS_H

#include "case.h"

typedef struct other {
    const char *what;
    gf_op_spec spec; /* all sources have src[0]'s shape where none is given, and gradients */
    bool alias;
    double allowed; /* of finite differences; 0: exact, on a lattice */
    float curved;   /* not 0: no lattice; the step of differences */
} other;

#define R2(...)            \
    {                      \
        2, { __VA_ARGS__ } \
    }
#define R3(...)            \
    {                      \
        3, { __VA_ARGS__ } \
    }
#define R4(...)            \
    {                      \
        4, { __VA_ARGS__ } \
    }
#define R5(...)            \
    {                      \
        5, { __VA_ARGS__ } \
    }

static const other others[] = {
    {"act relu", {.cls = &gf_op_act, .n_src = 1, .src = {R4(2, 5, 5, 9)}, .act = GF_ACT_RELU}},
    {"act relu6, added",
     {.cls = &gf_op_act, .n_src = 1, .src = {R4(1, 4, 7, 16)}, .act = GF_ACT_RELU6, .accumulate = {true}}},
    {"act relu6, alias", {.cls = &gf_op_act, .n_src = 1, .src = {R4(1, 4, 7, 16)}, .act = GF_ACT_RELU6}, .alias = true},
    {"act sigmoid", {.cls = &gf_op_act, .n_src = 1, .src = {R2(3, 33)}, .act = GF_ACT_SIGMOID}, false, 2e-3, 0x1p-6f},
    {"act tanh", {.cls = &gf_op_act, .n_src = 1, .src = {R2(8, 5)}, .act = GF_ACT_TANH}, false, 2e-3, 0x1p-6f},
    {"act elu, of many",
     {.cls = &gf_op_act, .n_src = 1, .src = {R4(2, 11, 5, 13)}, .act = GF_ACT_ELU, .act_alpha = 1},
     false,
     2e-3,
     0x1p-8f},
    {"act silu", {.cls = &gf_op_act, .n_src = 1, .src = {R4(2, 9, 5, 13)}, .act = GF_ACT_SILU}, false, 2e-3, 0x1p-6f},
    {"act gelu, alias",
     {.cls = &gf_op_act, .n_src = 1, .src = {R4(2, 9, 5, 13)}, .act = GF_ACT_GELU},
     true,
     2e-3,
     0x1p-6f},
    {"act squareplus, added",
     {.cls = &gf_op_act,
      .n_src = 1,
      .src = {R4(1, 3, 5, 13)},
      .act = GF_ACT_SQUAREPLUS,
      .act_alpha = 4,
      .accumulate = {true}},
     false,
     2e-3,
     0x1p-6f},
    {"add", {.cls = &gf_op_add, .n_src = 2, .src = {R4(2, 3, 5, 7)}}},
    {"add, alias", {.cls = &gf_op_add, .n_src = 2, .src = {R4(2, 3, 5, 16)}}, .alias = true},
    {"add, both added", {.cls = &gf_op_add, .n_src = 2, .src = {R4(1, 3, 5, 16)}, .accumulate = {true, true}}},
    {"add, second added, relu6",
     {.cls = &gf_op_add, .n_src = 2, .src = {R4(1, 3, 5, 16)}, .act = GF_ACT_RELU6, .accumulate = {false, true}}},
    {"add of four, relu, alias",
     {.cls = &gf_op_add, .n_src = 4, .src = {R4(2, 7, 5, 16)}, .act = GF_ACT_RELU, .accumulate = {false, true}},
     .alias = true},
    {"multiply", {.cls = &gf_op_multiply, .n_src = 2, .src = {R4(2, 7, 5, 11)}}},
    {"multiply, both added", {.cls = &gf_op_multiply, .n_src = 2, .src = {R3(2, 7, 11)}, .accumulate = {true, true}}},
    {"multiply by a factor a channel", {.cls = &gf_op_multiply, .n_src = 2, .src = {R4(2, 3, 5, 11), R4(2, 1, 1, 11)}}},
    {"multiply many channels, sigmoid",
     {.cls = &gf_op_multiply,
      .n_src = 2,
      .src = {R4(2, 2, 2, 530), R4(2, 1, 1, 530)},
      .act = GF_ACT_SIGMOID,
      .accumulate = {true, true}},
     false,
     2e-3,
     0x1p-6f},
    {"affine", {.cls = &gf_op_affine, .n_src = 1, .src = {R4(2, 3, 5, 17)}, .diff_weights = true}},
    {"affine, relu6",
     {.cls = &gf_op_affine, .n_src = 1, .src = {R4(2, 3, 5, 16)}, .act = GF_ACT_RELU6, .diff_weights = true}},
    {"affine, relu, added",
     {.cls = &gf_op_affine,
      .n_src = 1,
      .src = {R4(2, 5, 5, 8)},
      .act = GF_ACT_RELU,
      .diff_weights = true,
      .accumulate = {true}}},
    {"affine, frozen", {.cls = &gf_op_affine, .n_src = 1, .src = {R4(2, 5, 5, 8)}, .act = GF_ACT_RELU}},
    {"multiply, alias, second added",
     {.cls = &gf_op_multiply, .n_src = 2, .src = {R4(2, 7, 5, 16)}, .accumulate = {false, true}},
     .alias = true},
    {"multiply by a factor a channel, alias",
     {.cls = &gf_op_multiply, .n_src = 2, .src = {R4(2, 13, 5, 16), R4(2, 1, 1, 16)}},
     .alias = true},
    {"affine, relu, alias",
     {.cls = &gf_op_affine, .n_src = 1, .src = {R4(2, 9, 5, 16)}, .act = GF_ACT_RELU, .diff_weights = true},
     .alias = true},
    {"group norm, alias",
     {.cls = &gf_op_norm, .n_src = 1, .src = {R4(2, 3, 4, 12)}, .diff_weights = true, .norm = {3, 1e-3f}},
     true,
     2e-3,
     0x1p-7f},
    {"dropout 0, alias", {.cls = &gf_op_dropout, .n_src = 1, .src = {R2(3, 33)}}, .alias = true},
    {"dropout 0.5, alias",
     {.cls = &gf_op_dropout, .n_src = 1, .src = {R2(4, 64)}, .dropout.rate = 0.5f},
     .alias = true},
    {"affine of features", {.cls = &gf_op_affine, .n_src = 1, .src = {R2(8, 24)}, .diff_weights = true}},
    {"affine of many channels", {.cls = &gf_op_affine, .n_src = 1, .src = {R4(2, 2, 2, 700)}, .diff_weights = true}},
    {"global pool", {.cls = &gf_op_global_pool, .n_src = 1, .src = {R4(2, 4, 8, 19)}}},
    {"global pool, 5x5", {.cls = &gf_op_global_pool, .n_src = 1, .src = {R4(2, 5, 5, 64)}}, .allowed = 2e-5},
    {"global pool, added", {.cls = &gf_op_global_pool, .n_src = 1, .src = {R4(8, 2, 2, 33)}, .accumulate = {true}}},
    {"global pool of one pixel", {.cls = &gf_op_global_pool, .n_src = 1, .src = {R4(1, 1, 1, 40)}}},
    {"global pool of a sequence", {.cls = &gf_op_global_pool, .n_src = 1, .src = {R3(3, 8, 33)}}},
    {"global max pool", {.cls = &gf_op_global_max_pool, .n_src = 1, .src = {R4(2, 2, 2, 19)}}, false, 1e-3, 0x1p-12f},
    {"global max pool, added",
     {.cls = &gf_op_global_max_pool, .n_src = 1, .src = {R3(2, 3, 600)}, .accumulate = {true}},
     false,
     1e-3,
     0x1p-12f},
    {"max pool",
     {.cls = &gf_op_max_pool, .n_src = 1, .src = {R4(2, 8, 6, 7)}, .pool = {.kh = 2, .kw = 2, .sh = 2, .sw = 2}},
     false,
     1e-3,
     0x1p-12f},
    {"max pool, padded, added",
     {.cls = &gf_op_max_pool,
      .n_src = 1,
      .src = {R4(1, 9, 8, 16)},
      .accumulate = {true},
      .pool = {3, 3, 2, 2, 1, 1, 0, 1}},
     false,
     1e-3,
     0x1p-12f},
    {"avg pool",
     {.cls = &gf_op_avg_pool, .n_src = 1, .src = {R4(2, 8, 6, 7)}, .pool = {.kh = 2, .kw = 2, .sh = 2, .sw = 2}}},
    {"avg pool, padded, added",
     {.cls = &gf_op_avg_pool,
      .n_src = 1,
      .src = {R4(1, 9, 8, 16)},
      .accumulate = {true},
      .pool = {3, 3, 1, 1, 1, 1, 1, 1}},
     .allowed = 2e-5},
    {"avg pool, padding counts",
     {.cls = &gf_op_avg_pool,
      .n_src = 1,
      .src = {R4(1, 9, 8, 16)},
      .pool = {4, 2, 2, 1, 1, 2, 0, 1, .count_padding = true}}},
    {"pad", {.cls = &gf_op_pad, .n_src = 1, .src = {R4(2, 3, 5, 7)}, .pad = {1, 2, 3, 0}}},
    {"pad, Keras's",
     {.cls = &gf_op_pad, .n_src = 1, .src = {R4(2, 6, 6, 16)}, .pad = {0, 1, 0, 1}, .accumulate = {true}}},
    {"pad by nothing", {.cls = &gf_op_pad, .n_src = 1, .src = {R4(1, 3, 3, 5)}}},
    {"crop", {.cls = &gf_op_pad, .n_src = 1, .src = {R4(2, 6, 5, 7)}, .pad = {-1, -2, 0, -1}}},
    {"crop and pad, added",
     {.cls = &gf_op_pad, .n_src = 1, .src = {R4(2, 6, 5, 7)}, .pad = {-2, 3, 2, -1}, .accumulate = {true}}},
    {"concat of channels",
     {.cls = &gf_op_concat,
      .n_src = 3,
      .src = {R4(2, 3, 5, 7), R4(2, 3, 5, 1), R4(2, 3, 5, 16)},
      .accumulate = {false, true},
      .concat = {3}}},
    {"concat of rows", {.cls = &gf_op_concat, .n_src = 2, .src = {R4(2, 3, 5, 7), R4(2, 1, 5, 7)}, .concat = {1}}},
    {"concat of tokens", {.cls = &gf_op_concat, .n_src = 2, .src = {R3(2, 1, 33), R3(2, 4, 33)}, .concat = {1}}},
    {"reshape", {.cls = &gf_op_reshape, .n_src = 1, .src = {R4(2, 3, 4, 6)}, .reshape.shape = R2(12, 6)}},
    {"reshape, added",
     {.cls = &gf_op_reshape, .n_src = 1, .src = {R2(2, 72)}, .reshape.shape = R3(3, 4, 6), .accumulate = {true}}},
    {"reshape, alias",
     {.cls = &gf_op_reshape, .n_src = 1, .src = {R3(2, 3, 24)}, .reshape.shape = R2(6, 12)},
     .alias = true},
    {"permute", {.cls = &gf_op_permute, .n_src = 1, .src = {R3(2, 5, 7)}, .permute = {{0, 2, 1}}}},
    {"permute, rows in place, added",
     {.cls = &gf_op_permute, .n_src = 1, .src = {R4(2, 5, 3, 7)}, .permute = {{0, 2, 1, 3}}, .accumulate = {true}}},
    {"permute, shuffled channels",
     {.cls = &gf_op_permute, .n_src = 1, .src = {R5(2, 3, 2, 4, 5)}, .permute = {{0, 1, 2, 4, 3}}}},
    {"permute nothing", {.cls = &gf_op_permute, .n_src = 1, .src = {R4(2, 3, 2, 4)}, .permute = {{0, 1, 2, 3}}}},
    {"upsample, nearest", {.cls = &gf_op_upsample, .n_src = 1, .src = {R4(2, 3, 4, 7)}, .upsample = {2, 3, false}}},
    {"upsample, bilinear", {.cls = &gf_op_upsample, .n_src = 1, .src = {R4(2, 3, 4, 7)}, .upsample = {2, 2, true}}},
    {"upsample, bilinear, 3 x 1, added",
     {.cls = &gf_op_upsample, .n_src = 1, .src = {R4(1, 3, 4, 520)}, .upsample = {3, 1, true}, .accumulate = {true}},
     .allowed = 2e-5},
    {"softmax", {.cls = &gf_op_softmax, .n_src = 1, .src = {R2(5, 19)}, .softmax = {1, false}}, false, 2e-3, 0x1p-6f},
    {"softmax of tokens, added",
     {.cls = &gf_op_softmax, .n_src = 1, .src = {R3(2, 3, 600)}, .softmax = {2, false}, .accumulate = {true}},
     false,
     2e-3,
     0x1p-6f},
    {"log softmax",
     {.cls = &gf_op_softmax, .n_src = 1, .src = {R2(5, 19)}, .softmax = {1, true}},
     false,
     2e-3,
     0x1p-6f},
    {"layer norm",
     {.cls = &gf_op_norm, .n_src = 1, .src = {R4(2, 3, 2, 21)}, .diff_weights = true, .norm = {0, 1e-6f}},
     false,
     2e-3,
     0x1p-7f},
    {"layer norm of tokens, added",
     {.cls = &gf_op_norm,
      .n_src = 1,
      .src = {R3(2, 5, 64)},
      .diff_weights = true,
      .norm = {0, 1e-3f},
      .accumulate = {true}},
     false,
     2e-3,
     0x1p-7f},
    {"group norm",
     {.cls = &gf_op_norm, .n_src = 1, .src = {R4(2, 3, 4, 12)}, .diff_weights = true, .norm = {3, 1e-3f}},
     false,
     2e-3,
     0x1p-7f},
    {"group norm, frozen, all channels",
     {.cls = &gf_op_norm, .n_src = 1, .src = {R4(2, 5, 4, 7)}, .norm = {1, 1e-5f}},
     false,
     2e-3,
     0x1p-7f},
    {"rescale, turned, added",
     {.cls = &gf_op_rescale,
      .n_src = 1,
      .src = {R4(2, 3, 5, 3)},
      .accumulate = {true},
      .rescale = {{0.5f, 2, -1}, {1, 2, 3}, true}}},
    {"rescale of five channels, turned",
     {.cls = &gf_op_rescale, .n_src = 1, .src = {R4(1, 7, 5, 5)}, .rescale = {{2, 0, 9}, {-1, 2, 3}, true}}},
    {"rescale of many channels, turned, added",
     {.cls = &gf_op_rescale,
      .n_src = 1,
      .src = {R4(1, 2, 2, 530)},
      .accumulate = {true},
      .rescale = {{2, 0, 9}, {-1, 2, 3}, true}}},
    {"rescale of two channels",
     {.cls = &gf_op_rescale, .n_src = 1, .src = {R4(3, 11, 11, 2)}, .rescale = {{2, 4}, {-1, 2}, false}}},
    {"dropout 0", {.cls = &gf_op_dropout, .n_src = 1, .src = {R2(3, 33)}}},
    {"dropout 0.5", {.cls = &gf_op_dropout, .n_src = 1, .src = {R2(4, 64)}, .dropout.rate = 0.5f}},
    {"dropout 0.5 of maps",
     {.cls = &gf_op_dropout, .n_src = 1, .src = {R4(2, 7, 11, 13)}, .dropout.rate = 0.5f, .accumulate = {true}}},
    {"dropout 0.2, added",
     {.cls = &gf_op_dropout, .n_src = 1, .src = {R2(4, 63)}, .dropout.rate = 0.2f, .accumulate = {true}},
     .allowed = 1e-5},
};

enum { OTHERS = sizeof others / sizeof *others };

static inline op_case other_case(const other *o)
{
    op_case c = {.alias = o->alias, .spec = o->spec};
    snprintf(c.name, sizeof c.name, "%s", o->what);
    gf_op_spec *s = &c.spec;
    s->backward = true;
    for (int k = 0; k < s->n_src; k++) {
        if (!s->src[k].rank) s->src[k] = s->src[0];
        s->diff_src[k] = true;
    }
    s->has_bias = s->cls == &gf_op_affine || s->cls == &gf_op_norm;
    return c;
}

#endif
