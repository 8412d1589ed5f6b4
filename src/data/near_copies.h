/* near_copies.h - images that are the same but for size, quality or a mirror, by their perceptual hashes. */
#ifndef GF_DATA_NEAR_COPIES_H
#define GF_DATA_NEAR_COPIES_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { GF_NEAR_BITS = 4 }; /* that may differ */

typedef struct gf_hashes {
    uint64_t as_is, mirrored;
} gf_hashes;

typedef struct gf_near_pair {
    uint32_t first, second; /* first < second */
    uint8_t bits;           /* that differ */
    bool mirrored;          /* one is the other's mirror image */
} gf_near_pair;

/* All pairs within GF_NEAR_BITS, each once, sorted; *pairs is the caller's (gf_free). */
graft_status gf_near_copies(const gf_hashes *hash, uint32_t n, gf_near_pair **pairs, size_t *found, graft_error *err);

#endif
