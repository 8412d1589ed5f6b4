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

static void make_picture(const char *path, uint32_t number, int strong)
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
        bmp[HEADERS + i] = (uint8_t)(gf_rng_below(&rng, 120) + (i % 3 == strong ? 100 : 0));
    }
    assert_int_equal(gf_file_write(path, &(gf_bytes){bmp, FILE_BYTES}, 1, NULL), GRAFT_OK);
}

void tiny_data_make(const char *data, unsigned train, unsigned validation)
{
    static const char *const parts[] = {"train", "validation"}, *const classes[] = {"blue", "red"};
    for (uint32_t p = 0; p < 2; p++) {
        for (uint32_t c = 0; c < 2; c++) {
            char dir[192], path[256];
            snprintf(dir, sizeof dir, "%s/%s/%s", data, parts[p], classes[c]);
            assert_int_equal(gf_make_dirs(dir, NULL), GRAFT_OK);
            for (uint32_t i = 0; i < (p ? validation : train); i++) {
                snprintf(path, sizeof path, "%s/%u.bmp", dir, i);
                make_picture(path, 10000 * p + 1000 * c + i, c ? 2 : 0);
            }
        }
    }
}

void tiny_data_remove(const char *dir)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}
