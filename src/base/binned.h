/* binned.h - how many values lie between which edges. */
#ifndef GF_BASE_BINNED_H
#define GF_BASE_BINNED_H

#include <stddef.h>
#include <stdint.h>

enum { GF_BINNED_MOST = 24 };

typedef struct gf_binned {
    size_t n;           /* bins */
    const double *edge; /* n + 1 of them, rising; static */
    uint64_t count[GF_BINNED_MOST];
} gf_binned;

/* A value on an edge belongs to the bin above; what lies outside, to the first or the last. */
void gf_binned_add(gf_binned *h, double x);

/* What is worth a bar: the bins from the first that is not empty up to *end, behind the last; none: *first is *end.
 * Returns the most in one of them, at least 1. */
uint64_t gf_bins_span(const uint64_t *count, size_t n, size_t *first, size_t *end);

#endif
