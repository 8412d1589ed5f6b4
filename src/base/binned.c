#include "base/binned.h"

void gf_binned_add(gf_binned *h, double x)
{
    size_t i = 0;
    while (i + 1 < h->n && x >= h->edge[i + 1]) i++;
    h->count[i]++;
}

uint64_t gf_bins_span(const uint64_t *count, size_t n, size_t *first, size_t *end)
{
    uint64_t most = 1;
    *first = 0;
    *end = n;
    while (*end && !count[*end - 1]) --*end;
    while (*first < *end && !count[*first]) ++*first;
    for (size_t i = *first; i < *end; i++) most = count[i] > most ? count[i] : most;
    return most;
}
