/* torch_view.h - a tensor seen in another order of its dimensions, and its values as floats in that order. */
#ifndef GF_FORMATS_TORCH_VIEW_H
#define GF_FORMATS_TORCH_VIEW_H

#include "formats/weights.h"
#include "tensor/tensor.h"

#include <stdbool.h>

typedef struct gf_view {
    gf_shape shape;
    int64_t stride[GF_MAX_RANK]; /* elements */
} gf_view;

/* The view of C order: each dimension next to the one behind it. */
gf_view gf_view_plain(const gf_shape *shape);

/* A parameter of PyTorch's as graft keeps it: convolutions OIHW -> HWIO, depthwise (C m, 1, h, w) -> (h, w, C, m),
 * dense (out, in) -> (in, out), a 1x1 convolution where a dense kernel is wanted and the other way round, dense rows
 * from (c, h, w) order to (h, w, c) where want->flat says so. What does not fit comes in the order that it would have,
 * so that a message can show it. `out` is not `in`; *shape is that of its values as the architecture sees them. */
void gf_view_turn(const gf_view *in, const gf_weight *want, gf_view *out, gf_shape *shape);

/* All values of the view in C order as floats; element 0 of the view is the first of `bytes` (any alignment). The view
 * lies within its bytes: checked by who made it. false: not a type of floats. */
bool gf_view_f32(const uint8_t *bytes, gf_dtype dtype, const gf_view *view, float *out);

#endif
