/* zip_write.h - a zip archive of stored (not packed) members, whole or not at all. Equal contents give equal bytes:
 * every member is of 1980-01-01 and of the mode rw-r--r--. */
#ifndef GF_FORMATS_ZIP_WRITE_H
#define GF_FORMATS_ZIP_WRITE_H

#include "base/error.h"
#include "base/io.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gf_zip_member {
    const char *name;    /* UTF-8; a path with "/" between its parts */
    gf_bytes head, body; /* what it holds: one behind the other; borrowed */
} gf_zip_member;

/* E2501: a member or the archive is over 4 GiB, or members are over 65,534 (zip64 is not written), or a name stands
 * twice, is empty, or would lead out of a folder. */
graft_status gf_zip_write(const char *path, const gf_zip_member *member, size_t n, graft_error *err);

#endif
