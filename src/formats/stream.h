/* stream.h - a file read from front to back in pieces, of which a window is in memory. */
#ifndef GF_FORMATS_STREAM_H
#define GF_FORMATS_STREAM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_stream {
    const char *path; /* borrowed */
    int fd;
    uint64_t size; /* of the file */
    uint8_t *buffer;
    size_t cap, from, to; /* what is read and not taken: from .. to */
    uint64_t taken;       /* bytes before `from` */
    bool end;             /* the file has no more than what is in the buffer */
} gf_stream;

/* A regular file. Close it also after a failure. */
graft_status gf_stream_open(gf_stream *s, const char *path, graft_error *err);
void gf_stream_close(gf_stream *s); /* takes a zeroed one with fd -1 */

/* At least n bytes in the buffer, or all that are left: *got of them at gf_stream_at. n <= GF_STREAM_MOST. */
enum { GF_STREAM_MOST = 1 << 20 };
graft_status gf_stream_need(gf_stream *s, size_t n, size_t *got, graft_error *err);
static inline const uint8_t *gf_stream_at(const gf_stream *s) { return s->buffer + s->from; }
static inline void gf_stream_take(gf_stream *s, size_t n)
{
    s->from += n;
    s->taken += n;
}

#endif
