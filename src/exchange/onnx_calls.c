/* onnx_calls.c - ONNX knows no layers: nodes that do the same with the same tensors are one layer, called again. */
#include "exchange/onnx_in.h"

#include <string.h>

static const gf_oi_const *origin(const gf_oi_const *c) { return c->of ? c->of : c; }

/* One tensor of the file; or numbers that the importer made up, which are equal. */
static bool same_numbers(const gf_oi_const *a, const gf_oi_const *b)
{
    if (!gf_shape_equal(&a->shape, &b->shape)) return false;
    if (a->made && b->made) return !memcmp(a->f, b->f, gf_count(&a->shape) * sizeof *a->f);
    return origin(a) == origin(b);
}

static bool same_fill(const gf_oi_fill *a, const gf_oi_fill *b)
{
    return same_numbers(a->from, b->from) && !strcmp(a->var, b->var) && a->how == b->how && a->factor == b->factor &&
           a->transposed == b->transposed && a->h == b->h && a->w == b->w && a->c == b->c;
}

/* A layer's parameters as the file gives them: its fills stand together. */
typedef struct given {
    const gf_oi_fill *fill;
    size_t n;
} given;

static bool same_given(const given *a, const given *b)
{
    bool same = a->n == b->n && a->n > 0;
    for (size_t i = 0; same && i < a->n; i++) {
        same = same_fill(&a->fill[i], &b->fill[i]) && a->fill[i].layer == a->fill[0].layer &&
               b->fill[i].layer == b->fill[0].layer;
    }
    return same;
}

/* Layers a and b read one kernel, and are not one layer: each gets its own. */
static void tell_copy(const gf_oi *s, const given *g, int a, int b)
{
    const gf_model *m = s->m;
    for (size_t i = 0; i < g[a].n; i++) {
        for (size_t k = 0; k < g[b].n; k++) {
            const gf_oi_const *x = origin(g[a].fill[i].from), *y = origin(g[b].fill[k].from);
            if (x != y || x->made || x->shape.rank < 2) continue;
            gf_decide(s->options->log, "weights", "copied",
                      "%s: layers %s and %s read one tensor in different ways; here each has its own", GF_ESC(s->path),
                      GF_ESC(m->layer[b].name), GF_ESC(m->layer[a].name));
            return;
        }
    }
}

graft_status gf_oi_find_calls(gf_oi *s)
{
    gf_model *m = s->m;
    given *g = gf_onnx_alloc(&s->mem, m->n_layers, sizeof *g);
    bool *needed = gf_onnx_alloc(&s->mem, m->n_layers, sizeof *needed);
    if (!g || !needed) return gf_oi_no_memory(s);
    int output[GF_MAX_ENDS], outputs = gf_model_outputs(m, output);
    for (int i = 0; i < outputs; i++) needed[output[i]] = true;
    for (int i = (int)m->n_layers - 1; i >= 0; i--) {
        for (int k = 0; needed[i] && k < m->layer[i].n_src; k++) needed[m->layer[i].src[k]] = true;
    }
    for (size_t i = 0; i < s->n_fills; i++) {
        given *of = &g[s->fill[i].layer];
        if (!needed[s->fill[i].layer]) continue;
        if (!of->n) of->fill = &s->fill[i];
        of->n++;
    }
    for (int i = 0; i < (int)m->n_layers; i++) {
        gf_layer *l = &m->layer[i];
        for (int k = 0; g[i].n && k < i && !l->again; k++) {
            const gf_layer *first = &m->layer[k];
            if (!g[k].n || first->again) continue;
            if (same_given(&g[i], &g[k]) && gf_layer_same(l, first)) {
                l->again = 1 + k;
            } else {
                tell_copy(s, g, i, k);
            }
        }
    }
    return GRAFT_OK;
}
