/* A toy of an architecture: two small convolutions, and the toy of an operation where there is one. */
#include "zoo/zoo.h"

static void build(gf_builder *b, const gf_zoo_options *o)
{
    (void)o;
    gf_conv(b, 8, (gf_window){3, .stride = 2, .bias = true}, "first");
    gf_relu(b, GF_ACT_RELU, "first_relu");
    gf_layer toy = {.cls = &gf_layer_operation};
    toy.at.op = gf_op_find("toy_op");
    if (toy.at.op) gf_add(b, toy, "halved");
    gf_conv(b, 8, (gf_window){3, .stride = 2, .bias = true}, "second");
    gf_relu(b, GF_ACT_RELU, "second_relu");
}

static void top(gf_builder *b, int classes) { gf_pooled_top(b, classes); }

const gf_architecture gf_architecture_toy_architecture = {
    .name = "toy_architecture",
    .title = "Toy",
    .source = "keras",
    .preprocess = "tf",
    .least_size = 16,
    .size = 32,
    .fine_tune_at = 3,
    .params = 808,
    .params_top = 9808,
    .when = "never: it is a test's",
    .build = build,
    .top = top,
};
