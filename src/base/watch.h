/* watch.h - a long call looks up from time to time: whoever waits for it is told, and may want it to end. */
#ifndef GF_BASE_WATCH_H
#define GF_BASE_WATCH_H

#include "base/error.h"

#include <stdbool.h>

/* Called a few times a second on the thread that made the public call. A status other than OK (GRAFT_INTERRUPTED,
 * GRAFT_TERMINATED) is what the call then ends with, as soon as it can. */
typedef struct gf_watch {
    graft_status (*look)(void *ctx);
    void *ctx;
} gf_watch;

/* `watch` may be NULL. An error without a message: what was stopped has its own words for it. */
static inline graft_status gf_watch_look(const gf_watch *watch, graft_error *err)
{
    graft_status asked = watch && watch->look ? watch->look(watch->ctx) : GRAFT_OK;
    if (asked != GRAFT_OK && err) *err = (graft_error){.status = asked};
    return asked;
}

static inline bool gf_is_stop(graft_status status) { return status == GRAFT_INTERRUPTED || status == GRAFT_TERMINATED; }

#endif
