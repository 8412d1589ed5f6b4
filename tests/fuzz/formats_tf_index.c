/* Any bytes as the index of a TensorFlow checkpoint, with the checksums of its blocks made right, so that what is
 * behind them is reached. */
#include "formats/tf_bundle.h"
#include "formats/tf_table.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(int ok)
{
    if (!ok) abort();
}

/* Of the block that a handle in the footer or in the list of blocks is of. */
static void mend(uint8_t *file, size_t n, const uint8_t **handle, const uint8_t *end)
{
    uint64_t offset, length;
    if (!gf_varint(handle, end, &offset) || !gf_varint(handle, end, &length)) return;
    if (offset > n || length > n - offset || n - offset - length < 5) return;
    uint32_t crc = gf_tf_masked_crc(file + offset, length + 1);
    memcpy(file + offset + length + 1, &crc, sizeof crc);
}

static void mend_all(uint8_t *file, size_t size)
{
    const uint8_t *handle = file + size - 48, *end = handle + 40;
    mend(file, size - 48, &handle, end);
    const uint8_t *index = handle;
    uint64_t offset, length;
    if (gf_varint(&index, end, &offset) && gf_varint(&index, end, &length) && offset < size - 48 &&
        length <= size - 48 - offset) {
        const uint8_t *at = file + offset, *stop = at + length;
        uint64_t shared, tail, n;
        while (at < stop && gf_varint(&at, stop, &shared) && gf_varint(&at, stop, &tail) && gf_varint(&at, stop, &n)) {
            if (tail > (uint64_t)(stop - at) || n > (uint64_t)(stop - at) - tail) break;
            const uint8_t *value = at + tail;
            mend(file, size - 48, &value, value + n);
            at += tail + n;
        }
    }
    mend(file, size - 48, &handle, end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_tf_bundle b;
    graft_error err = {0};
    uint8_t *file = malloc(size + 1);
    if (!file) return 0;
    memcpy(file, data, size);
    if (gf_tf_table_looks(file, size)) mend_all(file, size);
    graft_status status = gf_tf_bundle_parse(&b, file, size, "f", &err);
    want((status == GRAFT_OK) == !err.number);
    for (size_t i = 0; i < b.n && status == GRAFT_OK; i++) {
        want(b.item[i].shard < b.shards && (!i || strcmp(b.item[i - 1].key, b.item[i].key) < 0));
        want(b.item[i].dtype == GF_DTYPES ||
             gf_count(&b.item[i].shape) * gf_dtype_size(b.item[i].dtype) == b.item[i].bytes);
    }
    gf_tf_bundle_close(&b);
    free(file);
    return 0;
}
