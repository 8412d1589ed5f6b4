/* paths.h - files below a folder, by names of any length, and whether a link stays inside. */
#ifndef GF_DATA_PATHS_H
#define GF_DATA_PATHS_H

#include "base/error.h"

#include <stdbool.h>

/* A path that system calls accept. The kernel takes at most 4095 bytes; a longer path is walked in pieces, and what is
 * left of it is named through the descriptor of the last folder (/proc/self/fd/N/...). */
typedef struct gf_reach {
    char *path;
    int fd; /* of that folder; -1 mostly */
} gf_reach;

/* root "" stands for the current folder. After a failure there is nothing to close. */
graft_status gf_reach_open(gf_reach *reach, const char *root, const char *relative, graft_error *err);
void gf_reach_close(gf_reach *reach);

/* The canonical path of a folder (gf_free), no links in it. */
graft_status gf_real_path(const char *path, char **out, graft_error *err);

/* Whether `path`, all links resolved, is `real_root` or below it. False with errno where it cannot be resolved: ELOOP,
 * ENOENT and so on; false with errno 0 where it is outside. */
bool gf_is_inside(const char *real_root, const char *path);

/* Takes "./a//b.jpg" to "a/b.jpg" in place. False: a ".." in it, absolute, or nothing left. */
bool gf_path_normalize(char *path);

#endif
