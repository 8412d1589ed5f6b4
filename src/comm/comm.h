/* comm.h - ranks: processes that train one run together. What is here is all that they say to each other.
 *
 * A transport (local.h) gives one call, exchange: send bytes to another rank and receive bytes of it at the same time.
 * The rest is built on that, once. All ranks make the same calls in the same order; a call returns on a rank when that
 * rank has what it is to have. A `comm` that is NULL, or of size 1, is one process: every call is then at once done.
 *
 * One thread of a process makes these calls. After a failure nothing more can be exchanged. */
#ifndef GF_COMM_COMM_H
#define GF_COMM_COMM_H

#include "base/error.h"
#include "base/watch.h"

#include <stdbool.h>
#include <stdint.h>

enum { GF_MOST_RANKS = 64 };

typedef struct gf_comm {
    int size, rank;
    double timeout; /* seconds without a sign of life of a rank, after which it counts as lost */
    gf_watch watch; /* looked at while an exchange waits; its stop ends the exchange */
    bool together;  /* a run is shared now: whoever waits for something else looks whether all are there */
    void *self;     /* of the transport */
    /* Sends n_send bytes to `peer`, which makes the same call, and receives n_recv of it; either may be 0. E8001 to
     * E8004; and what another rank has given to abort. `watch` (may be NULL) is looked at while it waits. */
    graft_status (*exchange)(void *self, int peer, const void *send, size_t n_send, void *recv, size_t n_recv,
                             double timeout, const gf_watch *watch, graft_error *err);
    /* Tells all others why this rank cannot go on: their next call fails with it. */
    void (*abort)(void *self, const graft_error *why);
    /* Whether all others are there: the error that exchange would give; at once. */
    graft_status (*look)(void *self, double timeout, graft_error *err);
} gf_comm;

static inline int gf_comm_size(const gf_comm *c) { return c ? c->size : 1; }
static inline int gf_comm_rank(const gf_comm *c) { return c ? c->rank : 0; }

/* ---- shares */

typedef struct gf_share {
    size_t first, end;
} gf_share;

/* What of n things in a row is rank's: the first ranks have the first things, and as many as the others or one less. */
static inline gf_share gf_share_of(size_t n, int size, int rank)
{
    return (gf_share){n * (size_t)rank / (size_t)size, n * ((size_t)rank + 1) / (size_t)size};
}
/* The same in whole groups of `unit`, the last of which may be short. */
static inline gf_share gf_share_in_units(size_t n, size_t unit, int size, int rank)
{
    gf_share s = gf_share_of((n + unit - 1) / unit, size, rank);
    s.first = s.first * unit < n ? s.first * unit : n;
    s.end = s.end * unit < n ? s.end * unit : n;
    return s;
}

/* ---- calls of all ranks */

/* From rank 0 to all. */
graft_status gf_comm_broadcast(const gf_comm *c, void *data, size_t n, graft_error *err);
/* The same of any rank, of as many bytes as it says; *data is gf_free's, on every rank (rank 0's own too: a copy of
 * `send`), with a NUL behind it. E5001 where they are more than `most`. */
graft_status gf_comm_send_all(const gf_comm *c, const void *send, size_t n_send, size_t most, uint8_t **data, size_t *n,
                              graft_error *err);
/* data[begin[r] .. begin[r + 1]) is rank r's, and then everybody's. */
graft_status gf_comm_gather(const gf_comm *c, void *data, const size_t begin[], graft_error *err);
/* begin[] of n rows of so many bytes, shared as gf_share_in_units says. */
void gf_comm_begins(const gf_comm *c, size_t n, size_t unit, size_t row, size_t begin[GF_MOST_RANKS + 1]);
/* A flag a byte: set is what is set on any rank. */
graft_status gf_comm_any(const gf_comm *c, bool *flag, size_t n, graft_error *err);
/* The largest of all ranks' values. */
graft_status gf_comm_largest(const gf_comm *c, int64_t *value, graft_error *err);
/* Returns when all have come here. */
graft_status gf_comm_barrier(const gf_comm *c, graft_error *err);

#endif
