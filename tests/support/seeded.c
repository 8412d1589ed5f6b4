#include "support/seeded.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint64_t seeded_word(const char *name, uint64_t seed, size_t i)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *p = name; *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001b3u;
    h ^= seed * 0x9E3779B97F4A7C15u;
    uint64_t z = h + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void seeded_pixels(const char *name, uint64_t seed, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(seeded_word(name, seed, i) >> 56);
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
    double low = 0, range = 1;
    if (!strcmp(var, "kernel")) range = 2 * sqrt(6.0 / (double)fan_in), low = -range / 2;
    if (!strcmp(var, "bias")) low = -0.1, range = 0.2;
    if (!strcmp(var, "gamma")) low = 0.8, range = 0.4;
    if (!strcmp(var, "beta") || !strcmp(var, "moving_mean")) low = -0.2, range = 0.4;
    if (!strcmp(var, "moving_variance")) low = 0.5;
    for (size_t i = 0; i < n; i++) {
        double u = (double)(seeded_word(name, seed, i) >> 40) * 0x1p-24;
        out[i] = (float)(low + range * u);
    }
}
