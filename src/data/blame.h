/* blame.h - samples that failed, as worker threads find them. Threads put, one thread takes. */
#ifndef GF_DATA_BLAME_H
#define GF_DATA_BLAME_H

#include "base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_blame {
    uint32_t sample;
    int number;    /* the error's */
    char *message; /* owned */
    struct gf_blame *next;
} gf_blame;

typedef struct gf_blame_list {
    _Atomic(gf_blame *) head; /* newest first */
} gf_blame_list;

/* Adds a copy of what `why` says. E5001 where memory ran out. Any thread. */
graft_status gf_blame_put(gf_blame_list *list, uint32_t sample, const graft_error *why, graft_error *err);

/* Takes all of them, sorted by sample; the caller's (gf_blame_free). NULL: none. */
gf_blame *gf_blame_take(gf_blame_list *list, size_t *n);
void gf_blame_free(gf_blame *first);

#endif
