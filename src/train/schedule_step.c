/* lr = h factor^floor(epoch / every): h the phase's rate, epoch from 0. PyTorch's StepLR. */
#include "train/schedule.h"

#include <math.h>

extern const gf_schedule_class gf_schedule_step;

enum { EVERY, FACTOR };
static const gf_argument arguments[] = {
    [EVERY] = {"every", GF_ARG_WHOLE, "10", 1, 1e6, NULL, "epochs between two falls"},
    [FACTOR] = {"factor", GF_ARG_REAL, "0.1", 1e-12, 1e3, NULL, "what the rate is multiplied by"},
};

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    int64_t epoch = at->step / at->epoch_steps;
    return at->lr * pow(a->number[FACTOR], (double)(epoch / (int64_t)a->number[EVERY]));
}

const gf_schedule_class gf_schedule_step = {.name = "step",
                                            .help = "by a factor after each so many epochs",
                                            .argument = arguments,
                                            .n_arguments = sizeof arguments / sizeof *arguments,
                                            .lr = lr};
