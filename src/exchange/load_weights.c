#include "exchange/load_weights.h"

#include "base/alloc.h"
#include "formats/weights.h"
#include "zoo/zoo.h"

#include <string.h>

enum { ALIASES = sizeof((gf_weight *)0)->alias / sizeof(char *) };
typedef char alias[GF_NAME_MAX];

typedef struct wanted {
    gf_weight *item;
    alias *name; /* ALIASES for each */
    size_t n;
} wanted;

static void want(wanted *w, const gf_model *m, const gf_param *p, const gf_architecture *a)
{
    const gf_layer *l = &m->layer[p->layer];
    gf_weight *item = &w->item[w->n];
    *item = (gf_weight){l->name, p->var, p->shape, m->value + p->offset, false};
    if (l->key[0]) item->key = l->key;
    if (!strcmp(p->var, "kernel")) item->flat = gf_model_flat_before(m, l);
    for (int k = 0; a && a->alias && k < ALIASES; k++) {
        alias *name = &w->name[w->n * ALIASES + (size_t)k];
        if (!a->alias(l->name, k, *name)) break;
        item->alias[k] = *name;
    }
    w->n++;
}

graft_status gf_model_load_weights(gf_model *m, const char *path, bool head, bool allow_nonfinite,
                                   gf_weights_notes *notes, graft_error *err)
{
    gf_weights_options options = {.allow_nonfinite = allow_nonfinite};
    wanted w = {gf_new_n(m->n_params, gf_weight), gf_new_n(m->n_params * ALIASES, alias), 0};
    graft_status status = GRAFT_OK;
    if (!w.item || !w.name) status = gf_fail_memory(err, m->n_params * sizeof *w.item, "weights");
    for (size_t i = 0; status == GRAFT_OK && i < m->n_params; i++) {
        const gf_param *p = &m->param[i];
        if (!p->idle && !p->given && (m->layer[p->layer].backbone || head)) want(&w, m, p, gf_zoo_find(m->name));
    }
    if (status == GRAFT_OK) status = gf_weights_read(path, w.item, w.n, &options, notes, err);
    gf_free(w.item);
    gf_free(w.name);
    return status;
}
