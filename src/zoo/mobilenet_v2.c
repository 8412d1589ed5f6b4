/* mobilenet_v2.c - Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018, with the layer
 * names and numbers of Keras's MobileNetV2(include_top=False). */
#include "zoo/zoo.h"

#include <stdarg.h>
#include <stdio.h>

/* expansion, filters, blocks, stride of the first */
static const struct {
    int expansion, filters, blocks, stride;
} stage[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

/* Widths are multiples of 8, and never a tenth less than asked for. */
static int divisible(double v)
{
    int rounded = (int)(v + 4) / 8 * 8;
    if (rounded < 8) rounded = 8;
    return rounded < 0.9 * v ? rounded + 8 : rounded;
}

typedef struct builder {
    gf_model *m;
    graft_error *err;
    graft_status status;
    int at; /* the last layer */
} builder;

/* Adds a layer behind the last; after a failure it does nothing. */
__attribute__((format(printf, 3, 4))) static void add(builder *b, gf_layer l, const char *fmt, ...)
{
    if (b->status != GRAFT_OK) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(l.name, sizeof l.name, fmt, args);
    va_end(args);
    l.backbone = true;
    if (!l.n_src) {
        l.n_src = 1;
        l.src[0] = b->at;
    }
    b->status = gf_model_add(b->m, &l, &b->at, b->err);
}

static void conv(builder *b, int kernel, int stride, int filters, const char *name)
{
    gf_layer l = {.cls = &gf_layer_conv2d};
    l.at.filters = filters;
    l.at.kh = l.at.kw = kernel;
    l.at.sh = l.at.sw = stride;
    l.at.same = true;
    add(b, l, "%s", name);
}

static void norm(builder *b, const char *name)
{
    gf_layer l = {.cls = &gf_layer_batch_norm};
    l.at.epsilon = 1e-3f;
    l.at.momentum = 0.999f;
    add(b, l, "%s", name);
}

static void relu6(builder *b, const char *name)
{
    gf_layer l = {.cls = &gf_layer_relu};
    l.at.act = GF_ACT_RELU6;
    add(b, l, "%s", name);
}

/* Before a strided 3x3 convolution Keras pads by hand: on even sides nothing before and one behind. */
static void pad(builder *b, const char *name)
{
    if (b->status != GRAFT_OK) return;
    const gf_shape *s = &b->m->layer[b->at].shape;
    gf_layer l = {.cls = &gf_layer_zero_padding};
    l.at.pt = (int)(s->dim[0] % 2);
    l.at.pl = (int)(s->dim[1] % 2);
    l.at.pb = l.at.pr = 1;
    add(b, l, "%s", name);
}

static void depthwise(builder *b, int stride, const char *name)
{
    gf_layer l = {.cls = &gf_layer_depthwise};
    l.at.kh = l.at.kw = 3;
    l.at.sh = l.at.sw = stride;
    l.at.same = stride == 1;
    add(b, l, "%s", name);
}

typedef struct names {
    char text[GF_NAME_MAX];
} names;

static const char *called(names *n, const char *prefix, const char *what)
{
    snprintf(n->text, sizeof n->text, "%s%s", prefix, what);
    return n->text;
}

static void inverted_residual(builder *b, int block, int expansion, int filters, int stride)
{
    if (b->status != GRAFT_OK) return;
    int in = b->at, channels = (int)b->m->layer[b->at].shape.dim[2];
    char prefix[32] = "expanded_conv_";
    names n;
    if (block) {
        snprintf(prefix, sizeof prefix, "block_%d_", block);
        conv(b, 1, 1, channels * expansion, called(&n, prefix, "expand"));
        norm(b, called(&n, prefix, "expand_BN"));
        relu6(b, called(&n, prefix, "expand_relu"));
    }
    if (stride == 2) pad(b, called(&n, prefix, "pad"));
    depthwise(b, stride, called(&n, prefix, "depthwise"));
    norm(b, called(&n, prefix, "depthwise_BN"));
    relu6(b, called(&n, prefix, "depthwise_relu"));
    conv(b, 1, 1, filters, called(&n, prefix, "project"));
    norm(b, called(&n, prefix, "project_BN"));
    if (channels != filters || stride != 1) return;
    gf_layer add_layer = {.cls = &gf_layer_add, .n_src = 2, .src = {in, b->at}};
    add(b, add_layer, "%sadd", prefix);
}

static graft_status build(gf_model *m, const gf_zoo_options *o, int input, int *last, graft_error *err)
{
    if (!(o->alpha >= 0.1 && o->alpha <= 4)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "0.35, 0.5, 0.75, 1, 1.3 and 1.4 have pretrained weights",
                       "alpha %g: wanted is 0.1 to 4", o->alpha);
    }
    builder b = {.m = m, .err = err, .at = input};
    conv(&b, 3, 2, divisible(32 * o->alpha), "Conv1");
    norm(&b, "bn_Conv1");
    relu6(&b, "Conv1_relu");
    int block = 0;
    for (size_t s = 0; s < sizeof stage / sizeof *stage; s++) {
        for (int i = 0; i < stage[s].blocks; i++) {
            inverted_residual(&b, block++, stage[s].expansion, divisible(stage[s].filters * o->alpha),
                              i ? 1 : stage[s].stride);
        }
    }
    conv(&b, 1, 1, o->alpha > 1 ? divisible(1280 * o->alpha) : 1280, "Conv_1");
    norm(&b, "Conv_1_bn");
    relu6(&b, "out_relu");
    *last = b.at;
    return b.status;
}

const gf_architecture gf_mobilenet_v2 = {
    .name = "mobilenet_v2",
    .title = "MobileNetV2",
    .least_size = 32,
    .build = build,
    .scale = 1 / 127.5f,
    .offset = -1,
    .fine_tune_at = 100,
};
