/* resize.h - bilinear resize, bit for bit what TensorFlow's tf.image.resize(method="bilinear") computes.
 *
 * Pixel centres are at half integers: output x reads the source at (x + 0.5) * (w / ow) - 0.5, in float32. Without
 * antialias the two nearest pixels are blended a side (tensorflow/core/kernels/image/resize_bilinear_op.cc); with it a
 * triangle of the output pixel's width is averaged (scale_and_translate_op.cc). */
#ifndef GF_IMAGE_RESIZE_H
#define GF_IMAGE_RESIZE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* src: h x w x 3; dst: oh x ow x 3, values 0..255, the caller's. Any side may be 1; 0 or a negative one is E3001.
 * Allocates rows, not pictures. Threads: any. */
graft_status gf_resize(const uint8_t *src, int h, int w, float *dst, int oh, int ow, bool antialias, graft_error *err);

/* The same values rounded to the nearest integer, halves up. */
graft_status gf_resize_u8(const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow, bool antialias,
                          graft_error *err);

#endif
