/* schedule.h - how the learning rate moves within a phase: a pure function of the phase's rate and the step.
 *
 * A kind is one `gf_schedule_class` in a file of its own (schedule_cosine.c ...) and one line in schedules.def. */
#ifndef GF_TRAIN_SCHEDULE_H
#define GF_TRAIN_SCHEDULE_H

#include "base/arguments.h"

typedef struct gf_schedule_at {
    double lr;           /* the phase's */
    int64_t step, steps; /* steps applied before this one in the phase; of the whole phase */
    int64_t epoch_steps; /* of an epoch */
} gf_schedule_at;

typedef struct gf_schedule_class {
    const char *name, *help;
    const gf_argument *argument;
    size_t n_arguments;
    bool stretches; /* depends on the length of the phase, which then cannot change once it has begun */
    double (*lr)(const gf_arguments *a, const gf_schedule_at *at);
} gf_schedule_class;

/* Zeroed is empty. */
typedef struct gf_schedule {
    const gf_schedule_class *class;
    gf_arguments arguments;
} gf_schedule;

/* "cosine" or "cosine:warmup=0.1,floor=0.01"; NULL: "constant". E3002. */
graft_status gf_schedule_parse(gf_schedule *out, const char *text, graft_error *err);
void gf_schedule_free(gf_schedule *s); /* leaves it empty */
double gf_schedule_lr(const gf_schedule *s, const gf_schedule_at *at);

graft_status gf_schedule_check(const char *text, graft_error *err);
void gf_schedule_words(gf_text *text); /* what may be written */

/* The kinds in the order of schedules.def; NULL behind the last. */
const gf_schedule_class *gf_schedule_class_at(size_t i);

/* ---- for kinds: a stretch at the beginning in which the rate rises. Below 1 it is a share of the phase's steps,
 * rounded up, else a number of steps. */
#define GF_SCHEDULE_WARMUP(what)                                                                             \
    {                                                                                                        \
        "warmup", GF_ARG_REAL, "0", 0, 1e12, NULL, what ": a share of the phase below 1, else so many steps" \
    }
double gf_schedule_warmup(double warmup, const gf_schedule_at *at); /* in steps, less than the phase's */

#endif
