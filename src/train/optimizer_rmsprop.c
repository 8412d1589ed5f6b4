/* RMSprop (Tieleman & Hinton, "Lecture 6.5 - rmsprop", 2012), in Keras's form:
 *     v      = rho v + (1 - rho) g^2
 *     a      = rho a + (1 - rho) g                              centered
 *     d      = lr g / sqrt(v + epsilon)                         v - a^2 + epsilon where centered
 *     param -= d                                                without momentum
 *     b      = momentum b + d,   param -= b                     with it
 * In PyTorch's form epsilon stands outside the root, and lr before the momentum:
 *     d      = g / (sqrt(v) + epsilon)                          v - a^2 where centered
 *     param -= lr d        b = momentum b + d, param -= lr b
 * Slots: v, then b and a where they are used. */
#include "train/optimizer_math.h"

enum { RHO, MOMENTUM, EPSILON, CENTERED, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [RHO] = {"rho", 0, 1, 0.9, 0.99, false, "decay of the mean square of the gradient"},
    [MOMENTUM] = {"momentum", 0, 1, 0, 0, false, "the share of the last update that the next one keeps"},
    [EPSILON] = {"epsilon", 1e-30, 1, 1e-7, 1e-8, false, "keeps the root from 0"},
    [CENTERED] = {"centered", 0, 1, 0, 0, true, "the square of the mean is taken off the mean square"},
};

static int rmsprop_slots(const gf_optimizer *o) { return 1 + (o->arg[MOMENTUM] > 0) + (o->arg[CENTERED] != 0); }

GF_FORMULA rmsprop(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict v,
                   float *restrict b, float *restrict a, bool torch, size_t n)
{
    const float rho = (float)o->arg[RHO], rest = (float)(1 - o->arg[RHO]);
    const float epsilon = (float)o->arg[EPSILON], momentum = (float)o->arg[MOMENTUM], lr = o->lr;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        v[i] = rho * v[i] + rest * (g * g);
        float square = v[i];
        if (a) {
            a[i] = rho * a[i] + rest * g;
            square -= a[i] * a[i];
        }
        float d = torch ? g / (sqrtf(square) + epsilon) : lr * g / sqrtf(square + epsilon);
        if (b) d = b[i] = momentum * b[i] + d;
        param[i] -= torch ? lr * d : d;
    }
}

static void rmsprop_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    bool momentum = o->arg[MOMENTUM] > 0, centered = o->arg[CENTERED] != 0;
    float *v = slot[0];
    size_t i = 0;
    if (momentum || centered || o->torch) {
        rmsprop(o, param, grad, v, momentum ? slot[1] : NULL, centered ? slot[1 + momentum] : NULL, o->torch, n);
        return;
    }
    for (; i + GF_PIECE <= n; i += GF_PIECE) rmsprop(o, param + i, grad + i, v + i, NULL, NULL, false, GF_PIECE);
    rmsprop(o, param + i, grad + i, v + i, NULL, NULL, false, n - i);
}

const gf_optimizer_class gf_optimizer_rmsprop = {
    .name = "rmsprop",
    .help = "RMSprop (Tieleman and Hinton, 2012)",
    .torch = true,
    .arg = args,
    .n_args = ARGS,
    .slots = rmsprop_slots,
    .step = rmsprop_step,
};
