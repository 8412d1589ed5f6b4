/* ending.c - how a network ends: which layer gives its logits, what stands behind them, and which layer is the
 * classifier. That is a dense layer or, as well, a convolution with pooling: what pools a linear function of each place
 * is a linear function of what is pooled. */
#include "graph/head.h"

#include <string.h>

typedef const gf_layer_class *const classes[];

static bool is_any(const gf_layer *l, const gf_layer_class *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (l->cls == list[i]) return true;
    }
    return false;
}
#define IS_ANY(l, list) is_any(l, list, sizeof(list) / sizeof *(list))

static classes kernels = {&gf_layer_dense, &gf_layer_conv2d, &gf_layer_separable};
static classes acts = {&gf_layer_activation, &gf_layer_relu, &gf_layer_leaky_relu, &gf_layer_elu};
static classes pools = {&gf_layer_global_pool, &gf_layer_global_max_pool, &gf_layer_avg_pool, &gf_layer_max_pool};
static classes layouts = {&gf_layer_flatten, &gf_layer_reshape, &gf_layer_permute};
static classes nothing = {&gf_layer_identity, &gf_layer_dropout};

static bool one_position(const gf_layer *l) { return gf_count(&l->shape) == gf_layer_channels(l); }

/* What hands on the values that it gets. */
static bool does_nothing(const gf_layer *l)
{
    return IS_ANY(l, nothing) || (l->cls == &gf_layer_activation && l->at.act == GF_ACT_LINEAR);
}

/* The same values, where they are one per channel. */
static bool lays_out(const gf_model *m, const gf_layer *l)
{
    return IS_ANY(l, layouts) && one_position(&m->layer[l->src[0]]);
}

static int before_nothing(const gf_model *m, int at)
{
    while (does_nothing(&m->layer[at])) at = m->layer[at].src[0];
    return at;
}

/* ---- the classifier */

typedef struct trail {
    int kernel;        /* the layer with a kernel that the logits come from; -1: none, or something else is between */
    bool pooled, bent; /* there are pooling, activations or normalisation between */
} trail;

static trail trail_of(const gf_model *m, int at)
{
    trail t = {.kernel = -1};
    const size_t units = gf_layer_channels(&m->layer[at]);
    for (;;) {
        const gf_layer *l = &m->layer[at];
        bool pool = IS_ANY(l, pools), bends = IS_ANY(l, acts) || l->cls == &gf_layer_batch_norm;
        if (IS_ANY(l, kernels)) {
            t.bent |= l->at.act != GF_ACT_LINEAR && t.pooled;
            if (gf_layer_channels(l) == units) t.kernel = at;
            return t;
        }
        if (!pool && !bends && !does_nothing(l) && !lays_out(m, l) && l->cls != &gf_layer_rescaling) return t;
        t.pooled |= pool;
        t.bent |= bends && !does_nothing(l);
        at = l->src[0];
    }
}

/* A convolution, an activation and pooling at the end of a network are a backbone's end as well as a classifier. */
static bool looks_like_a_classifier(const gf_model *m, int at)
{
    static const char *const words[] = {"classifier", "predict", "logits", "head"};
    enum { IMAGENET = 1000 };
    const gf_layer *l = &m->layer[at];
    if (l->cls != &gf_layer_dense && (l->at.kh != 1 || l->at.kw != 1)) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(l->name, words[i])) return true;
    }
    return gf_layer_channels(l) == IMAGENET || m->layer[l->src[0]].cls == &gf_layer_dropout;
}

/* What a BERT makes of a text's first piece, tanh of a dense layer, is a backbone's end. */
static bool is_pooler(const gf_model *m, int kernel)
{
    const gf_layer *l = kernel < 0 ? NULL : &m->layer[kernel];
    return l && l->at.act == GF_ACT_TANH && m->layer[l->src[0]].cls == &gf_layer_piece_pooling;
}

static int classifier_of(const gf_model *m, const gf_ending *e)
{
    trail t = trail_of(m, e->logits);
    if (is_pooler(m, t.kernel)) return -1;
    bool told = e->end != GF_END_LINEAR || !t.bent;
    return t.kernel >= 0 && (told || looks_like_a_classifier(m, t.kernel)) ? t.kernel : -1;
}

/* ---- the end */

/* Nothing that a backbone ends in: it bounds its values on both sides. */
static bool squashes(const gf_layer *l)
{
    static const gf_act list[] = {GF_ACT_TANH, GF_ACT_HARD_SIGMOID, GF_ACT_HARD_TANH, GF_ACT_SOFTSIGN};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (l->at.act == list[i]) return true;
    }
    return false;
}

gf_ending gf_head_ending(const gf_model *m, int output)
{
    gf_ending e = {.logits = before_nothing(m, output), .end = GF_END_LINEAR, .classifier = -1};
    int at = e.logits;
    while (does_nothing(&m->layer[at]) || lays_out(m, &m->layer[at])) at = m->layer[at].src[0];
    const gf_layer *l = &m->layer[at];
    bool act = IS_ANY(l, acts), kernel = IS_ANY(l, kernels);
    if (l->cls == &gf_layer_softmax) {
        e.end = l->at.log ? GF_END_LOG_SOFTMAX : GF_END_SOFTMAX;
        e.logits = before_nothing(m, l->src[0]);
    } else if ((act || kernel) && l->at.act == GF_ACT_SIGMOID) {
        e.end = GF_END_SIGMOID;
        e.own = kernel;
        e.logits = kernel ? at : before_nothing(m, l->src[0]);
    } else if (act || (kernel && l->at.act != GF_ACT_LINEAR)) {
        e.other = true;
        if (act)
            e.classifier = squashes(l) ? classifier_of(m, &(gf_ending){.logits = l->src[0], .end = GF_END_LINEAR}) : -1;
        if (act) return e;
    }
    if (one_position(&m->layer[e.logits])) e.classifier = classifier_of(m, &e);
    return e;
}

int gf_head_logits(const gf_model *m, int output) { return gf_head_ending(m, output).logits; }

int gf_head_last(const gf_model *m, int logits) { return gf_head_ending(m, logits).classifier; }

graft_status gf_head_position(const gf_model *m, int *at, int *replaced, graft_error *err)
{
    gf_ending e = gf_head_ending(m, m->output);
    *replaced = e.classifier;
    *at = m->output;
    if (e.classifier >= 0) {
        *at = before_nothing(m, m->layer[e.classifier].src[0]);
        return GRAFT_OK;
    }
    if (e.end == GF_END_LINEAR) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "--cut LAYER says where the new head stands; graft summary lists the layers",
                   "the network ends in probabilities (layer %s), but which layers are its classifier is not clear",
                   GF_ESC(m->layer[m->output].name));
}
