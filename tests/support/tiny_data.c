#include "support/tiny_data.h"

#include "base/io.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 24-bit BMPs: 54 bytes of headers, rows of blue, green, red. */
enum { SEED = 40, SIDE = 40, ROW = SIDE * 3, HEADERS = 54, FILE_BYTES = HEADERS + SIDE * ROW };

static void put_le32(uint8_t *at, uint32_t x)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(x >> 8 * i);
}

/* Noise of 0..119 on `base` (blue, green, red, each at most 136). */
static void make_image(const char *path, uint32_t number, const uint32_t base[3])
{
    static uint8_t bmp[FILE_BYTES];
    memset(bmp, 0, HEADERS);
    memcpy(bmp, "BM", 2);
    put_le32(bmp + 2, FILE_BYTES);
    put_le32(bmp + 10, HEADERS);
    put_le32(bmp + 14, 40);
    put_le32(bmp + 18, SIDE);
    put_le32(bmp + 22, SIDE);
    bmp[26] = 1;
    bmp[28] = 24;
    gf_rng rng = gf_rng_make(SEED, GF_PURPOSE_SYNTHETIC, 0, number);
    for (int i = 0; i < SIDE * ROW; i++) {
        bmp[HEADERS + i] = (uint8_t)(gf_rng_below(&rng, 120) + base[i % 3]);
    }
    assert_int_equal(gf_file_write(path, &(gf_bytes){bmp, FILE_BYTES}, 1, NULL), GRAFT_OK);
}

static void make_class(const char *data, const char *name, uint32_t c, const unsigned n[2], const uint32_t base[3])
{
    static const char *const parts[] = {"train", "validation"};
    for (uint32_t p = 0; p < 2; p++) {
        char dir[192], path[256];
        snprintf(dir, sizeof dir, "%s/%s/%s", data, parts[p], name);
        assert_int_equal(gf_make_dirs(dir, NULL), GRAFT_OK);
        for (uint32_t i = 0; i < n[p]; i++) {
            snprintf(path, sizeof path, "%s/%u.bmp", dir, i);
            make_image(path, 10000 * p + 1000 * c + i, base);
        }
    }
}

void tiny_data_make(const char *data, unsigned train, unsigned validation)
{
    const unsigned n[] = {train, validation};
    make_class(data, "blue", 0, n, (const uint32_t[]){100, 0, 0});
    make_class(data, "red", 1, n, (const uint32_t[]){0, 0, 100});
}

void tiny_data_make_kinds(const char *data, unsigned classes, unsigned train, unsigned validation)
{
    const unsigned n[] = {train, validation};
    for (uint32_t c = 0; c < classes; c++) {
        char name[32];
        const uint32_t base[] = {c * 37 % 136, (c * 37 + 91) % 136, (c * 59 + 40) % 136};
        snprintf(name, sizeof name, "kind%u", c);
        make_class(data, name, c, n, base);
    }
}

void tiny_data_remove(const char *dir)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}
