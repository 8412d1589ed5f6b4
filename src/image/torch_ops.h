/* torch_ops.h - the fourteen operations of torchvision's RandAugment and TrivialAugmentWide. Warps take the nearest
 * pixel, and 0 outside of the image. */
#ifndef GF_IMAGE_TORCH_OPS_H
#define GF_IMAGE_TORCH_OPS_H

#include "image/random_change.h"

enum { GF_TORCH_OPS = 14, GF_TORCH_BINS = 31 };

/* How far each goes in its last bin, of GF_TORCH_BINS; a translation in pixels, or as a share of the side where it is
 * below 1. */
typedef struct gf_torch_space {
    float shear, translate, rotate, enhance;
    int posterize; /* bits that are lost */
} gf_torch_space;

/* Operation `op` at `bin`, drawing its sign where it has one, into t, an identity of h x w. */
void gf_torch_op(const gf_torch_space *space, int op, int bin, gf_rng *rng, int h, int w, gf_transform *t);

#endif
