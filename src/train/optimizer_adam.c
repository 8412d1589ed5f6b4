/* Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015), in Keras's form:
 *     alpha  = lr sqrt(1 - beta_2^t) / (1 - beta_1^t)          t = steps done + 1
 *     m     += (g - m)   (1 - beta_1)
 *     v     += (g^2 - v) (1 - beta_2)
 *     param -= alpha m / (sqrt(v) + epsilon)
 * with amsgrad, the largest v so far stands below the root. AdamW (Loshchilov & Hutter, "Decoupled weight decay
 * regularization", 2019) is the same with a weight decay by default. */
#include "train/optimizer_math.h"

#define ADAM_OPTIONS " beta_1 beta_2 epsilon amsgrad weight_decay "

static int adam_slots(const gf_optimizer_options *options) { return options->amsgrad ? 3 : 2; }

/* x^n by squaring: no library's pow, whose last bit differs from one to the next. */
static double power(double x, int64_t n)
{
    double y = 1;
    for (; n > 0; n >>= 1, x *= x) {
        if (n & 1) y *= x;
    }
    return y;
}

/* Keras rounds the powers to f32 before it subtracts them from 1: visible in the first steps. */
static void adam_begin_step(gf_optimizer *o, int64_t steps_done)
{
    float power_1 = (float)power((float)o->options.beta_1, steps_done + 1);
    float power_2 = (float)power((float)o->options.beta_2, steps_done + 1);
    o->now.alpha = o->now.lr * sqrtf(1 - power_2) / (1 - power_1);
}

/* `top`: the largest v, with amsgrad; else NULL. */
GF_FORMULA adam(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict m,
                float *restrict v, float *restrict top, size_t n)
{
    const float take_1 = (float)(1 - o->options.beta_1), take_2 = (float)(1 - o->options.beta_2);
    const float epsilon = (float)o->options.epsilon, alpha = o->now.alpha;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        m[i] += (g - m[i]) * take_1;
        v[i] += (g * g - v[i]) * take_2;
        float square = v[i];
        if (top) square = top[i] = top[i] < square ? square : top[i];
        param[i] -= m[i] * alpha / (sqrtf(square) + epsilon);
    }
}

static void adam_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    float *m = slot[0], *v = slot[1];
    size_t i = 0;
    if (o->options.amsgrad) {
        adam(o, param, grad, m, v, slot[2], n);
        return;
    }
    for (; i + GF_PIECE <= n; i += GF_PIECE) adam(o, param + i, grad + i, m + i, v + i, NULL, GF_PIECE);
    adam(o, param + i, grad + i, m + i, v + i, NULL, n - i);
}

const gf_optimizer_class gf_optimizer_adam = {
    .name = "adam",
    .options = ADAM_OPTIONS,
    .defaults = {.beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7},
    .slots = adam_slots,
    .begin_step = adam_begin_step,
    .step = adam_step,
};

const gf_optimizer_class gf_optimizer_adamw = {
    .name = "adamw",
    .options = ADAM_OPTIONS,
    .defaults = {.beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7, .weight_decay = 0.004},
    .slots = adam_slots,
    .begin_step = adam_begin_step,
    .step = adam_step,
};
