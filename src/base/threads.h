/* threads.h - a pool of workers that share out numbered items.
 *
 * There is the foreground, a job of each caller, which it waits for, and the background, whose items
 * a worker takes only when no foreground item is left (the next batch's frozen part, while the last
 * lanes of this step finish). Which worker takes which item never matters for a result: an item's outcome
 * depends on its number alone. */
#ifndef GF_BASE_THREADS_H
#define GF_BASE_THREADS_H

#include "base/watch.h"

typedef struct gf_pool gf_pool;

/* Work on item `item`, as worker `worker` (0 .. threads - 1). A failing item's status is kept (the lowest item
 * number wins) and the others still run. */
typedef graft_status (*gf_item_fn)(void *ctx, size_t item, int worker, graft_error *err);

/* Starts `threads` workers, each with a stack of 8 MiB (0: one a CPU this process may use). `start` (may be NULL) runs
 * first on each worker. Where not all can be started the pool runs with those that could; none at all is an error. */
graft_status gf_pool_create(gf_pool **out, int threads, void (*start)(void), graft_error *err);
void gf_pool_destroy(gf_pool *pool); /* takes NULL; waits for running items */
int gf_pool_threads(const gf_pool *pool);
int gf_cpu_count(void);

/* Runs fn on a thread of its own with a stack of 8 MiB, whatever the caller's is (ulimit -s, a host's small threads),
 * and waits for it: for third parties' deep calls. On the caller's own stack where no thread can be started. */
graft_status gf_on_deep_stack(graft_status (*fn)(void *ctx, graft_error *err), void *ctx, graft_error *err);

/* Runs items 0 .. n-1 and waits for all. Several callers at a time take turns, item by item. */
graft_status gf_pool_run(gf_pool *pool, size_t n, gf_item_fn fn, void *ctx, graft_error *err);

/* While a _watched call waits, `watch` (copied; NULL: none) looks up several times a second. Where it asks for a stop,
 * items that have not begun are dropped, the call ends with that status, and so does every _watched call from then on,
 * until gf_pool_watch is called again. */
void gf_pool_watch(gf_pool *pool, const gf_watch *watch);
graft_status gf_pool_run_watched(gf_pool *pool, size_t n, gf_item_fn fn, void *ctx, graft_error *err);
/* Looks up now, on the calling thread: between the parts of what takes long without the pool. */
graft_status gf_pool_look(gf_pool *pool, graft_error *err);
/* What was asked for, OK where nothing was: for items that take long, on any thread. */
graft_status gf_pool_asked(const gf_pool *pool);

/* Sets the background job (one at a time); items start when workers are idle. */
void gf_pool_background(gf_pool *pool, size_t n, gf_item_fn fn, void *ctx);
/* Waits until all its items are done. No job: GRAFT_OK. */
graft_status gf_pool_finish_background(gf_pool *pool, graft_error *err);
/* The same, looking up; after a stop the job goes on. */
graft_status gf_pool_finish_background_watched(gf_pool *pool, graft_error *err);
/* Drops the items that have not begun and waits for the others: for a job whose outcome is of no use any more. */
void gf_pool_drop_background(gf_pool *pool);

#endif
