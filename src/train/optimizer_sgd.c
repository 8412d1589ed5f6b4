/* Gradient descent, with Polyak's or Nesterov's momentum (Sutskever et al., "On the importance of initialization and
 * momentum in deep learning", 2013), in Keras's form:
 *     param -= lr g                                             without momentum
 *     b      = momentum b - lr g
 *     param += b                                                with it
 *     param += momentum b - lr g                                Nesterov's */
#include "train/optimizer_math.h"

enum { MOMENTUM, NESTEROV, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [MOMENTUM] = {"momentum", 0, 1, 0, false, "the share of the last update that the next one keeps"},
    [NESTEROV] = {"nesterov", 0, 1, 0, true, "Nesterov's momentum"},
};

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

static void sgd_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    size_t i = 0;
    if (!(o->arg[MOMENTUM] > 0)) {
        for (; i + GF_PIECE <= n; i += GF_PIECE) plain(o, param + i, grad + i, GF_PIECE);
        plain(o, param + i, grad + i, n - i);
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
    .arg = args,
    .n_args = ARGS,
    .slots = sgd_slots,
    .step = sgd_step,
};
