/* members.h - what an opened archive consists of; for the files of this room. */
#ifndef GF_ARCHIVE_MEMBERS_H
#define GF_ARCHIVE_MEMBERS_H

#include "archive/archive.h"

#include <stddef.h>

typedef enum gf_member_how {
    GF_MEMBER_FOLDER,
    GF_MEMBER_STORED,   /* its bytes stand in the archive */
    GF_MEMBER_DEFLATED, /* there packed */
    GF_MEMBER_SPOOLED,  /* unpacked, in the spool */
} gf_member_how;

typedef struct gf_member {
    char *name;    /* no slash at its end; owned */
    uint64_t size; /* bytes unpacked */
    int64_t mtime;
    uint64_t at, packed; /* where it begins, and how many bytes it takes there at most */
    uint32_t crc;
    uint8_t how;  /* gf_member_how */
    bool checked; /* crc is known */
} gf_member;

struct gf_archive {
    char *path;
    int fd;
    int spool; /* -1: none */
    uint64_t spooled;
    uint64_t size; /* of the archive, and when it was written */
    int64_t mtime;
    gf_member *member; /* sorted so that a folder is followed by all that is in it */
    size_t n, cap;
};

/* Takes "./a//b" to "a/b" in place; empty: the whole itself. NULL, or why such a name is refused. */
const char *gf_member_clean(char *name);
/* As strcmp, with the slash before any other byte. */
int gf_member_order(const char *a, const char *b);

/* What an archive unpacks to, as it is counted. */
typedef struct gf_tally {
    uint64_t most, most_entries;
    uint64_t unpacked, entries;
} gf_tally;
/* One more: E1163 where it is too much. */
graft_status gf_tally_add(gf_tally *t, const gf_archive *a, const char *name, uint64_t size, graft_error *err);
graft_status gf_tally_entries(const gf_tally *t, const gf_archive *a, graft_error *err); /* E1163: too many */

graft_status gf_member_refuse(const gf_archive *a, const char *name, const char *what, graft_error *err); /* E1161 */
graft_status gf_member_encrypted(const gf_archive *a, const char *name, graft_error *err);                /* E1162 */

/* Fills the members out of a zip's directory, in the order of their places: `at` is where the header before a file
 * begins, names are as they stand. */
graft_status gf_archive_directory(gf_archive *a, gf_tally *tally, graft_error *err);
/* Fills the members (scan.c). */
graft_status gf_archive_scan(gf_archive *a, const gf_archive_limits *limits, graft_error *err);
/* What is written next goes to the spool, made where there is none. */
graft_status gf_archive_spool(gf_archive *a, const char *folder, const void *bytes, size_t n, graft_error *err);
/* The first n bytes of a member, without a look at the archive's times: what opening reads. E5002. */
graft_status gf_member_read(const gf_archive *a, const gf_member *m, uint8_t *dst, size_t n, graft_error *err);

#endif
