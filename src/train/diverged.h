/* diverged.h - what a run does when its loss or gradient is not a number any more, and the record it leaves.
 *
 * A step with a bad loss or gradient is never applied. A bad loss is tried once more, then the policy speaks:
 *     stop       end the run (E7001)
 *     skip:N     leave the step out, N times in a run at most, then stop
 *     lower-lr   leave the step out and halve the learning rate from there on, 10 times at most, then stop
 * A bad gradient under a finite loss is left out and counted; 100 of them in a row end the run (E7002). */
#ifndef GF_TRAIN_DIVERGED_H
#define GF_TRAIN_DIVERGED_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum gf_nan_policy_kind { GF_NAN_STOP, GF_NAN_SKIP, GF_NAN_LOWER_LR } gf_nan_policy_kind;

typedef struct gf_nan_policy {
    gf_nan_policy_kind kind;
    int64_t limit; /* steps that may be left out, or times the rate may be halved */
} gf_nan_policy;

/* NULL: "stop". E3303. */
graft_status gf_nan_policy_parse(gf_nan_policy *out, const char *text, graft_error *err);

/* Plain data, kept in a checkpoint; zeroed at the start of a run. */
typedef struct gf_nan_state {
    int64_t skipped;       /* steps left out by the policy */
    int64_t bad_gradients; /* steps left out for their gradient alone */
    int64_t in_a_row;      /* of the latter, without a good step between */
    int64_t halvings;
    int64_t retried_step; /* the step that was tried once more, + 1 */
} gf_nan_state;

typedef enum gf_nan_action {
    GF_NAN_GO,    /* all is finite: apply the step */
    GF_NAN_RETRY, /* compute the same step again */
    GF_NAN_LEAVE, /* do not apply it, go on with the next */
    GF_NAN_END,   /* stop training: gf_nan_fail */
} gf_nan_action;

/* What to do with a step, from its loss and the norm of its gradient (f64, not finite where an element is not). */
gf_nan_action gf_nan_decide(const gf_nan_policy *policy, gf_nan_state *state, int64_t step, double loss,
                            double gradient_norm);

/* The factor for the learning rate: 1, or a power of 1/2. */
double gf_nan_lr_factor(const gf_nan_state *state);

/* What is known of a step that was not applied. Pointers are borrowed for the call. */
typedef struct gf_diverged {
    int epoch, phase; /* from 1 */
    int64_t step;
    double lr, loss, gradient_norm;
    const char *policy; /* as given: "skip:3" */
    gf_nan_action action;
    gf_nan_state state;
    const uint32_t *sample;  /* n_samples numbers of the batch's samples */
    const char *const *path; /* their files; NULL: not told */
    size_t n_samples;
} gf_diverged;

/* Writes diverged.json: {"epoch","phase","step","lr","loss","gradient_norm","policy","action","skipped",
 * "bad_gradients","halvings","samples":[{"id","path"}]}; numbers that are none as text ("nan", "inf", "-inf"). */
graft_status gf_diverged_write(const char *path, const gf_diverged *d, graft_error *err);

/* The error that ends the run: E7001, or E7002 where only the gradient was bad. `record` is diverged.json's path. */
graft_status gf_nan_fail(const gf_diverged *d, const char *record, graft_error *err);

#endif
