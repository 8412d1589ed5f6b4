/* server.h - a server of HTTP/1.1: connections, limits, time-outs, draining. What is answered is the caller's.
 *
 * One thread runs it (gf_http_server_run); all calls are for that thread but gf_http_wake and gf_http_server_poke. A
 * request and its answer are an exchange:
 *
 *     begin(head)  ->  handle(whole request)  ->  gf_http_answer
 *                             |  or: hold, work elsewhere, gf_http_wake  ->  woken  ->  gf_http_answer
 *
 * An exchange that handle did not answer is held until it is woken, exactly once, also where its client has gone. */
#ifndef GF_HTTP_SERVER_H
#define GF_HTTP_SERVER_H

#include "http/request.h"

typedef struct gf_http_limits {
    gf_http_request_limits request;
    size_t bodies;      /* bytes of bodies that are held at a time */
    size_t connections; /* open at a time */
    double head_seconds, body_seconds, idle_seconds, unread_seconds, drain_seconds;
} gf_http_limits;
void gf_http_limits_defaults(gf_http_limits *l);

typedef struct gf_http_server gf_http_server;
typedef struct gf_http_exchange gf_http_exchange;

typedef struct gf_http_answer {
    int status;
    const char *type;  /* Content-Type */
    const char *extra; /* further header lines, each with its CR LF; NULL: none */
    const void *body;  /* copied */
    size_t n;
    bool close; /* the connection, afterwards */
} gf_http_answer;

/* What an exchange was like, once its answer has been given to the system or its client has gone (status 0). */
typedef struct gf_http_told {
    const gf_http_request *request; /* NULL: it could not be read */
    int status;
    double seconds; /* from its first byte */
} gf_http_told;

typedef struct gf_http_handler {
    void *ctx;
    /* The headers are there: whether the body is to be read. What fails is answered by `fail`. */
    graft_status (*begin)(void *ctx, const gf_http_request *r, graft_error *err);
    void (*handle)(void *ctx, gf_http_exchange *x);
    void (*woken)(void *ctx, gf_http_exchange *x);
    void (*gone)(void *ctx, gf_http_exchange *x); /* held, and its client has closed: woken will come all the same */
    /* Fills an answer for what went wrong: a refused request, memory that ran out. text (gf_free) is its body. */
    void (*fail)(void *ctx, const graft_error *why, gf_http_answer *a, char **text);
    void (*told)(void *ctx, const gf_http_told *t);
    /* Asked several times a second: whether to drain and end. */
    bool (*should_stop)(void *ctx);
} gf_http_handler;

/* Listens on "HOST:PORT" (port 0: any that is free) or "unix:PATH". E3520 where it cannot. */
graft_status gf_http_server_open(gf_http_server **out, const char *listen, const gf_http_limits *limits,
                                 const gf_http_handler *handler, graft_error *err);
const char *gf_http_server_address(const gf_http_server *s); /* "127.0.0.1:8080", "unix:/run/graft.sock" */
bool gf_http_server_is_local(const gf_http_server *s);       /* only this machine's programs reach it */
/* Serves until a stop is asked for, then drains. *cut: how many requests were not answered for it. */
graft_status gf_http_server_run(gf_http_server *s, size_t *cut, graft_error *err);
void gf_http_server_poke(gf_http_server *s); /* asks should_stop now; from any thread or signal handler */
void gf_http_server_free(gf_http_server *s); /* takes NULL */
bool gf_http_server_draining(const gf_http_server *s);
size_t gf_http_server_connections(const gf_http_server *s);

const gf_http_request *gf_http_exchange_request(const gf_http_exchange *x);
void **gf_http_exchange_user(gf_http_exchange *x); /* a place for the handler's own */
bool gf_http_exchange_gone(const gf_http_exchange *x);
/* Once per exchange; dropped where the client has gone. */
void gf_http_answer_with(gf_http_exchange *x, const gf_http_answer *a);
/* As `fail` has it. */
void gf_http_answer_error(gf_http_exchange *x, const graft_error *why);
void gf_http_wake(gf_http_exchange *x); /* from any thread */

/* The status that an error is answered with. */
int gf_http_status_of(const graft_error *e);
const char *gf_http_reason(int status);

#endif
