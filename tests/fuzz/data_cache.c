/* Any bytes as the head of a cache file of three images: as they are, and with the checksums made right, so that the
 * rows are reached. What is accepted must have rows that mean something. */
#include "data/cache_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 3, HEADER = 128, PAGE = 4096 };
static const gf_cache_key key = {.n = ROWS, .first = 1, .image_bytes = 300};

static void parse(const uint8_t *data, size_t size)
{
    gf_checked rows[ROWS];
    if (gf_cache_head_parse(data, size, &key, rows, NULL) != GRAFT_OK) return;
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].state > GF_LITTER || rows[i].format >= GF_IMAGE_FORMATS) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_checked rows[ROWS];
    uint8_t sealed[PAGE];
    parse(data, size);
    if (size < HEADER + sizeof rows || gf_cache_head_bytes(&key) != sizeof sealed) return 0;
    memcpy(rows, data + HEADER, sizeof rows);
    gf_cache_head_write(&key, rows, sealed);
    parse(sealed, sizeof sealed);
    return 0;
}
