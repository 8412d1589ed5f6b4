#include "train/diverged.h"

#include "base/alloc.h"
#include "base/io.h"
#include "train/metrics.h"
#include "json/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_HALVINGS = 10, MOST_BAD_GRADIENTS = 100, SKIP_DIGITS = 9 };

/* ---- the policy */

static bool parse_count(const char *s, int64_t *out)
{
    size_t n = strlen(s);
    int64_t x = 0;
    if (n == 0 || n > SKIP_DIGITS || strspn(s, "0123456789") != n) return false;
    for (; *s; s++) x = 10 * x + (*s - '0');
    *out = x;
    return x > 0;
}

graft_status gf_nan_policy_parse(gf_nan_policy *out, const char *text, graft_error *err)
{
    static const char skip[] = "skip:";
    *out = (gf_nan_policy){.kind = GF_NAN_STOP};
    if (!text || !strcmp(text, "stop")) return GRAFT_OK;
    if (!strcmp(text, "lower-lr")) {
        *out = (gf_nan_policy){.kind = GF_NAN_LOWER_LR, .limit = MOST_HALVINGS};
        return GRAFT_OK;
    }
    if (!strncmp(text, skip, strlen(skip)) && parse_count(text + strlen(skip), &out->limit)) {
        out->kind = GF_NAN_SKIP;
        return GRAFT_OK;
    }
    char shown[64];
    return gf_fail(err, GF_E_NAN_POLICY, "use stop, skip:N (N from 1 to 999999999) or lower-lr",
                   "policy for losses that are not finite: \"%s\" is none", gf_escape(shown, sizeof shown, text));
}

static gf_nan_action bad_loss(const gf_nan_policy *policy, gf_nan_state *state, int64_t step)
{
    if (state->retried_step != step + 1) { /* a fault of the machine may not come again; one of the data does */
        state->retried_step = step + 1;
        return GF_NAN_RETRY;
    }
    int64_t *count = policy->kind == GF_NAN_SKIP ? &state->skipped : &state->halvings;
    if (policy->kind == GF_NAN_STOP || *count >= policy->limit) return GF_NAN_END;
    ++*count;
    if (policy->kind == GF_NAN_LOWER_LR) state->skipped++;
    return GF_NAN_LEAVE;
}

gf_nan_action gf_nan_decide(const gf_nan_policy *policy, gf_nan_state *state, int64_t step, double loss,
                            double gradient_norm)
{
    if (!gf_is_finite(loss)) return bad_loss(policy, state, step);
    if (gf_is_finite(gradient_norm)) {
        state->in_a_row = 0;
        return GF_NAN_GO;
    }
    state->bad_gradients++;
    return ++state->in_a_row >= MOST_BAD_GRADIENTS ? GF_NAN_END : GF_NAN_LEAVE;
}

double gf_nan_lr_factor(const gf_nan_state *state) { return ldexp(1, -(int)state->halvings); }

/* ---- the record */

static gf_json *number(double x)
{
    if (gf_is_finite(x)) return gf_json_real(x);
    return gf_json_string(x > 0 ? "inf" : x < 0 ? "-inf" : "nan");
}

static const char *action_name(gf_nan_action action)
{
    static const char *const names[] = {"applied", "tried again", "left out", "stopped"};
    return (unsigned)action < sizeof names / sizeof *names ? names[action] : "unknown";
}

static gf_json *samples_json(const gf_diverged *d)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < d->n_samples; i++) {
        gf_json *sample = gf_json_object();
        gf_json_set(sample, "id", gf_json_int(d->sample[i]));
        if (d->path) gf_json_set(sample, "path", gf_json_string(d->path[i]));
        gf_json_add(list, sample);
    }
    return list;
}

graft_status gf_diverged_write(const char *path, const gf_diverged *d, graft_error *err)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "epoch", gf_json_int(d->epoch));
    gf_json_set(j, "phase", gf_json_int(d->phase));
    gf_json_set(j, "step", gf_json_int(d->step));
    gf_json_set(j, "lr", number(d->lr));
    gf_json_set(j, "loss", number(d->loss));
    gf_json_set(j, "gradient_norm", number(d->gradient_norm));
    gf_json_set(j, "policy", gf_json_string(d->policy));
    gf_json_set(j, "action", gf_json_string(action_name(d->action)));
    gf_json_set(j, "skipped", gf_json_int(d->state.skipped));
    gf_json_set(j, "bad_gradients", gf_json_int(d->state.bad_gradients));
    gf_json_set(j, "halvings", gf_json_int(d->state.halvings));
    gf_json_set(j, "samples", samples_json(d));
    char *text = gf_json_text(j, 1);
    gf_json_free(j);
    if (!text) return gf_fail_memory(err, 0, "diverged.json");
    graft_status status = gf_file_write_text(path, text, err);
    gf_free(text);
    return status;
}

graft_status gf_nan_fail(const gf_diverged *d, const char *record, graft_error *err)
{
    if (!gf_is_finite(d->loss)) {
        return gf_fail(err, GF_E_DIVERGED,
                       "a lower --lr may help; --on-nan skip:N or lower-lr goes on without such steps",
                       "epoch %d, step %" PRId64 ": the loss is not finite (learning rate %g); %s tells of the batch",
                       d->epoch, d->step, d->lr, GF_ESC(record));
    }
    return gf_fail(err, GF_E_DIVERGED_GRADIENT, "a lower --lr may help",
                   "epoch %d, step %" PRId64 ": the gradient is not finite for the %" PRId64
                   "th step in a row; %s tells of the batch",
                   d->epoch, d->step, d->state.in_a_row, GF_ESC(record));
}
