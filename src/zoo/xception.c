/* xception.c - Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017, with the layer
 * names and numbers of Keras's Xception (where block 2's first activation is called block2_sepconv2_act). */
#include "zoo/zoo.h"

#include <stdio.h>

static void norm(gf_builder *b, const char *name) { gf_batch_norm(b, 1e-3f, 0.99f, name); }

/* [activation,] separable convolution, normalisation: "blockB_sepconvI..." */
static void sepconv(gf_builder *b, int block, int i, int filters, bool activated)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "block%d_sepconv%d", block, i);
    if (activated) gf_activation(b, GF_ACT_RELU, gf_join(prefix, "_act").text);
    gf_separable(b, filters, (gf_window){3}, prefix);
    norm(b, gf_join(prefix, "_bn").text);
}

/* Two separable convolutions and a pooling, beside a strided 1x1 convolution. */
static void down(gf_builder *b, int block, int first, int filters)
{
    int in = b->at;
    gf_conv(b, filters, (gf_window){1, .stride = 2}, NULL);
    norm(b, NULL);
    int shortcut = b->at;
    b->at = in;
    sepconv(b, block, 1, first, block > 2);
    sepconv(b, block, 2, filters, true);
    char pool[32];
    snprintf(pool, sizeof pool, "block%d_pool", block);
    gf_max_pool(b, (gf_window){3, .stride = 2}, pool);
    gf_add_layers(b, b->at, shortcut, NULL);
}

static void build(gf_builder *b, const gf_zoo_options *o)
{
    (void)o;
    enum { FIRST_MIDDLE = 5, LAST_MIDDLE = 12, MIDDLE = 728 };
    gf_conv(b, 32, (gf_window){3, .stride = 2, .pads = GF_VALID}, "block1_conv1");
    norm(b, "block1_conv1_bn");
    gf_activation(b, GF_ACT_RELU, "block1_conv1_act");
    gf_conv(b, 64, (gf_window){3, .pads = GF_VALID}, "block1_conv2");
    norm(b, "block1_conv2_bn");
    gf_activation(b, GF_ACT_RELU, "block1_conv2_act");
    down(b, 2, 128, 128);
    down(b, 3, 256, 256);
    down(b, 4, MIDDLE, MIDDLE);
    for (int block = FIRST_MIDDLE; block <= LAST_MIDDLE; block++) {
        int in = b->at;
        for (int i = 1; i <= 3; i++) sepconv(b, block, i, MIDDLE, true);
        gf_add_layers(b, b->at, in, NULL);
    }
    down(b, 13, MIDDLE, 1024);
    sepconv(b, 14, 1, 1536, false);
    gf_activation(b, GF_ACT_RELU, "block14_sepconv1_act");
    sepconv(b, 14, 2, 2048, false);
    gf_activation(b, GF_ACT_RELU, "block14_sepconv2_act");
}

const gf_architecture gf_architecture_xception = {
    .name = "xception",
    .title = "Xception",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 71,
    .size = 299,
    .fine_tune_at = 116,
    .params = 20861480,
    .params_top = 22910480,
    .when = "accurate, for large images",
    .build = build,
    .top = gf_pooled_top,
};
