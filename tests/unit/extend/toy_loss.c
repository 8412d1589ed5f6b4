/* A toy of a loss: by (p - y)^2, p the probability. */
#include "tasks/loss.h"

enum { BY };

static float of_sigmoid(const gf_loss *l, float z, int y, float scale, float *diff)
{
    float by = (float)l->arg[BY], p = gf_sigmoid(z), d = p - (float)y;
    if (diff) *diff = scale * 2 * by * d * p * (1 - p);
    return by * d * d;
}

static float of_softmax(const gf_loss *l, const float *z, int n, int y, float scale, float *diff)
{
    float sum = 0;
    for (int i = 0; i < n; i++) sum += of_sigmoid(l, z[i], i == y, scale, diff ? &diff[i] : NULL);
    return sum;
}

const gf_loss_class gf_loss_toy_loss = {.name = "toy-loss",
                                        .help = "a test's",
                                        .arg = {[BY] = {"by", 1, 0, 2, "a factor"}},
                                        .sigmoid = of_sigmoid,
                                        .softmax = of_softmax};
