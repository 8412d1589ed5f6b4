/* graft/serve.h - trained models over HTTP: what `graft serve` runs, for programs that want it inside. Since 0.2.
 *
 *     const char *runs[] = {"pets=runs/pets"};
 *     graft_serve_open(context, runs, 1, settings, &serve, &err);     opens the models and listens
 *     graft_serve_run(serve, &err);                                   serves until a stop is asked for
 *     graft_serve_free(serve);
 *
 * Routes, limits and formats: docs/guide.md, section 12. Neither signals nor standard streams are touched; threads are
 * started. While POST /admin/reload opens models, the context's say, progress and should_stop are called on a
 * thread of its own, too. */
#ifndef GRAFT_SERVE_H
#define GRAFT_SERVE_H

#include <graft/settings.h>
#include <graft/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct graft_context;
typedef struct graft_serve graft_serve;

/* Each run is PATH or NAME=PATH, a run folder or a model file; without a name it has its folder's. settings (may be
 * NULL: the context's): serve.*, session.threads, data.max_pixels, data.allow_truncated. The context must outlive it.
 * GRAFT_OK: clients can connect. */
GRAFT_API graft_status graft_serve_open(struct graft_context *context, const char *const *runs, size_t n,
                                        const graft_settings *settings, graft_serve **out, graft_error *err);
/* "http://127.0.0.1:8080", with the port that it got; or "unix:PATH". */
GRAFT_API const char *graft_serve_address(const graft_serve *serve);
/* Serves until graft_serve_stop or the context's should_stop; then takes no more connections, answers what came, and
 * returns GRAFT_OK; GRAFT_TERMINATED where requests were cut off. Once. */
GRAFT_API graft_status graft_serve_run(graft_serve *serve, graft_error *err);
/* From any thread or signal handler, while the server is there. Takes NULL. */
GRAFT_API void graft_serve_stop(graft_serve *serve);
/* Not while it runs. Takes NULL. */
GRAFT_API void graft_serve_free(graft_serve *serve);

#ifdef __cplusplus
}
#endif
#endif
