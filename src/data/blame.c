#include "data/blame.h"

#include "base/alloc.h"

graft_status gf_blame_put(gf_blame_list *list, uint32_t sample, const graft_error *why, graft_error *err)
{
    gf_blame *b = gf_new(gf_blame);
    if (b) b->message = gf_strdup(why->message);
    if (!b || !b->message) {
        gf_free(b);
        return gf_fail_memory(err, sizeof *b, "the list of bad pictures");
    }
    b->sample = sample;
    b->number = why->number;
    b->next = atomic_load(&list->head);
    while (!atomic_compare_exchange_weak(&list->head, &b->next, b)) {
    }
    return GRAFT_OK;
}

/* Merge sort: a list of any length, no memory needed. */
static gf_blame *sorted(gf_blame *list, size_t n)
{
    if (n < 2) {
        if (list) list->next = NULL;
        return list;
    }
    gf_blame *half = list;
    for (size_t i = 0; i < n / 2; i++) half = half->next;
    gf_blame *b = sorted(half, n - n / 2);
    gf_blame *a = sorted(list, n / 2);
    gf_blame *first = NULL, **end = &first;
    while (a && b) {
        gf_blame **least = b->sample < a->sample ? &b : &a;
        *end = *least;
        *least = (*least)->next;
        end = &(*end)->next;
    }
    *end = a ? a : b;
    return first;
}

gf_blame *gf_blame_take(gf_blame_list *list, size_t *n)
{
    gf_blame *all = atomic_exchange(&list->head, NULL);
    *n = 0;
    for (gf_blame *b = all; b; b = b->next) ++*n;
    return sorted(all, *n);
}

void gf_blame_free(gf_blame *first)
{
    while (first) {
        gf_blame *next = first->next;
        gf_free(first->message);
        gf_free(first);
        first = next;
    }
}
