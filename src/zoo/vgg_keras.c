/* vgg_keras.c - Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
 * 2015, with the layer names and numbers of Keras's VGG16 and VGG19. */
#include "zoo/zoo.h"

#include <stdio.h>

enum { STAGES = 5 };

static void build(gf_builder *b, const int convs[STAGES])
{
    static const int filters[STAGES] = {64, 128, 256, 512, 512};
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < convs[s]; i++) {
            gf_layer l = {.cls = &gf_layer_conv2d};
            l.at.kh = l.at.kw = 3;
            l.at.padding = GF_PAD_SAME;
            l.at.filters = filters[s];
            l.at.use_bias = true;
            l.at.act = GF_ACT_RELU;
            gf_add(b, l, "block%d_conv%d", s + 1, i + 1);
        }
        char pool[32];
        snprintf(pool, sizeof pool, "block%d_pool", s + 1);
        gf_max_pool(b, (gf_window){2, .pads = GF_VALID}, pool);
    }
}

/* Its kernels have the size of the whole last map: weights for 224x224 fit that size alone. */
static void top(gf_builder *b, int classes)
{
    gf_flatten(b, "flatten");
    gf_dense(b, 4096, GF_ACT_RELU, "fc1");
    gf_dense(b, 4096, GF_ACT_RELU, "fc2");
    gf_dense(b, classes, GF_ACT_LINEAR, "predictions");
}

static void build_16(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, (int[]){2, 2, 3, 3, 3}); }
static void build_19(gf_builder *b, const gf_zoo_options *o) { (void)o, build(b, (int[]){2, 2, 4, 4, 4}); }

const gf_architecture gf_architecture_vgg16 = {
    .name = "vgg16",
    .title = "VGG16",
    .source = "keras",
    .preprocess = "caffe",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 15,
    .params = 14714688,
    .params_top = 138357544,
    .when = "to compare with older work; slow for what it gives",
    .build = build_16,
    .top = top,
};

const gf_architecture gf_architecture_vgg19 = {
    .name = "vgg19",
    .title = "VGG19",
    .source = "keras",
    .preprocess = "caffe",
    .least_size = 32,
    .size = 224,
    .fine_tune_at = 17,
    .params = 20024384,
    .params_top = 143667240,
    .when = "a deeper VGG16",
    .build = build_19,
    .top = top,
};
