/* LAMB (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020), as Keras has it:
 *     m     += (g - m)   (1 - beta_1)
 *     v     += (g^2 - v) (1 - beta_2)
 *     u      = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)      t = steps done + 1
 *     param -= |param| / |u| lr u                               norms of the tensor; where one of them is 0: lr u */
#include "train/optimizer_math.h"

enum { BETA_1, BETA_2, EPSILON, ARGS };

static const gf_optimizer_arg args[ARGS] = {
    [BETA_1] = {"beta_1", 0, 1, 0.9, 0.9, false, "decay of the mean of the gradient"},
    [BETA_2] = {"beta_2", 0, 1, 0.999, 0.999, false, "decay of the mean square of the gradient"},
    [EPSILON] = {"epsilon", 1e-30, 1, 1e-7, 1e-7, false, "added to the root"},
};

enum { REST_1, REST_2, RATE }; /* of now: 1 - beta^t of both; lr times the ratio of the norms */

static int lamb_slots(const gf_optimizer *o)
{
    (void)o;
    return 2;
}

static void lamb_begin_step(gf_optimizer *o, int64_t steps_done)
{
    o->now[REST_1] = 1 - (float)gf_power((float)o->arg[BETA_1], steps_done + 1);
    o->now[REST_2] = 1 - (float)gf_power((float)o->arg[BETA_2], steps_done + 1);
}

static void lamb_prepare(gf_optimizer *o, double param_norm, double update_norm)
{
    float ratio = param_norm > 0 && update_norm > 0 ? (float)param_norm / (float)update_norm : 1;
    o->now[RATE] = ratio * o->lr;
}

static float update_of(const gf_optimizer *o, float m, float v)
{
    return m / o->now[REST_1] / (sqrtf(v / o->now[REST_2]) + (float)o->arg[EPSILON]);
}

static void lamb_measure(const gf_optimizer *o, const float *param, const float *grad, float *const slot[], size_t n,
                         double squares[2])
{
    const float take_1 = (float)(1 - o->arg[BETA_1]), take_2 = (float)(1 - o->arg[BETA_2]);
    float *m = slot[0], *v = slot[1];
    squares[0] = squares[1] = 0;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i];
        m[i] += (g - m[i]) * take_1;
        v[i] += (g * g - v[i]) * take_2;
        double w = (double)param[i], u = (double)update_of(o, m[i], v[i]);
        squares[0] += w * w;
        squares[1] += u * u;
    }
}

static void lamb_step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    (void)grad; /* `measure` took it into the slots */
    for (size_t i = 0; i < n; i++) param[i] -= o->now[RATE] * update_of(o, slot[0][i], slot[1][i]);
}

const gf_optimizer_class gf_optimizer_lamb = {
    .name = "lamb",
    .help = "LAMB (You et al., 2020), for large batches",
    .arg = args,
    .n_args = ARGS,
    .slots = lamb_slots,
    .begin_step = lamb_begin_step,
    .step = lamb_step,
    .measure = lamb_measure,
    .prepare = lamb_prepare,
};
