/* Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015), in Keras's form:
 *     alpha  = lr sqrt(1 - beta_2^t) / (1 - beta_1^t)          t = steps done + 1
 *     m     += (g - m)   (1 - beta_1)
 *     v     += (g^2 - v) (1 - beta_2)
 *     param -= alpha m / (sqrt(v) + epsilon)
 * with amsgrad, the largest v so far stands below the root. In PyTorch's form
 *     param -= lr / (1 - beta_1^t) m / (sqrt(v) / sqrt(1 - beta_2^t) + epsilon)
 * so that the same epsilon weighs less in the first steps. AdamW (Loshchilov & Hutter, "Decoupled weight decay
 * regularization", 2019) is the same with a weight decay by default. */
#include "train/optimizer_math.h"

enum { BETA_1, BETA_2, EPSILON, AMSGRAD, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [BETA_1] = {"beta_1", 0, 1, 0.9, 0.9, false, "decay of the mean of the gradient"},
    [BETA_2] = {"beta_2", 0, 1, 0.999, 0.999, false, "decay of the mean square of the gradient"},
    [EPSILON] = {"epsilon", 1e-30, 1, 1e-7, 1e-8, false, "added to the root"},
    [AMSGRAD] = {"amsgrad", 0, 1, 0, 0, true, "the largest mean square so far stands below the root"},
};

enum {
    ALPHA,
    ROOT
}; /* of now: lr with the bias corrections; PyTorch's form: with the first, and the root of the second */

static int adam_slots(const gf_optimizer *o) { return o->arg[AMSGRAD] ? 3 : 2; }

/* Keras rounds the powers to f32 before it subtracts them from 1: visible in the first steps. */
static void adam_begin_step(gf_optimizer *o, int64_t steps_done)
{
    if (o->torch) {
        o->now[ALPHA] = (float)((double)o->lr / (1 - gf_power(o->arg[BETA_1], steps_done + 1)));
        o->now[ROOT] = (float)sqrt(1 - gf_power(o->arg[BETA_2], steps_done + 1));
        return;
    }
    float power_1 = (float)gf_power((float)o->arg[BETA_1], steps_done + 1);
    float power_2 = (float)gf_power((float)o->arg[BETA_2], steps_done + 1);
    o->now[ALPHA] = o->lr * sqrtf(1 - power_2) / (1 - power_1);
}

/* `top`: the largest v, with amsgrad; else NULL. */
GF_FORMULA adam(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict m,
                float *restrict v, float *restrict top, bool torch, size_t n)
{
    const float take_1 = (float)(1 - o->arg[BETA_1]), take_2 = (float)(1 - o->arg[BETA_2]);
    const float epsilon = (float)o->arg[EPSILON], alpha = o->now[ALPHA], root = o->now[ROOT];
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        m[i] += (g - m[i]) * take_1;
        v[i] += (g * g - v[i]) * take_2;
        float square = v[i];
        if (top) square = top[i] = top[i] < square ? square : top[i];
        param[i] -= m[i] * alpha / ((torch ? sqrtf(square) / root : sqrtf(square)) + epsilon);
    }
}

static void adam_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    float *m = slot[0], *v = slot[1];
    size_t i = 0;
    if (o->torch || o->arg[AMSGRAD]) {
        adam(o, param, grad, m, v, o->arg[AMSGRAD] ? slot[2] : NULL, o->torch, n);
        return;
    }
    for (; i + GF_PIECE <= n; i += GF_PIECE) adam(o, param + i, grad + i, m + i, v + i, NULL, false, GF_PIECE);
    adam(o, param + i, grad + i, m + i, v + i, NULL, false, n - i);
}

const gf_optimizer_class gf_optimizer_adam = {
    .name = "adam",
    .help = "Adam (Kingma and Ba, 2015)",
    .torch = true,
    .arg = args,
    .n_args = ARGS,
    .slots = adam_slots,
    .begin_step = adam_begin_step,
    .step = adam_step,
};

const gf_optimizer_class gf_optimizer_adamw = {
    .name = "adamw",
    .help = "Adam with a weight decay (Loshchilov and Hutter, 2019)",
    .weight_decay = 0.004,
    .torch_decay = 0.01,
    .torch = true,
    .decoupled = true,
    .arg = args,
    .n_args = ARGS,
    .slots = adam_slots,
    .begin_step = adam_begin_step,
    .step = adam_step,
};
