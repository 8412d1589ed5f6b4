/* augment.h - random changes of a training image: mirror and rotation, as Keras 3's RandomFlip("horizontal") and
 * RandomRotation(f) make them (bilinear, edges reflected). What a sample gets depends on (seed, epoch, sample) alone.
 */
#ifndef GF_IMAGE_AUGMENT_H
#define GF_IMAGE_AUGMENT_H

#include "base/error.h"

#include "image/quantize.h"

typedef struct gf_augment_spec {
    bool flip;    /* mirrored left to right with probability 1/2 */
    float rotate; /* turned by a uniform angle in [-rotate, rotate) turns; 0: not at all; at most 0.5 */
} gf_augment_spec;

/* Parses "flip,rotate=0.2", "flip", "none". Not locale dependent. A word that is not known is E3002 with the nearest
 * one as hint. */
graft_status gf_augment_parse(const char *text, gf_augment_spec *out, graft_error *err);

/* Whether it changes images at all. */
bool gf_augment_any(const gf_augment_spec *spec);

typedef struct gf_augment_params {
    bool flip;
    float turns;
} gf_augment_params;

/* What sample `sample` gets in epoch `epoch`. */
gf_augment_params gf_augment_draw(const gf_augment_spec *spec, uint64_t seed, uint32_t epoch, uint32_t sample);

/* rgb: h x w x 3; dst: h x w x 3 floats, 0..255; first the mirror, then the rotation. params NULL: converts only.
 * Allocates nothing; the same bits on every CPU; threads: any. h, w > 0. dst and rgb do not overlap. */
void gf_augment_apply(const gf_augment_params *params, const uint8_t *rgb, int h, int w, float *dst);

/* The same images quantized (quantize.h), of the same bits as bytes made of those floats. */
void gf_augment_int8(const gf_augment_params *params, const uint8_t *rgb, int h, int w, const gf_quantize_map *map,
                     uint8_t *dst);

#endif
