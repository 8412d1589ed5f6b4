/* request.c - llhttp's callbacks, and the rules it leaves to its user: version, Host, codings, form of the target. */
#include "http/request.h"

#include "base/alloc.h"

#include <llhttp.h>
#include <string.h>
#include <strings.h>

enum { FIRST_HEAD = 512, FIRST_BODY = 4096 };

typedef struct span {
    size_t name, value; /* places in the head */
} span;

struct gf_http_parser {
    llhttp_t llhttp;
    llhttp_settings_t calls;
    const gf_http_request_limits *limits;
    char *head; /* target, then names and values, a NUL behind each */
    size_t n_head, room_head;
    size_t dropped; /* bytes of trailers and of chunks' extensions */
    span *span;
    size_t n_spans, room_spans;
    gf_http_field *field;
    uint8_t *body;
    size_t room_body;
    gf_http_request request;
    bool headers_done, done, bad;
    graft_error error;
};

/* ---- refusals */

static int refuse(gf_http_parser *p, gf_errno number, const char *what)
{
    p->bad = true;
    gf_fail(&p->error, number, NULL, "%s", what);
    return -1;
}

static int too_large(gf_http_parser *p)
{
    p->bad = true;
    gf_fail(&p->error, GF_E_HTTP_BODY_LARGE, "send less at a time", "the body is larger than the limit of %zu bytes",
            p->limits->body);
    return -1;
}

static int no_memory(gf_http_parser *p)
{
    p->bad = true;
    gf_fail_memory(&p->error, p->room_head + p->room_body, "a request");
    return -1;
}

/* ---- head */

static int add_head(gf_http_parser *p, const char *at, size_t n)
{
    if (n >= p->limits->head - p->n_head) return refuse(p, GF_E_HTTP_HEAD, "the headers are larger than the limit");
    while (p->n_head + n >= p->room_head) {
        size_t room = p->room_head ? 2 * p->room_head : FIRST_HEAD;
        char *more = gf_realloc(p->head, room, 1);
        if (!more) return no_memory(p);
        p->head = more;
        p->room_head = room;
    }
    if (n) memcpy(p->head + p->n_head, at, n);
    p->n_head += n;
    p->head[p->n_head] = '\0';
    return 0;
}

static int end_head(gf_http_parser *p) { return add_head(p, "", 1); }

static int on_url(llhttp_t *l, const char *at, size_t n)
{
    gf_http_parser *p = l->data;
    if (p->n_head + n > p->limits->target) return refuse(p, GF_E_HTTP_TARGET, "the target is longer than the limit");
    return add_head(p, at, n);
}

static int on_url_complete(llhttp_t *l) { return end_head(l->data); }

/* Trailers and extensions are read, and dropped: nothing here wants one. */
static int drop(gf_http_parser *p, size_t n)
{
    p->dropped += n + 1;
    return p->dropped > p->limits->head ? refuse(p, GF_E_HTTP_HEAD, "the trailers are larger than the limit") : 0;
}

static int on_extension(llhttp_t *l, const char *at, size_t n)
{
    (void)at;
    return drop(l->data, n);
}

static int on_field(llhttp_t *l, const char *at, size_t n)
{
    gf_http_parser *p = l->data;
    if (p->headers_done) return drop(p, n);
    bool begins = p->n_spans == 0 || p->span[p->n_spans - 1].value;
    if (begins) {
        if (p->n_spans >= p->limits->fields) return refuse(p, GF_E_HTTP_HEAD, "more headers than the limit");
        if (!gf_grow(&p->span, p->n_spans, &p->room_spans)) return no_memory(p);
        p->span[p->n_spans++] = (span){p->n_head, 0};
    }
    return add_head(p, at, n);
}

static int on_field_complete(llhttp_t *l)
{
    gf_http_parser *p = l->data;
    if (p->headers_done) return 0;
    int failed = end_head(p);
    p->span[p->n_spans - 1].value = p->n_head;
    return failed;
}

static int on_value(llhttp_t *l, const char *at, size_t n)
{
    gf_http_parser *p = l->data;
    return p->headers_done ? drop(p, n) : add_head(p, at, n);
}

static int on_value_complete(llhttp_t *l)
{
    gf_http_parser *p = l->data;
    return p->headers_done ? 0 : end_head(p);
}

/* ---- headers are there */

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX in place; false: not well formed, or a NUL. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *c = text; *c; c++) {
        if (*c != '%') {
            *to++ = *c;
            continue;
        }
        int high = digit(c[1]), low = high < 0 ? -1 : digit(c[2]);
        if (low < 0 || !(high || low)) return false;
        *to++ = (char)(high * 16 + low);
        c += 2;
    }
    *to = '\0';
    return true;
}

static int make_fields(gf_http_parser *p)
{
    p->field = gf_new_n(p->n_spans + 1, gf_http_field);
    if (!p->field) return no_memory(p);
    for (size_t i = 0; i < p->n_spans; i++) {
        char *value = p->head + p->span[i].value;
        size_t n = strlen(value);
        while (n && (value[n - 1] == ' ' || value[n - 1] == '\t')) value[--n] = '\0';
        p->field[i] = (gf_http_field){p->head + p->span[i].name, value};
    }
    p->request.field = p->field;
    p->request.n_fields = p->n_spans;
    return 0;
}

static int check_target(gf_http_parser *p)
{
    char *mark = p->head ? strchr(p->head, '?') : NULL;
    if (!p->head || p->head[0] != '/') return refuse(p, GF_E_HTTP_SYNTAX, "the target does not begin with /");
    if (mark) *mark = '\0';
    p->request.query = mark ? mark + 1 : "";
    p->request.path = p->head;
    if (!decode(p->head)) return refuse(p, GF_E_HTTP_SYNTAX, "the target's %XX are not well formed");
    return 0;
}

static int check_headers(gf_http_parser *p)
{
    const gf_http_request *r = &p->request;
    const llhttp_t *l = &p->llhttp;
    size_t hosts = gf_http_headers(r, "host"), codings = gf_http_headers(r, "transfer-encoding");
    const char *coding = gf_http_header(r, "transfer-encoding"), *expect = gf_http_header(r, "expect");
    if (l->http_major != 1 || l->http_minor > 1) return refuse(p, GF_E_HTTP_VERSION, "not HTTP/1.1 or HTTP/1.0");
    if (hosts > 1 || (!hosts && l->http_minor == 1)) return refuse(p, GF_E_HTTP_SYNTAX, "one Host header is wanted");
    if (l->method == HTTP_CONNECT) return refuse(p, GF_E_HTTP_SYNTAX, "this is no proxy");
    if (codings > 1 || (coding && strcasecmp(coding, "chunked") != 0))
        return refuse(p, GF_E_HTTP_CODING, "the one transfer coding that is known is chunked");
    if (coding && l->http_minor == 0) return refuse(p, GF_E_HTTP_SYNTAX, "HTTP/1.0 has no chunks");
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return refuse(p, GF_E_HTTP_EXPECT, "the one expectation that is known is 100-continue");
    if (!coding && l->content_length > p->limits->body) return too_large(p);
    p->request.chunked = coding != NULL;
    p->request.wants_continue = expect && l->http_minor == 1;
    return 0;
}

static int on_headers_complete(llhttp_t *l)
{
    gf_http_parser *p = l->data;
    p->headers_done = true;
    p->request.method = llhttp_method_name((llhttp_method_t)l->method);
    p->request.keep_alive = llhttp_should_keep_alive(l);
    if (make_fields(p) || check_target(p) || check_headers(p)) return -1;
    p->request.declared = p->request.chunked ? 0 : l->content_length;
    l->upgrade = 0; /* offers of another protocol are not taken up */
    return HPE_PAUSED;
}

/* ---- body */

static int on_body(llhttp_t *l, const char *at, size_t n)
{
    gf_http_parser *p = l->data;
    gf_http_request *r = &p->request;
    if (n > p->limits->body - r->n_body) return too_large(p);
    if (r->n_body + n > p->room_body) {
        size_t room = p->room_body ? 2 * p->room_body : FIRST_BODY;
        while (room < r->n_body + n) room *= 2;
        uint8_t *more = gf_realloc(p->body, room, 1);
        if (!more) return no_memory(p);
        p->body = more;
        p->room_body = room;
    }
    memcpy(p->body + r->n_body, at, n);
    r->n_body += n;
    r->body = p->body;
    return 0;
}

static int on_message_complete(llhttp_t *l)
{
    gf_http_parser *p = l->data;
    p->done = true;
    return HPE_PAUSED;
}

/* ---- from outside */

gf_http_parser *gf_http_parser_new(const gf_http_request_limits *limits)
{
    gf_http_parser *p = gf_new(gf_http_parser);
    if (!p) return NULL;
    p->limits = limits;
    llhttp_settings_init(&p->calls);
    p->calls.on_url = on_url;
    p->calls.on_url_complete = on_url_complete;
    p->calls.on_header_field = on_field;
    p->calls.on_header_field_complete = on_field_complete;
    p->calls.on_header_value = on_value;
    p->calls.on_header_value_complete = on_value_complete;
    p->calls.on_chunk_extension_name = on_extension;
    p->calls.on_chunk_extension_value = on_extension;
    p->calls.on_headers_complete = on_headers_complete;
    p->calls.on_body = on_body;
    p->calls.on_message_complete = on_message_complete;
    llhttp_init(&p->llhttp, HTTP_REQUEST, &p->calls);
    p->llhttp.data = p;
    return p;
}

void gf_http_parser_free(gf_http_parser *p)
{
    if (!p) return;
    gf_free(p->head);
    gf_free(p->span);
    gf_free(p->field);
    gf_free(p->body);
    gf_free(p);
}

static gf_http_step bad(gf_http_parser *p, graft_error *err)
{
    if (!p->bad) refuse(p, GF_E_HTTP_SYNTAX, llhttp_get_error_reason(&p->llhttp));
    if (err) *err = p->error;
    return GF_HTTP_BAD;
}

gf_http_step gf_http_parser_feed(gf_http_parser *p, const char *data, size_t n, size_t *used, graft_error *err)
{
    bool had_headers = p->headers_done;
    *used = 0;
    if (p->bad || p->done) return bad(p, err);
    if (had_headers && llhttp_get_errno(&p->llhttp) == HPE_PAUSED) llhttp_resume(&p->llhttp);
    llhttp_errno_t found = llhttp_execute(&p->llhttp, data, n);
    if (p->bad || (found != HPE_OK && found != HPE_PAUSED)) return bad(p, err);
    const char *end = found == HPE_PAUSED ? llhttp_get_error_pos(&p->llhttp) : data + n;
    *used = (size_t)(end - data);
    if (p->done) return GF_HTTP_DONE;
    return p->headers_done && !had_headers ? GF_HTTP_HEAD : GF_HTTP_MORE;
}

const gf_http_request *gf_http_parser_request(const gf_http_parser *p) { return &p->request; }
size_t gf_http_parser_held(const gf_http_parser *p) { return p->room_body; }

/* ---- what a request holds */

const char *gf_http_header(const gf_http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_fields; i++) {
        if (!strcasecmp(r->field[i].name, name)) return r->field[i].value;
    }
    return NULL;
}

size_t gf_http_headers(const gf_http_request *r, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_fields; i++) n += !strcasecmp(r->field[i].name, name);
    return n;
}

graft_status gf_http_query(const gf_http_request *r, const char *name, char *value, size_t size, bool *there,
                           graft_error *err)
{
    size_t length = strlen(name);
    *there = false;
    for (const char *at = r->query; *at;) {
        size_t n = strcspn(at, "&");
        if (n > length && !strncmp(at, name, length) && at[length] == '=') {
            size_t m = n - length - 1;
            bool fits = m < size;
            if (fits) memcpy(value, at + length + 1, m);
            if (fits) value[m] = '\0';
            if (!fits || !decode(value)) {
                return gf_fail(err, GF_E_HTTP_BODY, NULL, "the query's %s is too long, or not well encoded", name);
            }
            *there = true;
            return GRAFT_OK;
        }
        at += n + (at[n] == '&');
    }
    return GRAFT_OK;
}
