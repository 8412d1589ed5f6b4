/* resnet.c - He et al., "Deep residual learning for image recognition", CVPR 2016, with the layer names and numbers of
 * torchvision (a bottleneck's stride is its 3x3 convolution's; timm's names are the same). What torchvision's modules
 * share or leave unnamed is named as its feature extraction names it: "layer1.0.relu_1", "layer1.0.add". */
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

enum { STAGES = 4, WIDENING = 4 /* a bottleneck's output is so many times as wide as its 3x3 convolution */ };

typedef struct residual {
    char prefix[32]; /* "layer1.0." */
    int width, stride;
    bool bottleneck;
} residual;

static gf_joined in_block(const residual *r, const char *what) { return gf_join(r->prefix, what); }

static void conv_norm(gf_builder *b, const residual *r, int number, int filters, int kernel, int stride)
{
    char name[16];
    snprintf(name, sizeof name, "conv%d", number);
    gf_conv(b, filters, gf_centred(kernel, stride), in_block(r, name).text);
    snprintf(name, sizeof name, "bn%d", number);
    gf_batch_norm_torch(b, in_block(r, name).text);
}

static void relu(gf_builder *b, const residual *r, const char *name)
{
    gf_relu(b, GF_ACT_RELU, in_block(r, name).text);
}

/* Two 3x3 convolutions. */
static void basic(gf_builder *b, const residual *r)
{
    conv_norm(b, r, 1, r->width, 3, r->stride);
    relu(b, r, "relu");
    conv_norm(b, r, 2, r->width, 3, 1);
}

static void bottleneck(gf_builder *b, const residual *r)
{
    conv_norm(b, r, 1, r->width, 1, 1);
    relu(b, r, "relu");
    conv_norm(b, r, 2, r->width, 3, r->stride);
    relu(b, r, "relu_1");
    conv_norm(b, r, 3, r->width * WIDENING, 1, 1);
}

static void add_block(gf_builder *b, const residual *r)
{
    if (b->status != GRAFT_OK) return;
    int in = b->at;
    (r->bottleneck ? bottleneck : basic)(b, r);
    if (b->status != GRAFT_OK) return;
    int out = b->at, filters = (int)gf_built(b)->dim[2];
    if (r->stride != 1 || b->m->layer[in].shape.dim[2] != filters) {
        b->at = in;
        gf_conv(b, filters, gf_centred(1, r->stride), in_block(r, "downsample.0").text);
        gf_batch_norm_torch(b, in_block(r, "downsample.1").text);
        in = b->at;
    }
    gf_add_layers(b, out, in, in_block(r, "add").text);
    relu(b, r, r->bottleneck ? "relu_2" : "relu_1");
}

static void build(gf_builder *b, const int blocks[STAGES], bool bottlenecks)
{
    gf_conv(b, 64, gf_centred(7, 2), "conv1");
    gf_batch_norm_torch(b, "bn1");
    gf_relu(b, GF_ACT_RELU, "relu");
    gf_max_pool(b, gf_centred(3, 2), "maxpool");
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < blocks[s]; i++) {
            residual r = {.width = 64 << s, .stride = s && !i ? 2 : 1, .bottleneck = bottlenecks};
            snprintf(r.prefix, sizeof r.prefix, "layer%d.%d.", s + 1, i);
            add_block(b, &r);
        }
    }
}

static void top(gf_builder *b, int classes)
{
    gf_global_pool(b, false, "avgpool");
    gf_dense(b, classes, GF_ACT_LINEAR, "fc");
}

/* Hugging Face's ResNetModel: "encoder.stages.0.layers.1.layer.0.convolution" for "layer1.1.conv1". */
static bool name_huggingface(const char *layer, char buf[GF_NAME_MAX])
{
    static const char *const whole[][2] = {
        {"conv1", "embedder.embedder.convolution"}, {"bn1", "embedder.embedder.normalization"}, {"fc", "classifier.1"}};
    int stage, block, number, end = 0;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (!strcmp(whole[i][0], layer)) return snprintf(buf, GF_NAME_MAX, "%s", whole[i][1]) > 0;
    }
    if (sscanf(layer, "layer%d.%d.%n", &stage, &block, &end) != 2 || !end) return false;
    const char *rest = layer + end;
    int n = snprintf(buf, GF_NAME_MAX, "encoder.stages.%d.layers.%d.", stage - 1, block);
    if (sscanf(rest, "conv%d", &number) == 1) {
        snprintf(buf + n, (size_t)(GF_NAME_MAX - n), "layer.%d.convolution", number - 1);
    } else if (sscanf(rest, "bn%d", &number) == 1) {
        snprintf(buf + n, (size_t)(GF_NAME_MAX - n), "layer.%d.normalization", number - 1);
    } else {
        bool norm = !strcmp(rest, "downsample.1");
        snprintf(buf + n, (size_t)(GF_NAME_MAX - n), "shortcut.%s", norm ? "normalization" : "convolution");
    }
    return true;
}

/* nn.Sequential(*model.children()), as fastai makes its body: "4.1.conv1" for "layer1.1.conv1". */
static bool name_sequential(const char *layer, char buf[GF_NAME_MAX])
{
    static const char *const child[] = {"conv1",  "bn1",    "relu",   "maxpool", "layer1",
                                        "layer2", "layer3", "layer4", "avgpool"};
    size_t n = strcspn(layer, ".");
    for (size_t i = 0; i < sizeof child / sizeof *child; i++) {
        if (strlen(child[i]) != n || strncmp(child[i], layer, n)) continue;
        snprintf(buf, GF_NAME_MAX, "%zu%s", i, layer + n);
        return true;
    }
    return false;
}

static bool alias(const char *layer, int k, char buf[GF_NAME_MAX])
{
    if (k == 0) return name_huggingface(layer, buf);
    return k == 1 && name_sequential(layer, buf);
}

#define RESNET(depth, bottlenecks, from, published, published_top, for_whom, ...) \
    static void build_##depth(gf_builder *b, const gf_zoo_options *o)             \
    {                                                                             \
        (void)o;                                                                  \
        build(b, (const int[STAGES]){__VA_ARGS__}, bottlenecks);                  \
    }                                                                             \
    const gf_architecture gf_architecture_resnet##depth = {                       \
        .name = "resnet" #depth,                                                  \
        .title = "ResNet-" #depth,                                                \
        .source = "torch",                                                        \
        .preprocess = "torch",                                                    \
        .least_size = 32,                                                         \
        .size = 224,                                                              \
        .fine_tune_at = from,                                                     \
        .params = published,                                                      \
        .params_top = published_top,                                              \
        .when = for_whom,                                                         \
        .build = build_##depth,                                                   \
        .top = top,                                                               \
        .alias = alias,                                                           \
    }

/* Fine-tuning begins with the last stage, layer4. */
RESNET(18, false, 51, 11176512, 11689512, "PyTorch's smallest residual network", 2, 2, 2, 2);
RESNET(34, false, 100, 21284672, 21797672, "deeper than ResNet-18, no wider", 3, 4, 6, 3);
RESNET(50, true, 141, 23508032, 25557032, "the field's yardstick, with PyTorch's weights", 3, 4, 6, 3);
RESNET(101, true, 311, 42500160, 44549160, "where ResNet-50 is not enough and time is no matter", 3, 4, 23, 3);
