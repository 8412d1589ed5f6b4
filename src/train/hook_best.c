/* hook_best.c - keeps the values of the best epoch, and puts them into the model at the end. Without a validation set
 * the last epoch is the best. */
#include "train/run.h"

#include <string.h>

extern const gf_hook_class gf_hook_best;

static bool always(const gf_hook *h)
{
    (void)h;
    return true;
}

static graft_status offer(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)err;
    gf_best *best = h->state;
    bool judged = gf_running_samples(&r->validation.running) > 0;
    if (judged && !gf_best_offer(best, &r->monitor[0], &r->monitor[1], row)) return GRAFT_OK;
    if (!judged) best->epoch = row->epoch;
    gf_kept_take(&r->kept, r->model, h->values);
    return GRAFT_OK;
}

static graft_status restore(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    const gf_best *best = h->state;
    r->best_epoch = best->epoch;
    gf_kept_put(&r->kept, r->model, h->values);
    return GRAFT_OK;
}

const gf_hook_class gf_hook_best = {
    .name = "best",
    .always = true,
    .state_bytes = sizeof(gf_best),
    .version = 1,
    .section = "best.epoch",
    .values_section = "best",
    .keeps_values = always,
    .epoch = offer,
    .end = restore,
};
