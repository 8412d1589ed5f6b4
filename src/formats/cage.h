/* cage.h - runs a reader of foreign bytes where its mistakes do no harm.
 *
 * A forked child gets what the parent has in memory and one pipe: all other descriptors are closed, a system call
 * filter (libseccomp) leaves memory, the clock, writing to that pipe and ending; memory, CPU time and core dumps are
 * limited. It can open nothing, start nothing, send nothing. What it writes into the pipe is the reply, which the
 * parent takes as foreign bytes again. A crash or an endless loop is then an error like any other. */
#ifndef GF_FORMATS_CAGE_H
#define GF_FORMATS_CAGE_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the child's bytes go. Put never fails for the caller: after a first failure all else is dropped. */
typedef struct gf_sink {
    int fd;        /* -1: into memory */
    gf_text bytes; /* what waits to be written; with fd -1 all of it */
    bool failed;
} gf_sink;
void gf_sink_put(gf_sink *sink, const void *data, size_t n);
void gf_sink_flush(gf_sink *sink); /* does nothing with fd -1 */

typedef struct gf_cage_limits {
    size_t memory;    /* bytes the child may take beyond what the process has */
    size_t max_reply; /* bytes */
    size_t expect;    /* bytes of a usual reply: booked at the start; at most max_reply */
    double cpu;       /* seconds of CPU time */
    double seconds;   /* seconds by the clock */
} gf_cage_limits;

/* Runs fn(ctx, sink) in a cage and returns its whole reply (gf_free). `name` is the file that messages speak of.
 * *uncaged (may be NULL) tells whether the kernel lacked the system call filter. E2106 where the child was killed,
 * E2107 where it took too long. Any thread; ctx is read by the child as it was at the call. */
graft_status gf_cage_run(void (*fn)(void *ctx, gf_sink *sink), void *ctx, const gf_cage_limits *limits,
                         const char *name, uint8_t **reply, size_t *n, bool *uncaged, graft_error *err);

#endif
