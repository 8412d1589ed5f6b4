/* A checkpoint's bytes: as they are, and with the digest and checksums made right, so that the table is reached. What
 * is accepted lies inside the file, in order, under names of their own; parts are taken from it or refused. */
#include "base/hash.h"
#include "train/checkpoint_format.h"
#include "train/state_parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool older(void *part, uint32_t version, const void *bytes, size_t size)
{
    if (version != 1 || size > 8) return false;
    memcpy(part, bytes, size);
    return true;
}

static void take_parts(const gf_checkpoint *c)
{
    char run[32], mean[24];
    const gf_state_part part[] = {{"run", 1, run, sizeof run}, {"running", 2, mean, sizeof mean, true, older}};
    graft_error err;
    if (gf_parts_take(c, part, 2, &err) != GRAFT_OK && !err.message[0]) abort();
}

static void parse(const uint8_t *data, size_t size)
{
    gf_checkpoint c;
    graft_error err;
    graft_status status = gf_checkpoint_parse(&c, data, size, "fuzz", &err);
    if (status != GRAFT_OK) {
        if (status != GRAFT_WEIGHTS || c.section || c.path || !err.message[0]) abort();
        return;
    }
    const uint8_t *at = data;
    for (size_t i = 0; i < c.n; i++) {
        const uint8_t *section = c.section[i].data;
        if (section < at || section + c.section[i].size > data + size) abort();
        if (gf_checkpoint_find(&c, c.section[i].name) != &c.section[i]) abort();
        at = section + c.section[i].size;
    }
    take_parts(&c);
    gf_checkpoint_free(&c);
}

/* The checksums that the table's rows and the trailer should have. */
static void seal(uint8_t *data, size_t size)
{
    gf_checkpoint_header header;
    memcpy(&header, data, sizeof header);
    for (size_t i = 0; i < header.sections; i++) {
        gf_checkpoint_row row;
        size_t at = sizeof header + i * sizeof row;
        if (at + sizeof row > size) break;
        memcpy(&row, data + at, sizeof row);
        if (row.offset > size || row.size > size - row.offset) continue;
        row.crc = gf_crc32c(data + row.offset, row.size);
        memcpy(data + at, &row, sizeof row);
    }
    gf_sha256 digest = gf_sha256_of(data, size - GF_CHECKPOINT_DIGEST);
    memcpy(data + size - GF_CHECKPOINT_DIGEST, digest.byte, GF_CHECKPOINT_DIGEST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    if (size < sizeof(gf_checkpoint_header)) return 0;
    uint8_t *copy = malloc(size);
    if (!copy) return 0;
    memcpy(copy, data, size);
    seal(copy, size);
    parse(copy, size);
    free(copy);
    return 0;
}
