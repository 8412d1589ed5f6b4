/* files.h - small files kept in memory under their names: what a model carries with it besides tensors. */
#ifndef GF_BASE_FILES_H
#define GF_BASE_FILES_H

#include "base/error.h"

#include <stdint.h>

typedef struct gf_kept_file {
    char *name;
    uint8_t *bytes; /* with a NUL behind the last */
    size_t n;
} gf_kept_file;

typedef struct gf_files {
    gf_kept_file *item; /* in the order in which they were added */
    size_t n, cap;
} gf_files;

/* Copies name and bytes. E5001. */
graft_status gf_files_add(gf_files *files, const char *name, const void *bytes, size_t n, graft_error *err);
/* Reads PATH and keeps it under `name`; `limit` as gf_file_read. */
graft_status gf_files_read(gf_files *files, const char *name, const char *path, size_t limit, graft_error *err);
const gf_kept_file *gf_files_find(const gf_files *files, const char *name); /* NULL: none of that name */
void gf_files_free(gf_files *files);                                        /* takes a zeroed one */

#endif
