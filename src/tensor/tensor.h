/* tensor.h - shapes, element types and named tensors. Activations are NHWC, kernels HWIO (depthwise: HWC1), as
 * Keras keeps them; a reader of another layout turns it on the way in. */
#ifndef GF_TENSOR_H
#define GF_TENSOR_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum gf_dtype { GF_F32, GF_BF16, GF_U8, GF_F16, GF_F64, GF_S32, GF_S64, GF_DTYPES } gf_dtype;

enum { GF_MAX_RANK = 6 };

typedef struct gf_shape {
    int rank;
    int64_t dim[GF_MAX_RANK];
} gf_shape;

#define GF_SHAPE(...) ((gf_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

size_t gf_dtype_size(gf_dtype t);
const char *gf_dtype_name(gf_dtype t);

/* The number of elements; false where it does not fit or a dimension is negative. Rank 0 has one. */
bool gf_shape_count(const gf_shape *s, size_t *count);
/* The number of elements of a shape that was checked when it was made. */
size_t gf_count(const gf_shape *s);
bool gf_shape_equal(const gf_shape *a, const gf_shape *b);
/* "(3, 3, 32, 1)" into buf, which is returned. */
const char *gf_shape_text(const gf_shape *s, char *buf, size_t size);
#define GF_SHAPE_TEXT(s) gf_shape_text((s), (char[96]){0}, 96)

typedef struct gf_tensor {
    char *name; /* "Conv1/kernel" */
    gf_dtype dtype;
    gf_shape shape;
    void *data; /* owned by the list */
} gf_tensor;

typedef struct gf_tensors {
    gf_tensor *item;
    size_t n, cap;
} gf_tensors;

/* How many of n floats are NaN or infinite. */
size_t gf_count_nonfinite(const float *x, size_t n);

/* bf16: the upper half of an f32; rounded to nearest, ties to even. */
static inline float gf_bf16_to_f32(uint16_t x)
{
    union {
        uint32_t u;
        float f;
    } v = {(uint32_t)x << 16};
    return v.f;
}
static inline uint16_t gf_f32_to_bf16(float x)
{
    union {
        float f;
        uint32_t u;
    } v = {x};
    if ((v.u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(v.u >> 16 | 0x40); /* NaN stays NaN */
    return (uint16_t)((v.u + 0x7fffu + (v.u >> 16 & 1)) >> 16);
}

#endif
