#include "data/paths.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL_MAX = PATH_MAX - 1 };

/* Cuts `path` after its last slash within the kernel's limit, opens what is before, names the rest by the descriptor.
 */
static graft_status shorten(gf_reach *reach, graft_error *err)
{
    size_t cut = KERNEL_MAX;
    while (cut && reach->path[cut] != '/') cut--;
    if (!cut) return gf_fail_errno(err, GF_E_DATA_UNREADABLE, ENAMETOOLONG, "cannot be reached", reach->path);
    reach->path[cut] = 0;
    int fd = gf_sys_open(reach->path, O_PATH | O_DIRECTORY, 0);
    int failed = errno;
    if (fd < 0) return gf_fail_errno(err, GF_E_DATA_UNREADABLE, failed, "cannot be reached", reach->path);
    if (reach->fd >= 0) gf_sys_close(reach->fd);
    reach->fd = fd;
    char *rest = gf_sprintf("/proc/self/fd/%d/%s", fd, reach->path + cut + 1);
    if (!rest) return gf_fail_memory(err, PATH_MAX, "a file name");
    gf_free(reach->path);
    reach->path = rest;
    return GRAFT_OK;
}

graft_status gf_reach_open(gf_reach *reach, const char *root, const char *relative, graft_error *err)
{
    *reach = (gf_reach){.fd = -1};
    reach->path = *root ? gf_path_join(root, relative) : gf_strdup(relative);
    if (!reach->path) return gf_fail_memory(err, strlen(root) + strlen(relative), "a file name");
    while (strlen(reach->path) > KERNEL_MAX) {
        graft_status status = shorten(reach, err);
        if (status != GRAFT_OK) {
            gf_reach_close(reach);
            return status;
        }
    }
    return GRAFT_OK;
}

void gf_reach_close(gf_reach *reach)
{
    if (reach->fd >= 0) gf_sys_close(reach->fd);
    gf_free(reach->path);
    *reach = (gf_reach){.fd = -1};
}

graft_status gf_real_path(const char *path, char **out, graft_error *err)
{
    char real[PATH_MAX];
    *out = NULL;
    if (!realpath(path, real)) return gf_fail_errno(err, GF_E_DATA_NOT_FOUND, errno, "cannot be resolved", path);
    *out = gf_strdup(real);
    return *out ? GRAFT_OK : gf_fail_memory(err, strlen(real), "a file name");
}

bool gf_is_inside(const char *real_root, const char *path)
{
    char real[PATH_MAX];
    if (!realpath(path, real)) return false;
    size_t n = strlen(real_root);
    errno = 0;
    if (n == 1) return true; /* "/" holds everything */
    return !strncmp(real, real_root, n) && (real[n] == '/' || !real[n]);
}

bool gf_path_normalize(char *path)
{
    if (*path == '/') return false;
    char *to = path;
    for (const char *from = path; *from;) {
        size_t n = strcspn(from, "/");
        bool dot = n == 1 && from[0] == '.';
        if (n == 2 && from[0] == '.' && from[1] == '.') return false;
        if (n && !dot) {
            if (to != path) *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
        while (*from == '/') from++;
    }
    *to = 0;
    return to != path;
}
