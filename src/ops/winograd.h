/* winograd.h - the loops of winograd.c: from places to the 16 products of a tile and back. */
#ifndef GF_OPS_WINOGRAD_H
#define GF_OPS_WINOGRAD_H

#include "ops/op.h"

enum { GF_WINOGRAD_PRODUCTS = 16, GF_WINOGRAD_TAPS = 9, GF_WINOGRAD_LANES = 16 };

/* What comes behind a sum: bias, a residual, and a cut to low .. high. */
typedef struct gf_winograd_end {
    const float *bias; /* NULL: none */
    float low, high;
    bool add; /* to what the place holds */
} gf_winograd_end;

/* Values of one of the 16 lie `apart` from the next one's. n and c are multiples of GF_WINOGRAD_LANES. */
typedef struct gf_winograd_loops {
    /* v = B^T d B of c channels: d a tile's 4 x 4 places. */
    void (*tile)(const uint16_t *const d[16], size_t c, uint16_t *v, size_t apart);
    /* v = A dy A^T: dy a tile's 2 x 2 places of dst. */
    void (*gradient)(const uint16_t *const dy[4], size_t c, uint16_t *v, size_t apart);
    /* y = end(A^T m A): y a tile's 2 x 2 places, of which some may be NULL; residual: theirs, or NULLs */
    void (*positions)(const float *m, size_t apart, size_t c, const gf_winograd_end *end,
                      const uint16_t *const residual[4], uint16_t *const y[4]);
    /* u = G g G^T of n kernels, tap after tap. */
    void (*kernel)(const float *g, size_t n, uint16_t *u, size_t apart);
    /* g = G^T u G */
    void (*kernel_gradient)(const float *u, size_t apart, size_t n, float *g);
} gf_winograd_loops;

/* The shapes, types and processors that gf_op_winograd is for. */
bool gf_winograd_fits(const gf_op_spec *spec, const gf_ops *ops);

extern const gf_winograd_loops gf_winograd_bf16; /* AVX-512 with BF16 */

#endif
