/* The header of a file of kept features: taken for the cache that it is of, or refused with a message. */
#include "train/feature_store.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_feature_cache cache = {.n = 4, .variants = 2, .parts = 1, .row = {20}, .target_bytes = 4};
    gf_sha256 key = {{0}};
    uint64_t sum[GF_MAX_BOUNDARY_TENSORS + 1];
    graft_error err = {0};
    if (size > 8 + sizeof key) memcpy(&key, data + 8, sizeof key); /* so that headers of any name are looked into */
    graft_status status = gf_feature_head_parse(data, size, &key, &cache, sum, &err);
    if ((status != GRAFT_OK) != (err.message[0] != 0)) abort();
    if (status == GRAFT_OK && (size < GF_FEATURE_HEAD || gf_feature_block(&cache, 0) != 160)) abort();
    return 0;
}
