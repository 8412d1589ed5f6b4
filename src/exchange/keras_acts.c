/* keras_acts.c - the names of activations. Where two stand for one, the first is written. */
#include "exchange/keras_layers.h"

#include <string.h>

static const gf_keras_act acts[] = {
    {"linear", GF_ACT_LINEAR, 0, false},
    {"relu", GF_ACT_RELU, 0, false},
    {"relu6", GF_ACT_RELU6, 0, false},
    {"sigmoid", GF_ACT_SIGMOID, 0, false},
    {"tanh", GF_ACT_TANH, 0, false},
    {"leaky_relu", GF_ACT_LEAKY_RELU, 0.2f, false},
    {"elu", GF_ACT_ELU, 1, false},
    {"selu", GF_ACT_SELU, 0, false},
    {"hard_sigmoid", GF_ACT_HARD_SIGMOID, 0, false},
    {"hard_tanh", GF_ACT_HARD_TANH, 0, false},
    {"exponential", GF_ACT_EXPONENTIAL, 0, false},
    {"silu", GF_ACT_SILU, 0, false},
    {"swish", GF_ACT_SILU, 0, false},
    {"hard_silu", GF_ACT_HARD_SILU, 0, false},
    {"hard_swish", GF_ACT_HARD_SILU, 0, false},
    {"gelu", GF_ACT_GELU, 0, false},
    {"gelu_tanh", GF_ACT_GELU_TANH, 0, true},
    {"softplus", GF_ACT_SOFTPLUS, 0, false},
    {"softsign", GF_ACT_SOFTSIGN, 0, false},
    {"mish", GF_ACT_MISH, 0, false},
    {"log_sigmoid", GF_ACT_LOG_SIGMOID, 0, false},
    {"tanh_shrink", GF_ACT_TANH_SHRINK, 0, false},
    {"soft_shrink", GF_ACT_SOFT_SHRINK, 0.5f, false},
    {"hard_shrink", GF_ACT_HARD_SHRINK, 0.5f, false},
    {"threshold", GF_ACT_THRESHOLD, 0, true},
    {"squareplus", GF_ACT_SQUAREPLUS, 4, false},
    {"sparse_plus", GF_ACT_SPARSE_PLUS, 0, false},
    {"sparse_sigmoid", GF_ACT_SPARSE_SIGMOID, 0, false},
    {"celu", GF_ACT_CELU, 1, false},
};
enum { ACTS = sizeof acts / sizeof *acts };

/* Those that are layers of their own: what stands in a layer's config becomes one behind it. */
static const gf_keras_layer_act layer_acts[] = {
    {"softmax", &gf_layer_softmax, false},
    {"log_softmax", &gf_layer_softmax, true},
    {"glu", &gf_layer_glu, false},
};
enum { LAYER_ACTS = sizeof layer_acts / sizeof *layer_acts };

const gf_keras_layer_act *gf_keras_layer_act_find(const char *name)
{
    for (size_t i = 0; i < LAYER_ACTS; i++) {
        if (!strcmp(layer_acts[i].name, name)) return &layer_acts[i];
    }
    return NULL;
}

const gf_keras_layer_act *gf_keras_layer_act_of(const gf_layer *l)
{
    for (size_t i = 0; i < LAYER_ACTS; i++) {
        if (layer_acts[i].cls == l->cls && layer_acts[i].log == l->at.log) return &layer_acts[i];
    }
    return NULL;
}

const gf_keras_act *gf_keras_act_find(const char *name)
{
    for (size_t i = 0; i < ACTS; i++) {
        if (!strcmp(acts[i].name, name)) return &acts[i];
    }
    return NULL;
}

const gf_keras_act *gf_keras_act_of(gf_act act)
{
    for (size_t i = 0; i < ACTS; i++) {
        if (acts[i].act == act) return &acts[i];
    }
    return NULL;
}
