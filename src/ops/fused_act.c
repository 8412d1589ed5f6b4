/* fused_act.c - activations as post-operations of oneDNN's primitives. */
#include "ops/onednn.h"

#include <math.h>

/* One or two steps; alpha NAN: the layer's. */
typedef struct eltwise {
    dnnl_alg_kind_t alg;
    float alpha, beta;
} eltwise;

static const eltwise steps[GF_ACTS][2] = {
    [GF_ACT_RELU] = {{dnnl_eltwise_relu, 0, 0}},
    [GF_ACT_RELU6] = {{dnnl_eltwise_clip, 0, 6}},
    [GF_ACT_SIGMOID] = {{dnnl_eltwise_logistic, 0, 0}},
    [GF_ACT_TANH] = {{dnnl_eltwise_tanh, 0, 0}},
    [GF_ACT_LEAKY_RELU] = {{dnnl_eltwise_relu, NAN, 0}},
    [GF_ACT_ELU] = {{dnnl_eltwise_elu, NAN, 0}},
    [GF_ACT_SELU] = {{dnnl_eltwise_elu, 1.6732632423543772f, 0}, {dnnl_eltwise_linear, 1.0507009873554805f, 0}},
    [GF_ACT_HARD_SIGMOID] = {{dnnl_eltwise_hardsigmoid, 1.0f / 6, 0.5f}},
    [GF_ACT_HARD_TANH] = {{dnnl_eltwise_clip, -1, 1}},
    [GF_ACT_EXPONENTIAL] = {{dnnl_eltwise_exp, 0, 0}},
    [GF_ACT_SILU] = {{dnnl_eltwise_swish, 1, 0}},
    [GF_ACT_HARD_SILU] = {{dnnl_eltwise_hardswish, 1.0f / 6, 0.5f}},
    [GF_ACT_GELU] = {{dnnl_eltwise_gelu_erf, 0, 0}},
    [GF_ACT_GELU_TANH] = {{dnnl_eltwise_gelu_tanh, 0, 0}},
    [GF_ACT_SOFTPLUS] = {{dnnl_eltwise_soft_relu, 1, 0}},
    [GF_ACT_MISH] = {{dnnl_eltwise_mish, 0, 0}},
    [GF_ACT_LOG_SIGMOID] = {{dnnl_eltwise_soft_relu, -1, 0}},
};

bool gf_act_fuses(gf_act act) { return act == GF_ACT_LINEAR || steps[act][0].alg != dnnl_alg_kind_undef; }

dnnl_status_t gf_act_append(dnnl_post_ops_t post, gf_act act, float alpha)
{
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < 2 && !status && steps[act][i].alg != dnnl_alg_kind_undef; i++) {
        const eltwise *e = &steps[act][i];
        status = dnnl_post_ops_append_eltwise(post, e->alg, isnan(e->alpha) ? alpha : e->alpha, e->beta);
    }
    return status;
}
