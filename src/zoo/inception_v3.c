/* inception_v3.c - Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, with the
 * layer names and numbers of Keras's InceptionV3. */
#include "zoo/zoo.h"

#include <stdio.h>

/* Convolution, normalisation without gamma, ReLU behind layer `src`; its number. */
static int unit(gf_builder *b, int src, int filters, gf_window w)
{
    b->at = src;
    gf_conv(b, filters, w, NULL);
    gf_layer norm = {.cls = &gf_layer_batch_norm};
    norm.at.epsilon = 1e-3f;
    norm.at.momentum = 0.99f;
    norm.at.no_scale = true;
    gf_add(b, norm, NULL);
    gf_activation(b, GF_ACT_RELU, NULL);
    return b->at;
}

static int conv(gf_builder *b, int src, int filters, int kh, int kw)
{
    return unit(b, src, filters, (gf_window){kh, .kernel_w = kw});
}

static int conv_down(gf_builder *b, int src, int filters)
{
    return unit(b, src, filters, (gf_window){3, .stride = 2, .pads = GF_VALID});
}

static int pool_down(gf_builder *b, int src)
{
    b->at = src;
    gf_max_pool(b, (gf_window){3, .stride = 2, .pads = GF_VALID}, NULL);
    return b->at;
}

static int pooled_conv(gf_builder *b, int src, int filters)
{
    b->at = src;
    gf_avg_pool(b, (gf_window){3, .stride = 1}, false, NULL);
    return conv(b, b->at, filters, 1, 1);
}

static void mixed(gf_builder *b, int number, const int *branch, int n)
{
    char name[16];
    snprintf(name, sizeof name, "mixed%d", number);
    gf_concatenate(b, branch, n, name);
}

/* mixed 0-2: 1x1, 5x5, two 3x3, pooling */
static void mixed_5x5(gf_builder *b, int number, int pooled)
{
    int x = b->at, branch[4];
    branch[0] = conv(b, x, 64, 1, 1);
    branch[1] = conv(b, conv(b, x, 48, 1, 1), 64, 5, 5);
    branch[2] = conv(b, conv(b, conv(b, x, 64, 1, 1), 96, 3, 3), 96, 3, 3);
    branch[3] = pooled_conv(b, x, pooled);
    mixed(b, number, branch, 4);
}

static void mixed_3(gf_builder *b)
{
    int x = b->at, branch[3];
    branch[0] = conv_down(b, x, 384);
    branch[1] = conv_down(b, conv(b, conv(b, x, 64, 1, 1), 96, 3, 3), 96);
    branch[2] = pool_down(b, x);
    mixed(b, 3, branch, 3);
}

/* mixed 4-7: 1x1, a 7x7 in two lines, two 7x7 in two lines each, pooling */
static void mixed_7x7(gf_builder *b, int number, int width)
{
    int x = b->at, branch[4];
    branch[0] = conv(b, x, 192, 1, 1);
    branch[1] = conv(b, conv(b, conv(b, x, width, 1, 1), width, 1, 7), 192, 7, 1);
    int twice = conv(b, conv(b, conv(b, x, width, 1, 1), width, 7, 1), width, 1, 7);
    branch[2] = conv(b, conv(b, twice, width, 7, 1), 192, 1, 7);
    branch[3] = pooled_conv(b, x, 192);
    mixed(b, number, branch, 4);
}

static void mixed_8(gf_builder *b)
{
    int x = b->at, branch[3];
    branch[0] = conv_down(b, conv(b, x, 192, 1, 1), 320);
    branch[1] = conv_down(b, conv(b, conv(b, conv(b, x, 192, 1, 1), 192, 1, 7), 192, 7, 1), 192);
    branch[2] = pool_down(b, x);
    mixed(b, 8, branch, 3);
}

/* A 1x3 and a 3x1 side by side. */
static int forked(gf_builder *b, int src, const char *name)
{
    int side[2];
    side[0] = conv(b, src, 384, 1, 3);
    side[1] = conv(b, src, 384, 3, 1);
    gf_concatenate(b, side, 2, name);
    return b->at;
}

/* mixed 9 and 10; the fork in the first is called mixed9_0, in the second mixed9_1. */
static void mixed_forked(gf_builder *b, int number)
{
    int x = b->at, branch[4];
    branch[0] = conv(b, x, 320, 1, 1);
    branch[1] = forked(b, conv(b, x, 384, 1, 1), number == 9 ? "mixed9_0" : "mixed9_1");
    branch[2] = forked(b, conv(b, conv(b, x, 448, 1, 1), 384, 3, 3), NULL);
    branch[3] = pooled_conv(b, x, 192);
    mixed(b, number, branch, 4);
}

static void build(gf_builder *b, const gf_zoo_options *o)
{
    (void)o;
    int x = conv_down(b, b->at, 32);
    x = unit(b, x, 32, (gf_window){3, .pads = GF_VALID});
    x = pool_down(b, conv(b, x, 64, 3, 3));
    x = unit(b, x, 80, (gf_window){1, .pads = GF_VALID});
    x = unit(b, x, 192, (gf_window){3, .pads = GF_VALID});
    pool_down(b, x);
    static const int pooled[] = {32, 64, 64}, width[] = {128, 160, 160, 192};
    for (int i = 0; i < 3; i++) mixed_5x5(b, i, pooled[i]);
    mixed_3(b);
    for (int i = 0; i < 4; i++) mixed_7x7(b, 4 + i, width[i]);
    mixed_8(b);
    mixed_forked(b, 9);
    mixed_forked(b, 10);
}

const gf_architecture gf_architecture_inception_v3 = {
    .name = "inception_v3",
    .title = "InceptionV3",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 75,
    .size = 299,
    .fine_tune_at = 249,
    .params = 21802784,
    .params_top = 23851784,
    .when = "accurate, for large images; widely used",
    .build = build,
    .top = gf_pooled_top,
};
