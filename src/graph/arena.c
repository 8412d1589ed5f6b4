#include "graph/arena.h"

#include "base/alloc.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const gf_block *x = *(gf_block *const *)a, *y = *(gf_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* a fixed order: equal plans give equal arenas */
}

static bool meet(const gf_block *a, const gf_block *b) { return a->first <= b->last && b->first <= a->last; }

/* The lowest offset at which b overlaps none of the placed blocks that live at its time. */
static size_t lowest(gf_block *const *placed, size_t n, const gf_block *b)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < n; i++) {
            const gf_block *p = placed[i];
            if (!meet(p, b) || at >= p->offset + p->bytes || p->offset >= at + b->bytes) continue;
            at = p->offset + p->bytes;
            moved = true;
        }
    }
    return at;
}

graft_status gf_arena_place(gf_block *block, size_t n, size_t *total, graft_error *err)
{
    *total = 0;
    gf_block **order = gf_new_n(n, gf_block *);
    if (!order) return gf_fail_memory(err, n * sizeof *order, "an arena");
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        block[i].bytes = (block[i].bytes + 63) / 64 * 64;
        if (block[i].last >= block[i].first && block[i].bytes) order[used++] = &block[i];
    }
    if (used) qsort(order, used, sizeof *order, by_size);
    for (size_t i = 0; i < used; i++) {
        order[i]->offset = lowest(order, i, order[i]);
        if (order[i]->offset + order[i]->bytes > *total) *total = order[i]->offset + order[i]->bytes;
    }
    gf_free(order);
    return GRAFT_OK;
}
