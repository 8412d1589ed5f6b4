/* From h / div up to h at step start T - 1, then down to h / (div final) at step T - 1, each along half a cosine; h the
 * phase's rate, T its steps. Smith and Topin, 2018; PyTorch's OneCycleLR, but for the momentum, which stays. */
#include "train/schedule.h"

#include <math.h>

extern const gf_schedule_class gf_schedule_one_cycle;

enum { START, DIV, FINAL };
static const gf_argument arguments[] = {
    [START] = {"start", GF_ARG_REAL, "0.3", 0, 1, NULL, "share of the phase in which the rate rises"},
    [DIV] = {"div", GF_ARG_REAL, "25", 1, 1e12, NULL, "it begins with the rate divided by this"},
    [FINAL] = {"final", GF_ARG_REAL, "10000", 1, 1e12, NULL, "it ends with the first one divided by this"},
};

/* Half a cosine from `from` to `to`. */
static double along(double from, double to, double share)
{
    const double pi = 3.14159265358979323846;
    return to + (from - to) / 2 * (1 + cos(pi * share));
}

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    double t = (double)at->step, last = (double)at->steps - 1, top = a->number[START] * (double)at->steps - 1;
    double low = at->lr / a->number[DIV];
    if (t <= top) return along(low, at->lr, top > 0 ? t / top : 1);
    return along(at->lr, low / a->number[FINAL], last > top && t < last ? (t - top) / (last - top) : 1);
}

const gf_schedule_class gf_schedule_one_cycle = {.name = "one-cycle",
                                                 .help = "up, then down further (momentum stays as it is)",
                                                 .argument = arguments,
                                                 .n_arguments = sizeof arguments / sizeof *arguments,
                                                 .stretches = true,
                                                 .lr = lr};
