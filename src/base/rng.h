/* rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011), keyed by (seed, purpose) and counted by (epoch, sample, draw). What a sample gets depends
 * on nothing else: not on threads, order, or where a run was resumed. */
#ifndef GF_BASE_RNG_H
#define GF_BASE_RNG_H

#include <stdint.h>

typedef enum gf_purpose {
    GF_PURPOSE_SHUFFLE = 1,
    GF_PURPOSE_AUGMENT,
    GF_PURPOSE_DROPOUT,
    GF_PURPOSE_INIT,
    GF_PURPOSE_SPLIT,
    GF_PURPOSE_SYNTHETIC,
    GF_PURPOSE_BOOTSTRAP,
    GF_PURPOSE_PARTNER,
} gf_purpose;

typedef struct gf_rng {
    uint32_t key[2];
    uint32_t epoch, sample, stream;
    uint32_t counter;
    uint32_t out[4];
    int left;
} gf_rng;

gf_rng gf_rng_make(uint64_t seed, gf_purpose purpose, uint32_t epoch, uint32_t sample);
uint32_t gf_rng_u32(gf_rng *r);
float gf_rng_f32(gf_rng *r);                                /* uniform in [0, 1), 24 bits */
float gf_rng_range(gf_rng *r, float low, float high);       /* uniform in [low, high) */
uint32_t gf_rng_below(gf_rng *r, uint32_t n);               /* uniform in [0, n), n > 0, without bias */
void gf_rng_shuffle(gf_rng *r, uint32_t *item, uint32_t n); /* Fisher-Yates */

/* The four words of one Philox block, for loops that draw by position (dropout): no state. */
void gf_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

#endif
