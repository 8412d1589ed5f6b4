/* schedules.c - the table of schedules.def, and nothing else. */
#include "train/schedule.h"

#define GF_SCHEDULE(x) extern const gf_schedule_class gf_schedule_##x;
#include "train/schedules.def"
#undef GF_SCHEDULE

static const gf_schedule_class *const classes[] = {
#define GF_SCHEDULE(x) &gf_schedule_##x,
#include "train/schedules.def"
#undef GF_SCHEDULE
};

const gf_schedule_class *gf_schedule_class_at(size_t i)
{
    return i < sizeof classes / sizeof *classes ? classes[i] : NULL;
}
