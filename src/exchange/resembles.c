/* resembles.c - a layer's print is a hash of what it computes and of its sources' prints, so that one number stands for
 * all that lies before it. What exporters and importers spell differently is left out or made alike: folded batch
 * normalisation, biases, dropout, reshapes, padding in a layer of its own or inside of the window's. */
#include "exchange/resembles.h"

#include <string.h>

typedef uint64_t print;

static print mix(print h, uint64_t x)
{
    h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdu;
    return h ^ (h >> 33);
}

static print mix_all(print h, const int *x, size_t n)
{
    for (size_t i = 0; i < n; i++) h = mix(h, (uint64_t)(int64_t)x[i]);
    return h;
}

enum kind { INPUT = 1, PADDED, WINDOW, MAX_POOL, AVG_POOL, POOLED, ACTIVATED, DENSE, ADDED, MULTIPLIED, JOINED, OTHER };

static print padded(print before, const gf_layer *l)
{
    const int side[] = {PADDED, l->at.pt, l->at.pb, l->at.pl, l->at.pr};
    return l->at.pt || l->at.pb || l->at.pl || l->at.pr ? mix_all(before, side, 5) : before;
}

static print window(print before, const gf_layer *l, int kind, int filters, int groups)
{
    const int at[] = {kind, filters, groups, l->at.kh, l->at.kw, l->at.sh, l->at.sw, l->at.dh, l->at.dw};
    return mix_all(padded(before, l), at, sizeof at / sizeof *at);
}

static print activated(print before, const gf_layer *l)
{
    return l->at.act == GF_ACT_LINEAR ? before : mix_all(before, (int[]){ACTIVATED, (int)l->at.act}, 2);
}

/* A convolution of any kind; a separable one is a depthwise and a pointwise one. */
static print convolution(print before, const gf_model *m, const gf_layer *l)
{
    if (l->cls != &gf_layer_separable) return activated(window(before, l, WINDOW, l->at.filters, l->at.groups), l);
    const int channels = (int)gf_layer_channels(&m->layer[l->src[0]]),
              point[] = {WINDOW, l->at.filters, 1, 1, 1, 1, 1, 1, 1};
    print depth = window(before, l, WINDOW, channels * l->at.multiplier, channels);
    return activated(mix_all(depth, point, sizeof point / sizeof *point), l);
}

static bool is_any(const gf_layer *l, const gf_layer_class *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (l->cls == list[i]) return true;
    }
    return false;
}

static print print_of(const gf_model *m, const gf_layer *l, const print *before)
{
    static const gf_layer_class *const convs[] = {&gf_layer_conv2d, &gf_layer_depthwise, &gf_layer_separable};
    static const gf_layer_class *const acts[] = {&gf_layer_relu, &gf_layer_activation, &gf_layer_leaky_relu,
                                                 &gf_layer_elu};
    static const gf_layer_class *const nothing[] = {&gf_layer_batch_norm, &gf_layer_dropout, &gf_layer_identity,
                                                    &gf_layer_flatten,    &gf_layer_reshape, &gf_layer_permute};
    print first = l->n_src ? before[l->src[0]] : 0;
    if (l->cls == &gf_layer_input) return mix_all(INPUT, (int[]){(int)l->shape.dim[0], (int)l->shape.dim[1]}, 2);
    if (is_any(l, nothing, sizeof nothing / sizeof *nothing)) return first;
    if (is_any(l, convs, sizeof convs / sizeof *convs)) return convolution(first, m, l);
    if (is_any(l, acts, sizeof acts / sizeof *acts)) return activated(first, l);
    if (l->cls == &gf_layer_zero_padding) return padded(first, l);
    if (l->cls == &gf_layer_max_pool) return window(first, l, MAX_POOL, 0, 0);
    if (l->cls == &gf_layer_avg_pool) return window(first, l, AVG_POOL, 0, 0);
    if (l->cls == &gf_layer_global_pool) return mix(first, POOLED);
    if (l->cls == &gf_layer_dense) return activated(mix_all(first, (int[]){DENSE, l->at.units}, 2), l);
    if (l->cls == &gf_layer_add || l->cls == &gf_layer_multiply) { /* in any order */
        print sum = 0;
        for (int k = 0; k < l->n_src; k++) sum += mix(before[l->src[k]], 1);
        return mix(sum, l->cls == &gf_layer_add ? ADDED : MULTIPLIED);
    }
    print h = mix(l->cls == &gf_layer_concatenate ? JOINED : OTHER, strlen(l->cls->name));
    for (int k = 0; k < l->n_src; k++) h = mix(h, before[l->src[k]]);
    return h;
}

/* Of every layer; the caller's. NULL: no memory. */
static print *prints_of(const gf_model *m)
{
    print *p = gf_new_n(m->n_layers, print);
    for (size_t i = 0; p && i < m->n_layers; i++) p[i] = print_of(m, &m->layer[i], p);
    return p;
}

/* The architecture's last layer, without the pooling that stands for a head. */
static int backbone_end(const gf_model *zoo)
{
    const gf_layer *l = &zoo->layer[zoo->features];
    return l->cls == &gf_layer_global_pool ? l->src[0] : zoo->features;
}

static bool has_names(const gf_model *m, const gf_model *zoo)
{
    for (size_t i = 0; i < zoo->n_layers; i++) {
        if (zoo->layer[i].n_params && gf_model_find(m, zoo->layer[i].name) < 0) return false;
    }
    return true;
}

typedef struct search {
    const gf_model *m;
    const print *have;
    const gf_resembling *how;
    bool failed; /* memory ran out: what was not found may be there */
} search;

static bool is_in(search *s, const gf_architecture *a, double alpha)
{
    const gf_shape *image = &s->m->layer[0].shape;
    gf_zoo_options o = {.width = (int)image->dim[1], .height = (int)image->dim[0], .alpha = alpha};
    gf_model zoo;
    bool found = false;
    graft_status status = gf_zoo_layers(&zoo, a->name, &o, NULL); /* of an image that is too small, too */
    s->failed |= status == GRAFT_RESOURCE;
    if (status != GRAFT_OK) return false;
    print *p = prints_of(&zoo);
    s->failed |= !p;
    for (size_t i = 0; p && !found && i < s->m->n_layers; i++) found = s->have[i] == p[backbone_end(&zoo)];
    found = found && (!s->how->names || has_names(s->m, &zoo));
    gf_free(p);
    gf_model_free(&zoo);
    return found;
}

static bool is_in_at_any_width(search *s, const gf_architecture *a)
{
    static const double widths[] = {1, 0.35, 0.5, 0.75, 1.3, 1.4}; /* that were published */
    for (size_t i = 0; i < (a->has_alpha ? sizeof widths / sizeof *widths : 1); i++) {
        if (is_in(s, a, widths[i])) return true;
    }
    return false;
}

/* None of the zoo has less; most networks that are none of it do. */
static bool is_long_enough(const gf_model *m)
{
    enum { FEWEST = 13 }; /* convolutions: VGG16's */
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        n += m->layer[i].cls == &gf_layer_conv2d || m->layer[i].cls == &gf_layer_depthwise ||
             m->layer[i].cls == &gf_layer_separable;
    }
    return n >= FEWEST;
}

const gf_architecture *gf_resembles(const gf_model *m, const gf_resembling *how)
{
    const gf_architecture *found = NULL;
    bool clear = is_long_enough(m) && m->layer[0].cls == &gf_layer_input && m->layer[0].shape.rank == 3;
    print *have = clear ? prints_of(m) : NULL;
    search s = {m, have, how, false};
    for (size_t k = 0; have && gf_zoo_at(k); k++) {
        const gf_architecture *a = gf_zoo_at(k);
        if ((how->source && strcmp(a->source, how->source)) || !is_in_at_any_width(&s, a)) continue;
        clear = clear && (!found || !strcmp(found->preprocess, a->preprocess));
        if (!found) found = a;
    }
    gf_free(have);
    return clear && !s.failed ? found : NULL;
}
