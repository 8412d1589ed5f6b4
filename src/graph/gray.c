#include "graph/gray.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 3 };

/* What a layer before the first convolution makes of a gray image: the colour network in each channel, the gray one.
 */
typedef struct affine {
    bool raw; /* it is only the image, prepared */
    double scale[CHANNELS], offset[CHANNELS], gray_scale, gray_offset;
} affine;

static double mean(const double *x) { return (x[0] + x[1] + x[2]) / CHANNELS; }

/* One step of preprocessing behind another. */
static void chain(affine *a, const double *scale, const double *offset)
{
    for (int c = 0; c < CHANNELS; c++) {
        a->scale[c] *= scale[c];
        a->offset[c] = a->offset[c] * scale[c] + offset[c];
    }
    a->gray_scale *= mean(scale);
    a->gray_offset = a->gray_offset * mean(scale) + mean(offset);
}

static void step_of(const gf_model *m, const gf_layer *l, double *scale, double *offset)
{
    const gf_param *mean_of = gf_model_param(m, (int)(l - m->layer), "mean");
    const gf_param *variance = gf_model_param(m, (int)(l - m->layer), "variance");
    bool rescales = l->cls == &gf_layer_input || l->cls == &gf_layer_rescaling;
    for (int c = 0; c < CHANNELS; c++) {
        scale[c] = rescales ? (double)l->at.scale[c] : 1;
        offset[c] = rescales ? (double)l->at.offset[c] : 0;
        if (!mean_of || !variance) continue;
        scale[c] = 1 / sqrt((double)m->value[variance->offset + (size_t)c]);
        offset[c] = -scale[c] * (double)m->value[mean_of->offset + (size_t)c];
    }
}

static bool prepares(const gf_layer_class *cls)
{
    return cls == &gf_layer_input || cls == &gf_layer_rescaling || cls == &gf_layer_normalization ||
           cls == &gf_layer_zero_padding || cls == &gf_layer_cropping || cls == &gf_layer_identity;
}

static void follow(const gf_model *m, affine *a)
{
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        bool first = l->cls == &gf_layer_input;
        double scale[CHANNELS], offset[CHANNELS];
        a[i] = first ? (affine){true, {1, 1, 1}, {0}, 1, 0} : a[l->src[0]];
        a[i].raw = prepares(l->cls) && a[i].raw;
        if (!a[i].raw) continue;
        step_of(m, l, scale, offset);
        chain(&a[i], scale, offset);
    }
}

/* ---- the layers with one channel */

static void gray_layer(gf_layer *l)
{
    double scale[CHANNELS], offset[CHANNELS];
    if (l->cls != &gf_layer_input && l->cls != &gf_layer_rescaling) return;
    for (int c = 0; c < CHANNELS; c++) {
        scale[c] = (double)l->at.scale[c];
        offset[c] = (double)l->at.offset[c];
    }
    for (int c = 0; c < 4; c++) {
        l->at.scale[c] = (float)mean(scale);
        l->at.offset[c] = (float)mean(offset);
    }
    l->at.bgr = false;
    if (l->cls == &gf_layer_input) l->shape.dim[2] = 1;
}

static graft_status add_layers(gf_model *to, const gf_model *from, const affine *a, graft_error *err)
{
    for (size_t i = 0; i < from->n_layers; i++) {
        gf_layer l = from->layer[i];
        bool reads_image = l.n_src > 0 && a[l.src[0]].raw && !a[i].raw;
        if (reads_image && (l.cls != &gf_layer_conv2d || l.at.sequence || l.at.groups > 1)) {
            return gf_fail(err, GF_E_MODEL_SHAPE, "give it colour images",
                           "layer %s (%s): a network that begins with it cannot take gray images", GF_ESC(l.name),
                           gf_layer_class_name(&l));
        }
        l.n_params = 0;
        if (a[i].raw) gray_layer(&l);
        GF_TRY(gf_model_add(to, &l, NULL, err));
    }
    to->features = from->features;
    to->output = from->output;
    to->classes = from->classes;
    to->end = from->end;
    return gf_model_finish(to, err);
}

/* ---- the values */

static void set_normalization(gf_model *to, const gf_model *from, int layer)
{
    double scale[CHANNELS], offset[CHANNELS];
    step_of(from, &from->layer[layer], scale, offset);
    to->value[gf_model_param(to, layer, "variance")->offset] = (float)(1 / (mean(scale) * mean(scale)));
    to->value[gf_model_param(to, layer, "mean")->offset] = (float)(-mean(offset) / mean(scale));
}

/* The batch normalisation that alone reads this layer; -1: none. */
static int norm_behind(const gf_model *m, int layer)
{
    int found = -1, uses = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        for (int k = 0; k < m->layer[i].n_src; k++) {
            if (m->layer[i].src[k] != layer) continue;
            uses++;
            found = (int)i;
        }
    }
    return uses == 1 && m->layer[found].cls == &gf_layer_batch_norm ? found : -1;
}

static graft_status put_constant(gf_model *to, int layer, const double *constant, size_t n, graft_error *err)
{
    int norm = norm_behind(to, layer);
    const gf_param *bias = gf_model_param(to, layer, "bias");
    const gf_param *average = norm >= 0 ? gf_model_param(to, norm, "moving_mean") : NULL;
    const double nothing = 1e-6;
    for (size_t o = 0; o < n; o++) {
        if (bias) {
            to->value[bias->offset + o] += (float)constant[o];
        } else if (average) {
            to->value[average->offset + o] -= (float)constant[o];
        } else if (!(fabs(constant[o]) <= nothing)) {
            return gf_fail(err, GF_E_MODEL_SHAPE, "give it colour images",
                           "layer %s: gray images need a bias there, which it has not", GF_ESC(to->layer[layer].name));
        }
    }
    return GRAFT_OK;
}

static void mean_kernel(gf_model *to, const gf_model *from, int layer)
{
    const gf_param *p = gf_model_param(from, layer, "kernel"), *q = gf_model_param(to, layer, "kernel");
    size_t oc = (size_t)p->shape.dim[3];
    for (size_t i = 0; i < q->count; i++) {
        const float *k = from->value + p->offset + i / oc * CHANNELS * oc + i % oc;
        to->value[q->offset + i] =
            (float)mean((const double[CHANNELS]){(double)k[0], (double)k[oc], (double)k[2 * oc]});
    }
}

/* k = sum_c k_c A_c / A; the constant that this leaves goes behind it. */
static graft_status fold_rgb(gf_model *to, const gf_model *from, int layer, const affine *a, graft_error *err)
{
    const gf_param *p = gf_model_param(from, layer, "kernel"), *q = gf_model_param(to, layer, "kernel");
    size_t positions = (size_t)(p->shape.dim[0] * p->shape.dim[1]), oc = (size_t)p->shape.dim[3];
    double *constant = gf_new_n(oc, double);
    if (!constant) return gf_fail_memory(err, oc * sizeof *constant, "a gray network");
    for (size_t t = 0; t < positions; t++) {
        for (size_t o = 0; o < oc; o++) {
            double sum = 0;
            for (size_t c = 0; c < CHANNELS; c++) {
                double k = (double)from->value[p->offset + (t * CHANNELS + c) * oc + o];
                sum += k * a->scale[c] / a->gray_scale;
                constant[o] += k * (a->offset[c] - a->gray_offset * a->scale[c] / a->gray_scale);
            }
            to->value[q->offset + t * oc + o] = (float)sum;
        }
    }
    graft_status status = put_constant(to, layer, constant, oc, err);
    gf_free(constant);
    return status;
}

graft_status gf_model_to_gray(gf_model *to, const gf_model *from, gf_gray_kernels kernels, graft_error *err)
{
    *to = (gf_model){0};
    memcpy(to->name, from->name, sizeof to->name);
    to->buffers = from->buffers;
    graft_status status = GRAFT_OK;
    affine *a = gf_new_n(from->n_layers, affine);
    if (!a) return gf_fail_memory(err, from->n_layers * sizeof *a, "a gray network");
    follow(from, a);
    GF_GOTO(add_layers(to, from, a, err));
    gf_model_copy_values(to, from);
    for (size_t i = 0; i < from->n_layers; i++) {
        const gf_layer *l = &from->layer[i];
        bool reads_image = l->n_src > 0 && a[l->src[0]].raw && !a[i].raw;
        if (l->cls == &gf_layer_normalization && a[i].raw) set_normalization(to, from, (int)i);
        if (reads_image && kernels == GF_GRAY_MEAN) {
            mean_kernel(to, from, (int)i);
        } else if (reads_image) {
            GF_GOTO(fold_rgb(to, from, (int)i, &a[l->src[0]], err));
        }
    }
out:
    gf_free(a);
    if (status != GRAFT_OK) gf_model_free(to);
    return status;
}
