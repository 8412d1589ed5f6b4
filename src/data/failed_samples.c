#include "data/failed_samples.h"

#include "base/alloc.h"

graft_status gf_failed_samples_put(gf_failed_samples *list, uint32_t sample, const graft_error *why, graft_error *err)
{
    gf_failed_sample *b = gf_new(gf_failed_sample);
    if (b) b->message = gf_strdup(why->message);
    if (!b || !b->message) {
        gf_free(b);
        return gf_fail_memory(err, sizeof *b, "the list of bad images");
    }
    b->sample = sample;
    b->number = why->number;
    b->next = atomic_load(&list->head);
    while (!atomic_compare_exchange_weak(&list->head, &b->next, b)) {
    }
    return GRAFT_OK;
}

/* Merge sort: a list of any length, no memory needed. */
static gf_failed_sample *sorted(gf_failed_sample *list, size_t n)
{
    if (n < 2) {
        if (list) list->next = NULL;
        return list;
    }
    gf_failed_sample *half = list;
    for (size_t i = 0; i < n / 2; i++) half = half->next;
    gf_failed_sample *b = sorted(half, n - n / 2);
    gf_failed_sample *a = sorted(list, n / 2);
    gf_failed_sample *first = NULL, **end = &first;
    while (a && b) {
        gf_failed_sample **least = b->sample < a->sample ? &b : &a;
        *end = *least;
        *least = (*least)->next;
        end = &(*end)->next;
    }
    *end = a ? a : b;
    return first;
}

gf_failed_sample *gf_failed_samples_take(gf_failed_samples *list, size_t *n)
{
    gf_failed_sample *all = atomic_exchange(&list->head, NULL);
    *n = 0;
    for (gf_failed_sample *b = all; b; b = b->next) ++*n;
    return sorted(all, *n);
}

void gf_failed_sample_free(gf_failed_sample *first)
{
    while (first) {
        gf_failed_sample *next = first->next;
        gf_free(first->message);
        gf_free(first);
        first = next;
    }
}
