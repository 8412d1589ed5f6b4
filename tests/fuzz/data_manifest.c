/* Any bytes as a manifest, against an index of two files. */
#include "data/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char paths[] = "a/x.jpg\0b/y.jpg";
    static char *names[] = {"a", "b"};
    static gf_sample samples[2] = {{.size = 5}, {.path = 8, .size = 6, .class_id = 1}};
    const gf_index index = {
        .root = "data", .classes = {names, 2, 2}, .sample = samples, .n = 2, .paths = {paths, sizeof paths, 0, false}};
    gf_manifest_difference d = {0};
    if (gf_manifest_compare(&index, data, size, "fuzz", &d, NULL) != GRAFT_OK) return 0;
    if (d.added + d.changed > 2 || d.removed > size) abort();
    return 0;
}
