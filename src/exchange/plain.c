/* plain.c - a model in the layers that every tool knows. Each layer is copied, with layers of its own before or behind
 * it for what those layers have no argument for; so the order stays, and values go from layer to layer. */
#include "exchange/keras_config.h"

#include "exchange/keras_layers.h"
#include "zoo/builder.h"

#include <stdio.h>
#include <string.h>

typedef struct exporting {
    gf_model *to;
    const gf_model *from;
    int *number;       /* of each layer's output, in `to` */
    int *duplicate;    /* of the layer in `to` that has its parameters; -1: none */
    bool *nonnegative; /* no value of its output is below zero */
    graft_error *err;
} exporting;

static graft_status refuse(const exporting *x, const gf_layer *l, const char *why)
{
    return gf_fail(x->err, GF_E_MODEL_EXPORT, NULL, "layer %s (%s): %s", GF_ESC(l->name), gf_layer_class_name(l), why);
}

/* The layer's name without slashes (Keras 3 refuses them) and dots (its PyTorch backend does), with an ending; one that
 * is taken gets a number. */
static void plain_name(const exporting *x, char out[GF_NAME_MAX], const char *name, const char *ending)
{
    enum { NUMBER = 8 };
    int room = GF_NAME_MAX - 1 - NUMBER - (int)strlen(ending);
    char base[GF_NAME_MAX];
    snprintf(base, sizeof base, "%.*s%s", room, name, ending);
    for (char *s = base; *s; s++) *s = *s == '/' || *s == '.' ? '_' : *s;
    snprintf(out, GF_NAME_MAX, "%s", base);
    for (int i = 1; gf_model_find(x->to, out) >= 0; i++) snprintf(out, GF_NAME_MAX, "%.*s_%d", room + 8, base, i);
}

/* A layer of this tool's making behind layer *at of `to`, called NAME + ending; *at becomes it. */
static graft_status put(exporting *x, gf_layer l, const char *name, const char *ending, int *at)
{
    plain_name(x, l.name, name, ending);
    l.backbone = x->to->layer[*at].backbone;
    l.n_src = 1;
    l.src[0] = *at;
    return gf_model_add(x->to, &l, at, x->err);
}

/* ---- the image ---- */

/* out channel c = in channel n - 1 - c */
static graft_status put_reversal(exporting *x, const gf_layer *input, int *at)
{
    gf_layer l = {.cls = &gf_layer_conv2d};
    l.at.filters = (int)input->shape.dim[2];
    l.at.kh = l.at.kw = 1;
    l.at.padding = GF_PAD_VALID;
    return put(x, l, "preprocess", "_bgr", at);
}

static bool is_image_itself(const gf_layer *input)
{
    bool same = true;
    for (int64_t c = 0; input->shape.rank == 3 && c < input->shape.dim[2]; c++)
        same &= input->at.scale[c] == 1 && input->at.offset[c] == 0;
    return same;
}

static graft_status export_input(exporting *x, const gf_layer *input, int *at)
{
    gf_layer l = {.cls = input->cls, .shape = input->shape, .backbone = input->backbone};
    for (int i = 0; i < 4; i++) l.at.scale[i] = 1;
    l.at.position = input->at.position;
    l.at.dtype = input->at.dtype;
    plain_name(x, l.name, input->name, "");
    GF_TRY(gf_model_add(x->to, &l, at, x->err));
    if (input->at.bgr) GF_TRY(put_reversal(x, input, at));
    if (is_image_itself(input)) return GRAFT_OK;
    gf_layer rescale = {.cls = &gf_layer_rescaling};
    memcpy(rescale.at.scale, input->at.scale, sizeof rescale.at.scale);
    memcpy(rescale.at.offset, input->at.offset, sizeof rescale.at.offset);
    return put(x, rescale, "preprocess", "", at);
}

/* ---- padding ---- */

static bool is_conv(const gf_layer *l)
{
    return l->cls == &gf_layer_conv2d || l->cls == &gf_layer_depthwise || l->cls == &gf_layer_separable;
}

/* Whether the padding given is what "same" comes to there. */
static bool is_same(const exporting *x, const gf_layer *l)
{
    const gf_shape *s = &x->from->layer[l->src[0]].shape;
    int64_t in_h = l->at.sequence ? 1 : s->dim[0], in_w = s->dim[s->rank - 2];
    int64_t h = (in_h + l->at.sh - 1) / l->at.sh, w = (in_w + l->at.sw - 1) / l->at.sw;
    int64_t th = (h - 1) * l->at.sh + (int64_t)(l->at.kh - 1) * l->at.dh + 1 - in_h;
    int64_t tw = (w - 1) * l->at.sw + (int64_t)(l->at.kw - 1) * l->at.dw + 1 - in_w;
    th = th < 0 ? 0 : th;
    tw = tw < 0 ? 0 : tw;
    return l->at.pt == th / 2 && l->at.pb == th - th / 2 && l->at.pl == tw / 2 && l->at.pr == tw - tw / 2;
}

/* Zeros round the input where the layer's own padding cannot be said; its padding is then none. */
static graft_status export_padding(exporting *x, gf_layer *l)
{
    bool average = l->cls == &gf_layer_avg_pool, most = l->cls == &gf_layer_max_pool;
    bool padded = l->at.pt || l->at.pb || l->at.pl || l->at.pr, counts = average && l->at.count_padding;
    if (!is_conv(l) && !average && !most) return GRAFT_OK;
    if (l->at.padding == GF_PAD_CAUSAL) return GRAFT_OK;
    if (l->at.padding == GF_PAD_VALID || !padded) {
        if (l->at.padding == GF_PAD_EXPLICIT) l->at.padding = GF_PAD_VALID;
        l->at.count_padding = false;
        return GRAFT_OK;
    }
    if (!counts && (l->at.padding == GF_PAD_SAME || is_same(x, l))) {
        l->at.padding = GF_PAD_SAME;
        return GRAFT_OK;
    }
    if (average && !counts) return refuse(x, l, "its padding is not the same on all sides, and is not counted");
    if (most && !x->nonnegative[l->src[0]]) return refuse(x, l, "its padding stands before values below zero");
    gf_layer zeros = {.cls = &gf_layer_zero_padding, .at = {.sequence = l->at.sequence}};
    zeros.at.pt = l->at.pt, zeros.at.pb = l->at.pb, zeros.at.pl = l->at.pl, zeros.at.pr = l->at.pr;
    l->at.pt = l->at.pb = l->at.pl = l->at.pr = 0;
    l->at.padding = GF_PAD_VALID;
    l->at.count_padding = false;
    int at = x->number[l->src[0]];
    GF_TRY(put(x, zeros, l->name, "_pad", &at));
    l->src[0] = at;
    return GRAFT_OK;
}

/* Where no value of the layer's output can be below zero. */
static bool is_nonnegative(const exporting *x, const gf_layer *l)
{
    static const gf_act acts[] = {GF_ACT_RELU,        GF_ACT_RELU6,    GF_ACT_SIGMOID,     GF_ACT_HARD_SIGMOID,
                                  GF_ACT_EXPONENTIAL, GF_ACT_SOFTPLUS, GF_ACT_SPARSE_PLUS, GF_ACT_SPARSE_SIGMOID};
    static const gf_layer_class *const keep[] = {
        &gf_layer_add,          &gf_layer_multiply,       &gf_layer_concatenate,
        &gf_layer_zero_padding, &gf_layer_cropping,       &gf_layer_max_pool,
        &gf_layer_avg_pool,     &gf_layer_global_pool,    &gf_layer_upsampling,
        &gf_layer_flatten,      &gf_layer_reshape,        &gf_layer_permute,
        &gf_layer_dropout,      &gf_layer_identity,       &gf_layer_activation,
        &gf_layer_relu,         &gf_layer_global_max_pool};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (l->at.act == acts[i]) return true;
    }
    bool keeps = l->at.act == GF_ACT_LINEAR && l->n_src > 0;
    bool listed = false;
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) listed |= l->cls == keep[i];
    for (int k = 0; k < l->n_src; k++) keeps &= x->nonnegative[l->src[k]];
    return keeps && listed;
}

/* ---- activations ---- */

/* An activation that needs an argument becomes a layer behind; one without a name is refused. */
static graft_status split_act(exporting *x, gf_layer *l, gf_layer *after)
{
    const gf_keras_act *a = gf_keras_act_of(l->at.act);
    bool own_class = l->cls == &gf_layer_leaky_relu || l->cls == &gf_layer_elu ||
                     (l->cls == &gf_layer_relu && (l->at.act == GF_ACT_RELU || l->at.act == GF_ACT_RELU6));
    bool layer = l->cls == &gf_layer_relu || l->cls == &gf_layer_activation;
    if (own_class || (!layer && l->at.act == GF_ACT_LINEAR)) return GRAFT_OK;
    const gf_layer_class *cls = a->act == GF_ACT_LEAKY_RELU ? &gf_layer_leaky_relu
                                : a->act == GF_ACT_ELU      ? &gf_layer_elu
                                                            : &gf_layer_activation;
    if (cls == &gf_layer_activation && (a->ours || (a->alpha != 0 && a->alpha != l->at.alpha))) {
        return refuse(x, l, "an activation that other tools have no name for");
    }
    if (layer) {
        l->cls = cls;
    } else if (cls != &gf_layer_activation && a->alpha != l->at.alpha) {
        *after = (gf_layer){.cls = cls};
        after->at.act = l->at.act;
        after->at.alpha = l->at.alpha;
        l->at.act = GF_ACT_LINEAR;
        l->at.alpha = 0;
    }
    return GRAFT_OK;
}

/* A factor a channel is a depthwise convolution of one place. */
static void export_scale(gf_layer *l)
{
    const bool sequence = l->shape.rank == 2;
    if (l->cls != &gf_layer_layer_scale || (l->shape.rank != 3 && !sequence)) return;
    *l = (gf_layer){
        .cls = &gf_layer_depthwise, .again = l->again, .n_src = 1, .src = {l->src[0]}, .backbone = l->backbone};
    l->at.sequence = sequence;
    l->at.kh = l->at.kw = 1;
    l->at.padding = GF_PAD_VALID;
}

/* ---- all ---- */

static graft_status export_layer(exporting *x, int i)
{
    const gf_layer *from = &x->from->layer[i];
    x->duplicate[i] = -1;
    x->nonnegative[i] = is_nonnegative(x, from);
    if (from->cls == &gf_layer_input) return export_input(x, from, &x->number[i]);
    if (!gf_keras_class_for(from)) return refuse(x, from, "other tools have no such layer");
    gf_layer l = *from, after = {0};
    l.n_params = 0;
    if (l.again) l.again = 1 + x->duplicate[l.again - 1];
    GF_TRY(export_padding(x, &l));
    bool padded = l.n_src == 1 && l.src[0] != from->src[0];
    for (int k = 0; k < l.n_src && !padded; k++) l.src[k] = x->number[l.src[k]];
    GF_TRY(split_act(x, &l, &after));
    export_scale(&l);
    plain_name(x, l.name, from->name, "");
    GF_TRY(gf_model_add(x->to, &l, &x->number[i], x->err));
    x->duplicate[i] = x->number[i];
    const gf_layer *added = &x->to->layer[x->number[i]];
    if (l.again && !gf_layer_same(added, &x->to->layer[l.again - 1])) {
        return refuse(x, from, "its calls differ in more than their input");
    }
    return after.cls ? put(x, after, from->name, "_activation", &x->number[i]) : GRAFT_OK;
}

/* What stands behind the logits: probabilities of the classes; of two that share a logit, the second's. */
static graft_status export_output(exporting *x)
{
    int at = x->number[x->from->output];
    x->to->features = x->number[x->from->features];
    x->to->output = at;
    x->to->classes = x->from->classes;
    x->to->end = x->from->end;
    x->to->n_more = x->from->n_more;
    for (int i = 0; i < x->from->n_more; i++) x->to->more[i] = x->number[x->from->more[i]];
    if (!x->from->classes || x->from->end == GF_END_LINEAR) return GRAFT_OK;
    gf_layer l = {.cls = &gf_layer_softmax};
    l.at.log = x->from->end == GF_END_LOG_SOFTMAX;
    if (x->from->end == GF_END_SIGMOID || gf_count(&x->to->layer[at].shape) == 1) {
        l.cls = &gf_layer_activation;
        l.at.act = GF_ACT_SIGMOID;
    }
    return put(x, l, l.at.log ? "log_probabilities" : "probabilities", "", &x->to->output);
}

static void copy_values(const exporting *x)
{
    for (size_t i = 0; i < x->from->n_params; i++) {
        const gf_param *p = &x->from->param[i];
        int duplicate = x->duplicate[p->layer];
        bool scale = duplicate >= 0 && x->from->layer[p->layer].cls == &gf_layer_layer_scale &&
                     x->to->layer[duplicate].cls == &gf_layer_depthwise;
        const gf_param *q = duplicate < 0 ? NULL : gf_model_param(x->to, duplicate, scale ? "kernel" : p->var);
        if (q) memcpy(x->to->value + q->offset, x->from->value + p->offset, p->count * sizeof *x->to->value);
    }
    int reversal = gf_model_find(x->to, "preprocess_bgr");
    const gf_param *kernel = reversal < 0 ? NULL : gf_model_param(x->to, reversal, "kernel");
    int64_t n = kernel ? kernel->shape.dim[3] : 0;
    for (int64_t c = 0; c < n; c++) x->to->value[kernel->offset + (size_t)((n - 1 - c) * n + c)] = 1;
}

/* All layers, in this model's order. */
static graft_status export_all(exporting *x)
{
    size_t n = x->from->n_layers;
    graft_status status = GRAFT_OK;
    x->number = gf_new_n(n, int);
    x->duplicate = gf_new_n(n, int);
    x->nonnegative = gf_new_n(n, bool);
    if (!x->number || !x->duplicate || !x->nonnegative) {
        status = gf_fail_memory(x->err, n * sizeof(int), "a model");
        goto out;
    }
    for (size_t i = 0; i < n; i++) GF_GOTO(export_layer(x, (int)i));
    GF_GOTO(export_output(x));
    GF_GOTO(gf_model_finish(x->to, x->err));
    copy_values(x);
out:
    gf_free(x->number);
    gf_free(x->duplicate);
    gf_free(x->nonnegative);
    return status;
}

/* Keras sorts a functional model's layers when it reads them, and then counts them: so they are written in its order.
 */
static graft_status sort_layers(gf_model *to, const gf_model *from, graft_error *err)
{
    GF_TRY(gf_model_copy_needed(to, from, err));
    gf_builder b = {.m = to, .err = err, .at = to->output};
    gf_order_as_keras(&b);
    GF_TRY(b.status);
    GF_TRY(gf_model_finish(to, err));
    gf_model_copy_values(to, from);
    to->classes = from->classes;
    to->end = from->end;
    return GRAFT_OK;
}

graft_status gf_model_for_export(gf_model *out, const gf_model *m, graft_error *err)
{
    gf_model plain = {0};
    exporting x = {.to = &plain, .from = m, .err = err};
    graft_status status = GRAFT_OK;
    *out = (gf_model){0};
    GF_GOTO(export_all(&x));
    GF_GOTO(sort_layers(out, &plain, err));
    memcpy(out->name, m->name, sizeof out->name);
out:
    gf_model_free(&plain);
    if (status != GRAFT_OK) gf_model_free(out);
    return status;
}
