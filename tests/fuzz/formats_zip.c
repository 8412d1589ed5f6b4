/* Any bytes as a zip archive: opened, and every entry read. */
#include "base/alloc.h"
#include "formats/zip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_zip zip;
    graft_error err;
    const gf_zip_limits limits = {.max_entries = 100, .max_bytes = 1 << 20};
    if (gf_zip_open(&zip, data, size, "f", &limits, &err) != GRAFT_OK) return 0;
    for (size_t i = 0; i < zip.n; i++) {
        gf_zip_bytes b;
        if (gf_zip_find(&zip, zip.entry[i].name) != &zip.entry[i]) abort();
        if (gf_zip_read(&zip, &zip.entry[i], 1 << 20, &b, &err) != GRAFT_OK) continue;
        if (!b.own && (b.data < data || b.data + b.n > data + size)) abort();
        gf_free(b.own);
    }
    gf_zip_close(&zip);
    return 0;
}
