/* source.h - an archive's bytes in order, as they stand or out of gzip; zlib checks what gzip promises, which
 * libarchive does not. */
#ifndef GF_ARCHIVE_SOURCE_H
#define GF_ARCHIVE_SOURCE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

enum { GF_SOURCE_PIECE = 256 << 10 };

typedef struct gf_source {
    int fd;
    const char *name;  /* for messages; borrowed */
    uint64_t at, size; /* of the file */
    bool gzip;
    bool inside;          /* a gzip member */
    bool open;            /* z is */
    uint64_t given, most; /* bytes out of gzip */
    z_stream z;
    uint8_t *in, *out;   /* GF_SOURCE_PIECE each; out: of gzip alone */
    graft_status status; /* of the first failure, which is in *err */
    graft_error *err;
} gf_source;

/* On failure there is nothing to close. */
graft_status gf_source_open(gf_source *s, int fd, const char *name, uint64_t size, bool gzip, uint64_t most,
                            graft_error *err);
void gf_source_close(gf_source *s);

/* The next bytes, borrowed until the next call; 0: the end, -1: failed. */
int64_t gf_source_next(gf_source *s, const void **bytes);

/* zlib's memory through base/alloc.h. */
void *gf_zlib_alloc(void *ctx, unsigned n, unsigned size);
void gf_zlib_free(void *ctx, void *p);

#endif
