/* lr(t) = h factor^(t / (every E)): h the phase's rate, E the steps of an epoch. Keras's ExponentialDecay with
 * decay_steps = every E. */
#include "train/schedule.h"

#include <math.h>

extern const gf_schedule_class gf_schedule_exponential;

enum { EVERY, FACTOR };
static const gf_argument arguments[] = {
    [EVERY] = {"every", GF_ARG_REAL, "1", 1e-6, 1e6, NULL, "epochs in which the rate falls to factor"},
    [FACTOR] = {"factor", GF_ARG_REAL, "0.9", 1e-12, 1e3, NULL, "what it is multiplied by in them"},
};

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    return at->lr * pow(a->number[FACTOR], (double)at->step / (a->number[EVERY] * (double)at->epoch_steps));
}

const gf_schedule_class gf_schedule_exponential = {.name = "exponential",
                                                   .help = "by a factor in so many epochs, step by step",
                                                   .argument = arguments,
                                                   .n_arguments = sizeof arguments / sizeof *arguments,
                                                   .lr = lr};
