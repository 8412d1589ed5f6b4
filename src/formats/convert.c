#include "formats/convert.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored numbers are copied as they are");

static uint16_t get_u16(const unsigned char *p)
{
    uint16_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* IEEE half: exponent 31 is infinity or NaN, 0 is zero or a subnormal of value mantissa * 2^-24. */
static float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    union {
        uint32_t u;
        float f;
    } v;
    if (exponent == 0) {
        v.f = (float)mantissa * 0x1p-24f;
        v.u |= sign;
    } else {
        v.u = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    }
    return v.f;
}

bool gf_convert_f32(const void *src, gf_dtype dtype, size_t n, float *dst)
{
    const unsigned char *p = src;
    switch (dtype) {
    case GF_F32: memcpy(dst, p, n * sizeof *dst); return true;
    case GF_F16:
        for (size_t i = 0; i < n; i++) dst[i] = f16_to_f32(get_u16(p + 2 * i));
        return true;
    case GF_BF16:
        for (size_t i = 0; i < n; i++) dst[i] = gf_bf16_to_f32(get_u16(p + 2 * i));
        return true;
    case GF_F64:
        for (size_t i = 0; i < n; i++) {
            double x;
            memcpy(&x, p + 8 * i, sizeof x);
            dst[i] = (float)x;
        }
        return true;
    default: return false;
    }
}
