/* densenet_torch.c - Huang et al., "Densely connected convolutional networks", CVPR 2017: the network with 121 layers,
 * with torchvision's layer names (timm's are the same). torchvision concatenates anew, in each layer, all outputs of
 * its block; here each concatenation adds one output to the last, which gives the same. */
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

enum { GROWTH = 32, BOTTLENECK = 4, BLOCKS = 4, FIRST = 64 };

static void norm_relu(gf_builder *b, const char *prefix, const char *norm, const char *relu)
{
    gf_batch_norm_torch(b, gf_join(prefix, norm).text);
    gf_relu(b, GF_ACT_RELU, gf_join(prefix, relu).text);
}

/* `joined`: all outputs of the block so far. Returns them with this layer's. */
static int dense_layer(gf_builder *b, const char *prefix, int joined, const char *concat)
{
    b->at = joined;
    norm_relu(b, prefix, "norm1", "relu1");
    gf_conv(b, BOTTLENECK * GROWTH, gf_centred(1, 1), gf_join(prefix, "conv1").text);
    norm_relu(b, prefix, "norm2", "relu2");
    gf_conv(b, GROWTH, gf_centred(3, 1), gf_join(prefix, "conv2").text);
    gf_concatenate(b, (const int[]){joined, b->at}, 2, concat);
    return b->at;
}

static void dense_block(gf_builder *b, int block, int layers)
{
    int joined = b->at;
    for (int i = 1; i <= layers; i++) {
        char prefix[64], concat[64];
        snprintf(prefix, sizeof prefix, "features.denseblock%d.denselayer%d.", block, i);
        snprintf(concat, sizeof concat, "features.denseblock%d.denselayer%d.cat", block, i + 1);
        if (i == layers) snprintf(concat, sizeof concat, "features.denseblock%d.cat", block);
        joined = dense_layer(b, prefix, joined, concat);
    }
}

/* Half the channels, half the sides. */
static void transition(gf_builder *b, int number)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "features.transition%d.", number);
    norm_relu(b, prefix, "norm", "relu");
    if (b->status != GRAFT_OK) return;
    gf_conv(b, (int)gf_built(b)->dim[2] / 2, gf_centred(1, 1), gf_join(prefix, "conv").text);
    gf_avg_pool(b, (gf_window){2, .pads = GF_VALID}, false, gf_join(prefix, "pool").text);
}

static void build(gf_builder *b, const gf_zoo_options *o)
{
    (void)o;
    static const int layers[BLOCKS] = {6, 12, 24, 16};
    gf_conv(b, FIRST, gf_centred(7, 2), "features.conv0");
    norm_relu(b, "features.", "norm0", "relu0");
    gf_max_pool(b, gf_centred(3, 2), "features.pool0");
    for (int i = 0; i < BLOCKS; i++) {
        dense_block(b, i + 1, layers[i]);
        if (i + 1 < BLOCKS) transition(b, i + 1);
    }
    gf_batch_norm_torch(b, "features.norm5");
    gf_relu(b, GF_ACT_RELU, "relu");
}

static void top(gf_builder *b, int classes)
{
    gf_global_pool(b, false, "adaptive_avg_pool2d");
    gf_dense(b, classes, GF_ACT_LINEAR, "classifier");
}

/* The published file is older than torchvision's names of today: "denselayer1.norm.1" for "denselayer1.norm1". */
static bool alias(const char *layer, int k, char buf[GF_NAME_MAX])
{
    size_t n = strlen(layer);
    if (k || n + 2 > GF_NAME_MAX || !strstr(layer, ".denselayer") || layer[n - 1] < '1' || layer[n - 1] > '2') {
        return false;
    }
    snprintf(buf, GF_NAME_MAX, "%.*s.%c", (int)n - 1, layer, layer[n - 1]);
    return true;
}

const gf_architecture gf_architecture_densenet121_torch = {
    .name = "densenet121_torch",
    .title = "DenseNet-121 (torchvision)",
    .source = "torch",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 311, /* the last block */
    .params = 6953856,
    .params_top = 7978856,
    .when = "few parameters for its accuracy, much memory: with PyTorch's weights",
    .build = build,
    .top = top,
    .alias = alias,
};
