/* mobilenet_v3.c - Howard et al., "Searching for MobileNetV3", ICCV 2019, with the layer names and numbers of Keras's
 * MobileNetV3Small and MobileNetV3Large. Pixels are rescaled to [-1, 1] by the network's first layer. Keras writes the
 * gates' hard sigmoid as x + 3, a ReLU layer cut off at 6, and * 1/6, of which it counts the ReLU as a layer: here
 * that layer is all three. */
#include "zoo/zoo.h"

#include <stdio.h>

enum { SE = 1, HARD = 2 }; /* squeeze and excitation; hard swish instead of ReLU */

typedef struct block_row {
    double expansion;
    int filters, kernel, stride, flags;
} block_row;

static const block_row small[] = {
    {1, 16, 3, 2, SE},        {72.0 / 16, 24, 3, 2, 0}, {88.0 / 24, 24, 3, 1, 0}, {4, 40, 5, 2, SE | HARD},
    {6, 40, 5, 1, SE | HARD}, {6, 40, 5, 1, SE | HARD}, {3, 48, 5, 1, SE | HARD}, {3, 48, 5, 1, SE | HARD},
    {6, 96, 5, 2, SE | HARD}, {6, 96, 5, 1, SE | HARD}, {6, 96, 5, 1, SE | HARD},
};

static const block_row large[] = {
    {1, 16, 3, 1, 0},          {4, 24, 3, 2, 0},          {3, 24, 3, 1, 0},          {3, 40, 5, 2, SE},
    {3, 40, 5, 1, SE},         {3, 40, 5, 1, SE},         {6, 80, 3, 2, HARD},       {2.5, 80, 3, 1, HARD},
    {2.3, 80, 3, 1, HARD},     {2.3, 80, 3, 1, HARD},     {6, 112, 3, 1, SE | HARD}, {6, 112, 3, 1, SE | HARD},
    {6, 160, 5, 2, SE | HARD}, {6, 160, 5, 1, SE | HARD}, {6, 160, 5, 1, SE | HARD},
};

static int divisible(double v) { return gf_divisible(v, 8); }
static void norm(gf_builder *b, const char *name) { gf_batch_norm(b, 1e-3f, 0.999f, name); }
static void pointwise(gf_builder *b, int filters, const char *name) { gf_conv(b, filters, (gf_window){1}, name); }

static void activation(gf_builder *b, int flags)
{
    if (flags & HARD) {
        gf_activation(b, GF_ACT_HARD_SILU, NULL);
    } else {
        gf_relu(b, GF_ACT_RELU, NULL);
    }
}

static void squeeze_excite(gf_builder *b, int channels, const char *prefix)
{
    int in = b->at;
    gf_global_pool(b, true, gf_join(prefix, "squeeze_excite_avg_pool").text);
    gf_conv(b, divisible(channels * 0.25), (gf_window){1, .bias = true}, gf_join(prefix, "squeeze_excite_conv").text);
    gf_relu(b, GF_ACT_RELU, gf_join(prefix, "squeeze_excite_relu").text);
    gf_conv(b, channels, (gf_window){1, .bias = true}, gf_join(prefix, "squeeze_excite_conv_1").text);
    gf_relu(b, GF_ACT_HARD_SIGMOID, NULL);
    gf_multiply_layers(b, in, b->at, gf_join(prefix, "squeeze_excite_mul").text);
}

static void inverted_residual(gf_builder *b, int block, const block_row *r)
{
    if (b->status != GRAFT_OK) return;
    int in = b->at, in_channels = (int)gf_built(b)->dim[2];
    int channels = divisible(in_channels * r->expansion), filters = divisible(r->filters * b->alpha);
    char prefix[32] = "expanded_conv_";
    if (block) {
        snprintf(prefix, sizeof prefix, "expanded_conv_%d_", block);
        pointwise(b, channels, gf_join(prefix, "expand").text);
        norm(b, gf_join(prefix, "expand_bn").text);
        activation(b, r->flags);
    }
    if (r->stride == 2) gf_correct_pad(b, r->kernel, gf_join(prefix, "depthwise_pad").text);
    gf_depthwise(b, (gf_window){r->kernel, .stride = r->stride, .pads = r->stride == 2 ? GF_VALID : GF_SAME},
                 gf_join(prefix, "depthwise").text);
    norm(b, gf_join(prefix, "depthwise_bn").text);
    activation(b, block ? r->flags : 0);
    if (r->flags & SE) squeeze_excite(b, channels, prefix);
    pointwise(b, filters, gf_join(prefix, "project").text);
    norm(b, gf_join(prefix, "project_bn").text);
    if (in_channels == filters && r->stride == 1) gf_add_layers(b, in, b->at, gf_join(prefix, "add").text);
}

static void build(gf_builder *b, const block_row *row, int n)
{
    if (!(b->alpha >= 0.1 && b->alpha <= 4)) {
        b->status = gf_fail(b->err, GF_E_OPTION_VALUE, "0.75 and 1 have pretrained weights",
                            "alpha %g: wanted is 0.1 to 4", b->alpha);
        return;
    }
    gf_rescaling(b, 1 / 127.5f, -1, NULL);
    gf_conv(b, 16, (gf_window){3, .stride = 2}, "conv");
    norm(b, "conv_bn");
    activation(b, HARD);
    for (int i = 0; i < n; i++) inverted_residual(b, i, &row[i]);
    if (b->status != GRAFT_OK) return;
    pointwise(b, divisible((double)gf_built(b)->dim[2] * 6), "conv_1");
    norm(b, "conv_1_bn");
    activation(b, HARD);
}

/* The classifier is two convolutions over the pooled 1x1 image. */
static void top(gf_builder *b, int width, int classes)
{
    gf_global_pool(b, true, NULL);
    gf_conv(b, b->alpha > 1 ? divisible(width * b->alpha) : width, (gf_window){1, .bias = true}, "conv_2");
    activation(b, HARD);
    gf_dropout(b, 0.2f, NULL);
    gf_conv(b, classes, (gf_window){1, .bias = true}, "logits");
    gf_flatten(b, NULL);
}

enum { SMALL = sizeof small / sizeof *small, LARGE = sizeof large / sizeof *large };

static void build_small(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, small, SMALL); }
static void build_large(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, large, LARGE); }
static void top_small(gf_builder *b, int classes) { top(b, 1024, classes); }
static void top_large(gf_builder *b, int classes) { top(b, 1280, classes); }

const gf_architecture gf_architecture_mobilenet_v3_small = {
    .name = "mobilenet_v3_small",
    .title = "MobileNetV3Small",
    .source = "keras",
    .preprocess = "none",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 109,
    .params = 939120,
    .params_top = 2554968,
    .has_alpha = true,
    .when = "the smallest and fastest",
    .build = build_small,
    .top = top_small,
};

const gf_architecture gf_architecture_mobilenet_v3_large = {
    .name = "mobilenet_v3_large",
    .title = "MobileNetV3Large",
    .source = "keras",
    .preprocess = "none",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 139,
    .params = 2996352,
    .params_top = 5507432,
    .has_alpha = true,
    .when = "fast on small machines, more accurate than MobileNetV2",
    .build = build_large,
    .top = top_large,
};
