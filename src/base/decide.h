/* decide.h - what graft decides for its user: said, and kept with its reason.
 *
 * Where an option was left to graft ("auto"), or a file leaves something open, whoever takes the decision calls
 *     gf_decide(log, "precision", "bf16", "measured: 1.3 times as fast as f32 here");
 * One line is said, "precision: bf16 (measured: ..)", and where the log has a list of decisions it is kept there: a run
 * writes that list to RUN/decisions.json and shows it in report.html. What the user asked for is no decision. */
#ifndef GF_BASE_DECIDE_H
#define GF_BASE_DECIDE_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>

typedef struct gf_decision {
    char *what, *value, *why;
} gf_decision;

typedef struct gf_decisions {
    gf_decision *item; /* each `what` once; a later decision takes the place of an earlier one */
    size_t n, cap;
    bool failed; /* one was lost, for want of memory */
} gf_decisions;

/* `log` may be NULL. On the thread that runs the public call, as gf_log_say. Saying the same again is silent. */
void gf_decide(const gf_log *log, const char *what, const char *value, const char *why, ...)
    __attribute__((format(printf, 4, 5)));

/* Keeps it alone. True: it was not there in these words. */
bool gf_decisions_add(gf_decisions *d, const char *what, const char *value, const char *why);
/* Adds all of `from`. E5001 also where `from` has lost one. */
graft_status gf_decisions_merge(gf_decisions *to, const gf_decisions *from, graft_error *err);
void gf_decisions_free(gf_decisions *d);

#endif
