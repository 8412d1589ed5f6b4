/* request.h - the bytes of a connection as requests of HTTP/1.1 (RFC 9112); llhttp stands behind it. Strict: what two
 * programs could read in two ways is refused. Nothing is allocated by what a client claims. */
#ifndef GF_HTTP_REQUEST_H
#define GF_HTTP_REQUEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_http_field {
    const char *name, *value;
} gf_http_field;

typedef struct gf_http_request {
    const char *method; /* "GET" */
    const char *path;   /* decoded, from its '/' */
    const char *query;  /* what stood behind the '?', as it came; "": nothing */
    const gf_http_field *field;
    size_t n_fields;
    const uint8_t *body; /* whole once the request is; NULL: none */
    size_t n_body;
    uint64_t declared; /* bytes of the body by Content-Length; 0: none, or in chunks */
    bool chunked, keep_alive, wants_continue;
} gf_http_request;

/* The value of the first header of that name, in any case of letters; NULL: there is none. */
const char *gf_http_header(const gf_http_request *r, const char *name);
size_t gf_http_headers(const gf_http_request *r, const char *name); /* how many */
/* The value of the query's first parameter of that name, decoded. False: there is none. E3513: it does not fit, or is
 * not well encoded. */
graft_status gf_http_query(const gf_http_request *r, const char *name, char *value, size_t size, bool *there,
                           graft_error *err);

typedef struct gf_http_request_limits {
    size_t head;   /* bytes of request line, headers and trailers */
    size_t target; /* bytes */
    size_t fields;
    size_t body;
} gf_http_request_limits;

typedef struct gf_http_parser gf_http_parser;

typedef enum gf_http_step {
    GF_HTTP_MORE, /* all bytes were taken, more are wanted */
    GF_HTTP_HEAD, /* the headers are there, once per request; go on with the bytes that were not taken */
    GF_HTTP_DONE, /* the request is whole; bytes that were not taken belong to the next one */
    GF_HTTP_BAD,  /* refused: `err` says why, nothing more can be read from this connection */
} gf_http_step;

/* For one request; the limits are borrowed. NULL: no memory. */
gf_http_parser *gf_http_parser_new(const gf_http_request_limits *limits);
void gf_http_parser_free(gf_http_parser *p);
/* *used gets how many of the n bytes were taken. Fills err with GF_HTTP_BAD alone. */
gf_http_step gf_http_parser_feed(gf_http_parser *p, const char *data, size_t n, size_t *used, graft_error *err);
/* From GF_HTTP_HEAD on. Borrowed; the body's place moves until the request is whole. */
const gf_http_request *gf_http_parser_request(const gf_http_parser *p);
size_t gf_http_parser_held(const gf_http_parser *p); /* bytes of the body that are held */

#endif
