/* int8_geometry.h - a convolution's sizes, read out of its spec once, as the loops over bytes use them. */
#ifndef GF_OPS_INT8_GEOMETRY_H
#define GF_OPS_INT8_GEOMETRY_H

#include "ops/op.h"

typedef struct gf_geometry {
    int n, h, w, c, oh, ow; /* src, dst */
    int kh, kw, sh, sw;     /* kernel, its steps */
    int pt, pl;             /* rows and columns before src */
    int size;               /* of an element of dst */
} gf_geometry;

static inline gf_geometry gf_geometry_of(const gf_op_spec *s)
{
    const int64_t *in = s->src[0].dim, *out = s->dst.dim;
    return (gf_geometry){.n = (int)in[0],
                         .h = (int)in[1],
                         .w = (int)in[2],
                         .c = (int)in[3],
                         .oh = (int)out[1],
                         .ow = (int)out[2],
                         .kh = s->conv.kh,
                         .kw = s->conv.kw,
                         .sh = s->conv.sh,
                         .sw = s->conv.sw,
                         .pt = s->conv.pt,
                         .pl = s->conv.pl,
                         .size = (int)gf_dtype_size(s->dst_dtype)};
}

#endif
