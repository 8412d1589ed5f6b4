/* densenet.c - Huang et al., "Densely connected convolutional networks", CVPR 2017, with the layer names and numbers
 * of Keras's DenseNet121, 169 and 201. */
#include "zoo/zoo.h"

#include <stdio.h>

enum { STAGES = 4, GROWTH = 32 };

static void norm(gf_builder *b, const char *name) { gf_batch_norm(b, 1.001e-5f, 0.99f, name); }
static void relu(gf_builder *b, const char *name) { gf_activation(b, GF_ACT_RELU, name); }
static void conv(gf_builder *b, int filters, int kernel, const char *name)
{
    gf_conv(b, filters, (gf_window){kernel}, name);
}

/* Adds GROWTH channels to those that came in. */
static void conv_block(gf_builder *b, const char *prefix)
{
    int in = b->at;
    norm(b, gf_join(prefix, "0_bn").text);
    relu(b, gf_join(prefix, "0_relu").text);
    conv(b, 4 * GROWTH, 1, gf_join(prefix, "1_conv").text);
    norm(b, gf_join(prefix, "1_bn").text);
    relu(b, gf_join(prefix, "1_relu").text);
    conv(b, GROWTH, 3, gf_join(prefix, "2_conv").text);
    gf_concatenate(b, (int[]){in, b->at}, 2, gf_join(prefix, "concat").text);
}

/* Half the channels, half the sides. */
static void transition(gf_builder *b, const char *prefix)
{
    if (b->status != GRAFT_OK) return;
    norm(b, gf_join(prefix, "bn").text);
    relu(b, gf_join(prefix, "relu").text);
    conv(b, (int)gf_built(b)->dim[2] / 2, 1, gf_join(prefix, "conv").text);
    gf_avg_pool(b, (gf_window){2, .pads = GF_VALID}, false, gf_join(prefix, "pool").text);
}

static void build(gf_builder *b, const int blocks[STAGES])
{
    gf_zero_padding(b, 3, 3, 3, 3, NULL);
    gf_conv(b, 64, (gf_window){7, .stride = 2, .pads = GF_VALID}, "conv1_conv");
    norm(b, "conv1_bn");
    relu(b, "conv1_relu");
    gf_zero_padding(b, 1, 1, 1, 1, NULL);
    gf_max_pool(b, (gf_window){3, .stride = 2, .pads = GF_VALID}, "pool1");
    for (int s = 0; s < STAGES; s++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "pool%d_", s + 1);
        if (s) transition(b, prefix);
        for (int i = 0; i < blocks[s]; i++) {
            snprintf(prefix, sizeof prefix, "conv%d_block%d_", s + 2, i + 1);
            conv_block(b, prefix);
        }
    }
    norm(b, "bn");
    relu(b, "relu");
}

static void build_121(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, (int[]){6, 12, 24, 16}); }
static void build_169(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, (int[]){6, 12, 32, 32}); }
static void build_201(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, (int[]){6, 12, 48, 32}); }

const gf_architecture gf_architecture_densenet121 = {
    .name = "densenet121",
    .title = "DenseNet121",
    .source = "keras",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 313,
    .params = 7037504,
    .params_top = 8062504,
    .when = "few parameters for its accuracy; medical images",
    .build = build_121,
    .top = gf_pooled_top,
};

const gf_architecture gf_architecture_densenet169 = {
    .name = "densenet169",
    .title = "DenseNet169",
    .source = "keras",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 369,
    .params = 12642880,
    .params_top = 14307880,
    .when = "a deeper DenseNet121",
    .build = build_169,
    .top = gf_pooled_top,
};

const gf_architecture gf_architecture_densenet201 = {
    .name = "densenet201",
    .title = "DenseNet201",
    .source = "keras",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 481,
    .params = 18321984,
    .params_top = 20242984,
    .when = "the deepest DenseNet",
    .build = build_201,
    .top = gf_pooled_top,
};
