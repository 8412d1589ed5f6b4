/* vectors.h - 16 values at once: one AVX-512 register, two of AVX2, four of SSE2. The compiler splits them as the
 * machine wants (GF_CLONES), the arithmetic is that of 16 floats everywhere: sums have the same order on every machine.
 * Functions with a `type` are for constant ones, so that nothing of it is left in a loop. */
#ifndef GF_OPS_VECTORS_H
#define GF_OPS_VECTORS_H

#include "ops/kernels.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
INLINE void *element(const void *x, gf_dtype type, size_t at) { return (char *)x + at * gf_dtype_size(type); }

enum { LANES = 16 };
typedef float vf __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));

INLINE vf load_f(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_f(float *p, vf v) { memcpy(p, &v, sizeof v); }

INLINE vh load_h(const uint16_t *p)
{
    vh v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vf widen(vh x) { return (vf)(__builtin_convertvector(x, vu) << 16); }

/* yes where the mask is set, no elsewhere. */
INLINE vf choose(vu mask, vf yes, vf no) { return (vf)(((vu)yes & mask) | ((vu)no & ~mask)); }

/* As gf_f32_to_bf16. */
INLINE vh narrow(vf x)
{
    vu u = (vu)x, rounded = u + 0x7fffu + (u >> 16 & 1), quiet = u | 0x400000;
    return __builtin_convertvector((vu)choose((vu)(x == x), (vf)rounded, (vf)quiet) >> 16, vh);
}

INLINE vf load_v(const void *x, gf_dtype type, size_t i)
{
    return type == GF_BF16 ? widen(load_h((const uint16_t *)x + i)) : load_f((const float *)x + i);
}

INLINE void store_v(void *x, gf_dtype type, size_t i, vf v)
{
    if (type == GF_BF16) {
        vh h = narrow(v);
        memcpy((uint16_t *)x + i, &h, sizeof h);
    } else {
        store_f((float *)x + i, v);
    }
}

/* The first n <= 16 of a vector; the others are 0. */
INLINE vf load_some(const void *x, gf_dtype type, size_t i, size_t n)
{
    if (n == LANES) return load_v(x, type, i);
    float room[LANES] = {0};
    memcpy(room, (const char *)x + i * gf_dtype_size(type), n * gf_dtype_size(type));
    return load_v(room, type, 0);
}

INLINE void store_some(void *x, gf_dtype type, size_t i, size_t n, vf v)
{
    float room[LANES];
    if (n == LANES) {
        store_v(x, type, i, v);
    } else {
        store_v(room, type, 0, v);
        memcpy((char *)x + i * gf_dtype_size(type), room, n * gf_dtype_size(type));
    }
}

/* ---- activations that only cut off: linear, ReLU, ReLU6 */

INLINE bool gf_act_cuts(gf_act act) { return act == GF_ACT_LINEAR || act == GF_ACT_RELU || act == GF_ACT_RELU6; }
INLINE float cut_low(gf_act act) { return act == GF_ACT_LINEAR ? -INFINITY : 0; }
INLINE float cut_high(gf_act act) { return act == GF_ACT_RELU6 ? 6 : INFINITY; }

/* A NaN stays. */
INLINE vf cut_v(vf x, float low, float high)
{
    const vf least = low - (vf){0}, most = high - (vf){0};
    x = choose((vu)(x < least), least, x);
    return choose((vu)(x > most), most, x);
}

/* The gradient through a cut to 0 .. high by its result y. */
INLINE vf uncut_v(vf diff, vf y, float high) { return (vf)((vu)diff & (vu)(y > 0) & (vu)(y < high)); }

#endif
