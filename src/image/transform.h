/* transform.h - what happens to one image, as data. A transform is four steps, any of which may be none, in this order:
 *
 *     pass     a function of the 8-bit image (hue, posterize, a resize with a filter, ...)
 *     warp     an affine map: the output (x, y) reads the source at m (x, y, 1); flips, rotations, zooms, crops
 *     color    an affine map of RGB in which the means of the image's channels may take part
 *     clip     to 0..255, where there is a color map
 *
 * A random change (random_change.h) draws one, and knows nothing of the others: gf_transform_merge makes one of two
 * where that is exact enough, so that an image is interpolated once however many words --augment has. */
#ifndef GF_IMAGE_TRANSFORM_H
#define GF_IMAGE_TRANSFORM_H

#include "image/color.h"
#include "image/warp.h"

enum { GF_PASS_ARGS = 12 };

/* src: h x w x 3; dst: oh x ow x 3, not overlapping. Allocates nothing, cannot fail. */
typedef void gf_image_pass(const float args[GF_PASS_ARGS], const uint8_t *src, int h, int w, uint8_t *dst, int oh,
                           int ow);

/* A part of an image; empty where a side is 0. */
typedef struct gf_rect {
    int x, y, w, h;
} gf_rect;

/* A second sample blended in: MixUp where the rectangle is empty (lambda of this image, 1 - lambda of the partner),
 * CutMix where it is not (the partner's pixels in it; lambda is this image's share of the area). The target is
 * lambda target + (1 - lambda) partner's. lambda 1: none. */
typedef struct gf_mix {
    float lambda;
    gf_rect rect;
} gf_mix;

typedef struct gf_transform {
    gf_image_pass *pass; /* NULL: none */
    float pass_args[GF_PASS_ARGS];
    int pass_h, pass_w; /* of what it gives */

    float m[6];
    bool flip;    /* the source is read mirrored */
    bool within;  /* no point outside of the source is read: border and fill do not matter */
    bool nearest; /* as gf_warp's; border and fill too */
    gf_border border;
    float fill;
    int h, w; /* of the output */

    gf_color color;
    gf_mix mix;
    bool exact; /* interpolated and rounded by itself, as the library it is named after does */
} gf_transform;

/* One that changes nothing of an h x w image. */
gf_transform gf_transform_identity(int h, int w);
bool gf_transform_is_identity(const gf_transform *t, int h, int w); /* the source's size */

/* Whether its map moves pixels at all, be it by a flip. */
bool gf_transform_moves(const gf_transform *t);

/* Sets m so that the output has its center where the source's is: output - center -> a (output - center) + center. */
void gf_transform_about_center(gf_transform *t, int h, int w, float a00, float a01, float a10, float a11);

/* `then` behind `t`, which becomes both; false, and nothing done, where they have to stay apart. */
bool gf_transform_merge(gf_transform *t, const gf_transform *then);

/* sin and cos of |x| <= 2 pi, correctly rounded to float in all but a few cases and the same on every CPU, which libm's
 * are not. */
void gf_sin_cos(double x, float *sin_out, float *cos_out);

#endif
