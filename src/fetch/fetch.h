/* fetch.h - weights by name: from the cache if they are there and right, else from where their publisher keeps them.
 *
 * A file is CACHE/FILE when it is complete and checked, and before that CACHE/FILE.part, locked by the process that
 * fetches it; a second one waits. What is there of a .part is kept over failures, stops and crashes and resumed where
 * the server says that its file is still the same (FILE.tag holds the server's tag of it). Files of which no digest was
 * published get FILE.sha256, what they were when they came, so that later damage is seen. */
#ifndef GF_FETCH_H
#define GF_FETCH_H

#include "base/log.h"
#include "fetch/catalogue.h"

typedef struct gf_fetch_options {
    const char *cache;   /* folder; made where it does not exist */
    const char *from;    /* take FILE from this folder or below this http(s) address; NULL: as the catalogue says */
    bool offline;        /* use no network: the cache, or a folder */
    bool proxied;        /* the environment names a proxy: then what a host's name stands for is not looked at */
    const char *ca_file; /* certificates to trust (PEM); NULL: the system's */
    const gf_log *log;   /* may be NULL, as the next two */
    void (*progress)(void *ctx, int64_t done, int64_t total);
    graft_status (*should_stop)(void *ctx); /* not OK: the fetch returns that status, what came is kept */
    void *ctx;

    double second;     /* of waiting between tries: 1; shorter in tests */
    int stall_seconds; /* a transfer below 1 KiB/s for so long is given up and tried again: 30 */
    int retries;       /* tries after the first that bring nothing much: 5 */
} gf_fetch_options;

void gf_fetch_defaults(gf_fetch_options *o);

typedef struct gf_fetched {
    char *path; /* gf_free */
    char sha256[65];
    int64_t size;
    int64_t transferred; /* bytes that came now; 0: it was in the cache */
    const char *checked; /* by what: static */
} gf_fetched;

/* E6001-E6010, E5002-E5004 of the disk, or the status of should_stop. One thread; calls to o's functions come on it. */
graft_status gf_fetch(const gf_weights_entry *e, const gf_fetch_options *o, gf_fetched *out, graft_error *err);

/* Which of the published facts a file of this entry is checked by, for people: "SHA-256". */
const char *gf_fetch_checked_by(const gf_weights_entry *e);

/* Whether the cache has a file of that name (not whether it is right). */
bool gf_fetch_is_cached(const gf_weights_entry *e, const char *cache);

#endif
