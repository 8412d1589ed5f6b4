/* keras_order.c - the order of Keras's `model.layers` (its functional models sort themselves): layers that stand
 * further from the output come first; of those as far, the one that is met first on the way from the output back
 * through each layer's first source, then its second, ... Branches come out interleaved. */
#include "zoo/builder.h"

#include <stdlib.h>
#include <string.h>

typedef struct position {
    int layer, depth, met; /* depth: layers between it and the output, on the longest way */
    int next;              /* source to follow; while walking */
} position;

/* Numbers the layers behind `last` as the way back meets them. `stack` has room for all layers. */
static void walk(const gf_model *m, int last, position *p, int *stack)
{
    int n = 0, met = 0;
    stack[n++] = last;
    p[last].met = met++;
    while (n) {
        int at = stack[n - 1];
        if (p[at].next == m->layer[at].n_src) {
            n--;
            continue;
        }
        int src = m->layer[at].src[p[at].next++];
        if (p[src].met >= 0) continue;
        p[src].met = met++;
        stack[n++] = src;
    }
}

static int earlier(const void *a, const void *b)
{
    const position *x = a, *y = b;
    return x->depth != y->depth ? y->depth - x->depth : x->met - y->met;
}

/* Of a layer, by its first call in `from`: the call that comes first now. */
typedef struct owner {
    bool is;      /* there is one already */
    int from, to; /* in `from`, and in `to` */
} owner;

/* The first call owns the parameters, under the layer's name; the one that was the first gets that one's. */
static void set_owner(const gf_model *from, int layer, owner *o, int number, gf_layer *l)
{
    int first = l->again ? l->again - 1 : layer;
    l->again = o[first].is ? 1 + o[first].to : 0;
    int named = !o[first].is ? first : layer == first ? o[first].from : layer;
    memcpy(l->name, from->layer[named].name, sizeof l->name);
    if (!o[first].is) o[first] = (owner){true, layer, number};
}

static graft_status rebuild(gf_model *to, const gf_model *from, const position *p, int *number, graft_error *err)
{
    graft_status status = GRAFT_OK;
    owner *o = gf_new_n(from->n_layers, owner);
    if (!o) return gf_fail_memory(err, from->n_layers * sizeof *o, "a model");
    for (size_t i = 0; i < from->n_layers; i++) {
        gf_layer l = from->layer[p[i].layer];
        l.n_params = 0;
        for (int k = 0; k < l.n_src; k++) l.src[k] = number[l.src[k]];
        set_owner(from, p[i].layer, o, (int)i, &l);
        GF_GOTO(gf_model_add(to, &l, &number[p[i].layer], err));
    }
out:
    gf_free(o);
    return status;
}

void gf_order_as_keras(gf_builder *b)
{
    if (b->status != GRAFT_OK) return;
    gf_model *m = b->m, ordered = {0};
    size_t n = m->n_layers;
    position *p = gf_new_n(n, position);
    int *number = gf_new_n(n, int);
    graft_status status = GRAFT_OK;
    if (!p || !number) {
        status = gf_fail_memory(b->err, n * sizeof *p, "a model");
        goto out;
    }
    for (size_t i = 0; i < n; i++) p[i] = (position){.layer = (int)i, .met = -1};
    for (size_t i = n; i-- > 0;) {
        for (int k = 0; k < m->layer[i].n_src; k++) {
            position *src = &p[m->layer[i].src[k]];
            if (src->depth <= p[i].depth) src->depth = p[i].depth + 1;
        }
    }
    walk(m, b->at, p, number);
    qsort(p, n, sizeof *p, earlier);
    GF_GOTO(rebuild(&ordered, m, p, number, b->err));
    b->at = number[b->at];
    memcpy(ordered.name, m->name, sizeof ordered.name);
    gf_model_free(m);
    *m = ordered;
    ordered = (gf_model){0};
out:
    b->status = status;
    gf_model_free(&ordered);
    gf_free(p);
    gf_free(number);
}
