/* Any bytes as an archive: opened, its folders listed, every file read. */
#include "archive/archive.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LIMIT = 1 << 20, DEEP = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const gf_archive *a, const char *folder, int depth)
{
    gf_names names;
    if (depth == DEEP || gf_archive_list(a, folder, &names, NULL) != GRAFT_OK) return;
    for (size_t i = 0; i < names.n; i++) {
        char *path = *folder ? gf_path_join(folder, names.item[i]) : gf_strdup(names.item[i]);
        gf_archive_entry e;
        graft_error err;
        int failed;
        if (!path || !gf_archive_find(a, path, &e)) abort();
        if (e.is_folder) {
            look(a, path, depth + 1);
        } else {
            uint8_t *bytes = gf_alloc_raw((size_t)e.size + 1, 1);
            if (e.size > LIMIT || !bytes) abort();
            if (gf_archive_read(a, e.member, bytes, (size_t)e.size, &failed, &err) != GRAFT_OK) abort();
            gf_free(bytes);
        }
        gf_free(path);
    }
    gf_names_free(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gf_archive_limits limits = {.bytes = LIMIT, .entries = 100, .spool = "/dev/shm"};
    int fd = memfd_create("archive", MFD_CLOEXEC);
    char *path = gf_sprintf("/proc/self/fd/%d", fd);
    gf_archive *a;
    graft_error err;
    if (fd < 0 || !path || write(fd, data, size) != (ssize_t)size) abort();
    if (gf_archive_open(&a, path, &limits, &err) == GRAFT_OK) {
        look(a, "", 0);
        gf_archive_close(a);
    }
    gf_free(path);
    close(fd);
    return 0;
}
