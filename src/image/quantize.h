/* quantize.h - an image as a quantized network takes it (gf_quantize_map). What comes out before it is cut off fits an
 * int. */
#ifndef GF_IMAGE_QUANTIZE_H
#define GF_IMAGE_QUANTIZE_H

#include "tensor/feed.h"

#include <stddef.h>

static inline uint8_t gf_quantize_value(const gf_quantize_map *map, int channel, float value)
{
    float v = value * map->factor[channel] + map->offset[channel];
    v = v > 0 ? v : 0;
    return (uint8_t)(int32_t)(v < 255 ? v : 255);
}

/* rgb to dst, n pixels. */
void gf_quantize_rgb(const gf_quantize_map *map, const uint8_t *rgb, size_t n, uint8_t *dst);

/* Whether this CPU looks so many bytes up at a time (AVX-512 VBMI) that it is worth while not to go by floats. */
bool gf_quantize_is_fast(void);

#endif
