/* http.c - libcurl's easy interface, a transfer at a time, on the caller's thread.
 *
 * libcurl keeps globals of its own (its allocator, TLS): each call counts itself in with curl_global_init_mem and out
 * again with curl_global_cleanup, both of which are safe from several threads since 7.84. If the program that graft is
 * part of uses libcurl too, whoever comes first decides on the allocator; both end in malloc. Redirects are followed by
 * hand, so that each is looked at before anything is sent there. */
#include "fetch/http.h"

#include "base/alloc.h"
#include "fetch/address.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

enum {
    MOST_REDIRECTS = 5,
    CONNECT_SECONDS = 30,
    SLOWEST = 1024,          /* bytes a second */
    PROGRESS_MADE = 1 << 20, /* bytes after which earlier failures are forgotten */
    LONGEST_PAUSE = 300,     /* seconds that a server may ask for */
    RETRIES_UNREACHABLE = 2, /* where there is no network at all, that is to be told soon */
    MOST_URL = 8192,
};

/* What came of one try. */
typedef enum outcome { DONE, REDIRECTED, TRY_AGAIN, FAILED } outcome;

typedef struct transfer {
    gf_part *part;
    const gf_fetch_options *o;
    graft_error *err;
    CURL *curl;
    CURLU *first; /* the address that was asked for */
    char url[MOST_URL];
    bool guarded; /* a redirect led here: inside addresses are refused */
    bool refused; /* such a one was */
    bool was_https;
    char reason[CURL_ERROR_SIZE];

    /* of the answer that is being read */
    char tag[GF_TAG_MOST];
    char location[MOST_URL];
    int64_t from, total; /* Content-Range: -1 where there is none */
    double retry_after;  /* seconds; -1: not told */
    bool body;           /* its first bytes were seen and are welcome */
    bool unwanted;       /* its body is that of a refusal or redirect, and was not read */
    graft_status status; /* why a callback stopped it */
    bool again;          /* that is worth another try */
    bool unreachable;    /* there was not even a connection */
} transfer;

/* ---- libcurl's memory */

static void *on_malloc(size_t n) { return gf_alloc_raw(n, 1); }
static void *on_calloc(size_t n, size_t size) { return gf_alloc(n, size); }
static void *on_realloc(void *old, size_t n) { return gf_realloc(old, n, 1); }

/* ---- the answer's head */

/* The value of header `name` without the white space round it, or NULL where the line is of another one. */
static const char *header_value(const char *line, size_t n, const char *name, size_t *length)
{
    size_t k = strlen(name);
    if (n <= k || line[k] != ':' || strncasecmp(line, name, k)) return NULL;
    const char *at = line + k + 1, *end = line + n;
    while (at < end && isspace((unsigned char)*at)) at++;
    while (end > at && isspace((unsigned char)end[-1])) end--;
    *length = (size_t)(end - at);
    return at;
}

/* Digits at *at as a number up to INT64_MAX / 16; -1 where there are none. */
static int64_t digits(const char **at, const char *end)
{
    const char *start = *at;
    int64_t value = 0;
    for (; *at < end && isdigit((unsigned char)**at); ++*at) {
        if (value < INT64_MAX / 160) value = value * 10 + (**at - '0');
    }
    return *at > start ? value : -1;
}

/* "bytes 100-199/200" */
static void read_range(transfer *t, const char *at, size_t n)
{
    static const char unit[] = "bytes ";
    const char *end = at + n;
    if (n < sizeof unit || strncasecmp(at, unit, sizeof unit - 1)) return;
    at += sizeof unit - 1;
    t->from = digits(&at, end);
    const char *slash = memchr(at, '/', (size_t)(end - at));
    if (!slash) return;
    at = slash + 1;
    t->total = digits(&at, end);
}

static void copy_value(char *to, size_t size, const char *from, size_t n)
{
    bool fits = n < size;
    if (fits) memcpy(to, from, n);
    to[fits ? n : 0] = 0;
}

/* Seconds, or a date. */
static void read_pause(transfer *t, const char *at, size_t n)
{
    char text[64];
    const char *from = at;
    int64_t seconds = digits(&from, at + n);
    if (seconds < 0) {
        copy_value(text, sizeof text, at, n);
        time_t when = curl_getdate(text, NULL), now = time(NULL);
        if (when == (time_t)-1) return;
        seconds = when > now ? when - now : 0;
    }
    t->retry_after = (double)seconds;
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
    transfer *t = ctx;
    size_t k;
    const char *v;
    (void)one;
    if (n > 5 && !strncasecmp(line, "HTTP/", 5)) { /* a new answer, as after 100 Continue */
        t->tag[0] = t->location[0] = 0;
        t->from = t->total = -1;
        t->retry_after = -1;
    } else if ((v = header_value(line, n, "etag", &k))) {
        /* A weak tag stands for files that are only much the same. */
        if (k > 2 && v[0] == '"') copy_value(t->tag, sizeof t->tag, v, k);
    } else if ((v = header_value(line, n, "last-modified", &k))) {
        if (!t->tag[0]) copy_value(t->tag, sizeof t->tag, v, k);
    } else if ((v = header_value(line, n, "content-range", &k))) {
        read_range(t, v, k);
    } else if ((v = header_value(line, n, "retry-after", &k))) {
        read_pause(t, v, k);
    } else if ((v = header_value(line, n, "location", &k))) {
        copy_value(t->location, sizeof t->location, v, k);
    }
    return n;
}

/* ---- the body */

static graft_status wrong_size(transfer *t, int64_t told, const uint8_t *data, size_t n)
{
    gf_part_discard(t->part);
    return gf_fail(t->err, GF_E_FETCH_SIZE, "this is not the file that was published",
                   "%s: expected %s, the server has %" PRId64 "; it begins `%s`", GF_ESC(t->url),
                   GF_ENTRY_SIZE(t->part->entry), told, GF_FIRST(data, n));
}

/* Before the first bytes are taken: are they what was asked for? */
static graft_status welcome(transfer *t, long code, const uint8_t *data, size_t n)
{
    const gf_weights_entry *e = t->part->entry;
    int64_t have = t->part->measure.n;
    curl_off_t length = -1;
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    int64_t whole = code == 206 ? t->total : length;
    if (whole >= 0 && (whole < e->size_least || whole > e->size_most)) return wrong_size(t, whole, data, n);
    if (code == 206 && (t->from != have || (t->tag[0] && strcmp(t->tag, t->part->tag)))) {
        t->again = true; /* another piece, or of another file: begin anew */
        GF_TRY(gf_part_restart(t->part, NULL, t->err));
        return gf_fail(t->err, GF_E_FETCH_INCOMPLETE, NULL, "%s: the server gave another piece than asked for",
                       GF_ESC(t->url));
    }
    if (code == 206) return GRAFT_OK;
    if (have) {
        gf_log_say(t->o->log, GF_NOTE, "%s: the file has changed, or the server gives no pieces: from the start again",
                   GF_ESC(t->url));
    }
    return gf_part_restart(t->part, t->tag, t->err);
}

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
    transfer *t = ctx;
    long code = 0;
    (void)one;
    if (n == 0) return 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code != 200 && code != 206) {
        t->unwanted = true;
        return 0;
    }
    if (!t->body) t->status = welcome(t, code, (const uint8_t *)data, n);
    t->body = true;
    if (t->status == GRAFT_OK) t->status = gf_part_write(t->part, data, n, t->err);
    return t->status == GRAFT_OK ? n : 0;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    transfer *t = ctx;
    (void)total, (void)now, (void)up_total, (void)up_now;
    const gf_fetch_options *o = t->o;
    const gf_weights_entry *e = t->part->entry;
    int64_t done = t->part->measure.n, whole = e->size_least > 1 ? e->size_most : done;
    if (e->size_least < e->size_most && total > 0) whole = done - now + total; /* as the server says */
    if (o->progress) o->progress(o->ctx, done, whole);
    if (t->status == GRAFT_OK && o->should_stop) t->status = o->should_stop(o->ctx);
    return t->status != GRAFT_OK;
}

/* Asked for each address that a host's name stands for; a proxy's own address is none of ours to judge. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    transfer *t = ctx;
    (void)purpose;
    if (t->guarded && !t->o->proxied && gf_address_is_inside(&address->addr)) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- redirects */

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *x = NULL, *y = NULL;
    bool same = !curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) && !curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) &&
                !strcasecmp(x, y);
    curl_free(x);
    curl_free(y);
    return same;
}

static bool same_place(CURLU *a, CURLU *b)
{
    return same_part(a, b, CURLUPART_SCHEME) && same_part(a, b, CURLUPART_HOST) && same_part(a, b, CURLUPART_PORT);
}

static graft_status refuse_redirect(transfer *t, const char *why)
{
    return gf_fail(t->err, GF_E_FETCH_REDIRECT, "is this the right address?", "%s: it is redirected to %s: %s",
                   GF_ESC(t->url), GF_ESC(t->location), why);
}

/* The next address, and whether it may be gone to; into t->url. */
static graft_status follow(transfer *t, CURLU *next)
{
    char *scheme = NULL, *host = NULL, *whole = NULL;
    graft_status status = GRAFT_OK;
    bool ok = !curl_url_set(next, CURLUPART_URL, t->url, 0) && !curl_url_set(next, CURLUPART_URL, t->location, 0) &&
              !curl_url_set(next, CURLUPART_FRAGMENT, NULL, 0) && !curl_url_get(next, CURLUPART_SCHEME, &scheme, 0);
    bool https = ok && !strcmp(scheme, "https"), http = ok && !strcmp(scheme, "http");
    if (ok && !https && !http) GF_GOTO(refuse_redirect(t, "only http and https are followed"));
    ok = ok && !curl_url_get(next, CURLUPART_HOST, &host, 0) && !curl_url_get(next, CURLUPART_URL, &whole, 0);
    if (!ok || strlen(whole) >= sizeof t->url) GF_GOTO(refuse_redirect(t, "that is no address to fetch from"));
    if (http && t->was_https) GF_GOTO(refuse_redirect(t, "that would leave https"));
    t->guarded = !same_place(t->first, next);
    if (t->guarded && gf_host_is_inside(host)) GF_GOTO(refuse_redirect(t, "that is inside a private network"));
    t->was_https |= https;
    memcpy(t->url, whole, strlen(whole) + 1);
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(whole);
    return status;
}

/* ---- one answer */

static bool is_tls(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CRL_BADFILE ||
           code == CURLE_SSL_CIPHER || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static const char *reason_of(const transfer *t, CURLcode code)
{
    return t->reason[0] ? t->reason : curl_easy_strerror(code);
}

/* The transfer itself went wrong. */
static outcome broken(transfer *t, CURLcode code)
{
    if (t->status != GRAFT_OK) return t->again ? TRY_AGAIN : FAILED; /* err says why */
    if (code == CURLE_OUT_OF_MEMORY) {
        t->status = gf_fail_memory(t->err, 0, "a download");
        return FAILED;
    }
    if (t->refused) {
        t->status = gf_fail(t->err, GF_E_FETCH_REDIRECT, "is this the right address?",
                            "%s: it was redirected there, and that is inside a private network", GF_ESC(t->url));
        return FAILED;
    }
    if (is_tls(code)) {
        t->status = gf_fail(t->err, GF_E_FETCH_TLS, "certificates to trust: SSL_CERT_FILE=FILE, or ca-certificates",
                            "%s: %s", GF_ESC(t->url), GF_ESC(reason_of(t, code)));
        return FAILED;
    }
    t->unreachable =
        code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT;
    t->status = gf_fail(t->err, GF_E_FETCH_INCOMPLETE,
                        t->unreachable ? "is there a network? --from takes a folder, or the address of a mirror"
                                       : "what came is kept: fetch it again to go on from there",
                        "%s: %s; %" PRId64 " bytes are there, expected %s", GF_ESC(t->url), GF_ESC(reason_of(t, code)),
                        t->part->measure.n, GF_ENTRY_SIZE(t->part->entry));
    bool hopeless = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_NOT_BUILT_IN;
    return hopeless ? FAILED : TRY_AGAIN;
}

static outcome judge_refusal(transfer *t, long code)
{
    bool busy = code == 408 || code == 429 || (code >= 500 && code <= 504 && code != 501);
    const char *hint = code == 404 || code == 410 ? "has the publisher moved it? --from names another place" : NULL;
    t->status = gf_fail(t->err, GF_E_FETCH_REFUSED, hint, "%s: the server answers %ld", GF_ESC(t->url), code);
    if (busy && t->retry_after > LONGEST_PAUSE) {
        t->status =
            gf_fail(t->err, GF_E_FETCH_REFUSED, "try again later",
                    "%s: the server answers %ld, and asks to wait %.0f seconds", GF_ESC(t->url), code, t->retry_after);
        return FAILED;
    }
    return busy ? TRY_AGAIN : FAILED;
}

/* A range that the server cannot give: all was there already, or what is there is of another file. */
static outcome judge_range(transfer *t)
{
    if (t->part->measure.n >= t->part->entry->size_least && t->total == t->part->measure.n) return DONE;
    t->status = gf_part_restart(t->part, NULL, t->err);
    if (t->status != GRAFT_OK) return FAILED;
    t->status =
        gf_fail(t->err, GF_E_FETCH_INCOMPLETE, NULL, "%s: the server does not have the rest of it", GF_ESC(t->url));
    return TRY_AGAIN;
}

static outcome judge(transfer *t, CURLcode result)
{
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    if (result != CURLE_OK && !t->unwanted) return broken(t, result);
    if (code >= 301 && code <= 308 && t->location[0]) return REDIRECTED;
    if (code == 416) return judge_range(t);
    if (code != 200 && code != 206) return judge_refusal(t, code);
    const gf_weights_entry *e = t->part->entry;
    int64_t n = t->body ? t->part->measure.n : 0;
    if (n >= e->size_least) return DONE;
    t->status = wrong_size(t, n, t->part->measure.first, n < GF_FIRST_BYTES ? (size_t)n : GF_FIRST_BYTES);
    return FAILED;
}

/* ---- a try: from the address that was asked for, over its redirects, to an answer */

static bool set_options(transfer *t, struct curl_slist **headers)
{
    CURL *c = t->curl;
    const gf_fetch_options *o = t->o;
    bool ok = true;
    curl_easy_reset(c);
#define SET(option, value) ok = ok && curl_easy_setopt(c, (option), (value)) == CURLE_OK
    SET(CURLOPT_URL, t->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "graft");
    SET(CURLOPT_CONNECTTIMEOUT, (long)(o->stall_seconds < CONNECT_SECONDS ? o->stall_seconds : CONNECT_SECONDS));
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOWEST);
    SET(CURLOPT_LOW_SPEED_TIME, (long)o->stall_seconds);
    SET(CURLOPT_ERRORBUFFER, t->reason);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    if (t->guarded) SET(CURLOPT_FRESH_CONNECT, 1L);
    if (o->ca_file) SET(CURLOPT_CAINFO, o->ca_file);
    if (t->part->measure.n) {
        char range[32], same[GF_TAG_MOST + 16];
        snprintf(range, sizeof range, "%" PRId64 "-", t->part->measure.n);
        snprintf(same, sizeof same, "If-Range: %s", t->part->tag);
        SET(CURLOPT_RANGE, range);
        *headers = curl_slist_append(NULL, same);
        ok = ok && *headers;
        SET(CURLOPT_HTTPHEADER, *headers);
    }
#undef SET
    return ok;
}

static outcome ask(transfer *t)
{
    struct curl_slist *headers = NULL;
    t->reason[0] = t->tag[0] = t->location[0] = 0;
    t->from = t->total = -1;
    t->retry_after = -1;
    t->body = t->unwanted = t->again = t->refused = t->unreachable = false;
    t->status = GRAFT_OK;
    outcome out = FAILED;
    if (set_options(t, &headers)) {
        out = judge(t, curl_easy_perform(t->curl));
    } else {
        t->status = gf_fail_memory(t->err, 0, "a download");
    }
    curl_slist_free_all(headers);
    return out;
}

static outcome try_once(transfer *t, const char *url)
{
    if (t->part->measure.n && !t->part->tag[0]) { /* of an unknown state of the file */
        t->status = gf_part_restart(t->part, NULL, t->err);
        if (t->status != GRAFT_OK) return FAILED;
    }
    memcpy(t->url, url, strlen(url) + 1);
    t->guarded = false;
    t->was_https = !strncasecmp(url, "https:", 6);
    for (int hop = 0;; hop++) {
        outcome out = ask(t);
        if (out != REDIRECTED) return out;
        if (hop == MOST_REDIRECTS) {
            t->status = refuse_redirect(t, "that is one redirect too many (5 are followed)");
            return FAILED;
        }
        CURLU *next = curl_url();
        t->status = next ? follow(t, next) : gf_fail_memory(t->err, 0, "an address");
        curl_url_cleanup(next);
        if (t->status != GRAFT_OK) return FAILED;
    }
}

/* ---- the tries */

static graft_status run(transfer *t, const char *url)
{
    int failures = 0;
    for (;;) {
        int64_t before = t->part->transferred;
        outcome out = try_once(t, url);
        if (out == DONE) return GRAFT_OK;
        if (out != TRY_AGAIN) return t->status;
        if (t->part->transferred - before >= PROGRESS_MADE) failures = 0;
        int retries = t->unreachable && t->o->retries > RETRIES_UNREACHABLE ? RETRIES_UNREACHABLE : t->o->retries;
        if (failures >= retries) return t->status;
        double pause = (double)(1 << (failures < 5 ? failures : 5));
        if (t->retry_after > pause) pause = t->retry_after;
        failures++;
        gf_log_say(t->o->log, GF_NOTE, "%s: trying again in %.0f s (%d of %d)", t->err ? t->err->message : GF_ESC(url),
                   pause, failures, retries);
        GF_TRY(gf_fetch_wait(t->o, pause));
    }
}

static graft_status get(transfer *t, const char *url)
{
    graft_error unseen; /* notes quote the error even where the caller does not want it */
    if (!t->err) t->err = &unseen;
    if (strlen(url) >= MOST_URL) {
        return gf_fail(t->err, GF_E_FETCH_REFUSED, NULL, "%s: an address of more than 8,191 bytes", GF_ESC(url));
    }
    t->curl = curl_easy_init();
    t->first = curl_url();
    if (!t->curl || !t->first) return gf_fail_memory(t->err, 0, "a download");
    CURLUcode wrong = curl_url_set(t->first, CURLUPART_URL, url, 0);
    if (wrong == CURLUE_OUT_OF_MEMORY) return gf_fail_memory(t->err, 0, "a download");
    if (wrong) return gf_fail(t->err, GF_E_FETCH_REFUSED, NULL, "%s: %s", GF_ESC(url), curl_url_strerror(wrong));
    return run(t, url);
}

graft_status gf_http_get(gf_part *part, const char *url, graft_error *err)
{
    transfer *t = gf_new(transfer);
    if (!t) return gf_fail_memory(err, sizeof *t, "a download");
    *t = (transfer){.part = part, .o = part->options, .err = err};
    CURLcode ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, on_malloc, gf_free, on_realloc, gf_strdup, on_calloc);
    graft_status status = ready == CURLE_OK
                              ? get(t, url)
                              : gf_fail(err, GF_E_NO_MEMORY, NULL, "a download: %s", curl_easy_strerror(ready));
    if (ready == CURLE_OK) {
        curl_easy_cleanup(t->curl);
        curl_url_cleanup(t->first);
        curl_global_cleanup();
    }
    gf_free(t);
    return status;
}
