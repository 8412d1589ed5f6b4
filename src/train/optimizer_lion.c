/* Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023), as Keras has it:
 *     param -= lr sign(beta_1 m + (1 - beta_1) g)
 *     m      = beta_2 m + (1 - beta_2) g */
#include "train/optimizer_math.h"

enum { BETA_1, BETA_2, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [BETA_1] = {"beta_1", 0, 1, 0.9, 0.9, false, "the mean's share of an update"},
    [BETA_2] = {"beta_2", 0, 1, 0.99, 0.99, false, "decay of the mean of the gradient"},
};

static int lion_slots(const gf_optimizer *o)
{
    (void)o;
    return 1;
}

GF_FORMULA lion(const gf_optimizer *o, float *restrict param, const float *restrict grad, float *restrict m, size_t n)
{
    const float beta_1 = (float)o->arg[BETA_1], beta_2 = (float)o->arg[BETA_2], lr = o->lr;
    const float rest_1 = 1 - beta_1, rest_2 = 1 - beta_2;
    for (size_t i = 0; i < n; i++) {
        float d = m[i] * beta_1 + grad[i] * rest_1;
        param[i] -= d > 0 ? lr : d < 0 ? -lr : 0;
        m[i] = m[i] * beta_2 + grad[i] * rest_2;
    }
}

static void lion_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    float *m = slot[0];
    size_t i = 0;
    for (; i + GF_PIECE <= n; i += GF_PIECE) lion(o, param + i, grad + i, m + i, GF_PIECE);
    lion(o, param + i, grad + i, m + i, n - i);
}

const gf_optimizer_class gf_optimizer_lion = {
    .name = "lion",
    .help = "Lion (Chen et al., 2023); its learning rate is a tenth of Adam's",
    .arg = args,
    .n_args = ARGS,
    .slots = lion_slots,
    .step = lion_step,
};
