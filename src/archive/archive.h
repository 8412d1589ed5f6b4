/* archive.h - zip, tar and gzipped tar files as trees of files, read where they stand: no name in them ever becomes a
 * path on the disk.
 *
 * Opening goes through the whole archive once, by libarchive, and believes nothing: its directory must say what the
 * headers before its files say, every checksum is compared, and what is no plain file or folder, has a name that is
 * absolute or leads upwards, is there twice, encrypted, or too much, is refused. Afterwards a member is a place: its
 * bytes in a tar, its packed bytes in a zip. A gzipped tar has no places; its members are unpacked into one file that
 * has no name. */
#ifndef GF_ARCHIVE_ARCHIVE_H
#define GF_ARCHIVE_ARCHIVE_H

#include "base/error.h"
#include "base/io.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gf_archive gf_archive;

enum { GF_ARCHIVE_ENTRIES = 5000000 };

typedef struct gf_archive_limits {
    uint64_t bytes;    /* of all members unpacked; 0: 1 GiB and 100 times the archive */
    uint64_t entries;  /* 0: GF_ARCHIVE_ENTRIES */
    const char *spool; /* borrowed; the folder for what a gzipped tar unpacks to, made where needed; NULL: /var/tmp */
    /* Asked now and then; a status other than GRAFT_OK ends the opening with it. May be NULL. */
    graft_status (*go_on)(void *ctx);
    void *ctx;
} gf_archive_limits;

/* Whether the file begins as an archive does, be it one of a kind that is not read. */
bool gf_archive_looks(const char *path);

/* E1160 damaged, E1161 a member that is refused, E1162 encrypted, E1163 over a limit, E1164 a checksum, E1165 of a kind
 * that is not read; each names the member. `limits` may be NULL. */
graft_status gf_archive_open(gf_archive **out, const char *path, const gf_archive_limits *limits, graft_error *err);
void gf_archive_close(gf_archive *a); /* takes NULL */

/* A file or folder in it, also one that is there by its files' names alone. */
typedef struct gf_archive_entry {
    bool is_folder;
    uint64_t member; /* of a file: its number, for gf_archive_read; of a folder: one of its own, too */
    uint64_t size;
    int64_t mtime; /* nanoseconds since 1970; 0: not told */
} gf_archive_entry;

/* `name`: "cats/1.jpg", "" is the whole. False: there is none. */
bool gf_archive_find(const gf_archive *a, const char *name, gf_archive_entry *entry);
/* The names in a folder, sorted by bytes. E5001. */
graft_status gf_archive_list(const gf_archive *a, const char *folder, gf_names *names, graft_error *err);

/* The name of member i, a file or a folder; borrowed. NULL behind the last. */
const char *gf_archive_name(const gf_archive *a, size_t i);

/* The first n bytes of a file of at least so many; all of them: the checksum is compared. Any thread. A system error
 * goes to *failed, with status OK. E1121 where the archive is no longer the file that was opened. */
graft_status gf_archive_read(const gf_archive *a, uint64_t member, uint8_t *dst, size_t n, int *failed,
                             graft_error *err);

#endif
