/* loss_cross_entropy.c - the negative logarithm of the probability of the sample's class, against a target that may be
 * smoothed (Szegedy et al., "Rethinking the Inception architecture", 2016; as Keras has it).
 *   one logit:  t = y (1 - s) + s/2             loss = max(z, 0) - z t + log(1 + exp(-|z|))   diff = sigmoid(z) - t
 *   n logits:   t[i] = [i = y] (1 - s) + s/n    loss = log sum exp(z - max) + max - sum t z   diff = softmax(z) - t */
#include "tasks/loss.h"

#include <math.h>

enum { SMOOTHING };

static float of_sigmoid(const gf_loss *l, float z, int y, float scale, float *diff)
{
    const float s = (float)l->arg[SMOOTHING], t = (float)y * (1 - s) + s / 2;
    float loss = fmaxf(z, 0) - z * t + log1pf(expf(-fabsf(z)));
    if (!(fabsf(z) <= INFINITY)) loss = z; /* fmaxf would hide a NaN */
    if (diff) *diff = scale * (gf_sigmoid(z) - t);
    return loss;
}

static float of_softmax(const gf_loss *l, const float *z, int n, int y, float scale, float *diff)
{
    const float s = (float)l->arg[SMOOTHING], other = s / (float)n;
    float top = z[gf_largest(z, n)], sum = 0, all = 0;
    for (int i = 0; i < n; i++) sum += expf(z[i] - top);
    float loss = logf(sum) + top - z[y];
    if (s > 0) { /* sum t z = z[y] - s (z[y] - mean z) */
        for (int i = 0; i < n; i++) all += z[i] - z[y];
        loss -= other * all;
    }
    if (!diff) return loss;
    gf_softmax(z, n, diff);
    for (int i = 0; i < n; i++) diff[i] = scale * (diff[i] - ((float)(i == y) * (1 - s) + other));
    return loss;
}

const gf_loss_class gf_loss_cross_entropy = {
    .name = "cross-entropy",
    .help = "minus the logarithm of the class's probability; smoothing: so much of the target is shared by all classes",
    .arg = {[SMOOTHING] = {"smoothing", 0, 0, 0.999, "how much of the target is shared by all classes"}},
    .sigmoid = of_sigmoid,
    .softmax = of_softmax};
