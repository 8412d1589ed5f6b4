/* RMSprop (Tieleman & Hinton, "Lecture 6.5 - rmsprop", 2012), in Keras's form:
 *     v      = rho v + (1 - rho) g^2
 *     a      = rho a + (1 - rho) g                              centered
 *     d      = lr g / sqrt(v + epsilon)                         v - a^2 + epsilon where centered
 *     param -= d                                                without momentum
 *     b      = momentum b + d,   param -= b                     with it
 * Slots: v, then b and a where they are used. */
#include "train/optimizer_math.h"

static int rmsprop_slots(const gf_optimizer_options *options)
{
    return 1 + (options->momentum > 0) + options->centered;
}

GF_FORMULA rmsprop(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict v,
                   float *restrict b, float *restrict a, size_t n)
{
    const float rho = (float)o->options.rho, rest = (float)(1 - o->options.rho);
    const float epsilon = (float)o->options.epsilon, momentum = (float)o->options.momentum, lr = o->now.lr;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        v[i] = rho * v[i] + rest * (g * g);
        float square = v[i];
        if (a) {
            a[i] = rho * a[i] + rest * g;
            square -= a[i] * a[i];
        }
        float d = lr * g / sqrtf(square + epsilon);
        if (b) d = b[i] = momentum * b[i] + d;
        param[i] -= d;
    }
}

static void rmsprop_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    bool momentum = o->options.momentum > 0, centered = o->options.centered;
    float *v = slot[0];
    size_t i = 0;
    if (momentum || centered) {
        rmsprop(o, param, grad, v, momentum ? slot[1] : NULL, centered ? slot[1 + momentum] : NULL, n);
        return;
    }
    for (; i + GF_PIECE <= n; i += GF_PIECE) rmsprop(o, param + i, grad + i, v + i, NULL, NULL, GF_PIECE);
    rmsprop(o, param + i, grad + i, v + i, NULL, NULL, n - i);
}

const gf_optimizer_class gf_optimizer_rmsprop = {
    .name = "rmsprop",
    .options = " rho momentum epsilon centered weight_decay ",
    .defaults = {.rho = 0.9, .epsilon = 1e-7},
    .slots = rmsprop_slots,
    .step = rmsprop_step,
};
