/* loss_focal.c - cross-entropy that counts less where the network is sure of the right class (Lin et al., "Focal loss
 * for dense object detection", 2017), with p the probability of the sample's class:
 *   loss = -a (1 - p)^g ln p    d loss/d z[j] = a ((1 - p)^g - g p (1 - p)^(g-1) ln p) (p[j] - [j = y])
 * As Keras has it: a weighs n logits always; one logit only where it is given, a of class 1 and 1 - a of class 0. Keras
 * cuts p off at 1e-7; here ln p is that of the logits, and a sample that is very wrong keeps its gradient. */
#include "tasks/loss.h"

#include <math.h>

enum { ALPHA, GAMMA };

/* The loss, and what (p[j] - [j = y]) is multiplied by. */
static double focal(double alpha, double gamma, double log_p, double *factor)
{
    double p = exp(log_p), rest = -expm1(log_p), weight = gamma > 0 ? pow(rest, gamma) : 1;
    double slope = gamma > 0 && rest > 0 ? gamma * p * pow(rest, gamma - 1) * log_p : 0;
    *factor = alpha * (weight - slope);
    return -alpha * weight * log_p;
}

static float of_sigmoid(const gf_loss *l, float z, int y, float scale, float *diff)
{
    double right = y ? (double)z : -(double)z, factor;
    double alpha = !l->given[ALPHA] ? 1 : y ? l->arg[ALPHA] : 1 - l->arg[ALPHA];
    double log_p = -(fmax(-right, 0) + log1p(exp(-fabs(right))));
    if (isnan(right)) log_p = right; /* fmax would hide it */
    double loss = focal(alpha, l->arg[GAMMA], log_p, &factor);
    if (diff) *diff = scale * (float)(factor * (exp(log_p) - 1) * (y ? 1 : -1));
    return (float)loss;
}

static float of_softmax(const gf_loss *l, const float *z, int n, int y, float scale, float *diff)
{
    const float top = z[gf_largest(z, n)];
    double sum = 0, factor;
    for (int i = 0; i < n; i++) sum += (double)expf(z[i] - top);
    double loss = focal(l->arg[ALPHA], l->arg[GAMMA], (double)(z[y] - top) - log(sum), &factor);
    if (!diff) return (float)loss;
    gf_softmax(z, n, diff);
    for (int i = 0; i < n; i++) diff[i] = scale * ((float)factor * (diff[i] - (float)(i == y)));
    return (float)loss;
}

const gf_loss_class gf_loss_focal = {
    .name = "focal",
    .help = "cross-entropy that counts less where the network is sure of the right class, for rare classes",
    .arg = {[ALPHA] = {"alpha", 0.25, 0, 1, "weight; of two classes that of the second one, only where it is given"},
            [GAMMA] = {"gamma", 2, 0, 10, "how much less; 0: no less"}},
    .sigmoid = of_sigmoid,
    .softmax = of_softmax};
