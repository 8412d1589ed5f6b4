/* conn.h - the inside of the server: its connections (conn.c) and the loop that serves them (server.c). */
#ifndef GF_HTTP_CONN_H
#define GF_HTTP_CONN_H

#include "http/server.h"

#include <pthread.h>

enum { GF_HTTP_BLOCK = 1 << 16 };

typedef enum gf_conn_state {
    GF_CONN_IDLE,   /* between requests; owns no buffer */
    GF_CONN_HEAD,   /* the first byte is there */
    GF_CONN_BODY,   /* the headers are there */
    GF_CONN_WAIT,   /* with the handler */
    GF_CONN_SEND,   /* the answer is on its way */
    GF_CONN_LINGER, /* told its last; what still comes is thrown away so that the client can read it */
    GF_CONN_DEAD,   /* closed; freed when the events at hand are done */
} gf_conn_state;

typedef struct gf_conn {
    gf_http_server *server;
    struct gf_conn *before, *behind; /* the oldest first */
    int fd;
    gf_conn_state state;
    double deadline, began, body_began;
    gf_http_parser *parser;
    gf_http_exchange *exchange; /* of GF_CONN_WAIT */
    char *out;                  /* head and body of an answer */
    size_t n_out, sent;
    char *rest; /* what came behind the request */
    size_t n_rest;
    size_t drained;
    uint32_t events; /* that are watched for */
    int status;      /* of the answer */
    bool close, head_only;
} gf_conn;

struct gf_http_exchange {
    gf_http_server *server;
    gf_conn *conn;          /* NULL: the client has gone */
    gf_http_parser *parser; /* of a client that has gone; else the connection's */
    void *user;
    bool answered;
    struct gf_http_exchange *next; /* of those woken */
};

struct gf_http_server {
    gf_http_limits limits;
    gf_http_handler handler;
    int epoll, wake, listener;
    char *address, *unix_path;
    bool local, draining, accepts;
    gf_conn *first, *last, *dead;
    size_t connections, bodies, held; /* held: exchanges with the handler */
    double looked, drain_end;
    pthread_mutex_t lock; /* of the next */
    gf_http_exchange *woken;
    char block[GF_HTTP_BLOCK];
};

void gf_conn_accepted(gf_http_server *s, int fd); /* takes over fd */
void gf_conn_event(gf_conn *c, uint32_t events);
void gf_conn_readable(gf_conn *c);
void gf_conn_close(gf_conn *c); /* a held exchange goes on without its client */
/* Looks at deadlines. */
void gf_conn_check(gf_conn *c, double now);
/* Calls woken for an exchange, and ends it. */
void gf_conn_woken(gf_http_server *s, gf_http_exchange *x);

#endif
