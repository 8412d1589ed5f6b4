/* serve_reload.c - the models' files opened anew, on a thread of its own, while the old ones serve. All of them take
 * the old ones' places at once, or none does; what is under way ends with the model it began with. */
#include "api/serve.h"

#include <pthread.h>

typedef struct reload {
    gf_held held;
    gf_call call;
    gf_served **fresh; /* of each model */
    graft_status status;
    graft_error error;
} reload;

static void free_reload(reload *r)
{
    graft_serve *s = r->call.serve;
    for (size_t i = 0; r->fresh && i < s->n_models; i++) gf_served_drop(r->fresh[i]);
    gf_free(r->fresh);
    s->reloads = false;
    gf_free(r);
}

static void *open_anew(void *raw)
{
    reload *r = raw;
    const graft_serve *s = r->call.serve;
    for (size_t i = 0; i < s->n_models && r->status == GRAFT_OK; i++) {
        r->status = gf_served_again(s, s->model[i], &r->fresh[i], &r->error);
    }
    gf_http_wake(r->call.exchange);
    return NULL;
}

/* Also where the client has gone: it was asked for. */
static void woken(gf_held *held)
{
    reload *r = (reload *)held;
    graft_serve *s = r->call.serve;
    for (size_t i = 0; i < s->n_models && r->status == GRAFT_OK; i++) {
        gf_served *old = s->model[i];
        s->model[i] = r->fresh[i];
        r->fresh[i] = old;
        gf_log_say(&s->context->log, GF_NOTE, "serving %s, version %s", s->model[i]->name, s->model[i]->version);
    }
    if (r->status != GRAFT_OK) {
        gf_log_say(&s->context->log, GF_WARNING, "the models were not opened anew: E%d: %s", r->error.number,
                   r->error.message);
        gf_serve_fail(&r->call, &r->error);
    } else {
        gf_serve_labels(&r->call);
    }
    free_reload(r);
}

static graft_status begin(const gf_call *call, graft_error *err)
{
    graft_serve *s = call->serve;
    pthread_t thread;
    if (!s->token)
        return gf_fail(err, GF_E_HTTP_TOKEN, "start it with --token-file", "a server without a token has no /admin");
    if (gf_http_server_draining(s->server)) return gf_fail(err, GF_E_HTTP_STOPPING, NULL, "the server is stopping");
    if (s->reloads) return gf_fail(err, GF_E_HTTP_BUSY, "wait for its answer", "the models are being opened already");
    reload *r = gf_new(reload);
    if (!r) return gf_fail_memory(err, sizeof *r, "a reload");
    *r = (reload){.held = {woken, NULL}, .call = *call, .fresh = gf_new_n(s->n_models, gf_served *)};
    *gf_http_exchange_user(call->exchange) = r;
    graft_status status = r->fresh ? GRAFT_OK : gf_fail_memory(err, s->n_models, "a reload");
    s->reloads = true;
    if (status == GRAFT_OK && pthread_create(&thread, NULL, open_anew, r))
        status = gf_fail(err, GF_E_THREADS, NULL, "no thread can be started");
    if (status == GRAFT_OK) {
        pthread_detach(thread);
    } else {
        free_reload(r);
    }
    return status;
}

void gf_serve_reload(const gf_call *call)
{
    graft_error why;
    if (begin(call, &why) != GRAFT_OK) gf_serve_fail(call, &why);
}
