/* Any bytes as the head of a cache file of three pictures. What is accepted must have rows that mean something. */
#include "data/cache_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const gf_cache_key key = {.n = 3, .first = 1, .picture_bytes = 300};
    gf_checked rows[3];
    if (gf_cache_head_parse(data, size, &key, rows, NULL) != GRAFT_OK) return 0;
    for (int i = 0; i < 3; i++) {
        if (rows[i].state > GF_LITTER || rows[i].format >= GF_IMAGE_FORMATS) abort();
    }
    return 0;
}
