/* conn.c - one connection: bytes in, requests out, answers back, and how long each of these may take.
 *
 * Nothing here calls itself: what is read ends in an answer (GF_CONN_SEND) or with the handler (GF_CONN_WAIT), and
 * settle() then sends, and goes on with what came behind the request. */
#include "http/conn.h"

#include "base/alloc.h"
#include "base/sys.h"
#include "http/answer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { LINGER_BYTES = 1 << 16, LEAST_RATE = 1024, SLOW_AFTER = 5 /* seconds */ };
static const double linger_seconds = 1;

/* ---- list, and what is watched for */

static void link_last(gf_http_server *s, gf_conn *c)
{
    c->before = s->last;
    *(s->last ? &s->last->behind : &s->first) = c;
    s->last = c;
    s->connections++;
}

static void unlink_conn(gf_http_server *s, gf_conn *c)
{
    *(c->before ? &c->before->behind : &s->first) = c->behind;
    *(c->behind ? &c->behind->before : &s->last) = c->before;
    s->connections--;
}

static void watch(gf_conn *c, uint32_t events)
{
    if (c->events == events) return;
    c->events = events;
    epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){.events = events, .data.ptr = c});
}

static void drop_parser(gf_http_server *s, gf_http_parser **p)
{
    if (*p) s->bodies -= gf_http_parser_held(*p);
    gf_http_parser_free(*p);
    *p = NULL;
}

static void forget_answer(gf_conn *c)
{
    gf_free(c->out);
    c->out = NULL;
    c->n_out = c->sent = 0;
}

static void tell(gf_conn *c, int status)
{
    const gf_http_handler *h = &c->server->handler;
    const gf_http_request *r = c->parser ? gf_http_parser_request(c->parser) : NULL;
    h->told(h->ctx, &(gf_http_told){r && r->path ? r : NULL, status, gf_sys_seconds() - c->began});
}

void gf_conn_accepted(gf_http_server *s, int fd)
{
    gf_conn *c = gf_new(gf_conn);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
    if (!c || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event)) {
        gf_free(c);
        gf_sys_close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* of a Unix socket: no effect */
    *c =
        (gf_conn){.server = s, .fd = fd, .events = event.events, .deadline = gf_sys_seconds() + s->limits.idle_seconds};
    link_last(s, c);
}

void gf_conn_close(gf_conn *c)
{
    gf_http_server *s = c->server;
    gf_http_exchange *x = c->exchange;
    if (c->state == GF_CONN_DEAD) return;
    if (c->state == GF_CONN_WAIT || c->state == GF_CONN_SEND) tell(c, c->state == GF_CONN_WAIT ? 0 : c->status);
    gf_sys_close(c->fd);
    unlink_conn(s, c);
    c->state = GF_CONN_DEAD;
    c->behind = s->dead;
    s->dead = c;
    if (x) {
        x->parser = c->parser;
        x->conn = NULL;
        c->parser = NULL;
        c->exchange = NULL;
        s->handler.gone(s->handler.ctx, x);
    }
    drop_parser(s, &c->parser);
    forget_answer(c);
    gf_free(c->rest);
    c->rest = NULL;
}

/* ---- answers */

/* Where not even an answer can be made. */
static void give_up(gf_conn *c)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ssize_t ignored = send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    c->state = GF_CONN_SEND;
    c->status = 503; /* as in the text */
    gf_conn_close(c);
}

static void answer(gf_conn *c, const gf_http_answer *a)
{
    gf_http_server *s = c->server;
    c->close = c->close || a->close || s->draining;
    c->out = gf_http_answer_bytes(a, c->head_only, c->close, &c->n_out);
    c->status = a->status;
    if (!c->out) {
        give_up(c);
        return;
    }
    c->state = GF_CONN_SEND;
    c->deadline = gf_sys_seconds() + s->limits.unread_seconds;
}

static void answer_error(gf_conn *c, const graft_error *why)
{
    const gf_http_handler *h = &c->server->handler;
    gf_http_answer a = {0};
    char *text = NULL;
    h->fail(h->ctx, why, &a, &text);
    if (a.type) {
        answer(c, &a);
    } else {
        give_up(c);
    }
    gf_free(text);
}

/* What is not read to its end cannot be followed by another request. */
static void refuse(gf_conn *c, const graft_error *why)
{
    c->close = true;
    answer_error(c, why);
}

/* Its connection, which does without it from now on. */
static gf_conn *part(gf_http_exchange *x)
{
    gf_conn *c = x->conn;
    x->answered = true;
    x->conn = NULL;
    if (c) c->exchange = NULL;
    return c;
}

void gf_http_answer_with(gf_http_exchange *x, const gf_http_answer *a)
{
    gf_conn *c = part(x);
    if (c) answer(c, a);
}

void gf_http_answer_error(gf_http_exchange *x, const graft_error *why)
{
    gf_conn *c = part(x);
    if (c) answer_error(c, why);
}

/* ---- requests */

/* The whole request is there; n bytes behind it. */
static void hand_over(gf_conn *c, const char *rest, size_t n)
{
    gf_http_server *s = c->server;
    const gf_http_request *r = gf_http_parser_request(c->parser);
    gf_http_exchange *x = gf_new(gf_http_exchange);
    if (n) c->rest = gf_alloc_raw(n, 1);
    if (!x || (n && !c->rest)) {
        gf_free(x);
        give_up(c);
        return;
    }
    if (n) memcpy(c->rest, rest, n);
    c->n_rest = n;
    c->close = c->close || !r->keep_alive;
    c->head_only = !strcmp(r->method, "HEAD");
    c->state = GF_CONN_WAIT;
    *x = (gf_http_exchange){.server = s, .conn = c};
    c->exchange = x;
    s->handler.handle(s->handler.ctx, x);
    if (!x->answered) {
        s->held++;
        watch(c, EPOLLRDHUP);
        return;
    }
    gf_free(x);
}

/* The headers are there. */
static bool begin_body(gf_conn *c, bool more)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    gf_http_server *s = c->server;
    const gf_http_request *r = gf_http_parser_request(c->parser);
    graft_error why;
    c->state = GF_CONN_BODY;
    c->body_began = gf_sys_seconds();
    c->head_only = !strcmp(r->method, "HEAD");
    if (s->handler.begin(s->handler.ctx, r, &why) != GRAFT_OK) {
        refuse(c, &why);
        return false;
    }
    if (r->wants_continue && !more) {
        ssize_t ignored = send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)ignored;
    }
    return true;
}

static bool begin_request(gf_conn *c)
{
    gf_http_server *s = c->server;
    if (c->parser) return true;
    c->parser = gf_http_parser_new(&s->limits.request);
    c->state = GF_CONN_HEAD;
    c->began = gf_sys_seconds();
    c->deadline = c->began + s->limits.head_seconds;
    if (!c->parser) give_up(c);
    return c->parser != NULL;
}

static bool holds_too_much(gf_conn *c, size_t before, graft_error *why)
{
    gf_http_server *s = c->server;
    s->bodies += gf_http_parser_held(c->parser) - before;
    if (s->bodies <= s->limits.bodies) return false;
    gf_fail(why, GF_E_HTTP_BUSY, "try again", "the bodies of all requests take more memory than the limit");
    return true;
}

static void read_bytes(gf_conn *c, const char *data, size_t n)
{
    gf_http_step step = GF_HTTP_MORE;
    graft_error why;
    if (!n || !begin_request(c)) return;
    do {
        size_t used, before = gf_http_parser_held(c->parser);
        step = gf_http_parser_feed(c->parser, data, n, &used, &why);
        data += used;
        n -= used;
        bool full = holds_too_much(c, before, &why);
        if (step == GF_HTTP_BAD || full) {
            refuse(c, &why);
            return;
        }
        if (step == GF_HTTP_HEAD && !begin_body(c, n > 0)) return;
    } while (step == GF_HTTP_HEAD || (n && step == GF_HTTP_MORE));
    if (step == GF_HTTP_DONE) hand_over(c, data, n);
}

/* ---- sending, and what comes next */

static void end_answer(gf_conn *c)
{
    gf_http_server *s = c->server;
    tell(c, c->status);
    drop_parser(s, &c->parser);
    forget_answer(c);
    c->head_only = false;
    if (c->close || s->draining) {
        shutdown(c->fd, SHUT_WR);
        c->state = GF_CONN_LINGER;
        c->deadline = gf_sys_seconds() + linger_seconds;
    } else {
        c->state = GF_CONN_IDLE;
        c->deadline = gf_sys_seconds() + s->limits.idle_seconds;
    }
    watch(c, EPOLLIN | EPOLLRDHUP);
}

/* True: all is sent. */
static bool flush(gf_conn *c)
{
    while (c->sent < c->n_out) {
        ssize_t n = send(c->fd, c->out + c->sent, c->n_out - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            c->sent += (size_t)n;
            c->deadline = gf_sys_seconds() + c->server->limits.unread_seconds;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(c, EPOLLOUT);
            return false;
        } else {
            gf_conn_close(c);
            return false;
        }
    }
    return true;
}

static void settle(gf_conn *c)
{
    while (c->state == GF_CONN_SEND) {
        if (!flush(c)) return;
        end_answer(c);
        if (c->state != GF_CONN_IDLE || !c->rest) continue;
        char *rest = c->rest;
        c->rest = NULL;
        read_bytes(c, rest, c->n_rest);
        gf_free(rest);
    }
}

/* ---- events */

static void throw_away(gf_conn *c, size_t n)
{
    c->drained += n;
    if (c->drained > LINGER_BYTES) gf_conn_close(c);
}

void gf_conn_readable(gf_conn *c)
{
    gf_http_server *s = c->server;
    ssize_t n;
    do n = gf_sys_read(c->fd, s->block, sizeof s->block);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) {
        gf_conn_close(c);
    } else if (c->state == GF_CONN_LINGER) {
        throw_away(c, (size_t)n);
    } else {
        read_bytes(c, s->block, (size_t)n);
        settle(c);
    }
}

void gf_conn_event(gf_conn *c, uint32_t events)
{
    const uint32_t gone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    switch (c->state) {
    case GF_CONN_DEAD: break;
    case GF_CONN_WAIT:
        if (events & gone) gf_conn_close(c);
        break;
    case GF_CONN_SEND: settle(c); break;
    default: gf_conn_readable(c);
    }
}

static void too_slow(gf_conn *c, const char *what)
{
    graft_error why;
    gf_fail(&why, GF_E_HTTP_TIME, NULL, "%s", what);
    refuse(c, &why);
    settle(c);
}

void gf_conn_check(gf_conn *c, double now)
{
    const gf_http_limits *l = &c->server->limits;
    double body = now - c->body_began;
    switch (c->state) {
    case GF_CONN_HEAD:
        if (now > c->deadline) too_slow(c, "the headers took too long");
        break;
    case GF_CONN_BODY:
        if (body > l->body_seconds) {
            too_slow(c, "the body took too long");
        } else if (body > SLOW_AFTER && (double)gf_http_parser_request(c->parser)->n_body < body * LEAST_RATE) {
            too_slow(c, "the body comes too slowly: 1 KiB a second is the least");
        }
        break;
    case GF_CONN_IDLE:
    case GF_CONN_SEND:
    case GF_CONN_LINGER:
        if (now > c->deadline) gf_conn_close(c);
        break;
    case GF_CONN_WAIT:
    case GF_CONN_DEAD: break;
    }
}

void gf_conn_woken(gf_http_server *s, gf_http_exchange *x)
{
    gf_conn *c = x->conn;
    s->held--;
    s->handler.woken(s->handler.ctx, x);
    if (c) settle(c);
    drop_parser(s, &x->parser);
    gf_free(x);
}
