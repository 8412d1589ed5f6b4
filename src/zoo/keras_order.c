/* keras_order.c - the order of Keras's `model.layers` (its functional models sort themselves): layers that stand
 * further from the output come first; of those as far, the one that is met first on the way from the outputs back
 * through each layer's first source, then its second, ... Branches come out interleaved. A layer that is called several
 * times stands where its deepest call does; calls that are met later are at least as deep as those before them. */
#include "zoo/builder.h"

#include <stdlib.h>
#include <string.h>

typedef struct position {
    int layer, depth, met; /* of the call; depth: layers between it and the output, on the longest way */
    int of;                /* when the way back met the first of its layer's calls */
    int next;              /* source to follow; while walking */
} position;

typedef struct ordering {
    const gf_model *m;
    position *p;       /* of each call; the four below: as many */
    int *stack, *left; /* left: calls in the order in which the way back left them, sources before */
    int *of, *depth;   /* of each layer, by its first call: as above; of -1: not met */
    size_t n_met, n_left;
} ordering;

static int first_call(const ordering *o, int i) { return o->m->layer[i].again ? o->m->layer[i].again - 1 : i; }

static void meet(ordering *o, int i)
{
    int *of = &o->of[first_call(o, i)];
    o->p[i].met = (int)o->n_met++;
    if (*of < 0) *of = o->p[i].met;
    o->p[i].of = *of;
}

/* Numbers what `last` is computed from as the way back meets it. */
static void walk(ordering *o, int last)
{
    int n = 0;
    if (o->p[last].met >= 0) return;
    o->stack[n++] = last;
    meet(o, last);
    while (n) {
        int at = o->stack[n - 1];
        if (o->p[at].next == o->m->layer[at].n_src) {
            o->left[o->n_left++] = at;
            n--;
            continue;
        }
        int src = o->m->layer[at].src[o->p[at].next++];
        if (o->p[src].met >= 0) continue;
        meet(o, src);
        o->stack[n++] = src;
    }
}

static void set_depths(ordering *o)
{
    for (size_t i = o->n_left; i-- > 0;) {
        const gf_layer *l = &o->m->layer[o->left[i]];
        position *p = &o->p[o->left[i]];
        int *depth = &o->depth[first_call(o, o->left[i])];
        if (*depth > p->depth) p->depth = *depth;
        *depth = p->depth;
        for (int k = 0; k < l->n_src; k++) {
            position *src = &o->p[l->src[k]];
            if (src->depth <= p->depth) src->depth = p->depth + 1;
        }
    }
}

static int earlier(const void *a, const void *b)
{
    const position *x = a, *y = b;
    if (x->depth != y->depth) return y->depth - x->depth;
    return x->of != y->of ? x->of - y->of : x->met - y->met;
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

static bool ordering_new(ordering *o, const gf_model *m)
{
    size_t n = m->n_layers;
    *o = (ordering){.m = m, .p = gf_new_n(n, position), .stack = gf_new_n(4 * n, int)};
    if (!o->p || !o->stack) return false;
    o->left = o->stack + n;
    o->of = o->left + n;
    o->depth = o->of + n;
    for (size_t i = 0; i < n; i++) {
        o->p[i] = (position){.layer = (int)i, .met = -1};
        o->of[i] = -1;
    }
    return true;
}

/* Where layers stand now. */
static void take_ends(gf_model *to, const gf_model *from, const int *number)
{
    memcpy(to->name, from->name, sizeof to->name);
    to->features = number[from->features];
    to->output = number[from->output];
    to->n_more = from->n_more;
    for (int i = 0; i < from->n_more; i++) to->more[i] = number[from->more[i]];
}

void gf_order_as_keras(gf_builder *b)
{
    if (b->status != GRAFT_OK) return;
    gf_model *m = b->m, ordered = {0};
    size_t n = m->n_layers;
    ordering o;
    graft_status status = GRAFT_OK;
    int *number = gf_new_n(n, int);
    if (!ordering_new(&o, m) || !number) {
        status = gf_fail_memory(b->err, n * sizeof *o.p, "a model");
        goto out;
    }
    walk(&o, b->at);
    for (int i = 0; i < m->n_more; i++) walk(&o, m->more[i]);
    for (size_t i = n; i-- > 0;) walk(&o, (int)i); /* what no output is computed from */
    set_depths(&o);
    qsort(o.p, n, sizeof *o.p, earlier);
    GF_GOTO(rebuild(&ordered, m, o.p, number, b->err));
    take_ends(&ordered, m, number);
    b->at = number[b->at];
    gf_model_free(m);
    *m = ordered;
    ordered = (gf_model){0};
out:
    b->status = status;
    gf_model_free(&ordered);
    gf_free(o.p);
    gf_free(o.stack);
    gf_free(number);
}
