#include "graph/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static graft_status bad_head(const char *text, graft_error *err)
{
    return gf_fail(err, GF_E_OPTION_VALUE, "linear, mlp:256, replace-last, replace-last:256,0.4, keep or none",
                   "head %s is not known", GF_ESC(text));
}

/* "0", "0.4": at least 0 and below 1, with a point in every locale. */
static bool parse_share(const char *text, double *share)
{
    const int64_t most = 1000000000000000; /* digits that a double holds exactly */
    int64_t digits = 0, ten = 1;
    if (*text++ != '0') return false;
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9' && ten < most; text++, ten *= 10)
            digits = 10 * digits + (*text - '0');
    }
    *share = (double)digits / (double)ten;
    return !*text;
}

/* ":UNITS[,DROPOUT]" */
static bool parse_hidden(const char *text, gf_head_spec *spec, double *dropout)
{
    char *end;
    enum { LARGEST = 1 << 20 };
    if (*text != ':') return false;
    long units = strtol(text + 1, &end, 10);
    if (end == text + 1 || units < 1 || units > LARGEST) return false;
    spec->hidden = (int)units;
    if (!*end) return true;
    return *end == ',' && parse_share(end + 1, dropout);
}

graft_status gf_head_parse(const char *text, gf_head_spec *spec, double *dropout, graft_error *err)
{
    static const char mlp[] = "mlp", replace[] = "replace-last";
    *spec = (gf_head_spec){0};
    if (!strcmp(text, "linear")) return GRAFT_OK;
    spec->keep_last = !strcmp(text, "keep");
    spec->none = !strcmp(text, "none");
    spec->replace_last = !strncmp(text, replace, strlen(replace));
    if (spec->none || spec->keep_last || !strcmp(text, replace)) return GRAFT_OK;
    const char *rest = text + (spec->replace_last ? strlen(replace) : strlen(mlp));
    bool named = spec->replace_last || !strncmp(text, mlp, strlen(mlp));
    return named && parse_hidden(rest, spec, dropout) ? GRAFT_OK : bad_head(text, err);
}

/* A name of that stem that no layer of the model has. */
static void new_name(const gf_model *m, const char *stem, char name[GF_NAME_MAX])
{
    snprintf(name, GF_NAME_MAX, "%s", stem);
    for (int i = 1; gf_model_find(m, name) >= 0; i++) snprintf(name, GF_NAME_MAX, "%s_%d", stem, i);
}

static graft_status put(gf_model *m, gf_layer l, const char *stem, int *at, graft_error *err)
{
    l.n_src = 1;
    l.src[0] = *at;
    new_name(m, stem, l.name);
    return gf_model_add(m, &l, at, err);
}

graft_status gf_head_add(gf_model *m, int last, const gf_head_spec *spec, int classes, float dropout, graft_error *err)
{
    int at = last;
    if (spec->none) {
        m->features = m->output = last;
        m->classes = 0;
        return GRAFT_OK;
    }
    if (m->layer[last].shape.rank == 3) {
        GF_TRY(put(m, (gf_layer){.cls = &gf_layer_global_pool}, "global_average_pooling2d", &at, err));
    } else if (m->layer[last].shape.rank == 2) {
        gf_layer pool = {.cls = &gf_layer_global_pool, .at = {.sequence = true}};
        GF_TRY(put(m, pool, "global_average_pooling1d", &at, err));
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
    if (spec->hidden) {
        gf_layer hidden = {.cls = &gf_layer_dense};
        hidden.at.units = spec->hidden;
        hidden.at.act = GF_ACT_RELU;
        GF_TRY(put(m, hidden, "hidden", &at, err));
    }
    gf_layer drop = {.cls = &gf_layer_dropout};
    drop.at.rate = dropout;
    GF_TRY(put(m, drop, "dropout", &at, err));
    gf_layer dense = {.cls = &gf_layer_dense};
    dense.at.units = classes == 2 ? 1 : classes;
    GF_TRY(put(m, dense, "head", &at, err));
    m->output = at;
    return GRAFT_OK;
}

int gf_head_logits(const gf_model *m, int output)
{
    for (int at = output;; at = m->layer[at].src[0]) {
        const gf_layer *l = &m->layer[at];
        bool squashes = l->cls == &gf_layer_activation && (l->at.act == GF_ACT_SIGMOID || l->at.act == GF_ACT_LINEAR);
        if (!squashes && l->cls != &gf_layer_softmax && l->cls != &gf_layer_identity) return at;
    }
}

int gf_head_last(const gf_model *m, int logits)
{
    int at = logits;
    while (m->layer[at].cls == &gf_layer_flatten || m->layer[at].cls == &gf_layer_reshape) at = m->layer[at].src[0];
    const gf_layer *l = &m->layer[at];
    bool one_place = l->cls == &gf_layer_conv2d && l->shape.rank == 3 && l->shape.dim[0] == 1 && l->shape.dim[1] == 1 &&
                     l->at.kh == 1 && l->at.kw == 1;
    return l->cls == &gf_layer_dense || one_place ? at : -1;
}

graft_status gf_head_keep(gf_model *m, int logits, graft_error *err)
{
    int last = gf_head_last(m, logits);
    gf_layer *l = last < 0 ? NULL : &m->layer[last];
    if (l && l->at.act == GF_ACT_SIGMOID && gf_count(&l->shape) == 1) l->at.act = GF_ACT_LINEAR; /* the loss's part */
    if (!l || l->at.act != GF_ACT_LINEAR || m->layer[logits].shape.rank != 1) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "cut it before its last layer and put a new head on it",
                       "the model does not end in a classifier: its last layer is %s (%s)",
                       GF_ESC(m->layer[logits].name), gf_layer_class_name(&m->layer[logits]));
    }
    int units = (int)gf_count(&l->shape);
    for (int i = last; i <= logits; i++) m->layer[i].backbone = false;
    m->features = l->src[0];
    m->output = logits;
    m->classes = units == 1 ? 2 : units;
    return GRAFT_OK;
}

/* ---- a head on a network that is there */

/* How many layers a number counts from the end. What graft exports ends in a layer "probabilities" of its own, which
 * the model did not have and which no head would be put on. */
static long counted_layers(const gf_model *m)
{
    long n = (long)gf_model_backbone_layers(m);
    bool own = n && gf_head_logits(m, (int)n - 1) != (int)n - 1 && !strcmp(m->layer[n - 1].name, "probabilities");
    return own ? n - 1 : n;
}

static graft_status resolve_cut(const gf_model *m, const char *cut, int *at, graft_error *err)
{
    char *end;
    long n = strtol(cut, &end, 10), layers = counted_layers(m);
    *at = gf_model_find(m, cut);
    if (*at < 0 && end != cut && !*end && n >= -layers && n < layers) *at = (int)(n < 0 ? layers + n : n);
    if (*at >= 0) return GRAFT_OK;
    return gf_fail(err, GF_E_LAYER_UNKNOWN, "graft summary lists the layers; -2 is the last but one",
                   "cut %s: the model has no such layer", GF_ESC(cut));
}

/* Where a new head stands when nobody says: what the old one's last layer read, before its dropout. */
static int default_cut(const gf_model *m)
{
    int logits = gf_head_logits(m, m->output), last = gf_head_last(m, logits);
    if (last < 0 || m->layer[logits].shape.rank != 1) return m->output;
    int at = m->layer[last].src[0];
    while (m->layer[at].cls == &gf_layer_dropout) at = m->layer[at].src[0];
    return at;
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

graft_status gf_head_on(gf_model *to, const gf_model *whole, const char *cut, const gf_head_spec *spec, int classes,
                        float dropout, graft_error *err)
{
    *to = (gf_model){0};
    memcpy(to->name, whole->name, sizeof to->name);
    to->buffers = whole->buffers;
    int logits = gf_head_logits(whole, whole->output), at = spec->none ? whole->output : default_cut(whole);
    const gf_layer *last = &whole->layer[logits];
    bool two = spec->keep_last && last->cls == &gf_layer_dense && last->at.units == 2 && last->shape.rank == 1;
    graft_status status = GRAFT_OK;
    if (cut) GF_GOTO(resolve_cut(whole, cut, &at, err));
    if (two) {
        GF_GOTO(join_two(to, whole, logits, &at, err));
    } else {
        GF_GOTO(gf_model_copy_layers(to, whole, spec->keep_last ? logits : at, NULL, &at, err));
    }
    GF_GOTO(spec->keep_last ? gf_head_keep(to, at, err) : gf_head_add(to, at, spec, classes, dropout, err));
    GF_GOTO(gf_model_finish(to, err));
    gf_model_copy_values(to, whole);
    if (two) join_values(to, whole, last->name);
out:
    if (status != GRAFT_OK) gf_model_free(to);
    return status;
}
