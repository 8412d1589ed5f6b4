/* Gradient descent, with Polyak's or Nesterov's momentum (Sutskever et al., "On the importance of initialization and
 * momentum in deep learning", 2013), in Keras's form:
 *     param -= lr g                                             without momentum
 *     b      = momentum b - lr g
 *     param += b                                                with it
 *     param += momentum b - lr g                                Nesterov's
 * In PyTorch's form lr stands outside, so that momentum of an earlier rate takes the present one:
 *     b      = momentum b + (1 - dampening) g                   the first b is g
 *     param -= lr b
 *     param -= lr (g + momentum b)                              Nesterov's */
#include "train/optimizer_math.h"

enum { MOMENTUM, NESTEROV, DAMPENING, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [MOMENTUM] = {"momentum", 0, 1, 0, 0, false, "the share of the last update that the next one keeps"},
    [NESTEROV] = {"nesterov", 0, 1, 0, 0, true, "Nesterov's momentum"},
    [DAMPENING] = {"dampening", 0, 1, 0, 0, false, "the share of a gradient that momentum does not take", true},
};

enum { TAKES }; /* of now: the share of the gradient that PyTorch's momentum takes */

static void sgd_begin_step(gf_optimizer *o, int64_t steps_done)
{
    o->now[TAKES] = steps_done ? (float)(1 - o->arg[DAMPENING]) : 1;
}

static int sgd_slots(const gf_optimizer *o) { return o->arg[MOMENTUM] > 0; }

GF_FORMULA plain(const gf_optimizer *o, float *restrict param, const float *restrict grad, size_t n)
{
    const float lr = o->lr;
    for (size_t i = 0; i < n; i++) param[i] -= grad[i] * lr;
}

GF_FORMULA with_momentum(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict b,
                         bool nesterov, size_t n)
{
    const float momentum = (float)o->arg[MOMENTUM], lr = o->lr;
    for (size_t i = 0; i < n; i++) {
        float d = grad[i] * lr;
        b[i] = b[i] * momentum - d;
        param[i] += nesterov ? b[i] * momentum - d : b[i];
    }
}

GF_FORMULA torchs(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict b, size_t n)
{
    const float momentum = (float)o->arg[MOMENTUM], lr = o->lr, takes = o->now[TAKES];
    const bool nesterov = o->arg[NESTEROV] != 0;
    for (size_t i = 0; i < n; i++) {
        b[i] = b[i] * momentum + grad[i] * takes;
        param[i] -= lr * (nesterov ? grad[i] + momentum * b[i] : b[i]);
    }
}

static void sgd_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    size_t i = 0;
    if (!(o->arg[MOMENTUM] > 0)) {
        for (; i + GF_PIECE <= n; i += GF_PIECE) plain(o, param + i, grad + i, GF_PIECE);
        plain(o, param + i, grad + i, n - i);
    } else if (o->torch) {
        torchs(o, param, grad, slot[0], n);
    } else if (o->arg[NESTEROV]) {
        with_momentum(o, param, grad, slot[0], true, n);
    } else {
        float *b = slot[0];
        for (; i + GF_PIECE <= n; i += GF_PIECE) with_momentum(o, param + i, grad + i, b + i, false, GF_PIECE);
        with_momentum(o, param + i, grad + i, b + i, false, n - i);
    }
}

const gf_optimizer_class gf_optimizer_sgd = {
    .name = "sgd",
    .help = "gradient descent",
    .torch = true,
    .arg = args,
    .n_args = ARGS,
    .slots = sgd_slots,
    .begin_step = sgd_begin_step,
    .step = sgd_step,
};
