/* Adagrad (Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
 * 2011), in Keras's form:
 *     s     += g^2                                              from initial_accumulator_value
 *     param -= lr g / sqrt(s + epsilon)
 * and in PyTorch's:
 *     param -= lr / (1 + steps done * lr_decay) g / (sqrt(s) + epsilon) */
#include "train/optimizer_math.h"

enum { INITIAL, EPSILON, LR_DECAY, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [INITIAL] = {"initial_accumulator_value", 0, 1, 0.1, 0, false, "what the sum of squares begins with"},
    [EPSILON] = {"epsilon", 1e-30, 1, 1e-7, 1e-10, false, "keeps the root from 0"},
    [LR_DECAY] = {"lr_decay", 0, 1, 0, 0, false, "how fast the learning rate falls", true},
};

enum { START, RATE }; /* of now: what is added to the sums, which begin with 0; the learning rate */

static int adagrad_slots(const gf_optimizer *o)
{
    (void)o;
    return 1;
}

static void adagrad_begin_step(gf_optimizer *o, int64_t steps_done)
{
    o->now[START] = steps_done ? 0 : (float)o->arg[INITIAL];
    o->now[RATE] = o->torch ? (float)((double)o->lr / (1 + (double)steps_done * o->arg[LR_DECAY])) : o->lr;
}

GF_FORMULA adagrad(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict s,
                   bool torch, size_t n)
{
    const float start = o->now[START], rate = o->now[RATE], epsilon = (float)o->arg[EPSILON];
    for (size_t i = 0; i < n; i++) {
        s[i] = s[i] + start + grad[i] * grad[i];
        param[i] -= rate * grad[i] / (torch ? sqrtf(s[i]) + epsilon : sqrtf(s[i] + epsilon));
    }
}

static void adagrad_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    float *s = slot[0];
    size_t i = 0;
    for (; i + GF_PIECE <= n && !o->torch; i += GF_PIECE) adagrad(o, param + i, grad + i, s + i, false, GF_PIECE);
    adagrad(o, param + i, grad + i, s + i, o->torch, n - i);
}

const gf_optimizer_class gf_optimizer_adagrad = {
    .name = "adagrad",
    .help = "Adagrad (Duchi, Hazan and Singer, 2011)",
    .torch = true,
    .arg = args,
    .n_args = ARGS,
    .slots = adagrad_slots,
    .begin_step = adagrad_begin_step,
    .step = adagrad_step,
};
