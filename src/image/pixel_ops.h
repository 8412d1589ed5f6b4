/* pixel_ops.h - changes of an 8-bit image's colors as torchvision makes them on uint8 tensors, each a pass of a
 * transform (transform.h). Each result is clamped and cut off to a byte. */
#ifndef GF_IMAGE_PIXEL_OPS_H
#define GF_IMAGE_PIXEL_OPS_H

#include "image/transform.h"

/* In place; n pixels. */
void gf_pixels_brightness(uint8_t *rgb, size_t n, float factor);
void gf_pixels_contrast(uint8_t *rgb, size_t n, float factor); /* about the gray image's mean */
void gf_pixels_saturation(uint8_t *rgb, size_t n, float factor);
void gf_pixels_hue(uint8_t *rgb, size_t n, float turns); /* -0.5..0.5, in HSV */

/* Passes; args[0] is the factor, the bits, the threshold, or nothing. */
gf_image_pass gf_pass_brightness, gf_pass_contrast, gf_pass_saturation, gf_pass_hue, gf_pass_sharpness,
    gf_pass_posterize, gf_pass_solarize, gf_pass_autocontrast, gf_pass_equalize;

/* The part (args: x, y, w, h) of the source resized to the output by a triangle filter, wider where it shrinks:
 * torchvision's resize with antialias. */
gf_image_pass gf_pass_resize;

#endif
