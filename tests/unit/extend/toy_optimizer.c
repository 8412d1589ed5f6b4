/* A toy of an optimizer: param -= lr share g, with the sum of the gradients that it has seen in a slot. */
#include "train/optimizer.h"

static const gf_optimizer_arg args[] = {
    {.name = "share", .low = 0, .high = 2, .value = 1, .help = "of the learning rate"}};

static int slots(const gf_optimizer *o) { return (void)o, 1; }

static void step(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n)
{
    float rate = o->lr * (float)o->arg[0];
    for (size_t i = 0; i < n; i++) {
        slot[0][i] += grad[i];
        param[i] -= rate * (grad[i] + 0.125f * slot[0][i]);
    }
}

const gf_optimizer_class gf_optimizer_toy_optimizer = {
    .name = "toy_optimizer", .help = "a test's", .arg = args, .n_args = 1, .slots = slots, .step = step};
