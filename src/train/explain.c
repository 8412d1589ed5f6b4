#include "train/explain.h"

#include "ops/kernels.h"

#include <math.h>
#include <string.h>

/* One layer of the chain: forward, what it gives; backward, dx from dy, after which y is of no use. n and
 * out are how many values go in and out. */
typedef struct gate {
    const gf_model *m;
    const gf_layer *l;
    size_t n, out;
    size_t channels; /* of the source */
    int index;
} gate;

static const float *values_of(const gate *g, const char *var)
{
    const gf_param *p = gf_model_param(g->m, g->index, var);
    return p ? g->m->value + p->offset : NULL;
}

static void act_forward(const gate *g, double *y)
{
    for (size_t i = 0; i < g->out; i++) y[i] = (double)gf_act_value(g->l->at.act, g->l->at.alpha, (float)y[i]);
}

/* dy becomes the gradient before the activation, z: what it was given; y: what it gave. */
static void act_backward(const gate *g, const double *z, const double *y, double *dy)
{
    for (size_t i = 0; i < g->out; i++) {
        double v = g->l->at.act < GF_ACT_NEEDS_SRC ? y[i] : z[i];
        if (g->l->at.act != GF_ACT_LINEAR) dy[i] *= (double)gf_act_slope(g->l->at.act, g->l->at.alpha, (float)v);
    }
}

static void dense_linear(const gate *g, const double *x, double *y)
{
    const float *kernel = values_of(g, "kernel"), *bias = values_of(g, "bias");
    for (size_t o = 0; o < g->out; o++) y[o] = bias ? (double)bias[o] : 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t o = 0; o < g->out; o++) y[o] += x[i] * (double)kernel[i * g->out + o];
}

static void dense_forward(const gate *g, const double *x, double *y)
{
    dense_linear(g, x, y);
    act_forward(g, y);
}

static void dense_backward(const gate *g, const double *x, double *y, double *dy, double *dx)
{
    const float *kernel = values_of(g, "kernel");
    if (g->l->at.act >= GF_ACT_NEEDS_SRC) dense_linear(g, x, y); /* whose slope is told by what stands before it */
    act_backward(g, y, y, dy);
    for (size_t i = 0; i < g->n; i++) {
        dx[i] = 0;
        for (size_t o = 0; o < g->out; o++) dx[i] += dy[o] * (double)kernel[i * g->out + o];
    }
}

static double norm_factor(const gate *g, size_t c)
{
    const float *gamma = values_of(g, "gamma"), *variance = values_of(g, "moving_variance");
    return (gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + (double)g->l->at.epsilon);
}

static void norm_forward(const gate *g, const double *x, double *y)
{
    const float *beta = values_of(g, "beta"), *mean = values_of(g, "moving_mean");
    for (size_t i = 0; i < g->n; i++) {
        size_t c = i % g->channels;
        y[i] = (x[i] - (double)mean[c]) * norm_factor(g, c) + (beta ? (double)beta[c] : 0);
    }
}

static void norm_backward(const gate *g, const double *x, double *y, double *dy, double *dx)
{
    (void)x, (void)y;
    for (size_t i = 0; i < g->n; i++) dx[i] = dy[i] * norm_factor(g, i % g->channels);
}

static void mean_forward(const gate *g, const double *x, double *y)
{
    size_t places = g->n / g->channels;
    memset(y, 0, g->out * sizeof *y);
    for (size_t i = 0; i < g->n; i++) y[i % g->channels] += x[i] / (double)places;
}

static void mean_backward(const gate *g, const double *x, double *y, double *dy, double *dx)
{
    (void)x, (void)y;
    size_t places = g->n / g->channels;
    for (size_t i = 0; i < g->n; i++) dx[i] = dy[i % g->channels] / (double)places;
}

static void max_forward(const gate *g, const double *x, double *y)
{
    for (size_t i = 0; i < g->n; i++)
        if (i < g->channels || x[i] > y[i % g->channels]) y[i % g->channels] = x[i];
}

/* Places that are equally the greatest share it, as in Keras. */
static void max_backward(const gate *g, const double *x, double *y, double *dy, double *dx)
{
    for (size_t c = 0; c < g->channels; c++) {
        size_t ties = 0;
        for (size_t i = c; i < g->n; i += g->channels) ties += x[i] == y[c];
        for (size_t i = c; i < g->n; i += g->channels) dx[i] = x[i] == y[c] ? dy[c] / (double)ties : 0;
    }
}

static void bend_forward(const gate *g, const double *x, double *y)
{
    memcpy(y, x, g->n * sizeof *y);
    act_forward(g, y);
}

static void bend_backward(const gate *g, const double *x, double *y, double *dy, double *dx)
{
    act_backward(g, x, y, dy);
    memcpy(dx, dy, g->n * sizeof *dx);
}

static void same_forward(const gate *g, const double *x, double *y) { memcpy(y, x, g->n * sizeof *y); }

static void same_backward(const gate *g, const double *x, double *y, double *dy, double *dx)
{
    (void)x, (void)y;
    memcpy(dx, dy, g->n * sizeof *dx);
}

static const struct passing {
    const gf_layer_class *cls;
    void (*forward)(const gate *g, const double *x, double *y);
    void (*backward)(const gate *g, const double *x, double *y, double *dy, double *dx);
} passings[] = {
    {&gf_layer_dense, dense_forward, dense_backward},     {&gf_layer_batch_norm, norm_forward, norm_backward},
    {&gf_layer_global_pool, mean_forward, mean_backward}, {&gf_layer_global_max_pool, max_forward, max_backward},
    {&gf_layer_activation, bend_forward, bend_backward},  {&gf_layer_relu, bend_forward, bend_backward},
    {&gf_layer_leaky_relu, bend_forward, bend_backward},  {&gf_layer_elu, bend_forward, bend_backward},
    {&gf_layer_flatten, same_forward, same_backward},     {&gf_layer_reshape, same_forward, same_backward},
    {&gf_layer_dropout, same_forward, same_backward},     {&gf_layer_identity, same_forward, same_backward},
};

static const struct passing *passing_of(const gf_layer *l)
{
    for (size_t i = 0; i < sizeof passings / sizeof *passings; i++)
        if (passings[i].cls == l->cls) return l->n_src == 1 ? &passings[i] : NULL;
    return NULL;
}

static gate gate_of(const gf_explain *x, size_t i)
{
    int index = x->chain[i];
    const gf_layer *l = &x->m->layer[index], *from = &x->m->layer[l->src[0]];
    int owner = l->again ? l->again - 1 : index;
    return (gate){x->m, l, gf_count(&from->shape), gf_count(&l->shape), gf_layer_channels(from), owner};
}

/* ---- which layers */

static graft_status no_map(const gf_model *m, int layer, graft_error *err)
{
    const gf_layer *l = &m->layer[layer];
    return gf_fail(err, GF_E_OPTION_VALUE,
                   "heat is of networks that end in a map, pooling or flattening, and dense layers",
                   "explain: layer %s (%s) stands between the logits and the last map of the network", GF_ESC(l->name),
                   gf_layer_class_name(l));
}

/* From the logits back to the first layer with places: 1 x 1 is none. */
static graft_status find_chain(gf_explain *x, graft_error *err)
{
    const gf_model *m = x->m;
    int at = m->output;
    while (true) {
        const gf_shape *s = &m->layer[at].shape;
        if (s->rank == 3 && s->dim[0] * s->dim[1] > 1) break;
        if (!passing_of(&m->layer[at])) return no_map(m, at, err);
        x->chain[x->n++] = at;
        at = m->layer[at].src[0];
    }
    for (size_t i = 0; i < x->n / 2; i++) {
        int kept = x->chain[i];
        x->chain[i] = x->chain[x->n - 1 - i];
        x->chain[x->n - 1 - i] = kept;
    }
    const gf_shape *s = &m->layer[at].shape;
    x->map = at;
    x->h = (size_t)s->dim[0];
    x->w = (size_t)s->dim[1];
    x->c = (size_t)s->dim[2];
    return x->n ? GRAFT_OK : no_map(m, at, err);
}

static graft_status make_room(gf_explain *x, graft_error *err)
{
    x->value = gf_new_n(x->n + 1, double *);
    x->slope = gf_new_n(x->n + 1, double *);
    bool ok = x->value && x->slope;
    for (size_t i = 0; ok && i <= x->n; i++) {
        size_t n = i ? gf_count(&x->m->layer[x->chain[i - 1]].shape) : x->h * x->w * x->c;
        x->value[i] = gf_new_n(n, double);
        x->slope[i] = gf_new_n(n, double);
        ok = x->value[i] && x->slope[i];
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, x->h * x->w * x->c * sizeof(double), "what speaks for a class");
}

graft_status gf_explain_open(gf_explain *x, const gf_model *m, graft_error *err)
{
    *x = (gf_explain){.m = m, .chain = gf_new_n(m->n_layers, int)};
    graft_status status = x->chain ? find_chain(x, err) : gf_fail_memory(err, m->n_layers * sizeof(int), "layers");
    if (status == GRAFT_OK) status = make_room(x, err);
    if (status != GRAFT_OK) gf_explain_close(x);
    return status;
}

void gf_explain_close(gf_explain *x)
{
    for (size_t i = 0; i <= x->n; i++) {
        if (x->value) gf_free(x->value[i]);
        if (x->slope) gf_free(x->slope[i]);
    }
    gf_free(x->value);
    gf_free(x->slope);
    gf_free(x->chain);
    *x = (gf_explain){0};
}

void gf_explain_heat(gf_explain *x, const float *map, size_t output, bool against, float *heat)
{
    size_t places = x->h * x->w, outputs = gf_count(&x->m->layer[x->m->output].shape);
    double most = 0, *weight = x->slope[0];
    for (size_t i = 0; i < places * x->c; i++) x->value[0][i] = (double)map[i];
    for (size_t i = 0; i < x->n; i++) {
        gate g = gate_of(x, i);
        passing_of(g.l)->forward(&g, x->value[i], x->value[i + 1]);
    }
    for (size_t k = 0; k < outputs; k++) x->slope[x->n][k] = k != output ? 0 : against ? -1 : 1;
    for (size_t i = x->n; i-- > 0;) {
        gate g = gate_of(x, i);
        passing_of(g.l)->backward(&g, x->value[i], x->value[i + 1], x->slope[i + 1], x->slope[i]);
    }
    for (size_t i = x->c; i < places * x->c; i++) weight[i % x->c] += weight[i]; /* the mean but for its factor */
    for (size_t p = 0; p < places; p++) {
        double sum = 0;
        for (size_t k = 0; k < x->c; k++) sum += weight[k] * (double)map[p * x->c + k];
        heat[p] = sum > 0 ? (float)sum : 0;
        most = fmax(most, (double)heat[p]);
    }
    for (size_t p = 0; p < places && most > 0; p++) heat[p] = (float)((double)heat[p] / most);
}
