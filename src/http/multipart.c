#include "http/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char kind[] = "multipart/form-data";
enum { MOST_BOUNDARY = 70, MOST_HEADERS = 4096 };

typedef struct reader {
    const char *body;
    size_t n, at;
    char line[MOST_BOUNDARY + 5]; /* CR LF -- boundary */
    size_t n_line;
} reader;

static graft_status wrong(size_t at, const char *why, graft_error *err)
{
    return gf_fail(err, GF_E_HTTP_BODY, "curl -F image=@FILE sends the form that is wanted",
                   "multipart body, byte %zu: %s", at, why);
}

bool gf_multipart_is(const char *type)
{
    size_t n = sizeof kind - 1;
    return type && !strncasecmp(type, kind, n) && (!type[n] || type[n] == ';' || type[n] == ' ');
}

/* The value of a parameter of a header ("; name=value", bare or in quotes). False: there is none, or it does not fit.
 */
static bool parameter(const char *header, size_t n, const char *name, char *value, size_t size)
{
    size_t length = strlen(name), k = 0;
    for (size_t at = 0; at < n; at++) {
        bool quoted = header[at] == '"';
        for (at += quoted; quoted && at < n && header[at] != '"'; at++) at += header[at] == '\\';
        if (at >= n || header[at] != ';') continue;
        while (at + 1 < n && (header[at + 1] == ' ' || header[at + 1] == '\t')) at++;
        if (n - at - 1 <= length || strncasecmp(header + at + 1, name, length) || header[at + 1 + length] != '=')
            continue;
        const char *from = header + at + 2 + length, *end = header + n;
        bool in_quotes = from < end && *from == '"';
        for (from += in_quotes; from < end && *from != (in_quotes ? '"' : ';'); from++) {
            if (in_quotes && *from == '\\' && from + 1 < end) from++;
            if (k + 1 >= size || !*from) return false;
            value[k++] = *from;
        }
        if (in_quotes && from >= end) return false;
        value[k] = '\0';
        return true;
    }
    return false;
}

/* The end of the line that begins at `at`; n: it has none. */
static size_t line_end(const reader *r, size_t at, size_t end)
{
    const char *found = memmem(r->body + at, end - at, "\r\n", 2);
    return found ? (size_t)(found - r->body) : end;
}

static graft_status read_header(const reader *r, size_t at, size_t end, gf_multipart_part *p, graft_error *err)
{
    static const char disposition[] = "content-disposition:", type[] = "content-type:", nested[] = "multipart/";
    const char *line = r->body + at;
    size_t n = end - at, d = sizeof disposition - 1, t = sizeof type - 1;
    if (!memchr(line, ':', n)) return wrong(at, "a header without a colon", err);
    if (n >= d && !strncasecmp(line, disposition, d)) {
        if (!parameter(line, n, "name", p->name, sizeof p->name)) return wrong(at, "a part without a name", err);
        if (!parameter(line, n, "filename", p->filename, sizeof p->filename)) p->filename[0] = '\0';
    }
    if (n >= t && !strncasecmp(line, type, t)) {
        size_t from = t;
        while (from < n && line[from] == ' ') from++;
        if (n - from >= sizeof nested - 1 && !strncasecmp(line + from, nested, sizeof nested - 1))
            return wrong(at, "a part that has parts itself", err);
    }
    return GRAFT_OK;
}

static graft_status read_part(reader *r, gf_multipart_part *p, graft_error *err)
{
    size_t begin = r->at, limit = r->n - begin > MOST_HEADERS ? begin + MOST_HEADERS : r->n;
    *p = (gf_multipart_part){.n = 0};
    for (;;) {
        size_t end = line_end(r, r->at, limit);
        if (end == limit) return wrong(r->at, "the part's headers do not end, or are too long", err);
        size_t at = r->at;
        r->at = end + 2;
        if (end == at) break;
        GF_TRY(read_header(r, at, end, p, err));
    }
    if (!p->name[0]) return wrong(begin, "a part without a name", err);
    const char *from = r->body + r->at, *end = memmem(from - 2, r->n - r->at + 2, r->line, r->n_line);
    if (!end) return wrong(r->at, "the part does not end with the boundary", err);
    p->data = (const uint8_t *)from;
    p->n = end < from ? 0 : (size_t)(end - from);
    r->at = (size_t)(end - r->body) + r->n_line;
    return GRAFT_OK;
}

graft_status gf_multipart_parse(const char *content_type, const uint8_t *body, size_t n, gf_multipart_part *part,
                                size_t most, size_t *n_parts, graft_error *err)
{
    char boundary[MOST_BOUNDARY + 1];
    reader r = {.body = (const char *)body, .n = n};
    *n_parts = 0;
    if (!parameter(content_type, strlen(content_type), "boundary", boundary, sizeof boundary) || !boundary[0])
        return wrong(0, "Content-Type names no boundary of 1 to 70 characters", err);
    r.n_line = (size_t)snprintf(r.line, sizeof r.line, "\r\n--%s", boundary);
    if (n < r.n_line || memcmp(body, r.line + 2, r.n_line - 2) != 0)
        return wrong(0, "it does not begin with the boundary", err);
    r.at = r.n_line - 2;
    while (r.n - r.at < 2 || memcmp(r.body + r.at, "--", 2) != 0) {
        if (r.n - r.at < 2 || memcmp(r.body + r.at, "\r\n", 2) != 0)
            return wrong(r.at, "the boundary's line does not end", err);
        r.at += 2;
        if (*n_parts == most)
            return gf_fail(err, GF_E_HTTP_BODY, NULL, "multipart body, byte %zu: more than %zu parts", r.at, most);
        GF_TRY(read_part(&r, &part[*n_parts], err));
        ++*n_parts;
    }
    return *n_parts ? GRAFT_OK : wrong(r.at, "it has no parts", err);
}
