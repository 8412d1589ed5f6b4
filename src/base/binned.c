#include "base/binned.h"

void gf_binned_add(gf_binned *h, double x)
{
    size_t i = 0;
    while (i + 1 < h->n && x >= h->edge[i + 1]) i++;
    h->count[i]++;
}
