#include "train/kept.h"

#include "train/metrics.h"

#include <stdlib.h>
#include <string.h>

/* Ranges come in the block's order, and may overlap. */
static void add(gf_kept *k, size_t first, size_t count)
{
    gf_param_range *last = k->n ? &k->range[k->n - 1] : NULL;
    size_t end = first + count;
    if (last && first < last->first + last->count) first = last->first + last->count;
    if (end <= first) return;
    count = end - first;
    if (last && last->first + last->count == first) {
        last->count += count;
    } else {
        k->range[k->n++] = (gf_param_range){.first = first, .count = count, .at = k->count};
    }
    k->count += count;
}

typedef struct range_list {
    gf_param_range *item;
    size_t n, cap;
} range_list;

static graft_status add_part(range_list *all, gf_model *m, const gf_kept_part *part, graft_error *err)
{
    gf_param_groups g;
    int own = m->boundary;
    m->boundary = part->boundary;
    graft_status status = gf_param_groups_create(&g, m, part->words, err);
    m->boundary = own;
    GF_TRY(status);
    for (size_t i = 0; i < g.n_ranges && status == GRAFT_OK; i++) {
        if (!gf_grow(&all->item, all->n, &all->cap)) status = gf_fail_memory(err, g.n_ranges * 32, "parameter groups");
        if (status == GRAFT_OK) all->item[all->n++] = g.range[i];
    }
    gf_param_groups_free(&g);
    return status;
}

static int by_place(const void *a, const void *b)
{
    const gf_param_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

graft_status gf_kept_create(gf_kept *k, gf_model *m, const gf_kept_part *part, size_t n, bool statistics,
                            graft_error *err)
{
    *k = (gf_kept){0};
    range_list all = {0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n; i++) GF_GOTO(add_part(&all, m, &part[i], err));
    k->range = gf_new_n(all.n + 1, gf_param_range);
    if (!k->range) GF_GOTO(gf_fail_memory(err, all.n * sizeof *k->range, "parameter groups"));
    if (all.n) qsort(all.item, all.n, sizeof *all.item, by_place);
    for (size_t i = 0; i < all.n; i++) add(k, all.item[i].first, all.item[i].count);
    if (statistics) add(k, m->n_trainable_values, m->n_values - m->n_trainable_values);
out:
    gf_free(all.item);
    return status;
}

void gf_kept_free(gf_kept *k)
{
    gf_free(k->range);
    *k = (gf_kept){0};
}

void gf_kept_take(const gf_kept *k, const gf_model *m, float *to)
{
    for (size_t i = 0; i < k->n; i++) {
        const gf_param_range *r = &k->range[i];
        memcpy(to + r->at, m->value + r->first, r->count * sizeof *to);
    }
}

void gf_kept_put(const gf_kept *k, gf_model *m, const float *from)
{
    for (size_t i = 0; i < k->n; i++) {
        const gf_param_range *r = &k->range[i];
        memcpy(m->value + r->first, from + r->at, r->count * sizeof *from);
    }
}

size_t gf_kept_at(const gf_kept *k, size_t value)
{
    const gf_param_range *r = k->range;
    while (value < r->first || value - r->first >= r->count) r++;
    return r->at + (value - r->first);
}

bool gf_kept_finite(const gf_kept *k, const gf_model *m)
{
    for (size_t i = 0; i < k->n; i++) {
        if (!gf_is_finite(gf_norm(m->value + k->range[i].first, k->range[i].count))) return false;
    }
    return true;
}

void gf_kept_move(const gf_kept *k, float *to, const gf_kept *of, const float *values)
{
    for (size_t i = 0; i < of->n; i++) {
        for (size_t j = 0; j < k->n; j++) {
            const gf_param_range *a = &of->range[i], *b = &k->range[j];
            size_t first = a->first > b->first ? a->first : b->first;
            size_t end = a->first + a->count < b->first + b->count ? a->first + a->count : b->first + b->count;
            if (first >= end) continue;
            memcpy(to + b->at + (first - b->first), values + a->at + (first - a->first), (end - first) * sizeof *to);
        }
    }
}
