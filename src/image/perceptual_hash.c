#include "image/perceptual_hash.h"

#include "image/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, LOW = 8, BITS = LOW * LOW, RGB = 3 };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static uint64_t bits_above_median(const double *value)
{
    double sorted[BITS], median;
    uint64_t bits = 0;
    memcpy(sorted, value, sizeof sorted);
    qsort(sorted, BITS, sizeof *sorted, ascending);
    median = (sorted[BITS / 2 - 1] + sorted[BITS / 2]) / 2;
    for (int k = 0; k < BITS; k++) bits |= (uint64_t)(value[k] > median) << k;
    return bits;
}

graft_status gf_perceptual_hash(const uint8_t *rgb, int w, int h, uint64_t *hash, uint64_t *mirrored, graft_error *err)
{
    uint8_t small[SIDE * SIDE * RGB];
    double gray[SIDE][SIDE], cosine[LOW][SIDE], rows[SIDE][LOW], low[BITS];
    const double pi = 3.14159265358979323846;
    GF_TRY(gf_resize_u8(rgb, h, w, small, SIDE, SIDE, true, err));
    for (int i = 0; i < SIDE * SIDE; i++) { /* as Pillow makes gray of colors */
        const uint8_t *p = small + RGB * i;
        gray[i / SIDE][i % SIDE] = (19595 * p[0] + 38470 * p[1] + 7471 * p[2] + 32768) >> 16;
    }
    for (int u = 0; u < LOW; u++) {
        for (int x = 0; x < SIDE; x++) cosine[u][x] = cos(pi * u * (2 * x + 1) / (2.0 * SIDE));
    }
    for (int y = 0; y < SIDE; y++) {
        for (int u = 0; u < LOW; u++) {
            rows[y][u] = 0;
            for (int x = 0; x < SIDE; x++) rows[y][u] += gray[y][x] * cosine[u][x];
        }
    }
    for (int k = 0; k < BITS; k++) {
        low[k] = 0;
        for (int y = 0; y < SIDE; y++) low[k] += rows[y][k % LOW] * cosine[k / LOW][y];
    }
    *hash = bits_above_median(low);
    for (int k = 1; k < BITS; k += 2) low[k] = -low[k]; /* odd frequencies along a row change their sign */
    *mirrored = bits_above_median(low);
    return GRAFT_OK;
}
