#include "train/row_log.h"

#include "base/io.h"
#include "train/run.h"

graft_status gf_row_log_open(gf_hook *h, gf_run *r, const char *name, const gf_row_log *how, graft_error *err)
{
    gf_row_log *log = h->own = gf_new(gf_row_log);
    if (!log) return gf_fail_memory(err, sizeof *log, "a hook");
    *log = *how;
    return gf_hook_path(r, h, name, &log->path, err);
}

void gf_row_log_close(gf_hook *h)
{
    gf_row_log *log = h->own;
    if (log) gf_free(log->path);
    gf_free(log);
}

static void write_rows(gf_hook *h, gf_run *r)
{
    gf_row_log *log = h->own;
    graft_error why = {0};
    gf_text t = {0};
    const gf_history *history = &r->history;
    bool add = log->current && history->n;
    if (!add && log->head) log->head(h, &t, history);
    for (size_t i = add ? history->n - 1 : 0; i < history->n; i++) log->row(h, &t, history, &history->row[i]);
    graft_status status = t.failed ? gf_fail_memory(&why, t.n, "a log")
                          : add    ? gf_file_append(log->path, t.s, t.n, &why)
                                   : gf_file_write(log->path, &(gf_bytes){t.s, t.n}, 1, &why);
    gf_text_free(&t);
    log->current = status == GRAFT_OK;
    if (status == GRAFT_OK) return;
    gf_log_say(r->host.log, GF_WARNING, "E%d: %s; tried again after the next epoch", why.number, why.message);
}

graft_status gf_row_log_begin(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    if (gf_run_next_phase(r)) write_rows(h, r);
    return GRAFT_OK;
}

graft_status gf_row_log_add(gf_hook *h, gf_run *r, const gf_history_row *row, graft_error *err)
{
    (void)row, (void)err;
    write_rows(h, r);
    return GRAFT_OK;
}
