/* perceptual_hash.h - 64 bits that hardly change when an image is resized, recoded or brightened: what near copies are
 * found by. As imagehash's phash: a gray image of 32 x 32, its cosine transform, the 8 x 8 lowest frequencies, a bit
 * each for those above their median (Zauner, "Implementation and benchmarking of perceptual image hash functions",
 * 2010). */
#ifndef GF_IMAGE_PERCEPTUAL_HASH_H
#define GF_IMAGE_PERCEPTUAL_HASH_H

#include "base/error.h"

#include <stdint.h>

/* The bit of frequency (row v, column u) is 8 v + u. *mirrored: of the image mirrored left to right. */
graft_status gf_perceptual_hash(const uint8_t *rgb, int w, int h, uint64_t *hash, uint64_t *mirrored, graft_error *err);

#endif
