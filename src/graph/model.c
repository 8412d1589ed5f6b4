#include "graph/model.h"

#include <stdio.h>
#include <string.h>

/* Its number, and of a further call what is the layer's and not the call's. */
static graft_status set_number(const gf_model *m, gf_layer *l, graft_error *err)
{
    l->number = m->n_numbers;
    if (!l->again) return GRAFT_OK;
    const gf_layer *first = l->again > 0 && (size_t)l->again <= m->n_layers ? &m->layer[l->again - 1] : NULL;
    if (!first || first->again || first->cls != l->cls) {
        return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: not a call of %s", GF_ESC(l->name),
                       first ? GF_ESC(first->name) : "a layer");
    }
    l->number = first->number;
    l->backbone = first->backbone;
    return GRAFT_OK;
}

graft_status gf_model_add(gf_model *m, const gf_layer *proto, int *index, graft_error *err)
{
    if (!gf_grow(&m->layer, m->n_layers, &m->layers_cap)) return gf_fail_memory(err, sizeof(gf_layer), "a layer");
    gf_layer *l = &m->layer[m->n_layers];
    *l = *proto;
    if (gf_model_find(m, l->name) >= 0) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "two layers are called %s", GF_ESC(l->name));
    }
    for (int i = 0; i < l->n_src; i++) {
        if (l->src[i] < 0 || (size_t)l->src[i] >= m->n_layers) {
            return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: source %d is not there", GF_ESC(l->name), l->src[i]);
        }
    }
    GF_TRY(set_number(m, l, err));
    GF_TRY(l->cls->infer(m, l, err));
    m->n_numbers += !l->again;
    if (index) *index = (int)m->n_layers;
    m->n_layers++;
    return GRAFT_OK;
}

/* A parameter of the layer that this is a further call of. */
static graft_status share_param(const gf_model *m, gf_layer *l, const char *var, const gf_shape *shape,
                                graft_error *err)
{
    const gf_param *p = gf_model_param(m, l->again - 1, var);
    if (p && gf_shape_equal(&p->shape, shape)) {
        l->param[l->n_params++] = (int)(p - m->param);
        return GRAFT_OK;
    }
    return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s is called again with another input: its %s is %s, wanted %s",
                   GF_ESC(m->layer[l->again - 1].name), var, p ? GF_SHAPE_TEXT(&p->shape) : "not there",
                   GF_SHAPE_TEXT(shape));
}

graft_status gf_model_add_param(gf_model *m, gf_layer *l, const char *var, const gf_shape *shape, bool statistic,
                                graft_error *err)
{
    if (l->again) return share_param(m, l, var, shape, err);
    if (!gf_grow(&m->param, m->n_params, &m->params_cap)) return gf_fail_memory(err, sizeof(gf_param), "a parameter");
    gf_param p = {.layer = (int)m->n_layers, .var = var, .shape = *shape, .statistic = statistic};
    if (!gf_shape_count(shape, &p.count)) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %s of shape %s is not possible", GF_ESC(l->name), var,
                       GF_SHAPE_TEXT(shape));
    }
    l->param[l->n_params++] = (int)m->n_params;
    m->param[m->n_params++] = p;
    return GRAFT_OK;
}

graft_status gf_model_finish(gf_model *m, graft_error *err)
{
    size_t at = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < m->n_params; i++) {
            if (m->param[i].statistic != (pass == 1)) continue;
            m->param[i].offset = at;
            if (!gf_add_size(at, m->param[i].count, &at)) return gf_fail_memory(err, SIZE_MAX, "parameters");
        }
        if (!pass) m->n_trainable_values = at;
    }
    m->n_values = at;
    m->boundary = (int)gf_model_backbone_layers(m);
    size_t bytes;
    m->value = gf_mul_size(at, sizeof(float), &bytes) ? gf_alloc_tensor(bytes) : NULL;
    return m->value ? GRAFT_OK : gf_fail_memory(err, at, "parameters");
}

/* Whose further call layer i's copy is: of the first of the calls that is copied; where that is itself, it gets the
 * layer's name. */
static void copy_again(const gf_model *from, const int *number, int i, gf_layer *l)
{
    int first = from->layer[i].again - 1, at = first;
    while (at < i && !(number[at] && (at == first || from->layer[at].again == first + 1))) at++;
    l->again = at < i ? number[at] : 0;
    if (!l->again) memcpy(l->name, from->layer[first].name, sizeof l->name);
}

/* Layers that are needed, from the last on; marked by 1. */
static void mark_needed(const gf_model *from, int *number)
{
    for (size_t i = from->n_layers; i-- > 0;) {
        for (int k = 0; number[i] && k < from->layer[i].n_src; k++) number[from->layer[i].src[k]] = 1;
    }
}

/* The layers in `last`, whose places *out gets, and whatever they are computed from. */
static graft_status copy_for(gf_model *to, const gf_model *from, const int *last, int n, const gf_layer *input,
                             int *out, graft_error *err)
{
    int *number = gf_new_n(from->n_layers, int), at; /* 0: not needed; else its number in `to`, and one */
    if (!number) return gf_fail_memory(err, from->n_layers * sizeof *number, "a model");
    graft_status status = GRAFT_OK;
    for (int i = 0; i < n; i++) number[last[i]] = 1;
    mark_needed(from, number);
    for (int i = 0; i < (int)from->n_layers; i++) {
        if (!number[i]) continue;
        gf_layer l = from->layer[i];
        l.n_params = 0;
        for (int k = 0; k < l.n_src; k++) l.src[k] = number[l.src[k]] - 1;
        if (l.again) copy_again(from, number, i, &l);
        if (input && l.cls == &gf_layer_input) {
            l.shape = input->shape;
            l.at = input->at;
        }
        GF_GOTO(gf_model_add(to, &l, &at, err));
        number[i] = at + 1;
    }
    for (int i = 0; i < n; i++) out[i] = number[last[i]] - 1;
out:
    gf_free(number);
    return status;
}

graft_status gf_model_copy_layers(gf_model *to, const gf_model *from, int last, const gf_layer *input, int *out,
                                  graft_error *err)
{
    return copy_for(to, from, &last, 1, input, out, err);
}

graft_status gf_model_copy_needed(gf_model *to, const gf_model *from, graft_error *err)
{
    int last[GF_MAX_ENDS + 2] = {0}, n = 0;
    last[n++] = from->output;
    last[n++] = from->features;
    for (int i = 0; i < from->n_more; i++) last[n++] = from->more[i];
    GF_TRY(copy_for(to, from, last, n, NULL, last, err));
    memcpy(to->name, from->name, sizeof to->name);
    to->output = last[0];
    to->features = last[1];
    to->n_more = from->n_more;
    memcpy(to->more, last + 2, sizeof to->more);
    to->classes = from->classes;
    to->end = from->end;
    to->buffers = from->buffers;
    return GRAFT_OK;
}

graft_status gf_model_take_output(gf_model *m, graft_error *err)
{
    gf_model one = {0};
    graft_status status = GRAFT_OK;
    if (!m->n_more) return GRAFT_OK;
    m->n_more = 0;
    GF_GOTO(gf_model_copy_needed(&one, m, err));
    GF_GOTO(gf_model_finish(&one, err));
    gf_model_copy_values(&one, m);
    gf_model_free(m);
    *m = one;
    return GRAFT_OK;
out:
    gf_model_free(&one);
    return status;
}

int gf_model_inputs(const gf_model *m, int input[GF_MAX_ENDS])
{
    int n = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        if (m->layer[i].cls != &gf_layer_input) continue;
        int at = n < GF_MAX_ENDS ? n++ : GF_MAX_ENDS - 1;
        for (; at > 0 && m->layer[input[at - 1]].at.position > m->layer[i].at.position; at--) input[at] = input[at - 1];
        input[at] = (int)i;
    }
    return n;
}

int gf_model_outputs(const gf_model *m, int output[GF_MAX_ENDS])
{
    int n = 0;
    output[n++] = m->output;
    for (int i = 0; i < m->n_more && n < GF_MAX_ENDS; i++) output[n++] = m->more[i];
    return n;
}

void gf_model_copy_values(gf_model *to, const gf_model *from)
{
    for (size_t i = 0; i < to->n_params; i++) {
        gf_param *p = &to->param[i];
        int layer = gf_model_find(from, to->layer[p->layer].name);
        const gf_param *q = layer < 0 ? NULL : gf_model_param(from, layer, p->var);
        if (!q || !gf_shape_equal(&p->shape, &q->shape)) continue;
        p->given = q->given;
        memcpy(to->value + p->offset, from->value + q->offset, p->count * sizeof *to->value);
    }
}

/* What padding comes to is given only where it is explicit. */
static bool same_sides(const gf_layer *a, const gf_layer *b)
{
    bool given = a->at.padding == GF_PAD_EXPLICIT || a->cls == &gf_layer_zero_padding || a->cls == &gf_layer_cropping;
    return !given || (a->at.pt == b->at.pt && a->at.pb == b->at.pb && a->at.pl == b->at.pl && a->at.pr == b->at.pr);
}

bool gf_layer_same(const gf_layer *a, const gf_layer *b)
{
#define FIELD(f)                                 \
    {                                            \
        offsetof(gf_layer, at.f), sizeof a->at.f \
    }
    static const struct {
        size_t at, bytes;
    } field[] = {FIELD(sequence),    FIELD(filters),
                 FIELD(kh),          FIELD(kw),
                 FIELD(sh),          FIELD(sw),
                 FIELD(groups),      FIELD(dh),
                 FIELD(dw),          FIELD(multiplier),
                 FIELD(padding),     FIELD(act),
                 FIELD(alpha),       FIELD(epsilon),
                 FIELD(momentum),    FIELD(units),
                 FIELD(fixed),       FIELD(heads),
                 FIELD(key_dim),     FIELD(value_dim),
                 FIELD(causal),      FIELD(rate),
                 FIELD(keepdims),    FIELD(use_bias),
                 FIELD(norm_groups), FIELD(factor_h),
                 FIELD(factor_w),    FIELD(bilinear),
                 FIELD(log),         FIELD(axis),
                 FIELD(no_bias),     FIELD(no_scale),
                 FIELD(no_center),   FIELD(scale),
                 FIELD(offset),      FIELD(target.rank),
                 FIELD(permute),     FIELD(count_padding),
                 FIELD(bgr),         FIELD(op)};
#undef FIELD
    bool same = a->cls == b->cls && same_sides(a, b);
    for (size_t i = 0; same && i < sizeof field / sizeof *field; i++) {
        same = !memcmp((const char *)a + field[i].at, (const char *)b + field[i].at, field[i].bytes);
    }
    for (int i = 0; same && i < a->at.target.rank; i++) same = a->at.target.dim[i] == b->at.target.dim[i];
    return same;
}

const char *gf_layer_class_name(const gf_layer *l)
{
    return l->at.sequence && l->cls->of_sequence ? l->cls->of_sequence : l->cls->name;
}

size_t gf_layer_channels(const gf_layer *l) { return (size_t)l->shape.dim[l->shape.rank - 1]; }

size_t gf_model_range_count(const gf_model *m, int layer)
{
    const gf_layer *l = &m->layer[layer];
    bool twice = l->cls == &gf_layer_separable;
    return gf_layer_channels(l) + (twice ? gf_layer_channels(&m->layer[l->src[0]]) * (size_t)l->at.multiplier : 0);
}

graft_status gf_model_add_ranges(gf_model *m, graft_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) n += gf_model_range_count(m, (int)i);
    gf_model_drop_ranges(m);
    m->range = gf_new_n(n, gf_range);
    return m->range ? GRAFT_OK : gf_fail_memory(err, n * sizeof *m->range, "calibration");
}

void gf_model_drop_ranges(gf_model *m)
{
    gf_free(m->range);
    m->range = NULL;
}

gf_range *gf_model_range(const gf_model *m, int layer)
{
    size_t at = 0;
    for (int i = 0; i < layer; i++) at += gf_model_range_count(m, i);
    return m->range ? m->range + at : NULL;
}

void gf_model_free(gf_model *m)
{
    gf_free(m->layer);
    gf_free(m->param);
    gf_free(m->value);
    gf_free(m->range);
    *m = (gf_model){0};
}

gf_shape gf_model_flat_before(const gf_model *m, const gf_layer *l)
{
    int at = l->n_src == 1 ? l->src[0] : -1;
    while (at >= 0 && (m->layer[at].cls == &gf_layer_dropout || m->layer[at].cls == &gf_layer_identity)) {
        at = m->layer[at].src[0];
    }
    bool flat = at >= 0 && m->layer[at].cls == &gf_layer_flatten && m->layer[m->layer[at].src[0]].shape.rank == 3;
    return flat ? m->layer[m->layer[at].src[0]].shape : (gf_shape){0};
}

int gf_model_find(const gf_model *m, const char *layer)
{
    for (size_t i = 0; i < m->n_layers; i++) {
        if (!strcmp(m->layer[i].name, layer)) return (int)i;
    }
    return -1;
}

const gf_param *gf_model_param(const gf_model *m, int layer, const char *var)
{
    const gf_layer *l = &m->layer[layer];
    for (int i = 0; i < l->n_params; i++) {
        if (!strcmp(m->param[l->param[i]].var, var)) return &m->param[l->param[i]];
    }
    return NULL;
}

size_t gf_model_backbone_layers(const gf_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) n += m->layer[i].backbone && !m->layer[i].again;
    return n;
}

int gf_model_at(const gf_model *m, int number)
{
    for (size_t i = 0; i < m->n_layers; i++) {
        if (m->layer[i].number == number) return (int)i;
    }
    return -1;
}

bool gf_model_frozen(const gf_model *m, int layer)
{
    return m->layer[layer].backbone && m->layer[layer].number < m->boundary;
}

bool gf_model_param_trains(const gf_model *m, const gf_param *p)
{
    /* the backbone's layers come first, so their number in the model is their number in the backbone */
    return !p->statistic && !p->frozen && !gf_model_frozen(m, p->layer);
}

void gf_model_freeze(gf_model *m, const bool *frozen)
{
    size_t trains = 0;
    for (size_t i = 0; i < m->n_params; i++) m->param[i].frozen = frozen && frozen[i];
    size_t first = gf_model_first_trainable(m);
    for (size_t i = 0; i < m->n_params; i++) {
        gf_param *p = &m->param[i];
        bool counts = gf_model_param_trains(m, p);
        p->skipped = counts ? p->offset - first - trains : 0;
        if (counts) trains += p->count;
    }
}

size_t gf_model_first_trainable(const gf_model *m)
{
    size_t first = m->n_trainable_values;
    for (size_t i = 0; i < m->n_params; i++) {
        if (gf_model_param_trains(m, &m->param[i]) && m->param[i].offset < first) first = m->param[i].offset;
    }
    return first;
}

gf_counts gf_model_counts(const gf_model *m)
{
    gf_counts c = {.layers = gf_model_backbone_layers(m), .total = m->n_values};
    if (m->buffers) c.total = m->n_trainable_values;
    for (size_t i = 0; i < m->n_params; i++) {
        if (!gf_model_param_trains(m, &m->param[i])) continue;
        c.trainable += m->param[i].count;
        c.trainable_variables++;
    }
    c.non_trainable = c.total - c.trainable;
    return c;
}

/* ---- summary */

static void grouped(char out[32], size_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

static void summary_row(const gf_model *m, const gf_layer *l, gf_text *t)
{
    size_t count = 0, trains = 0;
    for (int k = 0; k < l->n_params && !l->again; k++) {
        const gf_param *p = &m->param[l->param[k]];
        if (m->buffers && p->statistic) continue;
        count += p->count;
        trains += gf_model_param_trains(m, p) ? p->count : 0;
    }
    char title[160], shape[96], number[32], from[160] = "";
    snprintf(title, sizeof title, "%s (%s)", l->name, gf_layer_class_name(l));
    size_t at = (size_t)snprintf(shape, sizeof shape, "(None");
    for (int k = 0; k < l->shape.rank && at < sizeof shape; k++) {
        at += (size_t)snprintf(shape + at, sizeof shape - at, ", %lld", (long long)l->shape.dim[k]);
    }
    if (at < sizeof shape) snprintf(shape + at, sizeof shape - at, ")");
    grouped(number, count);
    for (int k = 0, n = 0; l->n_src > 1 && k < l->n_src && n < (int)sizeof from; k++) {
        n += snprintf(from + n, sizeof from - (size_t)n, "%s%s", k ? ", " : "", m->layer[l->src[k]].name);
    }
    if (l->again) snprintf(from, sizeof from, "%s again", m->layer[l->again - 1].name);
    gf_text_printf(t, " %-44.44s %-22s %11s  %-9s %s\n", title, shape, number,
                   !count   ? "-"
                   : trains ? "yes"
                            : "no",
                   from);
}

graft_status gf_model_summary(const gf_model *m, gf_text *t, graft_error *err)
{
    char number[32];
    gf_counts c = gf_model_counts(m);
    gf_text_printf(t, "Model: %s\n", m->name);
    gf_text_printf(t, " %-44s %-22s %11s  %-9s %s\n", "Layer (type)", "Output shape", "Param #", "Trainable", "Adds");
    for (int i = 0; i < 110; i++) gf_text_add(t, "-");
    gf_text_add(t, "\n");
    for (size_t i = 0; i < m->n_layers; i++) summary_row(m, &m->layer[i], t);
    const struct {
        const char *title;
        size_t n;
    } row[] = {{"Layers of the backbone", c.layers},
               {"Total params", c.total},
               {"Trainable params", c.trainable},
               {"Non-trainable params", c.non_trainable},
               {"Trainable variables", c.trainable_variables}};
    for (int i = 0; i < 110; i++) gf_text_add(t, "-");
    gf_text_add(t, "\n");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        grouped(number, row[i].n);
        gf_text_printf(t, " %-24s %12s\n", row[i].title, number);
    }
    return t->failed ? gf_fail_memory(err, t->n, "a summary") : GRAFT_OK;
}
