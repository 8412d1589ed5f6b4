#include "support/seeded.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static uint64_t start(const char *name, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *p = name; *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001b3u;
    return h ^ (seed * 0x9E3779B97F4A7C15u);
}

static uint64_t word(uint64_t h, size_t i)
{
    uint64_t z = h + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t seeded_word(const char *name, uint64_t seed, size_t i) { return word(start(name, seed), i); }

void seeded_pixels(const char *name, uint64_t seed, uint8_t *out, size_t n)
{
    uint64_t h = start(name, seed);
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(word(h, i) >> 56);
}

void seeded_labels(const char *name, uint64_t seed, int classes, int32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t z = seeded_word(name, seed, i);
        out[i] = (int32_t)(classes == 2 ? z >> 63 : (z >> 32) % (uint64_t)classes);
    }
}

void seeded_values(const char *layer, const char *var, uint64_t seed, size_t fan_in, float *out, size_t n)
{
    char name[160];
    snprintf(name, sizeof name, "%s/%s", layer, var);
    double half = 0, low = 0, range = 1; /* half: evenly to both sides of 0 */
    if (strstr(var, "kernel")) half = sqrt(6.0 / (double)fan_in);
    const char *slash = strrchr(var, '/'); /* "query/bias" */
    if (!strcmp(slash ? slash + 1 : var, "bias")) half = 0.1;
    if (!strcmp(var, "embeddings")) half = 1;
    if (!strcmp(var, "beta") || !strcmp(var, "moving_mean")) half = 0.2;
    if (!strcmp(var, "gamma")) low = 0.8, range = 0.4;
    if (!strcmp(var, "moving_variance")) low = 0.5;
    if (!strcmp(var, "mean")) low = 0.4, range = 0.1;
    if (!strcmp(var, "variance")) low = 0.2, range = 0.05;
    uint64_t h = start(name, seed);
    for (size_t i = 0; i < n; i++) {
        double u = (double)(word(h, i) >> 40) * 0x1p-24;
        out[i] = (float)(half > 0 ? (2 * u - 1) * half : low + range * u);
    }
}
