/* lr(t) = h t / W                                             where t < W, the warm-up
 *       = h ((1 - to) (T - t) / (T - W) + to)                 else
 * h the phase's rate, T its steps: with to = 0, transformers' get_linear_schedule_with_warmup. */
#include "train/schedule.h"

extern const gf_schedule_class gf_schedule_linear;

enum { WARMUP, TO };
static const gf_argument arguments[] = {
    [WARMUP] = GF_SCHEDULE_WARMUP("the rate rises first, from 0"),
    [TO] = {"to", GF_ARG_REAL, "0", 0, 1, NULL, "where it ends, as a share of the rate"},
};

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    double w = gf_schedule_warmup(a->number[WARMUP], at), t = (double)at->step, to = a->number[TO];
    if (t < w) return at->lr * t / w;
    double left = ((double)at->steps - t) / ((double)at->steps - w);
    return at->lr * ((1 - to) * (left > 0 ? left : 0) + to);
}

const gf_schedule_class gf_schedule_linear = {.name = "linear",
                                              .help = "a straight line down, after a warm-up",
                                              .argument = arguments,
                                              .n_arguments = sizeof arguments / sizeof *arguments,
                                              .stretches = true,
                                              .lr = lr};
