/* server.c - the loop: new connections, events, what the handler has done elsewhere, and the end. */
#include "http/conn.h"

#include "base/alloc.h"
#include "base/sys.h"
#include "http/listen.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { EVENTS = 128, LOOK_MS = 250 };

void gf_http_limits_defaults(gf_http_limits *l)
{
    *l = (gf_http_limits){
        .request = {.head = 16 << 10, .target = 2 << 10, .fields = 100, .body = 10 << 20},
        .bodies = 256 << 20,
        .connections = 10000,
        .head_seconds = 10,
        .body_seconds = 60,
        .idle_seconds = 15,
        .unread_seconds = 30,
        .drain_seconds = 30,
    };
}

/* ---- making one */

static bool watch(gf_http_server *s, int fd, void *what)
{
    return !epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = what});
}

graft_status gf_http_server_open(gf_http_server **out, const char *listen, const gf_http_limits *limits,
                                 const gf_http_handler *handler, graft_error *err)
{
    gf_listener l;
    *out = NULL;
    gf_http_server *s = gf_new(gf_http_server);
    if (!s) return gf_fail_memory(err, sizeof *s, "a server");
    *s = (gf_http_server){.limits = *limits, .handler = *handler, .epoll = -1, .wake = -1, .listener = -1};
    pthread_mutex_init(&s->lock, NULL);
    graft_status status = gf_listen(&l, listen, err);
    s->listener = l.fd;
    s->local = l.local;
    s->address = l.address;
    s->unix_path = l.unix_path;
    if (status == GRAFT_OK) {
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        s->accepts =
            s->epoll >= 0 && s->wake >= 0 && watch(s, s->wake, &s->wake) && watch(s, s->listener, &s->listener);
        if (!s->accepts) status = gf_fail_errno(err, GF_E_HTTP_LISTEN, errno, "cannot be watched", listen);
    }
    if (status != GRAFT_OK) {
        gf_http_server_free(s);
    } else {
        *out = s;
    }
    return status;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) gf_sys_close(*fd);
    *fd = -1;
}

static void stop_listening(gf_http_server *s)
{
    s->accepts = false;
    close_fd(&s->listener);
    if (s->unix_path) gf_sys_unlink(s->unix_path);
    gf_free(s->unix_path);
    s->unix_path = NULL;
}

static void free_dead(gf_http_server *s)
{
    while (s->dead) {
        gf_conn *c = s->dead;
        s->dead = c->behind;
        gf_free(c);
    }
}

void gf_http_server_free(gf_http_server *s)
{
    if (!s) return;
    while (s->first) gf_conn_close(s->first);
    free_dead(s);
    stop_listening(s);
    close_fd(&s->epoll);
    close_fd(&s->wake);
    gf_free(s->address);
    pthread_mutex_destroy(&s->lock);
    gf_free(s);
}

const char *gf_http_server_address(const gf_http_server *s) { return s->address; }
bool gf_http_server_is_local(const gf_http_server *s) { return s->local; }
bool gf_http_server_draining(const gf_http_server *s) { return s->draining; }
size_t gf_http_server_connections(const gf_http_server *s) { return s->connections; }

/* ---- exchanges */

const gf_http_request *gf_http_exchange_request(const gf_http_exchange *x)
{
    return gf_http_parser_request(x->conn ? x->conn->parser : x->parser);
}

void **gf_http_exchange_user(gf_http_exchange *x) { return &x->user; }
bool gf_http_exchange_gone(const gf_http_exchange *x) { return !x->conn; }

void gf_http_server_poke(gf_http_server *s)
{
    uint64_t one = 1;
    ssize_t ignored = gf_sys_write(s->wake, &one, sizeof one);
    (void)ignored;
}

void gf_http_wake(gf_http_exchange *x)
{
    gf_http_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    x->next = s->woken;
    s->woken = x;
    /* Within the lock: once it is given up, the server may have taken x, ended and be gone. */
    gf_http_server_poke(s);
    pthread_mutex_unlock(&s->lock);
}

static void take_woken(gf_http_server *s)
{
    uint64_t ignored;
    if (gf_sys_read(s->wake, &ignored, sizeof ignored) < 0) ignored = 0;
    pthread_mutex_lock(&s->lock);
    gf_http_exchange *list = s->woken, *turned = NULL;
    s->woken = NULL;
    pthread_mutex_unlock(&s->lock);
    while (list) { /* the first first */
        gf_http_exchange *x = list;
        list = x->next;
        x->next = turned;
        turned = x;
    }
    while (turned) {
        gf_http_exchange *x = turned;
        turned = x->next;
        gf_conn_woken(s, x);
    }
}

/* ---- new connections */

static void stop_accepting(gf_http_server *s)
{
    if (s->accepts) epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
    s->accepts = false;
}

/* The oldest that waits for nothing, or has not told yet what it wants. */
static bool close_oldest(gf_http_server *s)
{
    gf_conn *c = s->first;
    while (c && c->state != GF_CONN_HEAD && c->state != GF_CONN_IDLE) c = c->behind;
    if (c) gf_conn_close(c);
    return c != NULL;
}

static void accept_all(gf_http_server *s)
{
    while (s->accepts) {
        if (s->connections >= s->limits.connections && !close_oldest(s)) {
            stop_accepting(s);
            return;
        }
        int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        bool full = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
        if (fd >= 0) {
            gf_conn_accepted(s, fd);
        } else if (full) {
            if (!close_oldest(s)) stop_accepting(s);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- the end */

static void begin_drain(gf_http_server *s)
{
    accept_all(s); /* those whose connection the system has made already */
    stop_listening(s);
    s->draining = true;
    s->drain_end = gf_sys_seconds() + s->limits.drain_seconds;
    for (gf_conn *c = s->first, *behind; c; c = behind) {
        behind = c->behind;
        if (c->state == GF_CONN_IDLE) gf_conn_readable(c); /* what lies there already is answered */
        if (c->state == GF_CONN_IDLE) gf_conn_close(c);
    }
}

static size_t cut_off(gf_http_server *s)
{
    size_t cut = 0;
    while (s->first) {
        cut += s->first->state == GF_CONN_BODY || s->first->state == GF_CONN_WAIT || s->first->state == GF_CONN_SEND;
        gf_conn_close(s->first);
    }
    return cut;
}

/* ---- the loop */

static void look(gf_http_server *s)
{
    double now = gf_sys_seconds();
    if ((now - s->looked) * 1000 < LOOK_MS) return;
    s->looked = now;
    for (gf_conn *c = s->first, *behind; c; c = behind) {
        behind = c->behind;
        gf_conn_check(c, now);
    }
    bool room = s->connections < s->limits.connections;
    if (!s->accepts && !s->draining && room) s->accepts = watch(s, s->listener, &s->listener);
}

static void serve_events(gf_http_server *s, const struct epoll_event *event, int n)
{
    bool came = false;
    for (int i = 0; i < n; i++) {
        void *what = event[i].data.ptr;
        if (what == &s->listener) {
            came = true;
        } else if (what != &s->wake) {
            gf_conn_event(what, event[i].events);
        }
    }
    take_woken(s);
    if (came) accept_all(s);
    free_dead(s);
}

graft_status gf_http_server_run(gf_http_server *s, size_t *cut, graft_error *err)
{
    struct epoll_event event[EVENTS];
    *cut = 0;
    while (!s->draining || s->connections || s->held) {
        int n = epoll_wait(s->epoll, event, EVENTS, LOOK_MS);
        if (n < 0 && errno != EINTR) return gf_fail_errno(err, GF_E_HTTP_LISTEN, errno, "cannot be served", s->address);
        serve_events(s, event, n);
        look(s);
        if (!s->draining && s->handler.should_stop(s->handler.ctx)) begin_drain(s);
        if (s->draining && gf_sys_seconds() > s->drain_end) *cut += cut_off(s);
        free_dead(s);
    }
    return GRAFT_OK;
}
