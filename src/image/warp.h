/* warp.h - an affine map of an image, in several implementations with equal bits. An output pixel blends the four
 * source pixels around the point where it lands, in float32: top = (1 - fx) a + fx b,  bottom = (1 - fx) c + fx d,
 * out = (1 - fy) top + fy bottom. Borders are those of TensorFlow's ImageProjectiveTransformV3, which Keras's layers
 * use (tensorflow/core/kernels/image/image_ops.h). */
#ifndef GF_IMAGE_WARP_H
#define GF_IMAGE_WARP_H

#include "image/quantize.h"

/* What lies outside of a side a b c d. The coordinate itself is mapped, then held to the centers of the outermost
 * pixels. CONSTANT: each of the four neighbors that is outside counts as the fill value, so edges blend into it. */
typedef enum gf_border {
    GF_BORDER_REFLECT, /* d c b a | a b c d | d c b a */
    GF_BORDER_NEAREST, /* a a a a | a b c d | d d d d */
    GF_BORDER_WRAP,    /* a b c d | a b c d | a b c d */
    GF_BORDER_CONSTANT,
} gf_border;

/* Output (x, y), of ow x oh, reads the source, mirrored first where `flip`, at (m[0] x + m[1] y + m[2], m[3] x +
 * m[4] y + m[5]). Pixel centers are at whole numbers. */
typedef struct gf_warp {
    float m[6];
    int h, w;   /* of the source, > 0 */
    int oh, ow; /* of the output */
    bool flip;
    bool nearest; /* the pixel that is nearest alone, halves to the higher number, instead of a blend */
    gf_border border;
    float fill; /* of GF_BORDER_CONSTANT */
} gf_warp;

/* rgb: h x w x 3; dst: oh x ow x 3, not overlapping. The fastest implementation this CPU has; the same bits on each.
 * Nothing is allocated. Threads: any. */
void gf_warp_floats(const gf_warp *p, const uint8_t *rgb, float *dst);

/* To bytes of what that gives. */
void gf_warp_int8(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst);

/* The reference implementation: any CPU and any size. To floats, or to bytes where there is a map. */
void gf_warp_plain(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst);

/* 5 and 10 times as fast. False, and dst untouched, where the CPU or the image does not suit it. */
bool gf_warp_avx2(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst);
bool gf_warp_avx512(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst); /* with VBMI */

/* Shared by them. Wanted are two source pixels a side, and offsets that fit an int. */
bool gf_warp_suits(const gf_warp *p);

/* Slanted rows are no pattern that a processor sees ahead: the image is called into the cache in its own order, by
 * reading it, because of prefetches as many as this most are dropped. */
void gf_warp_fetch(const gf_warp *p, const uint8_t *rgb);

#endif
