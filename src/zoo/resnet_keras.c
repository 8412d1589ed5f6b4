/* resnet_keras.c - He et al., "Deep residual learning for image recognition", CVPR 2016, and "Identity mappings in
 * deep residual networks", ECCV 2016 (V2: normalisation and activation before the convolutions), with the layer names
 * and numbers of Keras's ResNet50 and ResNet50V2, 101V2, 152V2. Unlike PyTorch's, Keras's first version strides in a
 * block's first 1x1 convolution, and its convolutions have biases; the second strides in a stage's last block. */
#include "zoo/zoo.h"

#include <stdio.h>

enum { STAGES = 4 };

static void norm(gf_builder *b, const char *name) { gf_batch_norm(b, 1.001e-5f, 0.99f, name); }
static void relu(gf_builder *b, const char *name) { gf_activation(b, GF_ACT_RELU, name); }
static void pointwise(gf_builder *b, int filters, int stride, bool bias, const char *name)
{
    gf_conv(b, filters, (gf_window){1, .stride = stride, .pads = GF_VALID, .bias = bias}, name);
}

static void block_v1(gf_builder *b, int filters, int stride, bool first, const char *prefix)
{
    int shortcut = b->at, in = b->at;
    if (first) {
        pointwise(b, 4 * filters, stride, true, gf_join(prefix, "0_conv").text);
        norm(b, gf_join(prefix, "0_bn").text);
        shortcut = b->at;
        b->at = in;
    }
    pointwise(b, filters, stride, true, gf_join(prefix, "1_conv").text);
    norm(b, gf_join(prefix, "1_bn").text);
    relu(b, gf_join(prefix, "1_relu").text);
    gf_conv(b, filters, (gf_window){3, .bias = true}, gf_join(prefix, "2_conv").text);
    norm(b, gf_join(prefix, "2_bn").text);
    relu(b, gf_join(prefix, "2_relu").text);
    pointwise(b, 4 * filters, 1, true, gf_join(prefix, "3_conv").text);
    norm(b, gf_join(prefix, "3_bn").text);
    gf_add_layers(b, shortcut, b->at, gf_join(prefix, "add").text);
    relu(b, gf_join(prefix, "out").text);
}

static void block_v2(gf_builder *b, int filters, int stride, bool first, const char *prefix)
{
    int shortcut = b->at, in = b->at;
    norm(b, gf_join(prefix, "preact_bn").text);
    relu(b, gf_join(prefix, "preact_relu").text);
    int preact = b->at;
    if (first) {
        pointwise(b, 4 * filters, stride, true, gf_join(prefix, "0_conv").text);
        shortcut = b->at;
    } else if (stride > 1) {
        b->at = in;
        gf_max_pool(b, (gf_window){1, .stride = stride, .pads = GF_VALID}, NULL);
        shortcut = b->at;
    }
    b->at = preact;
    pointwise(b, filters, 1, false, gf_join(prefix, "1_conv").text);
    norm(b, gf_join(prefix, "1_bn").text);
    relu(b, gf_join(prefix, "1_relu").text);
    gf_zero_padding(b, 1, 1, 1, 1, gf_join(prefix, "2_pad").text);
    gf_conv(b, filters, (gf_window){3, .stride = stride, .pads = GF_VALID}, gf_join(prefix, "2_conv").text);
    norm(b, gf_join(prefix, "2_bn").text);
    relu(b, gf_join(prefix, "2_relu").text);
    pointwise(b, 4 * filters, 1, true, gf_join(prefix, "3_conv").text);
    gf_add_layers(b, shortcut, b->at, gf_join(prefix, "out").text);
}

static void build(gf_builder *b, bool v2, const int blocks[STAGES])
{
    gf_zero_padding(b, 3, 3, 3, 3, "conv1_pad");
    gf_conv(b, 64, (gf_window){7, .stride = 2, .pads = GF_VALID, .bias = true}, "conv1_conv");
    if (!v2) {
        norm(b, "conv1_bn");
        relu(b, "conv1_relu");
    }
    gf_zero_padding(b, 1, 1, 1, 1, "pool1_pad");
    gf_max_pool(b, (gf_window){3, .stride = 2, .pads = GF_VALID}, "pool1_pool");
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < blocks[s]; i++) {
            bool strides = v2 ? s < STAGES - 1 && i == blocks[s] - 1 : s > 0 && i == 0;
            char prefix[32];
            snprintf(prefix, sizeof prefix, "conv%d_block%d_", s + 2, i + 1);
            (v2 ? block_v2 : block_v1)(b, 64 << s, strides ? 2 : 1, i == 0, prefix);
        }
    }
    if (!v2) return;
    norm(b, "post_bn");
    relu(b, "post_relu");
}

static void build_50(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, false, (int[]){3, 4, 6, 3}); }
static void build_50_v2(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, true, (int[]){3, 4, 6, 3}); }
static void build_101_v2(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, true, (int[]){3, 4, 23, 3}); }
static void build_152_v2(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, true, (int[]){3, 8, 36, 3}); }

const gf_architecture gf_architecture_resnet50_keras = {
    .name = "resnet50_keras",
    .title = "ResNet50 (Keras)",
    .source = "keras",
    .preprocess = "caffe",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 143,
    .params = 23587712,
    .params_top = 25636712,
    .when = "where Keras's ResNet50 weights are at hand",
    .build = build_50,
    .top = gf_pooled_top,
};

const gf_architecture gf_architecture_resnet50_v2 = {
    .name = "resnet50_v2",
    .title = "ResNet50V2",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 154,
    .params = 23564800,
    .params_top = 25613800,
    .when = "accurate and well known; time matters less",
    .build = build_50_v2,
    .top = gf_pooled_top,
};

const gf_architecture gf_architecture_resnet101_v2 = {
    .name = "resnet101_v2",
    .title = "ResNet101V2",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 341,
    .params = 42626560,
    .params_top = 44675560,
    .when = "a deeper ResNet50V2",
    .build = build_101_v2,
    .top = gf_pooled_top,
};

const gf_architecture gf_architecture_resnet152_v2 = {
    .name = "resnet152_v2",
    .title = "ResNet152V2",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 528,
    .params = 58331648,
    .params_top = 60380648,
    .when = "the deepest ResNet",
    .build = build_152_v2,
    .top = gf_pooled_top,
};
