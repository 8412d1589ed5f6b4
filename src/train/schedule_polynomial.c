/* lr(t) = (h - to h) (1 - t / T)^power + to h: h the phase's rate, T its steps. Keras's PolynomialDecay with
 * decay_steps = T, end_learning_rate = to h, no cycle. */
#include "train/schedule.h"

#include <math.h>

extern const gf_schedule_class gf_schedule_polynomial;

enum { POWER, TO };
static const gf_argument arguments[] = {
    [POWER] = {"power", GF_ARG_REAL, "1", 0.01, 100, NULL, "1 is a straight line"},
    [TO] = {"to", GF_ARG_REAL, "0", 0, 1, NULL, "where it ends, as a share of the rate"},
};

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    double left = 1 - (double)at->step / (double)at->steps, to = a->number[TO];
    return at->lr * ((1 - to) * pow(left > 0 ? left : 0, a->number[POWER]) + to);
}

const gf_schedule_class gf_schedule_polynomial = {.name = "polynomial",
                                                  .help = "a power of the share of steps that is left",
                                                  .argument = arguments,
                                                  .n_arguments = sizeof arguments / sizeof *arguments,
                                                  .stretches = true,
                                                  .lr = lr};
