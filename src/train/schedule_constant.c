/* The phase's rate at every step. */
#include "train/schedule.h"

extern const gf_schedule_class gf_schedule_constant;

static double lr(const gf_arguments *a, const gf_schedule_at *at)
{
    (void)a;
    return at->lr;
}

const gf_schedule_class gf_schedule_constant = {.name = "constant", .help = "the same rate at every step", .lr = lr};
