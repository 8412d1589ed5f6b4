/* paired.h - whether two classifiers differ, by what both make of the same samples. */
#ifndef GF_TASKS_PAIRED_H
#define GF_TASKS_PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_paired {
    uint64_t images, both, first, second, neither; /* that are right: by both, by the first alone, .. */
    double difference;                             /* accuracy of the second minus that of the first */
    double bounds[2];                              /* its 95 % interval: percentiles of 2,000 resamples of the pairs */
    double p; /* exact test of McNemar (1947): how likely so uneven a share of first and second is by chance */
} gf_paired;

/* Two-sided: min(1, 2 P(Bin(b + c, 1/2) <= min(b, c))). */
double gf_mcnemar(uint64_t b, uint64_t c);

/* right[s][i]: whether classifier s was right on sample i. The same for equal input. */
gf_paired gf_paired_of(const bool *const right[2], size_t n);

#endif
