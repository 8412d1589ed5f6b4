/* jpeg_rest.h - bytes between the last pixel of a JPEG and its end: pixels that damage has pushed there, or of no
 * matter. */
#ifndef GF_IMAGE_JPEG_REST_H
#define GF_IMAGE_JPEG_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a baseline JPEG of one scan: whether what follows its last block reads as more of its blocks, up to the end. A bit
 * that changed in the middle makes a decoder find all blocks before the data end, and what is left is then such data.
 * True also where the last block does not end as an encoder ends it (bits of 1 to the next byte). False of other kinds
 * of JPEG. Time is linear in n. */
bool gf_jpeg_rest_is_pixels(const uint8_t *bytes, size_t n);

#endif
