/* Any bytes as a file of word vectors, of whatever kind they look like. */
#include "formats/word_vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static graft_status look(void *ctx, const char *word, size_t n, const float *value, uint32_t dim, graft_error *err)
{
    (void)err;
    size_t *bytes = ctx;
    for (size_t i = 0; i < n; i++) *bytes += word[i] != 0;
    if (dim < 1 || dim > GF_VECTOR_MAX) abort();
    for (uint32_t i = 0; i < dim; i++) {
        if (!isfinite(value[i])) abort();
    }
    return GRAFT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    gf_word_vectors v;
    graft_error err = {0};
    size_t bytes = 0;
    int fd = memfd_create("vectors", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    graft_status status = gf_word_vectors_each(path, &v, look, &bytes, &err);
    if ((status == GRAFT_OK) != !err.number || (status == GRAFT_OK && !v.words)) abort();
    gf_word_vectors_looks(data, size);
    close(fd);
    return 0;
}
