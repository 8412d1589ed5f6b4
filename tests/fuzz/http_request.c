/* Bytes of a connection, in pieces of a size that the first byte tells: what is refused has an error; what is taken is
 * within its limits, and read in one way: in one piece and in several the requests are the same. */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const gf_http_request_limits limits = {.head = 2048, .target = 256, .fields = 20, .body = 4096};

#define EXPECT(what)          \
    do {                      \
        if (!(what)) abort(); \
    } while (0)

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    return (h ^ n) * 1099511628211u;
}

static uint64_t mix_request(uint64_t h, const gf_http_request *r)
{
    EXPECT(r->path[0] == '/' || !r->path[0]);
    EXPECT(r->n_fields <= limits.fields && r->n_body <= limits.body && r->declared <= limits.body);
    EXPECT(!r->declared || r->declared == r->n_body);
    h = mix(mix(mix(h, r->method, strlen(r->method)), r->path, strlen(r->path)), r->query, strlen(r->query));
    for (size_t i = 0; i < r->n_fields; i++) {
        h = mix(mix(h, r->field[i].name, strlen(r->field[i].name)), r->field[i].value, strlen(r->field[i].value));
    }
    char value[32];
    bool there;
    if (gf_http_query(r, "top", value, sizeof value, &there, NULL) == GRAFT_OK && there)
        h = mix(h, value, strlen(value));
    return mix(h, r->body, r->n_body);
}

/* All requests, and how many of them there are; the rest's refusal is not counted: it may be seen later in one piece.
 */
static uint64_t read_all(const char *data, size_t size, size_t piece, size_t *n)
{
    uint64_t h = 0;
    gf_http_parser *p = gf_http_parser_new(&limits);
    *n = 0;
    for (size_t at = 0; p && at < size;) {
        size_t give = size - at < piece ? size - at : piece, used;
        graft_error err = {0};
        gf_http_step step = gf_http_parser_feed(p, data + at, give, &used, &err);
        EXPECT(used <= give);
        if (step == GF_HTTP_HEAD) {
            size_t more;
            at += used;
            step = gf_http_parser_feed(p, data + at, 0, &more, &err);
            EXPECT(more == 0 && step != GF_HTTP_HEAD);
            used = 0;
        }
        at += used;
        EXPECT(gf_http_parser_held(p) <= 2 * limits.body);
        if (step == GF_HTTP_BAD) {
            EXPECT(err.number && err.message[0]);
            break;
        }
        if (step != GF_HTTP_DONE) continue;
        h = mix_request(h, gf_http_parser_request(p));
        ++*n;
        gf_http_parser_free(p);
        p = gf_http_parser_new(&limits);
    }
    gf_http_parser_free(p);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    size_t n[2];
    const char *text = (const char *)data + 1;
    uint64_t whole = read_all(text, size - 1, size, &n[0]), pieces = read_all(text, size - 1, 1 + data[0] % 64, &n[1]);
    EXPECT(n[0] == n[1] && whole == pieces);
    return 0;
}
