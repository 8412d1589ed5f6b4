/* lr(t) = from h + (h - from h) t / W                                        where t < W, the warm-up
 *       = h ((1 - floor) (1 + cos(pi (t - W) / (T - W))) / 2 + floor)        else
 * h the phase's rate, T its steps. Loshchilov and Hutter, 2017; Keras's CosineDecay with decay_steps = T - W. */
#include "train/schedule.h"

#include <math.h>

extern const gf_schedule_class gf_schedule_cosine;

enum { WARMUP, FLOOR, FROM };
static const gf_argument arguments[] = {
    [WARMUP] = GF_SCHEDULE_WARMUP("the rate rises first"),
    [FLOOR] = {"floor", GF_ARG_REAL, "0", 0, 1, NULL, "where it ends, as a share of the rate"},
    [FROM] = {"from", GF_ARG_REAL, "0", 0, 1, NULL, "where the warm-up begins, as a share of the rate"},
};

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    const double pi = 3.14159265358979323846;
    double w = gf_schedule_warmup(a->number[WARMUP], at), t = (double)at->step, low = a->number[FLOOR];
    if (t < w) return at->lr * (a->number[FROM] + (1 - a->number[FROM]) * t / w);
    double done = (t - w) / ((double)at->steps - w);
    return at->lr * ((1 - low) * (1 + cos(pi * (done < 1 ? done : 1))) / 2 + low);
}

const gf_schedule_class gf_schedule_cosine = {.name = "cosine",
                                              .help = "half a cosine, from the rate down to its floor",
                                              .argument = arguments,
                                              .n_arguments = sizeof arguments / sizeof *arguments,
                                              .stretches = true,
                                              .lr = lr};
