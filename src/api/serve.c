/* serve.c - models behind a server of HTTP: opening them, who may ask, which route a request takes, the end. */
#include "api/serve.h"

#include "base/sys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LARGEST_TOKEN_FILE = 4096, FIRST_GUESS_MS = 5, MOST_PIXELS = 25000000 };

/* ---- the handler: whether a request may be, and what answers it */

static graft_status check_host(const graft_serve *s, const gf_http_request *r, graft_error *err)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = gf_http_header(r, "host");
    if (!s->checks_host || !host) return GRAFT_OK;
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == n && !strncasecmp(host, names[i], n)) return GRAFT_OK;
    }
    if (s->host_name && strlen(s->host_name) == n && !strncasecmp(host, s->host_name, n)) return GRAFT_OK;
    return gf_fail(err, GF_E_HTTP_HOST, "--host-name NAME lets clients call it so",
                   "this server is for programs of this machine, not for the host %s", GF_ESC(host));
}

/* In a time that says nothing of how much of it is right. */
static bool equal(const char *a, const char *b)
{
    gf_sha256 x = gf_sha256_of(a, strlen(a)), y = gf_sha256_of(b, strlen(b));
    unsigned differs = 0;
    for (size_t i = 0; i < sizeof x.byte; i++) differs |= (unsigned)(x.byte[i] ^ y.byte[i]);
    return !differs;
}

static graft_status check_token(const graft_serve *s, const gf_http_request *r, graft_error *err)
{
    static const char scheme[] = "bearer ";
    const char *given = gf_http_header(r, "authorization");
    bool one = gf_http_headers(r, "authorization") == 1 && !strncasecmp(given, scheme, sizeof scheme - 1);
    if (!s->token || (one && equal(given + sizeof scheme - 1, s->token))) return GRAFT_OK;
    return gf_fail(err, GF_E_HTTP_TOKEN, "send the header Authorization: Bearer TOKEN", "the server's token is wanted");
}

static graft_status check_type(const gf_route *route, const gf_http_request *r, graft_error *err)
{
    static const int takes[] = {[GF_BODY_IMAGE] = GF_TAKES_IMAGE,
                                [GF_BODY_FORM] = GF_TAKES_FORM,
                                [GF_BODY_JSON] = GF_TAKES_JSON,
                                [GF_BODY_OTHER] = 0};
    const char *type = gf_http_header(r, "content-type");
    if (strcmp(r->method, "POST") != 0 || !route->takes || takes[gf_body_kind_of(type)] & route->takes) return GRAFT_OK;
    return gf_fail(err, GF_E_HTTP_TYPE, "`curl --data-binary @image.jpg` or `curl -F image=@image.jpg`",
                   "%s does not take a body of type %s", GF_ESC(r->path), GF_ESC(type ? type : "image/*"));
}

static graft_status find_model(graft_serve *s, const gf_path_parts *parts, gf_served **model, graft_error *err)
{
    *model = s->model[0];
    for (size_t i = 0; parts->model[0] && i <= s->n_models; i++) {
        if (i == s->n_models)
            return gf_fail(err, GF_E_HTTP_NO_ROUTE, "/labels lists the models", "there is no model %s",
                           GF_ESC(parts->model));
        *model = s->model[i];
        if (!strcmp((*model)->name, parts->model)) break;
    }
    if (!parts->version[0] || !strcmp(parts->version, (*model)->version)) return GRAFT_OK;
    return gf_fail(err, GF_E_HTTP_NO_ROUTE, "/labels lists the models", "%s is of version %s, not %s", (*model)->name,
                   (*model)->version, GF_ESC(parts->version));
}

static graft_status find(graft_serve *s, const gf_http_request *r, gf_call *call, graft_error *err)
{
    gf_path_parts parts;
    int allowed;
    GF_TRY(check_host(s, r, err));
    graft_status status = gf_route_find(r, &call->route, &parts, &allowed, err);
    if (status != GRAFT_OK || !call->route->open) GF_TRY(check_token(s, r, err));
    if (status != GRAFT_OK && allowed)
        snprintf(s->next_extra, sizeof s->next_extra, "Allow: %s\r\n", gf_route_methods(allowed));
    GF_TRY(status);
    *call = (gf_call){.serve = s, .request = r, .route = call->route};
    GF_TRY(find_model(s, &parts, &call->model, err));
    return check_type(call->route, r, err);
}

static graft_status on_begin(void *ctx, const gf_http_request *r, graft_error *err)
{
    gf_call call;
    return find(ctx, r, &call, err);
}

static void on_handle(void *ctx, gf_http_exchange *x)
{
    graft_serve *s = ctx;
    gf_call call;
    graft_error why;
    graft_status status = find(s, gf_http_exchange_request(x), &call, &why);
    call.exchange = x;
    if (status != GRAFT_OK) {
        gf_http_answer_error(x, &why);
    } else {
        call.route->serve(&call);
    }
}

static void on_woken(void *ctx, gf_http_exchange *x)
{
    (void)ctx;
    gf_held *held = *gf_http_exchange_user(x);
    held->woken(held);
}

static void on_gone(void *ctx, gf_http_exchange *x)
{
    (void)ctx;
    gf_held *held = *gf_http_exchange_user(x);
    if (held->gone) held->gone(held);
}

static void on_fail(void *ctx, const graft_error *why, gf_http_answer *a, char **text)
{
    gf_serve_make_error(ctx, why, a, text);
}

static void on_told(void *ctx, const gf_http_told *t)
{
    enum { ALL = 1, NONE = 2 };
    graft_serve *s = ctx;
    const gf_route *route = NULL;
    gf_path_parts parts;
    int allowed;
    if (t->request && gf_route_find(t->request, &route, &parts, &allowed, NULL) != GRAFT_OK) route = NULL;
    gf_serve_count(&s->metrics, route ? (int)(route - gf_routes) : (int)gf_routes_n, t->status);
    gf_histogram_add(&s->metrics.request, t->seconds);
    if (s->log == NONE || (s->log != ALL && t->status && t->status < 500)) return;
    gf_log_say(&s->context->log, GF_NOTE, "%s %s: %d, %.1f ms", t->request ? t->request->method : "-",
               GF_ESC(t->request ? t->request->path : "-"), t->status, t->seconds * 1e3);
}

static bool on_should_stop(void *ctx)
{
    graft_serve *s = ctx;
    gf_serve_jobs_check(s);
    return atomic_load(&s->stop) || gf_api_stop_asked(s->context, NULL) != GRAFT_OK;
}

/* ---- opening */

static graft_status read_token(graft_serve *s, graft_error *err)
{
    const char *path = gf_settings_text(s->settings, GF_SET_SERVE_TOKEN_FILE);
    uint8_t *text;
    size_t n;
    if (!path) return GRAFT_OK;
    GF_TRY(gf_file_read(path, LARGEST_TOKEN_FILE, &text, &n, err));
    s->token = gf_strndup((const char *)text, strcspn((const char *)text, "\r\n"));
    gf_free(text);
    if (!s->token) return gf_fail_memory(err, n, "a token");
    if (s->token[0]) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "head -c 24 /dev/urandom | base64 > FILE makes one",
                   "%s: its first line is empty", GF_ESC(path));
}

static gf_http_limits limits_of(const gf_settings *o)
{
    gf_http_limits l;
    gf_http_limits_defaults(&l);
    l.request.body = (size_t)gf_settings_seed(o, GF_SET_SERVE_BODY);
    l.bodies = (size_t)gf_settings_seed(o, GF_SET_SERVE_BODIES);
    l.connections = (size_t)gf_settings_whole(o, GF_SET_SERVE_CONNECTIONS);
    l.head_seconds = gf_settings_real(o, GF_SET_SERVE_HEAD_SECONDS);
    l.body_seconds = gf_settings_real(o, GF_SET_SERVE_BODY_SECONDS);
    l.idle_seconds = gf_settings_real(o, GF_SET_SERVE_IDLE_SECONDS);
    l.unread_seconds = gf_settings_real(o, GF_SET_SERVE_UNREAD_SECONDS);
    l.drain_seconds = gf_settings_real(o, GF_SET_SERVE_DRAIN_SECONDS);
    return l;
}

static graft_status listen_now(graft_serve *s, graft_error *err)
{
    static const gf_http_handler functions = {.begin = on_begin,
                                              .handle = on_handle,
                                              .woken = on_woken,
                                              .gone = on_gone,
                                              .fail = on_fail,
                                              .told = on_told,
                                              .should_stop = on_should_stop};
    gf_http_handler handler = functions;
    handler.ctx = s;
    gf_http_limits limits = limits_of(s->settings);
    const char *where = gf_settings_text(s->settings, GF_SET_SERVE_LISTEN);
    GF_TRY(gf_http_server_open(&s->server, where, &limits, &handler, err));
    const char *address = gf_http_server_address(s->server);
    bool is_unix = !strncmp(address, "unix:", 5), local = gf_http_server_is_local(s->server);
    s->checks_host = local && !is_unix;
    if (!local && !s->token && !gf_settings_flag(s->settings, GF_SET_SERVE_NO_TOKEN))
        return gf_fail(err, GF_E_OPTION_VALUE, "--token-file FILE; or --no-token, if everyone may use it",
                       "%s: other machines reach this address, and there is no token", GF_ESC(where));
    s->address = is_unix ? gf_strdup(address) : gf_sprintf("http://%s", address);
    return s->address ? GRAFT_OK : gf_fail_memory(err, 64, "an address");
}

static graft_status take_settings(graft_serve *s, const gf_settings *settings, graft_error *err)
{
    const gf_settings *from = settings ? settings : s->context->settings;
    char text[32];
    GF_TRY(gf_settings_copy(&s->settings, from, err));
    if (!s->settings) s->settings = gf_settings_new();
    if (!s->settings) return gf_fail_memory(err, sizeof s, "settings");
    snprintf(text, sizeof text, "%d", MOST_PIXELS);
    if (!gf_settings_given(s->settings, GF_SET_DATA_MAX_PIXELS))
        GF_TRY(gf_settings_set(s->settings, "data.max_pixels", text, err));
    s->deadline = gf_settings_real(s->settings, GF_SET_SERVE_DEADLINE);
    s->most_images = (size_t)gf_settings_whole(s->settings, GF_SET_SERVE_IMAGES);
    s->log = gf_settings_choice(s->settings, GF_SET_SERVE_LOG);
    s->host_name = gf_settings_text(s->settings, GF_SET_SERVE_HOST_NAME);
    return read_token(s, err);
}

static graft_status open_all(graft_serve *s, const char *const *runs, size_t n, const gf_settings *settings,
                             graft_error *err)
{
    GF_TRY(take_settings(s, settings, err));
    GF_TRY(gf_served_open_all(s, runs, n, err));
    s->threads = (int)gf_settings_whole(s->settings, GF_SET_SESSION_THREADS);
    if (!s->threads) s->threads = gf_pool_threads(s->context->pool);
    s->mean_seconds = FIRST_GUESS_MS * 1e-3;
    s->metrics.began = gf_sys_seconds();
    GF_TRY(listen_now(s, err));
    for (size_t i = 0; i < n; i++) {
        const gf_served *m = s->model[i];
        gf_log_say(&s->context->log, GF_NOTE, "serving %s, version %s (%d classes, %d x %d pixels) at %s", m->name,
                   m->version, m->classes, m->width, m->height, s->address);
    }
    return GRAFT_OK;
}

graft_status graft_serve_open(graft_context *context, const char *const *runs, size_t n, const graft_settings *settings,
                              graft_serve **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_TRY(gf_api_check_texts(__func__, "runs", runs, n, err));
    GF_TRY(gf_api_check_settings(settings, err));
    if (!n) return gf_fail(err, GF_E_USAGE, NULL, "%s: no run is named", __func__);
    gf_api_begin(context, GRAFT_STAGE_PLAN);
    graft_serve *s = gf_new(graft_serve);
    if (!s) return gf_fail_memory(err, sizeof *s, "a server");
    s->context = context;
    graft_status status = open_all(s, runs, n, settings, err);
    if (status != GRAFT_OK) {
        graft_serve_free(s);
    } else {
        *out = s;
    }
    return gf_api_end(status, err);
}

/* ---- running, ending */

const char *graft_serve_address(const graft_serve *s) { return s ? s->address : NULL; }

graft_status graft_serve_run(graft_serve *s, graft_error *err)
{
    GF_NEEDS(s, "serve");
    size_t cut;
    if (gf_http_server_draining(s->server)) return gf_fail(err, GF_E_USAGE, NULL, "the server has run already");
    GF_TRY(gf_http_server_run(s->server, &cut, err));
    if (!cut) return GRAFT_OK;
    if (err) *err = (graft_error){.status = GRAFT_TERMINATED};
    if (err) snprintf(err->message, sizeof err->message, "stopped; %zu requests were cut off", cut);
    return GRAFT_TERMINATED;
}

void graft_serve_stop(graft_serve *s)
{
    if (!s) return;
    atomic_store(&s->stop, true);
    gf_http_server_poke(s->server);
}

void graft_serve_free(graft_serve *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_models; i++) gf_served_drop(s->model[i]); /* their threads wake the server */
    gf_http_server_free(s->server);
    gf_settings_free(s->settings);
    gf_free(s->model);
    gf_free(s->address);
    gf_free(s->token);
    gf_free(s);
}
