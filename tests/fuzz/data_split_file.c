/* Any bytes as a split.csv: what it lists is found again, in a part that there is. */
#include "base/alloc.h"
#include "data/split_rules.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gf_sha256 none;
    int fd = memfd_create("split", MFD_CLOEXEC);
    char *path = gf_sprintf("/proc/self/fd/%d", fd);
    gf_split_file f;
    graft_error err = {0};
    if (fd < 0 || !path || write(fd, data, size) != (ssize_t)size) abort();
    graft_status status = gf_split_file_read(&f, path, &err);
    if (status != GRAFT_OK && (!err.number || !err.message[0] || f.n)) abort();
    size_t at = 0;
    for (size_t i = 0; status == GRAFT_OK && i < f.n && at < f.paths.n; i++) {
        gf_split split = GF_SPLITS;
        const char *name = f.paths.s + at;
        if (*name && (!gf_split_file_find(&f, &none, name, &split) || split >= GF_SPLITS)) abort();
        at += strlen(name) + 1;
    }
    gf_split_file_free(&f);
    gf_free(path);
    close(fd);
    return 0;
}
