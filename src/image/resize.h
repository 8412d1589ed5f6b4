/* resize.h - resizing as TensorFlow's tf.image.resize does it; bilinear, the usual filter, bit for bit.
 *
 * Pixel centres are at half integers: output x reads the source at (x + 0.5) * (w / ow) - 0.5, in float32. Bilinear
 * without antialias blends the two nearest pixels of a side (tensorflow/core/kernels/image/resize_bilinear_op.cc); with
 * it a triangle of the output pixel's width is averaged (scale_and_translate_op.cc). Other filters: resize_filter.h. */
#ifndef GF_IMAGE_RESIZE_H
#define GF_IMAGE_RESIZE_H

#include "base/error.h"
#include "image/resize_filter.h"

#include <stdbool.h>
#include <stdint.h>

/* Bilinear. src: h x w x 3; dst: oh x ow x 3, the caller's, rounded to the nearest integer, halves up. Any side may be
 * 1; 0 or a negative one is E3001. Allocates rows, not images. Threads: any. */
graft_status gf_resize_u8(const uint8_t *src, int h, int w, uint8_t *dst, int oh, int ow, bool antialias,
                          graft_error *err);

/* A part of a resize: a window of an image is resized to full_w x full_h, and of that the w x h pixels from (x, y) on
 * are written. The same values as resizing the window alone and cutting the part out. */
typedef struct gf_resize_part {
    const uint8_t *src; /* the window's first pixel; nothing behind its last row is read */
    size_t src_stride;  /* bytes from one row to the next */
    int src_w, src_h;
    int full_w, full_h;
    int x, y, w, h;
    size_t dst_stride; /* values from one row to the next */
    gf_resize_filter filter;
    bool antialias;
} gf_resize_part;

/* E3001 where a side is below 1 or the part does not lie inside. */
graft_status gf_resize_window(const gf_resize_part *part, float *dst, graft_error *err);
graft_status gf_resize_window_u8(const gf_resize_part *part, uint8_t *dst, graft_error *err);

#endif
