/* A toy of a schedule: every other step takes a share of the rate. */
#include "train/schedule.h"

enum { SHARE };
static const gf_argument arguments[] = {[SHARE] = {"share", GF_ARG_REAL, "0.5", 0, 1, NULL, "of the rate"}};

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    return at->step % 2 ? at->lr * a->number[SHARE] : at->lr;
}

extern const gf_schedule_class gf_schedule_toy_schedule;

const gf_schedule_class gf_schedule_toy_schedule = {
    .name = "toy_schedule", .help = "a test's", .argument = arguments, .n_arguments = 1, .lr = lr};
