/* encode.h - an image as JPEG bytes, for thumbnails in reports. */
#ifndef GF_IMAGE_ENCODE_H
#define GF_IMAGE_ENCODE_H

#include "base/error.h"

#include <stdint.h>

/* rgb: h x w x 3; quality 1-100; 4:2:0, optimised tables, no metadata: equal images give equal bytes. *bytes is the
 * caller's (gf_free). */
graft_status gf_jpeg_encode(const uint8_t *rgb, int w, int h, int quality, uint8_t **bytes, size_t *n,
                            graft_error *err);

#endif
