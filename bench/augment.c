/* Times the random changes of a batch: 32 images, 160 x 160, one thread, with each implementation of the warp.
 *
 *     build/tests/bench_augment [ROUNDS]
 *
 * Each line: words, milliseconds a batch to floats and to bytes, and their ratio to flip and rotation. Rounds of all
 * lists are interleaved and the least time of each counts. The loops of color maps are the processor's best in each. */
#include "image/augment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IMAGES = 32, SIDE = 160, VALUES = SIDE * SIDE * 3, LISTS = 7 };
static const char *const lists[LISTS] = {
    "flip,rotate=0.2",
    "flip,rotate=0.2,zoom=0.2,shift=0.1",
    "flip,rotate=0.2,zoom=0.2,shift=0.1,contrast=0.2",
    "flip,rotate=0.2,brightness=0.2",
    "flip,rotate=0.2,brightness=0.2,contrast=0.2,saturation=0.2",
    "flip,rotate=0.2:fill=0,zoom=0.9:fill=0",
    "flip,rotate=0.2:fill=wrap,zoom=0.9:fill=wrap",
};
static uint8_t image[IMAGES][VALUES], bytes[VALUES];
static float floats[VALUES], value[VALUES];

typedef bool implementation(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst);

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One transform, as augment.c does it, with that implementation. */
static void change(const gf_transform *t, implementation *warp, const uint8_t *rgb, const gf_quantize_map *map)
{
    gf_warp p = {.h = SIDE,
                 .w = SIDE,
                 .oh = SIDE,
                 .ow = SIDE,
                 .flip = t->flip,
                 .nearest = t->nearest,
                 .border = t->border,
                 .fill = t->fill};
    memcpy(p.m, t->m, sizeof p.m);
    if (t->color.set) {
        warp(&p, rgb, NULL, map ? value : floats);
        if (map) gf_color_int8(&t->color, value, SIDE * SIDE, map, bytes);
        if (!map) gf_color_apply(&t->color, floats, SIDE * SIDE);
    } else {
        warp(&p, rgb, map, map ? (void *)bytes : (void *)floats);
    }
}

static double batch(const gf_augment_spec *spec, implementation *warp, uint32_t epoch, bool to_bytes)
{
    static const gf_quantize_map map = {{0.9f, 0.9f, 0.9f}, {0.5f, 0.5f, 0.5f}};
    double start = seconds();
    for (uint32_t i = 0; i < IMAGES; i++) {
        gf_augment_drawn d;
        gf_augment_draw(spec, 1, epoch, i, SIDE, SIDE, SIDE, SIDE, &d);
        for (int k = 0; k < d.n; k++) change(&d.transform[k], warp, image[i], to_bytes ? &map : NULL);
    }
    return seconds() - start;
}

static void measure(const char *name, implementation *warp, int rounds)
{
    gf_augment_spec spec[LISTS];
    double least[LISTS][2];
    for (int i = 0; i < LISTS; i++) {
        least[i][0] = least[i][1] = 1e9;
        if (gf_augment_parse(lists[i], &spec[i], NULL) != GRAFT_OK) exit(1);
    }
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < LISTS; i++) {
            for (int to_bytes = 0; to_bytes < 2; to_bytes++) {
                double took = batch(&spec[i], warp, (uint32_t)round % 8, to_bytes);
                if (took < least[i][to_bytes]) least[i][to_bytes] = took;
            }
        }
    }
    printf("%s: ms a batch to floats, to bytes (ratio to the first)\n", name);
    for (int i = 0; i < LISTS; i++) {
        printf("  %6.2f (%.2f)  %6.2f (%.2f)  %s\n", least[i][0] * 1e3, least[i][0] / least[0][0], least[i][1] * 1e3,
               least[i][1] / least[0][1], lists[i]);
    }
}

static bool plain(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    gf_warp_plain(p, rgb, map, dst);
    return true;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 100;
    gf_rng r = gf_rng_make(1, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int i = 0; i < IMAGES; i++) {
        for (int k = 0; k < VALUES; k++) image[i][k] = (uint8_t)gf_rng_u32(&r);
    }
    static const gf_warp any = {.m = {1, 0, 0, 0, 1, 0}, .h = SIDE, .w = SIDE, .oh = SIDE, .ow = SIDE};
    if (gf_warp_avx512(&any, image[0], NULL, floats)) measure("AVX-512", gf_warp_avx512, rounds);
    if (gf_warp_avx2(&any, image[0], NULL, floats)) measure("AVX2", gf_warp_avx2, rounds);
    measure("reference", plain, rounds / 10 + 1);
    return 0;
}
