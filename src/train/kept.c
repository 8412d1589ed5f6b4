#include "train/kept.h"

#include "train/metrics.h"

#include <string.h>

static void add(gf_kept *k, size_t first, size_t count)
{
    gf_param_range *last = k->n ? &k->range[k->n - 1] : NULL;
    if (!count) return;
    if (last && last->first + last->count == first) {
        last->count += count;
    } else {
        k->range[k->n++] = (gf_param_range){.first = first, .count = count, .at = k->count};
    }
    k->count += count;
}

graft_status gf_kept_create(gf_kept *k, gf_model *m, int boundary, const char *words, bool statistics, graft_error *err)
{
    *k = (gf_kept){0};
    int own = m->boundary;
    gf_param_groups g;
    m->boundary = boundary;
    graft_status status = gf_param_groups_create(&g, m, words, err);
    m->boundary = own;
    GF_TRY(status);
    k->range = gf_new_n(g.n_ranges + 1, gf_param_range);
    if (!k->range) status = gf_fail_memory(err, g.n_ranges * sizeof *k->range, "parameter groups");
    for (size_t i = 0; i < g.n_ranges && k->range; i++) add(k, g.range[i].first, g.range[i].count);
    if (statistics && k->range) add(k, m->n_trainable_values, m->n_values - m->n_trainable_values);
    gf_param_groups_free(&g);
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
