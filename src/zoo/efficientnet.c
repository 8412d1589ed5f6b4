/* efficientnet.c - Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019,
 * with the layer names and numbers of Keras's EfficientNetB0 to B3 as weights="imagenet" builds them: behind Rescaling
 * (1/255) and Normalization, whose statistics come with the weights, a second Rescaling divides by the root of
 * ImageNet's deviations. (A fresh Keras model, weights=None, lacks that one layer.) */
#include "zoo/zoo.h"

#include <math.h>
#include <stdio.h>

/* kernel, repeats, filters, expansion, stride of the first; of B0 */
static const struct {
    int kernel, repeats, filters, expansion, stride;
} stage[] = {
    {3, 1, 16, 1, 1},  {3, 2, 24, 6, 2},  {5, 2, 40, 6, 2},  {3, 3, 80, 6, 2},
    {5, 3, 112, 6, 1}, {5, 4, 192, 6, 2}, {3, 1, 320, 6, 1},
};

typedef struct scaling {
    double width, depth;
} scaling;

static void norm(gf_builder *b, const char *name) { gf_batch_norm(b, 1e-3f, 0.99f, name); }
static void swish(gf_builder *b, const char *name) { gf_activation(b, GF_ACT_SILU, name); }
static void pointwise(gf_builder *b, int filters, const char *name) { gf_conv(b, filters, (gf_window){1}, name); }

/* A 1x1 convolution with bias and activation in one layer. */
static void gate_conv(gf_builder *b, int filters, gf_act act, const char *name)
{
    gf_layer l = {.cls = &gf_layer_conv2d};
    l.at.kh = l.at.kw = 1;
    l.at.padding = GF_PAD_SAME;
    l.at.filters = filters;
    l.at.use_bias = true;
    l.at.act = act;
    gf_add(b, l, "%s", name);
}

static void squeeze_excite(gf_builder *b, int channels, int squeezed, const char *prefix)
{
    int in = b->at;
    gf_global_pool(b, false, gf_join(prefix, "se_squeeze").text);
    gf_add(b, (gf_layer){.cls = &gf_layer_reshape, .at.target = GF_SHAPE(1, 1, channels)}, "%sse_reshape", prefix);
    gate_conv(b, squeezed, GF_ACT_SILU, gf_join(prefix, "se_reduce").text);
    gate_conv(b, channels, GF_ACT_SIGMOID, gf_join(prefix, "se_expand").text);
    gf_multiply_layers(b, in, b->at, gf_join(prefix, "se_excite").text);
}

typedef struct block_row {
    const char *prefix;
    int filters, kernel, stride, expansion;
    float drop; /* share of the residuals left out while Keras trains the whole network */
} block_row;

static void block(gf_builder *b, const block_row *r)
{
    if (b->status != GRAFT_OK) return;
    int in = b->at, in_channels = (int)gf_built(b)->dim[2], channels = in_channels * r->expansion;
    if (r->expansion != 1) {
        pointwise(b, channels, gf_join(r->prefix, "expand_conv").text);
        norm(b, gf_join(r->prefix, "expand_bn").text);
        swish(b, gf_join(r->prefix, "expand_activation").text);
    }
    if (r->stride == 2) gf_correct_pad(b, r->kernel, gf_join(r->prefix, "dwconv_pad").text);
    gf_depthwise(b, (gf_window){r->kernel, .stride = r->stride, .pads = r->stride == 2 ? GF_VALID : GF_SAME},
                 gf_join(r->prefix, "dwconv").text);
    norm(b, gf_join(r->prefix, "bn").text);
    swish(b, gf_join(r->prefix, "activation").text);
    squeeze_excite(b, channels, in_channels / 4, r->prefix);
    pointwise(b, r->filters, gf_join(r->prefix, "project_conv").text);
    norm(b, gf_join(r->prefix, "project_bn").text);
    if (r->stride != 1 || in_channels != r->filters) return;
    if (r->drop > 0) gf_drop_connect(b, r->drop, gf_join(r->prefix, "drop").text);
    gf_add_layers(b, b->at, in, gf_join(r->prefix, "add").text);
}

static void stem(gf_builder *b, int filters)
{
    gf_rescaling(b, 1 / 255.0f, 0, NULL);
    gf_add(b, (gf_layer){.cls = &gf_layer_normalization}, NULL);
    gf_layer second = {.cls = &gf_layer_rescaling};
    static const double deviation[] = {0.229, 0.224, 0.225};
    for (int c = 0; c < 3; c++) second.at.scale[c] = (float)(1 / sqrt(deviation[c]));
    gf_add(b, second, NULL);
    gf_correct_pad(b, 3, "stem_conv_pad");
    gf_conv(b, filters, (gf_window){3, .stride = 2, .pads = GF_VALID}, "stem_conv");
    norm(b, "stem_bn");
    swish(b, "stem_activation");
}

static int repeats(const scaling *s, size_t i) { return (int)ceil(s->depth * stage[i].repeats); }

static void build(gf_builder *b, const scaling *s)
{
    enum { STAGES = sizeof stage / sizeof *stage };
    int done = 0, blocks = 0;
    for (size_t i = 0; i < STAGES; i++) blocks += repeats(s, i);
    stem(b, gf_divisible(32 * s->width, 8));
    for (size_t i = 0; i < STAGES; i++) {
        for (int k = 0; k < repeats(s, i); k++, done++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "block%zu%c_", i + 1, 'a' + k);
            block(b, &(block_row){.prefix = prefix,
                                  .filters = gf_divisible(stage[i].filters * s->width, 8),
                                  .kernel = stage[i].kernel,
                                  .stride = k ? 1 : stage[i].stride,
                                  .expansion = stage[i].expansion,
                                  .drop = 0.2f * (float)done / (float)blocks});
        }
    }
    pointwise(b, gf_divisible(1280 * s->width, 8), "top_conv");
    norm(b, "top_bn");
    swish(b, "top_activation");
}

static void top(gf_builder *b, float dropout, int classes)
{
    gf_global_pool(b, false, "avg_pool");
    gf_dropout(b, dropout, "top_dropout");
    gf_dense(b, classes, GF_ACT_LINEAR, "predictions");
}

static void build_b0(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, &(scaling){1, 1}); }
static void build_b1(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, &(scaling){1, 1.1}); }
static void build_b2(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, &(scaling){1.1, 1.2}); }
static void build_b3(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, &(scaling){1.2, 1.4}); }
static void top_b0(gf_builder *b, int classes) { top(b, 0.2f, classes); } /* and B1's */
static void top_b2(gf_builder *b, int classes) { top(b, 0.3f, classes); } /* and B3's */

const gf_architecture gf_architecture_efficientnet_b0 = {
    .name = "efficientnet_b0",
    .title = "EfficientNetB0",
    .source = "keras",
    .preprocess = "none",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 163,
    .params = 4049571,
    .params_top = 5330571,
    .when = "the best accuracy for its few parameters",
    .build = build_b0,
    .top = top_b0,
};

const gf_architecture gf_architecture_efficientnet_b1 = {
    .name = "efficientnet_b1",
    .title = "EfficientNetB1",
    .source = "keras",
    .preprocess = "none",
    .least_size = 32,
    .size = 240,
    .fine_tune_at = 235,
    .params = 6575239,
    .params_top = 7856239,
    .when = "a step more accurate than B0, and slower",
    .build = build_b1,
    .top = top_b0,
};

const gf_architecture gf_architecture_efficientnet_b2 = {
    .name = "efficientnet_b2",
    .title = "EfficientNetB2",
    .source = "keras",
    .preprocess = "none",
    .least_size = 32,
    .size = 260,
    .fine_tune_at = 235,
    .params = 7768569,
    .params_top = 9177569,
    .when = "two steps more accurate than B0",
    .build = build_b2,
    .top = top_b2,
};

const gf_architecture gf_architecture_efficientnet_b3 = {
    .name = "efficientnet_b3",
    .title = "EfficientNetB3",
    .source = "keras",
    .preprocess = "none",
    .least_size = 32,
    .size = 300,
    .fine_tune_at = 265,
    .params = 10783535,
    .params_top = 12320535,
    .when = "three steps more accurate than B0; large images",
    .build = build_b3,
    .top = top_b2,
};
