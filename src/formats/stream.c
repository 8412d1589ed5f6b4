#include "formats/stream.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

graft_status gf_stream_open(gf_stream *s, const char *path, graft_error *err)
{
    struct stat st;
    *s = (gf_stream){.path = path, .fd = gf_sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)};
    if (s->fd < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path);
    if (gf_sys_fstat(s->fd, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", path);
    if (!S_ISREG(st.st_mode)) return gf_fail(err, GF_E_IO_READ, NULL, "%s: is no regular file", GF_ESC(path));
    s->size = (uint64_t)st.st_size;
    s->cap = 2 * GF_STREAM_MOST;
    s->buffer = gf_alloc_raw(s->cap, 1);
    return s->buffer ? GRAFT_OK : gf_fail_memory(err, s->cap, "a buffer");
}

void gf_stream_close(gf_stream *s)
{
    if (s->fd >= 0) gf_sys_close(s->fd);
    gf_free(s->buffer);
    *s = (gf_stream){.fd = -1};
}

graft_status gf_stream_need(gf_stream *s, size_t n, size_t *got, graft_error *err)
{
    if (s->to - s->from < n && !s->end) {
        memmove(s->buffer, s->buffer + s->from, s->to - s->from);
        s->to -= s->from;
        s->from = 0;
        while (s->to < s->cap && !s->end) {
            ssize_t now = gf_sys_read(s->fd, s->buffer + s->to, s->cap - s->to);
            if (now < 0 && errno == EINTR) continue;
            if (now < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", s->path);
            s->end = !now;
            s->to += (size_t)now;
        }
    }
    *got = s->to - s->from;
    return GRAFT_OK;
}
