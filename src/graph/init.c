/* init.c - values before training.
 *
 * Batch normalisation runs on its statistics as they are, so with Keras's start (mean 0, variance 1) a deep network of
 * fresh kernels would hand on less and less of the image: after fifty layers nothing. So statistics behind a
 * convolution start as what that convolution makes of its input, were that normally distributed and independent from
 * place to place: mean_c = E[x] sum_k w_kc, variance_c = Var[x] sum_k w_kc^2. */
#include "graph/model.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

static const float embeddings_reach = 0.05f; /* Keras's */

static void uniform(float *x, size_t n, float limit, uint64_t seed, uint32_t number)
{
    gf_rng rng = gf_rng_make(seed, GF_PURPOSE_INIT, 0, number);
    for (size_t i = 0; i < n; i++) x[i] = gf_rng_range(&rng, -limit, limit);
}

static void glorot(float *x, const gf_param *p, uint64_t seed, uint32_t number)
{
    const int64_t *d = p->shape.dim;
    int r = p->shape.rank;
    double receptive = 1;
    for (int i = 0; i < r - 2; i++) receptive *= (double)d[i];
    double fan = r >= 2 ? receptive * (double)(d[r - 2] + d[r - 1]) : 2.0 * (double)p->count;
    uniform(x, p->count, (float)sqrt(6.0 / fan), seed, number);
}

/* ---- statistics */

typedef struct moments {
    double mean, variance;
} moments;

static bool convolves(const gf_layer *l)
{
    return l->cls == &gf_layer_conv2d || l->cls == &gf_layer_depthwise || l->cls == &gf_layer_separable;
}

static bool normalises_conv(const gf_model *m, const gf_layer *l)
{
    return l->cls == &gf_layer_batch_norm && convolves(&m->layer[l->src[0]]);
}

/* Of max(x, 0), x being normally distributed; near enough for those activations that only round its corner. */
static moments rectified(gf_act act, moments x)
{
    static const gf_act alike[] = {GF_ACT_RELU,      GF_ACT_RELU6, GF_ACT_SILU,
                                   GF_ACT_HARD_SILU, GF_ACT_GELU,  GF_ACT_GELU_TANH};
    bool is_alike = false;
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) is_alike |= alike[i] == act;
    if (!is_alike || !(x.variance > 0)) return x;
    double s = sqrt(x.variance), z = x.mean / s, above = 0.5 * erfc(-z / sqrt(2.0));
    double density = exp(-z * z / 2) / sqrt(2 * 3.14159265358979323846);
    moments y = {x.mean * above + s * density, 0};
    y.variance = (x.mean * x.mean + x.variance) * above + x.mean * s * density - y.mean * y.mean;
    return y;
}

/* The variance behind a normalisation by exact statistics: below 1, because epsilon is added to the divisor. */
static moments normalised(const gf_model *m, const gf_layer *l)
{
    const gf_param *p = gf_model_param(m, (int)(l - m->layer), "moving_variance");
    double sum = 0;
    for (size_t c = 0; c < p->count; c++) {
        double v = (double)m->value[p->offset + c];
        sum += v / (v + (double)l->at.epsilon);
    }
    return (moments){0, sum / (double)p->count};
}

/* Of scale x + offset over the channels that have their own. */
static moments rescaled(const gf_layer *l, moments x)
{
    enum { CHANNELS = 3 };
    moments y = {0, 0};
    for (int c = 0; c < CHANNELS; c++) {
        double scale = (double)l->at.scale[c];
        y.mean += (scale * x.mean + (double)l->at.offset[c]) / CHANNELS;
        y.variance += scale * scale * x.variance / CHANNELS;
    }
    return y;
}

/* Of a layer's output, roughly. `visits`: how many layers may yet be looked at. */
static moments expected(const gf_model *m, int layer, int *visits)
{
    const gf_layer *l = &m->layer[layer];
    if (--*visits < 0) return (moments){0, 1};
    if (normalises_conv(m, l)) return normalised(m, l);
    bool aliases = l->cls == &gf_layer_zero_padding || l->cls == &gf_layer_dropout || l->cls == &gf_layer_identity ||
                   l->cls == &gf_layer_max_pool || l->cls == &gf_layer_avg_pool || l->cls == &gf_layer_concatenate ||
                   l->cls == &gf_layer_reshape || l->cls == &gf_layer_permute ||
                   l->cls == &gf_layer_normalization; /* fresh, that does nothing */
    if (aliases) return expected(m, l->src[0], visits);
    static const moments pixel = {116, 57 * 57}; /* ImageNet's */
    moments x = {0, 1};
    if (l->cls == &gf_layer_input) return rescaled(l, pixel);
    if (l->cls == &gf_layer_rescaling) return rescaled(l, expected(m, l->src[0], visits));
    if (l->cls == &gf_layer_relu || l->cls == &gf_layer_activation) {
        return rectified(l->at.act, expected(m, l->src[0], visits));
    }
    if (l->cls == &gf_layer_multiply) { /* a gate lets half through */
        x = expected(m, l->src[0], visits);
        return (moments){x.mean / 2, x.variance / 4};
    }
    if (l->cls != &gf_layer_add) return x;
    x.variance = 0;
    for (int k = 0; k < l->n_src; k++) {
        moments y = expected(m, l->src[k], visits);
        x.mean += y.mean;
        x.variance += y.variance;
    }
    return x;
}

/* Adds what n outputs get from one input of these moments. */
static void add_row(const float *w, size_t n, moments x, float *mean, float *variance)
{
    for (size_t c = 0; c < n; c++) {
        mean[c] += w[c] * (float)x.mean;
        variance[c] += w[c] * w[c] * (float)x.variance;
    }
}

/* A depthwise kernel (h, w, channel, multiplier) gives each output from its own channel: rows as long as the outputs,
 * as any kernel's. */
static void add_conv(const gf_model *m, const gf_layer *conv, moments x, float *mean, float *variance)
{
    const gf_param *p = &m->param[conv->param[0]], *pointwise = p + 1;
    const float *w = m->value + p->offset;
    size_t n = gf_layer_channels(conv);
    if (conv->cls != &gf_layer_separable) {
        for (size_t row = 0; row < p->count / n; row++) add_row(w + row * n, n, x, mean, variance);
        return;
    }
    size_t inner = pointwise->count / n, positions = p->count / inner;
    for (size_t i = 0; i < inner; i++) {
        moments y = {0, 0};
        for (size_t k = 0; k < positions; k++) {
            double v = (double)w[k * inner + i];
            y.mean += v * x.mean;
            y.variance += v * v * x.variance;
        }
        add_row(m->value + pointwise->offset + i * n, n, y, mean, variance);
    }
}

/* Channels differ in their moments, which adds to the variance of what is made of them: an underestimate would grow
 * from layer to layer. The factor is from the first losses of deep residual networks. */
#define CAUTION 1.2

static void set_statistics(gf_model *m, int layer)
{
    enum { VISITS = 1000 };
    const gf_layer *l = &m->layer[layer], *conv = &m->layer[l->src[0]];
    const gf_param *mean = gf_model_param(m, layer, "moving_mean"),
                   *variance = gf_model_param(m, layer, "moving_variance");
    int visits = VISITS;
    moments x = expected(m, conv->src[0], &visits);
    x.variance *= CAUTION;
    memset(m->value + variance->offset, 0, variance->count * sizeof *m->value);
    add_conv(m, conv, x, m->value + mean->offset, m->value + variance->offset);
}

void gf_model_init(gf_model *m, uint64_t seed, int first)
{
    for (size_t i = 0; i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        float *x = m->value + p->offset;
        if (m->layer[p->layer].number < first || p->given) continue;
        bool one = !strcmp(p->var, "gamma") || strstr(p->var, "variance");
        for (size_t k = 0; k < p->count; k++) x[k] = one;
        if (strstr(p->var, "kernel")) glorot(x, p, seed, (uint32_t)i);
        if (!strcmp(p->var, "embeddings")) uniform(x, p->count, embeddings_reach, seed, (uint32_t)i);
    }
    for (size_t i = 0; i < m->n_layers; i++) {
        if (m->layer[i].number < first || m->layer[i].again) continue;
        if (normalises_conv(m, &m->layer[i])) set_statistics(m, (int)i);
    }
}
