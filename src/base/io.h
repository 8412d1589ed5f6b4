/* io.h - whole files in, whole files out. A file is complete under its name or not there at all. */
#ifndef GF_BASE_IO_H
#define GF_BASE_IO_H

#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads a regular file of at most `limit` bytes. *out is the caller's (gf_free), with a NUL behind the last byte. */
graft_status gf_file_read(const char *path, size_t limit, uint8_t **out, size_t *n, graft_error *err);

/* The first bytes of a file, at most `size`; *n gets how many. For telling formats apart. */
graft_status gf_file_read_begin(const char *path, uint8_t *buf, size_t size, size_t *n, graft_error *err);

/* SHA-256 of a regular file of any size, read piece by piece. */
graft_status gf_file_sha256(const char *path, gf_sha256 *digest, graft_error *err);

typedef struct gf_bytes {
    const void *data;
    size_t n;
} gf_bytes;

/* Writes the parts one after the other: space reserved, PATH.tmp written, fsync, rename, fsync of the folder. After
 * a failure PATH is what it was before and PATH.tmp is gone. A failed fsync counts as not saved. */
graft_status gf_file_write(const char *path, const gf_bytes *parts, size_t n_parts, graft_error *err);
graft_status gf_file_write_text(const char *path, const char *text, graft_error *err);

/* Adds bytes behind a file's end, or to a new file: for logs that are read while they grow, and made anew where a write
 * was cut short. Not synced. */
graft_status gf_file_append(const char *path, const void *data, size_t n, graft_error *err);

/* Makes a folder and its parents; one that exists is fine. */
graft_status gf_make_dirs(const char *path, graft_error *err);

bool gf_is_dir(const char *path);
bool gf_is_file(const char *path);

/* The names in a folder except "." and "..", sorted by bytes. Free with gf_names_free. */
typedef struct gf_names {
    char **item;
    size_t n, cap;
} gf_names;
graft_status gf_dir_list(const char *path, gf_names *names, graft_error *err);
graft_status gf_names_add(gf_names *names, const char *name, graft_error *err); /* copies */
/* Adds copies of all of `more`. */
graft_status gf_names_add_all(gf_names *names, const gf_names *more, graft_error *err);
void gf_names_sort(gf_names *names);
void gf_names_free(gf_names *names);

/* An exclusive lock on DIR/.lock, held until gf_unlock (or the process's end). Where another process has
 * it, E3004 names that process's number. */
graft_status gf_lock_dir(const char *dir, int *fd, graft_error *err);
/* The same of the file `path`, which is made where it is not there; *fd is -1 where another process has it. It is free
 * as soon as its holder has ended, however that was. */
graft_status gf_try_lock(const char *path, int *fd, graft_error *err);
void gf_unlock(int fd);

#endif
