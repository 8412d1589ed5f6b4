/* feed.h - how samples come to a network: what each of its inputs wants (gf_input_layout), which sample is asked for
 * (gf_request), and who makes it (gf_feed). docs/design/samples.md has a drawing. */
#ifndef GF_TENSOR_FEED_H
#define GF_TENSOR_FEED_H

#include "tensor/tensor.h"

/* A value v of channel c as a quantized one: v factor[c] + offset[c], cut off to 0..255 and its fraction (so 0.5 in the
 * offset rounds). */
typedef struct gf_quantize_map {
    float factor[3], offset[3];
} gf_quantize_map;

enum { GF_MAX_INPUTS = 8 };

/* One input of a network, for one sample. An image is given as height x width x channels: of GF_F32 as values 0..255,
 * of GF_U8 as those values quantized by `map`; one channel is the luma. Other inputs are GF_F32, GF_U8 or GF_S32 as
 * they are. */
typedef struct gf_input_layout {
    gf_dtype dtype;
    gf_shape shape;
    gf_quantize_map map; /* GF_U8 alone */
    bool gray;           /* one channel, where images have three */
} gf_input_layout;

size_t gf_input_bytes(const gf_input_layout *in);

/* A sample as one worker of a pool is to make it: changed at random where it is for training, by draws that depend on
 * (seed, epoch, sample) alone. `scratch` is that worker's, room for the sample's largest image as floats of three
 * channels (gf_feed_scratch); it holds nothing. */
typedef struct gf_request {
    uint32_t epoch, sample;
    bool training;
    int worker;
    float *scratch;
} gf_request;

/* Floats of scratch for n inputs. */
size_t gf_feed_scratch(const gf_input_layout in[], size_t n);

/* The target of a sample that is of one class; or of two blended samples (MixUp, CutMix): `share` of the one, the rest
 * of the other, which is of class `other`. */
typedef struct gf_class_target {
    int32_t label, other;
    float share;                /* 0.5 to 1 */
    float weight, other_weight; /* of the samples' losses in training */
} gf_class_target;

static inline gf_class_target gf_target_of(uint32_t label)
{
    return (gf_class_target){(int32_t)label, (int32_t)label, 1, 1, 1};
}

/* fill: makes the sample's inputs, one at each dst, and its target (NULL: not wanted) from the same draws. Called on
 * workers, several at a time; allocates nothing that lasts. GRAFT_DATA: this sample is lost, the batch goes on without
 * it; any other failure ends the step. */
typedef struct gf_feed {
    graft_status (*fill)(void *ctx, const gf_request *request, const gf_input_layout in[], void *const dst[],
                         void *target, graft_error *err);
    void *ctx;
} gf_feed;

#endif
