#include "base/rng.h"

void gf_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

gf_rng gf_rng_make(uint64_t seed, gf_purpose purpose, uint32_t epoch, uint32_t sample)
{
    return (gf_rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .epoch = epoch, .sample = sample, .stream = (uint32_t)purpose};
}

uint32_t gf_rng_u32(gf_rng *r)
{
    if (!r->left) {
        gf_philox(r->key, (uint32_t[4]){r->counter++, r->sample, r->epoch, r->stream}, r->out);
        r->left = 4;
    }
    return r->out[--r->left];
}

float gf_rng_f32(gf_rng *r) { return (float)(gf_rng_u32(r) >> 8) * 0x1p-24f; }

float gf_rng_range(gf_rng *r, float low, float high) { return low + (high - low) * gf_rng_f32(r); }

uint32_t gf_rng_below(gf_rng *r, uint32_t n)
{
    /* Lemire, "Fast random integer generation in an interval", 2019 */
    uint64_t m = (uint64_t)gf_rng_u32(r) * n;
    if ((uint32_t)m < n) {
        uint32_t least = (0u - n) % n;
        while ((uint32_t)m < least) m = (uint64_t)gf_rng_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}

void gf_rng_shuffle(gf_rng *r, uint32_t *item, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = gf_rng_below(r, i);
        uint32_t t = item[i - 1];
        item[i - 1] = item[j];
        item[j] = t;
    }
}
