#include "graph/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name of that stem that no layer of the model has. */
static void new_name(const gf_model *m, const char *stem, char name[GF_NAME_MAX])
{
    snprintf(name, GF_NAME_MAX, "%s", stem);
    for (int i = 1; gf_model_find(m, name) >= 0; i++) snprintf(name, GF_NAME_MAX, "%s_%d", stem, i);
}

graft_status gf_head_put(gf_model *m, gf_layer l, const char *stem, int *at, graft_error *err)
{
    if (!l.n_src) l.n_src = 1;
    l.src[0] = *at;
    new_name(m, stem, l.name);
    return gf_model_add(m, &l, at, err);
}

/* A head may stand on earlier layers than the last: what nothing reads any more goes. */
static graft_status drop_unneeded(gf_model *m, graft_error *err)
{
    gf_model needed = {0};
    graft_status status = gf_model_copy_needed(&needed, m, err);
    if (status != GRAFT_OK) {
        gf_model_free(&needed);
        return status;
    }
    needed.boundary = m->boundary;
    gf_model_free(m);
    *m = needed;
    return GRAFT_OK;
}

/* The layers of a list, with Keras's defaults. */
static graft_status add_items(gf_model *m, const gf_head_spec *spec, int *at, graft_error *err)
{
    for (int i = 0; i < spec->n_items; i++) {
        const gf_head_item *item = &spec->item[i];
        gf_layer l = {.cls = item->cls};
        const char *stem = "hidden";
        l.at.units = item->units;
        l.at.act = item->act;
        l.at.alpha = item->alpha;
        l.at.rate = item->rate;
        if (item->cls == &gf_layer_batch_norm) {
            l.at.epsilon = 1e-3f;
            l.at.momentum = 0.99f;
            stem = "batch_normalization";
        }
        if (item->cls == &gf_layer_dropout) stem = "dropout";
        if (item->cls == &gf_layer_activation) stem = "activation";
        GF_TRY(gf_head_put(m, l, stem, at, err));
    }
    return GRAFT_OK;
}

graft_status gf_head_add(gf_model *m, int last, const gf_head_spec *spec, int classes, float dropout, graft_error *err)
{
    int at = last;
    if (spec->none) {
        m->features = m->output = last;
        m->classes = 0;
        return GRAFT_OK;
    }
    if (spec->add && classes) {
        m->features = last;
        m->classes = classes;
        GF_TRY(spec->add(m, last, classes, dropout, err));
        return drop_unneeded(m, err);
    }
    if (m->layer[last].shape.rank == 3) {
        GF_TRY(gf_head_put(m, (gf_layer){.cls = &gf_layer_global_pool}, "global_average_pooling2d", &at, err));
    } else if (m->layer[last].shape.rank == 2) {
        gf_layer pool = {.cls = &gf_layer_global_pool, .at = {.sequence = true}};
        GF_TRY(gf_head_put(m, pool, "global_average_pooling1d", &at, err));
    }
    if (m->layer[at].shape.rank != 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE,
                       "cut it at a layer with (features), (steps, channels) or (h, w, channels)",
                       "no head fits on layer %s: its output is %s", GF_ESC(m->layer[at].name),
                       GF_SHAPE_TEXT(&m->layer[at].shape));
    }
    m->features = m->output = at;
    m->classes = classes;
    if (!classes) return GRAFT_OK;
    GF_TRY(add_items(m, spec, &at, err));
    gf_layer drop = {.cls = &gf_layer_dropout};
    drop.at.rate = dropout;
    if (!spec->own_dropout) GF_TRY(gf_head_put(m, drop, "dropout", &at, err));
    gf_layer dense = {.cls = &gf_layer_dense};
    dense.at.units = spec->outputs ? spec->outputs : classes;
    GF_TRY(gf_head_put(m, dense, "head", &at, err));
    m->output = at;
    return GRAFT_OK;
}

/* The layers from the classifier on are the head. */
static void take(gf_model *m, int classifier, int logits, gf_end end)
{
    int units = (int)gf_count(&m->layer[logits].shape);
    for (int i = classifier; i <= logits; i++) m->layer[i].backbone = false;
    m->features = m->layer[classifier].src[0];
    m->output = logits;
    m->classes = units == 1 ? 2 : units;
    m->end = units == 1 && end == GF_END_SIGMOID ? GF_END_SOFTMAX : end;
}

static graft_status no_classifier(const gf_model *m, int last, bool other, graft_error *err)
{
    const gf_layer *l = &m->layer[last];
    if (!other) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "cut it before its last layer and put a new head on it",
                       "the model does not end in a classifier: its last layer is %s (%s)", GF_ESC(l->name),
                       gf_layer_class_name(l));
    }
    return gf_fail(err, GF_E_MODEL_SHAPE, "train a new head on it, or convert it as it is",
                   "the model ends in layer %s (%s), whose numbers are neither logits nor probabilities",
                   GF_ESC(l->name), gf_layer_class_name(l));
}

graft_status gf_head_keep(gf_model *m, int logits, graft_error *err)
{
    gf_ending e = gf_head_ending(m, logits);
    bool fits = e.classifier >= 0 && !e.other && e.logits == logits && m->layer[logits].shape.rank == 1;
    if (!fits) return no_classifier(m, logits, e.other, err);
    if (e.own) m->layer[logits].at.act = GF_ACT_LINEAR;
    take(m, e.classifier, logits, GF_END_SOFTMAX);
    return GRAFT_OK;
}

/* ---- a head on a network that is there */

/* How many layers a number counts from the end. What graft exports ends in a layer "probabilities" of its own, which
 * the model did not have and which no head would be put on. */
static long counted_layers(const gf_model *m)
{
    long n = (long)gf_model_backbone_layers(m);
    int last = gf_model_at(m, (int)n - 1);
    bool own = n && gf_head_ending(m, last).end != GF_END_LINEAR && !strcmp(m->layer[last].name, "probabilities");
    return own ? n - 1 : n;
}

static graft_status resolve_cut(const gf_model *m, const char *cut, int *at, graft_error *err)
{
    char *end;
    long n = strtol(cut, &end, 10), layers = counted_layers(m);
    *at = gf_model_find(m, cut);
    if (*at < 0 && end != cut && !*end && n >= -layers && n < layers)
        *at = gf_model_at(m, (int)(n < 0 ? layers + n : n));
    if (*at >= 0) return GRAFT_OK;
    return gf_fail(err, GF_E_LAYER_UNKNOWN, "graft summary lists the layers; -2 is the last but one",
                   "cut %s: the model has no such layer", GF_ESC(cut));
}

/* A classifier with two outputs and softmax says sigmoid(z1 - z0): one logit. */
static graft_status join_two(gf_model *to, const gf_model *whole, int logits, int *at, graft_error *err)
{
    gf_layer l = whole->layer[logits];
    GF_TRY(gf_model_copy_layers(to, whole, l.src[0], NULL, at, err));
    l.src[0] = *at;
    l.n_params = 0;
    l.at.units = 1;
    return gf_model_add(to, &l, at, err);
}

static void join_values(gf_model *to, const gf_model *whole, const char *layer)
{
    static const char *const vars[] = {"kernel", "bias"};
    for (int v = 0; v < 2; v++) {
        const gf_param *p = gf_model_param(to, gf_model_find(to, layer), vars[v]);
        const gf_param *q = gf_model_param(whole, gf_model_find(whole, layer), vars[v]);
        for (size_t i = 0; p && q && i < p->count; i++) {
            const float *two = whole->value + q->offset + 2 * i;
            to->value[p->offset + i] = two[1] - two[0];
        }
    }
}

graft_status gf_head_for_training(gf_model *m, size_t outputs, graft_error *err)
{
    gf_model to = {0};
    gf_layer l = {.cls = &gf_layer_dense, .at = {.units = 1, .no_bias = true}};
    int at;
    graft_status status = GRAFT_OK;
    m->end = GF_END_SOFTMAX;
    if (outputs != 1 || gf_count(&m->layer[m->output].shape) != 2) return GRAFT_OK;
    memcpy(to.name, m->name, sizeof to.name);
    to.buffers = m->buffers;
    GF_GOTO(gf_model_copy_layers(&to, m, m->output, NULL, &at, err));
    GF_GOTO(gf_head_put(&to, l, "difference", &at, err));
    GF_GOTO(gf_model_finish(&to, err));
    gf_model_copy_values(&to, m);
    to.output = at;
    to.features = gf_model_find(&to, m->layer[m->features].name);
    to.classes = m->classes;
    to.boundary = m->boundary;
    float *difference = to.value + gf_model_param(&to, at, "kernel")->offset;
    difference[0] = -1;
    difference[1] = 1;
    gf_model_free(m);
    *m = to;
    return GRAFT_OK;
out:
    gf_model_free(&to);
    return status;
}

typedef struct keeping {
    const gf_model *whole;
    gf_ending e;
    bool joins; /* the two logits, in their dense layer */
} keeping;

/* The network up to its logits, as a list of one per class. */
static graft_status keep_whole(gf_model *to, keeping *k, graft_error *err)
{
    const gf_layer *last = &k->whole->layer[k->e.logits];
    const bool has_end = k->e.end != GF_END_LINEAR || k->e.classifier >= 0;
    int at, classifier = k->e.classifier;
    if (k->e.other || !has_end || gf_count(&last->shape) != gf_layer_channels(last)) {
        return no_classifier(k->whole, k->whole->output, k->e.other, err);
    }
    k->joins = k->e.end == GF_END_SOFTMAX && last->cls == &gf_layer_dense && last->at.units == 2 &&
               last->shape.rank == 1 && last->at.act == GF_ACT_LINEAR;
    GF_TRY(k->joins ? join_two(to, k->whole, k->e.logits, &at, err)
                    : gf_model_copy_layers(to, k->whole, k->e.logits, NULL, &at, err));
    if (k->e.own) to->layer[at].at.act = GF_ACT_LINEAR;
    if (to->layer[at].shape.rank != 1)
        GF_TRY(gf_head_put(to, (gf_layer){.cls = &gf_layer_flatten}, "flatten", &at, err));
    classifier = classifier < 0 ? at : gf_model_find(to, k->whole->layer[classifier].name);
    take(to, classifier, at, k->e.end);
    return GRAFT_OK;
}

graft_status gf_head_on(gf_model *to, const gf_model *whole, const char *cut, const gf_head_spec *spec, int classes,
                        float dropout, graft_error *err)
{
    *to = (gf_model){0};
    memcpy(to->name, whole->name, sizeof to->name);
    to->buffers = whole->buffers;
    keeping k = {.whole = whole, .e = gf_head_ending(whole, whole->output)};
    int at = whole->output, replaced;
    graft_status status = GRAFT_OK;
    if (cut) {
        GF_GOTO(resolve_cut(whole, cut, &at, err));
    } else if (!spec->none && !spec->keep_last) {
        GF_GOTO(gf_head_position(whole, &at, &replaced, err));
        /* of length 1 is for comparing features, a classifier does better without */
        const gf_layer *last = &whole->layer[at];
        if (classes && last->cls == &gf_layer_operation && last->at.op == &gf_op_unit_norm) at = last->src[0];
    }
    if (spec->keep_last) {
        GF_GOTO(keep_whole(to, &k, err));
    } else {
        GF_GOTO(gf_model_copy_layers(to, whole, at, NULL, &at, err));
        GF_GOTO(gf_head_add(to, at, spec, classes, dropout, err));
    }
    GF_GOTO(gf_model_finish(to, err));
    gf_model_copy_values(to, whole);
    if (k.joins) join_values(to, whole, whole->layer[k.e.logits].name);
out:
    if (status != GRAFT_OK) gf_model_free(to);
    return status;
}
