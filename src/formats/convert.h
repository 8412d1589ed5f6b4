/* convert.h - stored numbers to floats. Source bytes may stand anywhere (no alignment), little-endian. */
#ifndef GF_FORMATS_CONVERT_H
#define GF_FORMATS_CONVERT_H

#include "tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>

/* F32, F16, BF16 and F64 (rounded; what does not fit becomes infinite). false: another type, dst untouched. */
bool gf_convert_f32(const void *src, gf_dtype dtype, size_t n, float *dst);

#endif
