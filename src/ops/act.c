/* act.c - activations of whole tensors. Each is one line of arithmetic on an f32, which the compiler turns into loops
 * over vectors; with exponentials of its own, since a C library's differ from machine to machine. Definitions and
 * derivatives stand plainly in act_reference.c; results are within a few units in the last place of those. */
#include "ops/kernels.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

/* ---- e^x and what is made of it. A NaN passes through all of them. */

INLINE float from_bits(uint32_t u)
{
    union {
        uint32_t u;
        float f;
    } v = {u};
    return v.f;
}

INLINE uint32_t to_bits(float f)
{
    union {
        float f;
        uint32_t u;
    } v = {f};
    return v.u;
}

INLINE float at_least(float x, float least) { return x < least ? least : x; }
INLINE float at_most(float x, float most) { return x > most ? most : x; }
INLINE float cut(float x, float low, float high) { return at_most(at_least(x, low), high); }

/* x = k ln 2 + r, |r| <= ln 2 / 2: e^r - 1 by a polynomial fitted to it (error below 2^-28), and k + 127, an f32's
 * exponent, as the last bits of *exponent. */
INLINE float reduce(float x, uint32_t *exponent)
{
    const float rounds = 0x1.8p23f + 127, log2_e = 0x1.715476p0f; /* adding `rounds` leaves no bits behind the point */
    const float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    float t = x * log2_e + rounds, whole = t - rounds;
    *exponent = to_bits(t);
    float r = (x - whole * ln2_high) - whole * ln2_low;
    float p = 0x1.6a23dp-10f;
    p = p * r + 0x1.123a2p-7f;
    p = p * r + 0x1.5558f2p-5f;
    p = p * r + 0x1.555492p-3f;
    p = p * r + 0x1.fffffcp-2f;
    return p * (r * r) + r;
}

INLINE float power_of_2(uint32_t exponent) { return from_bits(exponent << 23); }

/* e^x, of the nearest x in -87 .. 88. */
INLINE float exp_of(float x)
{
    uint32_t k;
    float q = reduce(cut(x, -87, 88), &k);
    return (1 + q) * power_of_2(k);
}

/* The same in two steps, so that the ends of the range come out right: 0 below -104, infinite above 88.7. */
INLINE float whole_exp_of(float x)
{
    uint32_t k;
    float q = reduce(cut(x, -104, 89), &k);
    int32_t power = (int32_t)(k - to_bits(0x1.8p23f)) - 127, half = power >> 1; /* -150 .. 128 */
    return (1 + q) * power_of_2((uint32_t)(half + 127)) * power_of_2((uint32_t)(power - half + 127));
}

/* e^x - 1, of the nearest x in -30 .. 30. */
INLINE float expm1_of(float x)
{
    uint32_t k;
    float q = reduce(cut(x, -30, 30), &k), power = power_of_2(k);
    return power * q + (power - 1);
}

INLINE float sigmoid_of(float x) { return 1 / (1 + exp_of(-x)); }

INLINE float tanh_of(float x)
{
    float m = expm1_of(2 * fabsf(x)), t = m / (m + 2);
    return x < 0 ? -t : t;
}

/* log(1 + t), 0 <= t <= 1: 2 artanh(s), s = t / (2 + t) <= 1/3, by its series to s^15, whose rest is below 2^-29. */
INLINE float log1p_of(float t)
{
    float s = t / (2 + t), z = s * s, p = 1.0f / 15;
    p = p * z + 1.0f / 13;
    p = p * z + 1.0f / 11;
    p = p * z + 1.0f / 9;
    p = p * z + 1.0f / 7;
    p = p * z + 1.0f / 5;
    p = p * z + 1.0f / 3;
    return 2 * (p * (z * s) + s);
}

INLINE float softplus_of(float x) { return at_least(x, 0) + log1p_of(exp_of(-fabsf(x))); }

/* The normal distribution function is *density times a polynomial in 1 / (1 + 0.3 |x|) for x < 0, fitted by least
 * squares of the relative error (below 1.6e-7). *density = e^(-x^2 / 2). */
INLINE float normal_of(float x, float *density)
{
    float t = 1 / (1 + 0.3f * fabsf(x)), p = 0.0356749852f;
    *density = exp_of(-0.5f * x * x);
    p = p * t - 0.157203555f;
    p = p * t + 0.20635366f;
    p = p * t - 0.0536832115f;
    p = p * t + 0.128561108f;
    p = p * t + 0.0999137343f;
    p = p * t + 0.120753904f;
    p = p * t + 0.119629303f;
    p = p * t * *density;
    return x > 0 ? 1 - p : p;
}

/* tanh(softplus(x)) = ((1 + e)^2 - 1) / ((1 + e)^2 + 1), e = e^x; 1 beyond 20. */
INLINE float mish_of(float x, float *e)
{
    *e = exp_of(at_most(x, 20));
    float n = *e * (*e + 2);
    return n / (n + 2);
}

static const float selu_scale = 1.0507009873554805f, selu_alpha = 1.6732632423543772f, sixth = 1.0f / 6;
static const float gelu_1 = 1.5957691216057308f, gelu_3 = 0.07135481282052652f, /* 2 sqrt(2/pi) of 1 and 0.044715 */
    density_of_0 = 0.3989422804014327f;                                         /* 1 / sqrt(2 pi) */

/* dst y is the sigmoid s times x, which gives s without an exponential. From a y in bf16 the result is off by up to
 * y 2^-9 where 1 - s is not smaller than that: a hundredth. */
INLINE float silu_slope(float x, float y)
{
    float s = x == 0 ? 0.5f : y / x;
    return s + y * (1 - s);
}

/* The derivative of sigmoid too, s (1 - s), without the difference. */
INLINE float sigmoid_and_slope(float x, float *slope)
{
    float e = exp_of(at_most(-x, 80)), s = 1 / (1 + e); /* beyond, e s would be infinity by zero */
    *slope = e * s * s;
    return s;
}

INLINE float gelu_tanh_slope(float x)
{
    float slope, s = sigmoid_and_slope(x * (gelu_1 + gelu_3 * x * x), &slope);
    return s + x * slope * (gelu_1 + 3 * gelu_3 * x * x);
}

INLINE float gelu_slope(float x)
{
    float density, p = normal_of(x, &density);
    return p + x * density * density_of_0;
}

INLINE float gelu_value(float x)
{
    float density;
    return x * normal_of(x, &density);
}

INLINE float mish_value(float x)
{
    float e;
    return x * mish_of(x, &e);
}

INLINE float mish_slope(float x)
{
    float e, t = mish_of(x, &e);
    return t + x * (e / (1 + e)) * (1 - t * t);
}

INLINE float softsign_slope(float x)
{
    float a = 1 + fabsf(x);
    return 1 / (a * a);
}

INLINE float tanh_shrink_slope(float x)
{
    float t = tanh_of(x);
    return t * t;
}

/* Without the difference of large numbers where x is negative. */
INLINE float squareplus_value(float x, float a)
{
    float root = sqrtf(x * x + a), high = 0.5f * (root + x), low = 0.5f * a / (root - x);
    return x < 0 ? low : high;
}

/* ---- one line each: value of x; derivative by dst y or, further down, by src x and y; a is alpha */

#define ACTIVATIONS(ACT)                                                                              \
    ACT(RELU, at_least(x, 0), y > 0)                                                                  \
    ACT(RELU6, cut(x, 0, 6), y > 0 && y < 6)                                                          \
    ACT(SIGMOID, sigmoid_of(x), y *(1 - y))                                                           \
    ACT(TANH, tanh_of(x), 1 - y * y)                                                                  \
    ACT(LEAKY_RELU, x *(x < 0 ? a : 1), y < 0 ? a : 1)                                                \
    ACT(ELU, at_least(x, 0) + a * expm1_of(at_most(x, 0)), y < 0 ? y + a : 1)                         \
    ACT(SELU, selu_scale *(at_least(x, 0) + selu_alpha * expm1_of(at_most(x, 0))),                    \
        y < 0 ? y + selu_scale * selu_alpha : selu_scale)                                             \
    ACT(HARD_SIGMOID, cut(x + 3, 0, 6) / 6, y > 0 && y < 1 ? sixth : 0)                               \
    ACT(HARD_TANH, cut(x, -1, 1), y > -1 && y < 1)                                                    \
    ACT(EXPONENTIAL, whole_exp_of(x), y)                                                              \
    ACT(SILU, x *sigmoid_of(x), silu_slope(x, y))                                                     \
    ACT(HARD_SILU, x *cut(x + 3, 0, 6) * sixth, x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) * sixth)       \
    ACT(GELU, gelu_value(x), gelu_slope(x))                                                           \
    ACT(GELU_TANH, x *sigmoid_of(x *(gelu_1 + gelu_3 * x * x)), gelu_tanh_slope(x))                   \
    ACT(SOFTPLUS, softplus_of(x), sigmoid_of(x))                                                      \
    ACT(SOFTSIGN, x / (1 + fabsf(x)), softsign_slope(x))                                              \
    ACT(MISH, mish_value(x), mish_slope(x))                                                           \
    ACT(LOG_SIGMOID, -softplus_of(-x), sigmoid_of(-x))                                                \
    ACT(TANH_SHRINK, x - tanh_of(x), tanh_shrink_slope(x))                                            \
    ACT(SOFT_SHRINK, x - cut(x, -a, a), fabsf(x) > a)                                                 \
    ACT(HARD_SHRINK, fabsf(x) <= a ? 0 : x, fabsf(x) > a)                                             \
    ACT(THRESHOLD, x <= a ? 0 : x, x > a)                                                             \
    ACT(SQUAREPLUS, squareplus_value(x, a), 0.5f + 0.5f * x / sqrtf(x * x + a))                       \
    ACT(SPARSE_PLUS, x <= -1 ? 0 : x >= 1 ? x : (x + 1) * (x + 1) * 0.25f, cut(0.5f * (x + 1), 0, 1)) \
    ACT(SPARSE_SIGMOID, cut(0.5f * (x + 1), 0, 1), x > -1 && x < 1 ? 0.5f : 0)                        \
    ACT(CELU, at_least(x, 0) + a * expm1_of(at_most(x, 0) / a), x < 0 ? exp_of(x / a) : 1)

#define LOOPS(name, value, slope)                                                                                     \
    GF_CLONES static void forward_##name(float *to, size_t n, float a)                                                \
    {                                                                                                                 \
        (void)a;                                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                              \
            float x = to[i];                                                                                          \
            to[i] = value;                                                                                            \
        }                                                                                                             \
    }                                                                                                                 \
    GF_CLONES static void backward_##name(float *restrict diff, const float *restrict src, const float *restrict dst, \
                                          size_t n, float a)                                                          \
    {                                                                                                                 \
        (void)a;                                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                              \
            float x = src[i], y = dst[i];                                                                             \
            (void)x, (void)y;                                                                                         \
            diff[i] *= (float)(slope);                                                                                \
        }                                                                                                             \
    }
ACTIVATIONS(LOOPS)

static const struct {
    void (*forward)(float *y, size_t n, float alpha);
    void (*backward)(float *diff, const float *src, const float *dst, size_t n, float alpha);
} loops[GF_ACTS] = {
#define ROW(name, value, slope) [GF_ACT_##name] = {forward_##name, backward_##name},
    ACTIVATIONS(ROW)};

/* ---- tensors */

void gf_act_forward(gf_act act, float alpha, void *y, gf_dtype type, size_t n)
{
    if (act == GF_ACT_LINEAR) return;
    if (type == GF_F32) {
        loops[act].forward(y, n, alpha);
        return;
    }
    float block[GF_BLOCK];
    for (size_t at = 0; at < n; at += GF_BLOCK) {
        size_t m = n - at < GF_BLOCK ? n - at : GF_BLOCK;
        gf_block_copy(y, type, at, m, block);
        loops[act].forward(block, m, alpha);
        gf_block_out(y, type, at, m, block, false);
    }
}

void gf_act_backward(gf_act act, float alpha, float *diff, const float *src, const float *dst, size_t n)
{
    if (act != GF_ACT_LINEAR) loops[act].backward(diff, src ? src : dst, dst, n, alpha);
}
