/* input.h - images into the inputs of a network, as its layout says (tensor/feed.h): the one place where colours become
 * luma and values become bytes. Equal images give equal bits, whichever way they come. */
#ifndef GF_IMAGE_INPUT_H
#define GF_IMAGE_INPUT_H

#include "image/augment.h"
#include "tensor/feed.h"

/* rgb: h x w x 3, of the layout's height and width (NULL: no change), or as `change` takes it, which gives that size;
 * scratch: gf_request's; for_change: of gf_augment_scratch_bytes, where there is a change. */
void gf_input_put(const gf_input_layout *in, const gf_augment_drawn *change, const uint8_t *rgb, float *scratch,
                  void *for_change, void *dst);

/* Values 0..255 that need not be whole. rgb and dst do not overlap. */
void gf_input_put_f32(const gf_input_layout *in, const float *rgb, void *dst);

#endif
