/* mobilenet_want.h - the tensors of MobileNetV2 without top, as an architecture lists them. Written down again here
 * so that these tests need no other room. */
#ifndef TESTS_MOBILENET_WANT_H
#define TESTS_MOBILENET_WANT_H

#include "formats/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOBILENET_TENSORS = 260 };

typedef struct mobilenet_want {
    gf_weight want[MOBILENET_TENSORS];
    char layer[MOBILENET_TENSORS][40];
    size_t n;
} mobilenet_want;

static inline void want_tensor(mobilenet_want *m, const char *layer, const char *var, gf_shape shape)
{
    snprintf(m->layer[m->n], sizeof m->layer[0], "%s", layer);
    float *data = calloc(gf_count(&shape), sizeof *data);
    m->want[m->n] = (gf_weight){m->layer[m->n], var, shape, data, false};
    m->n++;
}

static inline void want_bn(mobilenet_want *m, const char *layer, int64_t c)
{
    static const char *const var[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    for (int i = 0; i < 4; i++) want_tensor(m, layer, var[i], GF_SHAPE(c));
}

static inline int64_t by_eight(double c)
{
    int64_t rounded = (int64_t)(c + 4) / 8 * 8;
    if (rounded < 8) rounded = 8;
    return (double)rounded < 0.9 * c ? rounded + 8 : rounded;
}

static inline void want_block(mobilenet_want *m, int block, int64_t in, int64_t out)
{
    char name[40], prefix[24] = "expanded_conv_";
    int64_t inner = block ? 6 * in : in;
    if (block) {
        snprintf(prefix, sizeof prefix, "block_%d_", block);
        snprintf(name, sizeof name, "%sexpand", prefix);
        want_tensor(m, name, "kernel", GF_SHAPE(1, 1, in, inner));
        strcat(name, "_BN");
        want_bn(m, name, inner);
    }
    snprintf(name, sizeof name, "%sdepthwise", prefix);
    want_tensor(m, name, "kernel", GF_SHAPE(3, 3, inner, 1));
    strcat(name, "_BN");
    want_bn(m, name, inner);
    snprintf(name, sizeof name, "%sproject", prefix);
    want_tensor(m, name, "kernel", GF_SHAPE(1, 1, inner, out));
    strcat(name, "_BN");
    want_bn(m, name, out);
}

/* For alpha up to 1 (the last convolution keeps its 1280 channels). Free with mobilenet_want_free. */
static inline mobilenet_want *mobilenet_want_new(double alpha)
{
    static const struct {
        int filters, repeats;
    } stage[] = {{16, 1}, {24, 2}, {32, 3}, {64, 4}, {96, 3}, {160, 3}, {320, 1}};
    mobilenet_want *m = calloc(1, sizeof *m);
    int64_t in = by_eight(32 * alpha);
    want_tensor(m, "Conv1", "kernel", GF_SHAPE(3, 3, 3, in));
    want_bn(m, "bn_Conv1", in);
    int block = 0;
    for (size_t s = 0; s < sizeof stage / sizeof *stage; s++) {
        for (int r = 0; r < stage[s].repeats; r++) {
            int64_t out = by_eight(stage[s].filters * alpha);
            want_block(m, block++, in, out);
            in = out;
        }
    }
    want_tensor(m, "Conv_1", "kernel", GF_SHAPE(1, 1, in, 1280));
    want_bn(m, "Conv_1_bn", 1280);
    return m;
}

static inline void mobilenet_want_free(mobilenet_want *m)
{
    for (size_t i = 0; i < m->n; i++) free(m->want[i].data);
    free(m);
}

#endif
