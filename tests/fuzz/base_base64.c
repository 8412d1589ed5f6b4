/* Any text: what is taken as base64 is what its bytes are written as; nothing else stands for them. */
#include "base/alloc.h"
#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_group(const uint8_t *from, size_t n, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; i++) bits = bits << 8 | (i < n ? from[i] : 0);
    for (size_t i = 0; i < 4; i++) to[i] = i <= n ? digits[bits >> (18 - 6 * i) & 63] : '=';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;
    size_t n;
    graft_error err = {0};
    if (gf_base64_decode((const char *)data, size, "text", &bytes, &n, &err) != GRAFT_OK) {
        if (!err.number || bytes) abort();
        return 0;
    }
    if (size != (n + 2) / 3 * 4) abort();
    for (size_t i = 0; i < n; i += 3) {
        char group[4];
        write_group(bytes + i, n - i < 3 ? n - i : 3, group);
        if (memcmp(group, data + i / 3 * 4, sizeof group) != 0) abort();
    }
    gf_free(bytes);
    return 0;
}
