/* hook_progress.c - tells whoever started the run how far it is. */
#include "train/run.h"

#include "base/sys.h"

#include <string.h>

extern const gf_hook_class gf_hook_progress;

static graft_status tell_step(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)h, (void)err;
    double seconds = gf_sys_seconds() - r->pace.start;
    gf_run_progress p = gf_run_progress_of(r, GF_RUN_TRAINING, (int64_t)gf_running_samples(&r->running), r->order->n);
    p.epoch++;
    gf_running_values(&r->running, p.value[GF_ON_TRAINING]);
    p.images_per_second = seconds > 0 ? (double)r->pace.images / seconds : 0;
    if (p.images_per_second > 0) p.seconds_left = (double)(p.total - p.done) / p.images_per_second;
    gf_run_report_progress(r, &p, false);
    return GRAFT_OK;
}

static graft_status tell_epoch(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)h, (void)err;
    gf_run_progress p = gf_run_progress_of(r, GF_RUN_EPOCH_END, r->order->n, r->order->n);
    memcpy(p.value, row->value, sizeof p.value);
    p.images_per_second = row->images_per_second;
    p.seconds_left = 0;
    p.seconds = row->seconds;
    gf_run_report_progress(r, &p, true);
    return GRAFT_OK;
}

const gf_hook_class gf_hook_progress = {.name = "progress", .always = true, .step = tell_step, .epoch = tell_epoch};
