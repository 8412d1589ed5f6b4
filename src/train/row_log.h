/* row_log.h - the history's rows into a file that is read while the run goes on: the last row is added where those
 * before it are there, else the file is made anew. What fails is warned about and no end of training. */
#ifndef GF_TRAIN_ROW_LOG_H
#define GF_TRAIN_ROW_LOG_H

#include "base/alloc.h"
#include "train/hook.h"

typedef struct gf_row_log {
    char *path;   /* owned */
    bool current; /* the file holds all rows but the last */
    void (*head)(const gf_hook *h, gf_text *t,
                 const gf_history *history); /* what stands before all rows; may be NULL */
    void (*row)(const gf_hook *h, gf_text *t, const gf_history *history, const gf_history_row *row);
} gf_row_log;

/* Of the file that the argument `name` names, in the run's folder or absolute. It is h->own. */
graft_status gf_row_log_open(gf_hook *h, struct gf_run *r, const char *name, const gf_row_log *how, graft_error *err);
void gf_row_log_close(gf_hook *h);

/* Calls of a hook: as of the state that the run begins with, or is taken up with; and a further row. */
graft_status gf_row_log_begin(gf_hook *h, struct gf_run *r, graft_error *err);
graft_status gf_row_log_add(gf_hook *h, struct gf_run *r, const gf_history_row *row, graft_error *err);

#endif
