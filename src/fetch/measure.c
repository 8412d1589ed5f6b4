#include "fetch/measure.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

graft_status gf_measure_begin(gf_measure *m, graft_error *err)
{
    *m = (gf_measure){.sha256 = gf_sha256_begin(), .md5 = gf_md5_begin()};
    if (m->sha256 && m->md5) return GRAFT_OK;
    gf_measure_drop(m);
    return gf_fail_memory(err, 0, "a checksum");
}

void gf_measure_add(gf_measure *m, const void *data, size_t n)
{
    if (m->n < GF_FIRST_BYTES) {
        size_t room = GF_FIRST_BYTES - (size_t)m->n;
        memcpy(m->first + m->n, data, n < room ? n : room);
    }
    gf_sha256_add(m->sha256, data, n);
    gf_md5_add(m->md5, data, n);
    m->n += (int64_t)n;
}

gf_measured gf_measure_end(gf_measure *m)
{
    gf_measured out = {.n = m->n, .n_first = m->n < GF_FIRST_BYTES ? (size_t)m->n : GF_FIRST_BYTES};
    memcpy(out.first, m->first, sizeof out.first);
    gf_sha256 digest = gf_sha256_end(m->sha256);
    gf_sha256_hex(&digest, out.sha256);
    gf_md5_end(m->md5, out.md5);
    *m = (gf_measure){0};
    return out;
}

void gf_measure_drop(gf_measure *m)
{
    char unused[33];
    if (m->sha256) (void)gf_sha256_end(m->sha256);
    if (m->md5) gf_md5_end(m->md5, unused);
    *m = (gf_measure){0};
}

enum { PIECE = 1 << 18 };

static graft_status measure_open(int fd, const char *path, int64_t limit, graft_status (*stop)(void *), void *ctx,
                                 gf_measure *m, graft_error *err)
{
    struct stat st;
    if (gf_sys_fstat(fd, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be examined", path);
    if (!S_ISREG(st.st_mode)) return gf_fail(err, GF_E_IO_READ, NULL, "%s: not a regular file", GF_ESC(path));
    uint8_t *buf = gf_alloc_raw(PIECE, 1);
    if (!buf) return gf_fail_memory(err, PIECE, path);
    graft_status status = GRAFT_OK;
    while (m->n <= limit) {
        if (stop) GF_GOTO(stop(ctx));
        int64_t most = limit + 1 - m->n;
        ssize_t got = gf_sys_read(fd, buf, most < PIECE ? (size_t)most : PIECE);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) GF_GOTO(gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", path));
        if (got == 0) break;
        gf_measure_add(m, buf, (size_t)got);
    }
out:
    gf_free(buf);
    return status;
}

graft_status gf_measure_file(const char *path, int64_t limit, graft_status (*stop)(void *ctx), void *ctx,
                             gf_measured *out, graft_error *err)
{
    gf_measure m;
    *out = (gf_measured){0};
    GF_TRY(gf_measure_begin(&m, err));
    int fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK, 0);
    graft_status status = fd < 0 ? gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path)
                                 : measure_open(fd, path, limit, stop, ctx, &m, err);
    if (fd >= 0) gf_sys_close(fd);
    if (status == GRAFT_OK) *out = gf_measure_end(&m);
    gf_measure_drop(&m);
    return status;
}

/* ---- against the entry */

const char *gf_entry_size_text(const gf_weights_entry *e, char *buf, size_t size)
{
    if (e->size_least == e->size_most) {
        snprintf(buf, size, "%" PRId64 " bytes", e->size_most);
    } else if (e->size_least > 1) {
        snprintf(buf, size, "%" PRId64 " to %" PRId64 " bytes", e->size_least, e->size_most);
    } else {
        snprintf(buf, size, "at most %" PRId64 " bytes", e->size_most);
    }
    return buf;
}

const char *gf_first_text(const uint8_t *first, size_t n, char *buf, size_t size)
{
    char text[GF_FIRST_BYTES + 1] = {0};
    for (size_t i = 0; i < n && i < GF_FIRST_BYTES; i++) text[i] = first[i] ? (char)first[i] : '.';
    return gf_escape(buf, size, text);
}

static const char again[] =
    "fetch it again; if this repeats, the server or something on the way to it changes the file";

static graft_status differs(const gf_measured *m, const char *what, const char *expected, const char *got,
                            const char *path, graft_error *err)
{
    return gf_fail(err, GF_E_FETCH_CHECKSUM, again, "%s: %s: expected %s, got %s; it begins `%s`", GF_ESC(path), what,
                   expected, got, GF_FIRST(m->first, m->n_first));
}

graft_status gf_measured_check(const gf_measured *m, const gf_weights_entry *e, const char *kept, const char *path,
                               graft_error *err)
{
    if (m->n < e->size_least || m->n > e->size_most) {
        return gf_fail(err, GF_E_FETCH_SIZE, again, "%s: expected %s, got %s%" PRId64 "; it begins `%s`", GF_ESC(path),
                       GF_ENTRY_SIZE(e), m->n > e->size_most ? "at least " : "", m->n, GF_FIRST(m->first, m->n_first));
    }
    if (e->sha256 && strcmp(e->sha256, m->sha256)) {
        return differs(m, "SHA-256", e->sha256, m->sha256, path, err);
    }
    if (e->sha256_prefix && strncmp(e->sha256_prefix, m->sha256, strlen(e->sha256_prefix))) {
        return differs(m, "first digits of SHA-256", e->sha256_prefix, m->sha256, path, err);
    }
    if (e->md5 && strcmp(e->md5, m->md5)) return differs(m, "MD5", e->md5, m->md5, path, err);
    if (kept && strcmp(kept, m->sha256)) return differs(m, "SHA-256 as it was fetched", kept, m->sha256, path, err);
    return GRAFT_OK;
}
