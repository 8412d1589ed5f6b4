/* vgg_torch.c - Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
 * 2015: the network with 16 layers, with torchvision's layer names and numbers. Its classifier reads the map itself,
 * channels first, behind an adaptive average pool to 7x7, which is the identity for sides of 224 to 255: no other sizes
 * are taken with it. */
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

enum { MAP = 7, POOL = 0 };

static const int filters[] = {64,   64,  POOL, 128, 128,  POOL, 256, 256, 256,
                              POOL, 512, 512,  512, POOL, 512,  512, 512, POOL};

static void build(gf_builder *b, const gf_zoo_options *o)
{
    (void)o;
    int number = 0;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        char name[32];
        snprintf(name, sizeof name, "features.%d", number++);
        if (filters[i] == POOL) {
            gf_max_pool(b, (gf_window){2, .pads = GF_VALID}, name);
            continue;
        }
        gf_window w = gf_centred(3, 1);
        w.bias = true;
        gf_conv(b, filters[i], w, name);
        snprintf(name, sizeof name, "features.%d", number++);
        gf_relu(b, GF_ACT_RELU, name);
    }
}

static void top(gf_builder *b, int classes)
{
    if (b->status != GRAFT_OK) return;
    const gf_shape *map = gf_built(b);
    if (map->dim[0] != MAP || map->dim[1] != MAP) {
        b->status = gf_fail(b->err, GF_E_OPTION_VALUE, "use a size of 224, or a new head behind the pooled features",
                            "the classifier of vgg16_torch reads a 7x7 map, this size gives %dx%d", (int)map->dim[0],
                            (int)map->dim[1]);
        return;
    }
    gf_flatten(b, "flatten");
    gf_dense(b, 4096, GF_ACT_LINEAR, "classifier.0");
    gf_relu(b, GF_ACT_RELU, "classifier.1");
    gf_dropout(b, 0.5f, "classifier.2");
    gf_dense(b, 4096, GF_ACT_LINEAR, "classifier.3");
    gf_relu(b, GF_ACT_RELU, "classifier.4");
    gf_dropout(b, 0.5f, "classifier.5");
    gf_dense(b, classes, GF_ACT_LINEAR, "classifier.6");
}

/* timm has the classifier's first layers as convolutions. */
static bool alias(const char *layer, int k, char buf[GF_NAME_MAX])
{
    static const char *const timm[][2] = {
        {"classifier.0", "pre_logits.fc1"}, {"classifier.3", "pre_logits.fc2"}, {"classifier.6", "head.fc"}};
    for (size_t i = 0; k == 0 && i < sizeof timm / sizeof *timm; i++) {
        if (strcmp(layer, timm[i][0])) continue;
        snprintf(buf, GF_NAME_MAX, "%s", timm[i][1]);
        return true;
    }
    return false;
}

const gf_architecture gf_architecture_vgg16_torch = {
    .name = "vgg16_torch",
    .title = "VGG16 (torchvision)",
    .source = "torch",
    .preprocess = "torch",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 25, /* the last group of three convolutions */
    .params = 14714688,
    .params_top = 138357544,
    .when = "simple and slow: with PyTorch's weights, to compare with older work",
    .build = build,
    .top = top,
    .alias = alias,
};
