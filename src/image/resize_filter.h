/* resize_filter.h - the filters of a resize, by the names and the values of TensorFlow's tf.image.resize(method): each
 * output position of a side is a weighted sum of a few source positions beside each other.
 *
 *     bilinear                       a triangle, radius 1
 *     nearest, area                  one pixel; the mean of what an output pixel covers (antialias changes neither)
 *     bicubic                        Keys, a = -0.5, radius 2: Pillow's, too, where it is antialiased
 *     lanczos3, lanczos5             radius 3 and 5: Pillow's LANCZOS is the first, antialiased
 *     gaussian, mitchellcubic        radius 1.5 and 2
 *
 * Formulas: tensorflow/core/kernels/image/sampling_kernels.h, scale_and_translate_op.cc, resize_bicubic_op.cc,
 * resize_area_op.cc, resize_nearest_neighbor_op.cc. */
#ifndef GF_IMAGE_RESIZE_FILTER_H
#define GF_IMAGE_RESIZE_FILTER_H

#include <stdbool.h>

/* In the order of the choices of data.resize_filter. */
typedef enum gf_resize_filter {
    GF_RESIZE_BILINEAR,
    GF_RESIZE_NEAREST,
    GF_RESIZE_AREA,
    GF_RESIZE_BICUBIC,
    GF_RESIZE_LANCZOS3,
    GF_RESIZE_LANCZOS5,
    GF_RESIZE_GAUSSIAN,
    GF_RESIZE_MITCHELLCUBIC,
    GF_RESIZE_FILTERS
} gf_resize_filter;

const char *gf_resize_filter_name(gf_resize_filter filter);
/* False: there is none of that name. */
bool gf_resize_filter_find(const char *name, gf_resize_filter *out);
/* Whether antialias makes a difference. */
bool gf_resize_filter_widens(gf_resize_filter filter);

/* Output position i is the sum over k < count of weight[k] * source[first + k]. */
typedef struct gf_span {
    int first, count;
    float *weight; /* in gf_spans.weights */
} gf_span;

typedef struct gf_spans {
    gf_span *item;
    float *weights;
} gf_spans;

/* Of a side of `in` pixels that is resized to `full`, those `out` positions from `first` on. False: no memory; to be
 * freed all the same. */
bool gf_spans_make(gf_spans *s, gf_resize_filter filter, bool antialias, int in, int full, int first, int out);
void gf_spans_free(gf_spans *s); /* takes a zeroed one */

#endif
