/* zip.h - reads zip archives (.pth, .keras, .npz) out of memory. Nothing is ever written to a disk.
 *
 * Opening checks the whole layout before a byte is unpacked: one directory at the very end that says the same as the
 * headers before the entries; no entry twice, over another, outside, encrypted, a link or a device; no name that is
 * absolute, has `..`, `.` or empty parts, a backslash or a NUL; at most so many entries and bytes. Plain (stored)
 * entries are handed out where they stand, packed (deflated) ones are unpacked by libzip. */
#ifndef GF_FORMATS_ZIP_H
#define GF_FORMATS_ZIP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_zip_limits {
    size_t max_entries; /* 0: 100,000 */
    size_t max_bytes;   /* of all entries unpacked; 0: 64 GiB */
} gf_zip_limits;

typedef struct gf_zip_entry {
    char *name;                  /* "archive/data/0"; owned by the archive */
    size_t size, packed, offset; /* bytes unpacked, as they stand, and where they begin in the archive */
    uint32_t crc;
    bool stored;
    uint32_t index; /* in the archive's own directory */
} gf_zip_entry;

typedef struct gf_zip {
    gf_zip_entry *entry; /* files only, sorted by name */
    size_t n;
    const uint8_t *bytes; /* the caller's */
    size_t size;
    const char *name; /* the archive's, for messages; the caller's */
    void *unpacker;   /* libzip's handle, made when it is first wanted */
} gf_zip;

/* Does the file begin as a zip archive does? */
bool gf_zip_looks(const uint8_t *bytes, size_t n);

/* `bytes` and `name` stay the caller's and must outlive *out. `limits` may be NULL. On failure *out is zeroed.
 * E2401 damaged, E2402 an entry that is refused, E2403 over a limit; all name the entry. */
graft_status gf_zip_open(gf_zip *out, const uint8_t *bytes, size_t n, const char *name, const gf_zip_limits *limits,
                         graft_error *err);
void gf_zip_close(gf_zip *zip); /* takes NULL and a zeroed one */

/* Has some entry no checksum (gf_zip_bytes.unchecked)? */
bool gf_zip_unchecked(const gf_zip *zip);

/* NULL: there is none. */
const gf_zip_entry *gf_zip_find(const gf_zip *zip, const char *name);

/* An entry's bytes; `own` (NULL where they stand in the archive itself) is the caller's to gf_free. */
typedef struct gf_zip_bytes {
    const uint8_t *data;
    size_t n;
    uint8_t *own;
    bool unchecked; /* the archive has no checksum for it (zero, as torch writes with compute_crc32=False) */
} gf_zip_bytes;

/* Unpacks at most `limit` bytes and checks the checksum: E2403, E2404. On failure *out is zeroed. Not for two threads
 * on one archive at a time. */
graft_status gf_zip_read(gf_zip *zip, const gf_zip_entry *entry, size_t limit, gf_zip_bytes *out, graft_error *err);

#endif
