#include "archive/source.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>

void *gf_zlib_alloc(void *ctx, unsigned n, unsigned size)
{
    (void)ctx;
    return gf_alloc(n, size);
}

void gf_zlib_free(void *ctx, void *p)
{
    (void)ctx;
    gf_free(p);
}

graft_status gf_source_open(gf_source *s, int fd, const char *name, uint64_t size, bool gzip, uint64_t most,
                            graft_error *err)
{
    enum { GZIP_WINDOW = 15 + 16 }; /* zlib: the largest window, behind gzip's header */
    *s = (gf_source){.fd = fd, .name = name, .size = size, .gzip = gzip, .inside = gzip, .most = most, .err = err};
    s->z.zalloc = gf_zlib_alloc;
    s->z.zfree = gf_zlib_free;
    s->in = gf_alloc_raw(GF_SOURCE_PIECE, 1);
    s->out = gzip ? gf_alloc_raw(GF_SOURCE_PIECE, 1) : NULL;
    s->open = gzip && inflateInit2(&s->z, GZIP_WINDOW) == Z_OK;
    if (s->in && (s->open || !gzip) && (s->out || !gzip)) return GRAFT_OK;
    gf_source_close(s);
    return gf_fail_memory(err, 2 * GF_SOURCE_PIECE, name);
}

void gf_source_close(gf_source *s)
{
    if (s->open) inflateEnd(&s->z);
    gf_free(s->in);
    gf_free(s->out);
    s->in = s->out = NULL;
    s->open = false;
}

static int64_t read_raw(gf_source *s)
{
    for (;;) {
        ssize_t got = gf_sys_pread(s->fd, s->in, GF_SOURCE_PIECE, (off_t)s->at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) s->status = gf_fail_errno(s->err, GF_E_IO_READ, errno, "cannot be read", s->name);
        if (got > 0) s->at += (uint64_t)got;
        return got < 0 ? -1 : got;
    }
}

static int64_t damaged(gf_source *s, gf_errno number, const char *what)
{
    s->status = gf_fail(s->err, number, "fetch or copy it again", "%s: %s (at byte %llu of %llu)", GF_ESC(s->name),
                        what, (unsigned long long)(s->at - s->z.avail_in), (unsigned long long)s->size);
    return -1;
}

/* Behind a gzip member: another one, zeros, or the end. False: there is nothing more, or it failed. */
static bool begin_member(gf_source *s)
{
    while (s->z.avail_in && !*s->z.next_in) {
        s->z.next_in++;
        s->z.avail_in--;
    }
    if (!s->z.avail_in) return false;
    if (*s->z.next_in != 0x1f) {
        damaged(s, GF_E_ARCHIVE_DAMAGED, "something that is not gzip follows its end");
        return false;
    }
    s->inside = inflateReset(&s->z) == Z_OK;
    return s->inside;
}

static int64_t next_inflated(gf_source *s, const void **bytes)
{
    z_stream *z = &s->z;
    z->next_out = s->out;
    z->avail_out = GF_SOURCE_PIECE;
    while (z->avail_out) {
        if (!z->avail_in) {
            int64_t got = read_raw(s);
            if (got < 0) return -1;
            if (!got && s->inside) return damaged(s, GF_E_ARCHIVE_DAMAGED, "ends early, within gzip's data");
            if (!got) break;
            z->next_in = s->in;
            z->avail_in = (unsigned)got;
        }
        if (!s->inside && !begin_member(s)) {
            if (s->status != GRAFT_OK) return -1;
            continue;
        }
        int r = inflate(z, Z_NO_FLUSH);
        if (r == Z_STREAM_END) s->inside = false;
        if (r == Z_MEM_ERROR) {
            s->status = gf_fail_memory(s->err, GF_SOURCE_PIECE, s->name);
            return -1;
        }
        bool sum = r == Z_DATA_ERROR && z->msg && strstr(z->msg, "check");
        if (sum) return damaged(s, GF_E_ARCHIVE_CHECKSUM, "does not match the checksum of its gzip data");
        if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR) {
            return damaged(s, GF_E_ARCHIVE_DAMAGED, "its gzip data are damaged");
        }
    }
    int64_t n = GF_SOURCE_PIECE - (int64_t)z->avail_out;
    s->given += (uint64_t)n;
    if (s->given > s->most) {
        s->status =
            gf_fail(s->err, GF_E_ARCHIVE_LIMIT, "--max-unpacked allows more, where you trust where it came from",
                    "%s: unpacks to more than %llu bytes, of %llu packed ones", GF_ESC(s->name),
                    (unsigned long long)s->most, (unsigned long long)s->size);
        return -1;
    }
    *bytes = s->out;
    return n;
}

int64_t gf_source_next(gf_source *s, const void **bytes)
{
    if (s->status != GRAFT_OK) return -1;
    if (s->gzip) return next_inflated(s, bytes);
    *bytes = s->in;
    return read_raw(s);
}
