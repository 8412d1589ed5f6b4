/* rotate.h - the ways augment.c turns an image; equal bits. To bytes, what they give is rounded at once. Each blends
 * the four source pixels around the point where an output pixel lands, in float32: top = (1 - fx) a + fx b,  bottom =
 * (1 - fx) c + fx d,  out = (1 - fy) top + fy bottom. */
#ifndef GF_IMAGE_ROTATE_H
#define GF_IMAGE_ROTATE_H

#include "image/quantize.h"

/* Output (x, y) reads the source, mirrored first where `flip`, at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]). */
typedef struct gf_rotation {
    float m[6];
    int h, w;
    bool flip;
} gf_rotation;

/* rgb and dst: h x w x 3. The fastest way this CPU has. */
void gf_rotate(const gf_rotation *r, const uint8_t *rgb, float *dst);

/* To bytes of what that gives. */
void gf_rotate_int8(const gf_rotation *r, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst);

/* Any CPU and any size. */
void gf_rotate_plain(const gf_rotation *r, const uint8_t *rgb, float *dst);

/* 5 and 10 times as fast. False, and dst untouched, where the CPU or the image does not suit it. */
bool gf_rotate_avx2(const gf_rotation *r, const uint8_t *rgb, float *dst);
bool gf_rotate_avx512(const gf_rotation *r, const uint8_t *rgb, float *dst); /* with VBMI */
bool gf_rotate_int8_avx512(const gf_rotation *r, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst);

/* Shared by them. Wanted are two pixels a side, offsets that fit an int, and no coordinate, of a row's pixels up to
 * `lanes` behind its end, further out than one reflection. */
bool gf_rotate_suits(const gf_rotation *r, int lanes);

/* Slanted rows are no pattern that a processor sees ahead: the image is called into the cache in its own order, by
 * reading it, because of prefetches as many as this most are dropped. */
void gf_rotate_fetch(const gf_rotation *r, const uint8_t *rgb);

#endif
