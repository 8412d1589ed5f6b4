/* blame.h - samples that failed, as worker threads find them. Threads put, one thread takes. */
#ifndef GF_DATA_FAILED_SAMPLES_H
#define GF_DATA_FAILED_SAMPLES_H

#include "base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_failed_sample {
    uint32_t sample;
    int number;    /* the error's */
    char *message; /* owned */
    struct gf_failed_sample *next;
} gf_failed_sample;

typedef struct gf_failed_samples {
    _Atomic(gf_failed_sample *) head; /* newest first */
} gf_failed_samples;

/* Adds a copy of what `why` says. E5001 where memory ran out. Any thread. */
graft_status gf_failed_samples_put(gf_failed_samples *list, uint32_t sample, const graft_error *why, graft_error *err);

/* Takes all of them, sorted by sample; the caller's (gf_failed_sample_free). NULL: none. */
gf_failed_sample *gf_failed_samples_take(gf_failed_samples *list, size_t *n);
void gf_failed_sample_free(gf_failed_sample *first);

#endif
