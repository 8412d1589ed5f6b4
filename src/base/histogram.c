#include "base/histogram.h"

void gf_histogram_add(gf_histogram *h, double x)
{
    size_t i = 0;
    while (i + 1 < h->n && x >= h->edge[i + 1]) i++;
    h->count[i]++;
}
