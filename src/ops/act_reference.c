/* act_reference.c - activations plainly, in double: the reference implementation of act.c. Definitions are Keras's. */
#include "ops/kernels.h"

#include <math.h>

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double cut(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
static double normal_cdf(double x) { return erfc(-x * sqrt(0.5)) / 2; }
static double normal_density(double x) { return exp(-x * x / 2) / sqrt(2 * 3.14159265358979323846); }

/* gelu_tanh(x) = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3) */
static const double gelu_1 = 1.5957691216057308, gelu_3 = 0.07135481282052652; /* 2 u = gelu_1 x + gelu_3 x^3 */
static const double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;

static double value_of(gf_act act, double alpha, double x)
{
    switch (act) {
    case GF_ACT_RELU: return x < 0 ? 0 : x;
    case GF_ACT_RELU6: return cut(x, 0, 6);
    case GF_ACT_SIGMOID: return sigmoid(x);
    case GF_ACT_TANH: return tanh(x);
    case GF_ACT_LEAKY_RELU: return x < 0 ? alpha * x : x;
    case GF_ACT_ELU: return x < 0 ? alpha * expm1(x) : x;
    case GF_ACT_SELU: return selu_scale * (x < 0 ? selu_alpha * expm1(x) : x);
    case GF_ACT_HARD_SIGMOID: return cut(x + 3, 0, 6) / 6;
    case GF_ACT_HARD_TANH: return cut(x, -1, 1);
    case GF_ACT_EXPONENTIAL: return exp(x);
    case GF_ACT_SILU: return x * sigmoid(x);
    case GF_ACT_HARD_SILU: return x * cut(x + 3, 0, 6) / 6;
    case GF_ACT_GELU: return x * normal_cdf(x);
    case GF_ACT_GELU_TANH: return x * sigmoid(gelu_1 * x + gelu_3 * x * x * x);
    case GF_ACT_SOFTPLUS: return softplus(x);
    case GF_ACT_SOFTSIGN: return x / (1 + fabs(x));
    case GF_ACT_MISH: return x * tanh(softplus(x));
    case GF_ACT_LOG_SIGMOID: return -softplus(-x);
    case GF_ACT_TANH_SHRINK: return x - tanh(x);
    case GF_ACT_SOFT_SHRINK: return x > alpha ? x - alpha : x < -alpha ? x + alpha : x * 0;
    case GF_ACT_HARD_SHRINK: return fabs(x) <= alpha ? 0 : x;
    case GF_ACT_THRESHOLD: return x <= alpha ? 0 : x;
    case GF_ACT_SQUAREPLUS: return (x + sqrt(x * x + alpha)) / 2;
    case GF_ACT_SPARSE_PLUS: return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    case GF_ACT_SPARSE_SIGMOID: return cut((x + 1) / 2, 0, 1);
    case GF_ACT_CELU: return x < 0 ? alpha * expm1(x / alpha) : x;
    default: return x;
    }
}

static double mish_slope(double x)
{
    double t = tanh(softplus(x));
    return t + x * sigmoid(x) * (1 - t * t);
}

/* v: the activation's dst; from GF_ACT_NEEDS_SRC on its src. */
static double slope_of(gf_act act, double alpha, double v)
{
    double s = sigmoid(v);
    switch (act) {
    case GF_ACT_RELU: return v > 0;
    case GF_ACT_RELU6: return v > 0 && v < 6;
    case GF_ACT_SIGMOID: return v * (1 - v);
    case GF_ACT_TANH: return 1 - v * v;
    case GF_ACT_LEAKY_RELU: return v < 0 ? alpha : 1;
    case GF_ACT_ELU: return v < 0 ? v + alpha : 1;
    case GF_ACT_SELU: return v < 0 ? v + selu_scale * selu_alpha : selu_scale;
    case GF_ACT_HARD_SIGMOID: return v > 0 && v < 1 ? 1.0 / 6 : 0;
    case GF_ACT_HARD_TANH: return v > -1 && v < 1;
    case GF_ACT_EXPONENTIAL: return v;
    case GF_ACT_SILU: return s * (1 + v * (1 - s));
    case GF_ACT_HARD_SILU: return v <= -3 ? 0 : v >= 3 ? 1 : (2 * v + 3) / 6;
    case GF_ACT_GELU: return normal_cdf(v) + v * normal_density(v);
    case GF_ACT_GELU_TANH:
        s = sigmoid(gelu_1 * v + gelu_3 * v * v * v);
        return s + v * s * (1 - s) * (gelu_1 + 3 * gelu_3 * v * v);
    case GF_ACT_SOFTPLUS: return s;
    case GF_ACT_SOFTSIGN: return 1 / ((1 + fabs(v)) * (1 + fabs(v)));
    case GF_ACT_MISH: return mish_slope(v);
    case GF_ACT_LOG_SIGMOID: return sigmoid(-v);
    case GF_ACT_TANH_SHRINK: return tanh(v) * tanh(v);
    case GF_ACT_SOFT_SHRINK:
    case GF_ACT_HARD_SHRINK: return fabs(v) > alpha;
    case GF_ACT_THRESHOLD: return v > alpha;
    case GF_ACT_SQUAREPLUS: return (1 + v / sqrt(v * v + alpha)) / 2;
    case GF_ACT_SPARSE_PLUS: return v <= -1 ? 0 : v < 1 ? (v + 1) / 2 : 1;
    case GF_ACT_SPARSE_SIGMOID: return v > -1 && v < 1 ? 0.5 : 0;
    case GF_ACT_CELU: return v < 0 ? exp(v / alpha) : 1;
    default: return 1;
    }
}

float gf_act_value(gf_act act, float alpha, float x) { return (float)value_of(act, (double)alpha, (double)x); }
float gf_act_slope(gf_act act, float alpha, float v) { return (float)slope_of(act, (double)alpha, (double)v); }
