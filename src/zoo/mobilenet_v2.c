/* mobilenet_v2.c - Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018, with the layer
 * names and numbers of Keras's MobileNetV2. */
#include "zoo/zoo.h"

#include <stdio.h>

/* expansion, filters, blocks, stride of the first */
static const struct {
    int expansion, filters, blocks, stride;
} stage[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

static int divisible(double v) { return gf_divisible(v, 8); }
static void norm(gf_builder *b, const char *name) { gf_batch_norm(b, 1e-3f, 0.999f, name); }
static void relu6(gf_builder *b, const char *name) { gf_relu(b, GF_ACT_RELU6, name); }
static void pointwise(gf_builder *b, int filters, const char *name) { gf_conv(b, filters, (gf_window){1}, name); }

static void inverted_residual(gf_builder *b, int block, int expansion, int filters, int stride)
{
    if (b->status != GRAFT_OK) return;
    int in = b->at, channels = (int)gf_built(b)->dim[2];
    char prefix[32] = "expanded_conv_";
    if (block) {
        snprintf(prefix, sizeof prefix, "block_%d_", block);
        pointwise(b, channels * expansion, gf_join(prefix, "expand").text);
        norm(b, gf_join(prefix, "expand_BN").text);
        relu6(b, gf_join(prefix, "expand_relu").text);
    }
    if (stride == 2) gf_correct_pad(b, 3, gf_join(prefix, "pad").text);
    gf_depthwise(b, (gf_window){3, .stride = stride, .pads = stride == 2 ? GF_VALID : GF_SAME},
                 gf_join(prefix, "depthwise").text);
    norm(b, gf_join(prefix, "depthwise_BN").text);
    relu6(b, gf_join(prefix, "depthwise_relu").text);
    pointwise(b, filters, gf_join(prefix, "project").text);
    norm(b, gf_join(prefix, "project_BN").text);
    if (channels == filters && stride == 1) gf_add_layers(b, in, b->at, gf_join(prefix, "add").text);
}

static void build(gf_builder *b, const gf_zoo_options *o)
{
    if (!(o->alpha >= 0.1 && o->alpha <= 4)) {
        b->status = gf_fail(b->err, GF_E_OPTION_VALUE, "0.35, 0.5, 0.75, 1, 1.3 and 1.4 have pretrained weights",
                            "alpha %g: wanted is 0.1 to 4", o->alpha);
        return;
    }
    gf_conv(b, divisible(32 * o->alpha), (gf_window){3, .stride = 2}, "Conv1");
    norm(b, "bn_Conv1");
    relu6(b, "Conv1_relu");
    int block = 0;
    for (size_t s = 0; s < sizeof stage / sizeof *stage; s++) {
        for (int i = 0; i < stage[s].blocks; i++) {
            inverted_residual(b, block++, stage[s].expansion, divisible(stage[s].filters * o->alpha),
                              i ? 1 : stage[s].stride);
        }
    }
    pointwise(b, o->alpha > 1 ? divisible(1280 * o->alpha) : 1280, "Conv_1");
    norm(b, "Conv_1_bn");
    relu6(b, "out_relu");
}

static void top(gf_builder *b, int classes)
{
    gf_global_pool(b, false, "global_average_pooling2d");
    gf_dense(b, classes, GF_ACT_LINEAR, "predictions");
}

const gf_architecture gf_architecture_mobilenet_v2 = {
    .name = "mobilenet_v2",
    .title = "MobileNetV2",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 100,
    .params = 2257984,
    .params_top = 3538984,
    .has_alpha = true,
    .when = "small and fast on every CPU; the first to try",
    .build = build,
    .top = top,
};
