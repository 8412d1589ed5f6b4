/* hook_history.c - the history into history.csv and, with a report, the TensorBoard file while the run goes on: the
 * last row is added where those before it are there, else the files are made anew. What fails is warned about and no
 * end of training. */
#include "train/run.h"

#include "base/io.h"
#include "report/events.h"
#include "report/report.h"

#include <string.h>

extern const gf_hook_class gf_hook_history;

static graft_status log_to(const gf_run *r, const char *name,
                           graft_status (*add_rows)(const char *path, const gf_history *h, graft_error *err),
                           graft_error *err)
{
    char *path = gf_path_join(r->dir, name);
    graft_status status = path ? add_rows(path, &r->history, err) : gf_fail_memory(err, strlen(r->dir), "a file name");
    gf_free(path);
    return status;
}

static void log_rows(gf_run *r)
{
    graft_error why = {0};
    bool add = r->logged && r->history.n;
    r->logged = false;
    graft_status status = log_to(r, GF_REPORT_HISTORY, add ? gf_history_append : gf_history_write, &why);
    if (status == GRAFT_OK && r->config->report) {
        status = log_to(r, GF_EVENTS_NAME, add ? gf_events_append : gf_events_write, &why);
    }
    r->logged = status == GRAFT_OK;
    if (status == GRAFT_OK) return;
    gf_log_say(r->host.log, GF_WARNING, "E%d: %s; tried again after the next epoch", why.number, why.message);
}

/* Without rows of a later state than the checkpoint's. */
static graft_status begin(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)h, (void)err;
    if (gf_run_next_phase(r)) log_rows(r);
    return GRAFT_OK;
}

static graft_status add(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)h, (void)row, (void)err;
    log_rows(r);
    return GRAFT_OK;
}

const gf_hook_class gf_hook_history = {
    .name = "history", .always = true, .writes = true, .begin_run = begin, .epoch = add};
