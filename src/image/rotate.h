/* rotate.h - the two ways augment.c turns a picture; equal bits. Each blends the four source pixels around the point
 * where an output pixel lands, in float32:
 *   top = (1 - fx) a + fx b,  bottom = (1 - fx) c + fx d,  out = (1 - fy) top + fy bottom. */
#ifndef GF_IMAGE_ROTATE_H
#define GF_IMAGE_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

/* Output (x, y) reads the source, mirrored first where `flip`, at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]). */
typedef struct gf_rotation {
    float m[6];
    int h, w;
    bool flip;
} gf_rotation;

/* rgb and dst: h x w x 3. Any CPU and any size. */
void gf_rotate_plain(const gf_rotation *r, const uint8_t *rgb, float *dst);

/* Several times as fast. False, and dst untouched, where the CPU or the picture does not suit it. */
bool gf_rotate_avx2(const gf_rotation *r, const uint8_t *rgb, float *dst);

#endif
