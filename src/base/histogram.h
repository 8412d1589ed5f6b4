/* histogram.h - how many values lie between which edges. */
#ifndef GF_BASE_HISTOGRAM_H
#define GF_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { GF_HISTOGRAM_BINS = 24 };

typedef struct gf_histogram {
    size_t n;           /* bins */
    const double *edge; /* n + 1 of them, rising; static */
    uint64_t count[GF_HISTOGRAM_BINS];
} gf_histogram;

/* A value on an edge belongs to the bin above; what lies outside, to the first or the last. */
void gf_histogram_add(gf_histogram *h, double x);

#endif
