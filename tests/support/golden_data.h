/* golden_data.h - the images of golden runs and digests: made anew wherever they are wanted, byte for byte the same,
 * by seeded.h's formula and nothing of the library's, which may change. Three classes, told apart by their mean colour.
 */
#ifndef TESTS_GOLDEN_DATA_H
#define TESTS_GOLDEN_DATA_H

#include "support/seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { GOLDEN_CLASSES = 3, GOLDEN_TRAIN = 8, GOLDEN_VALIDATION = 4 }; /* of each class */

static const char *const golden_class[GOLDEN_CLASSES] = {"blue", "green", "red"};

static inline void golden_le32(uint8_t *at, uint32_t x)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(x >> 8 * i);
}

/* A 24-bit BMP, w a multiple of 4: 54 bytes of headers, rows of blue, green, red from the bottom. */
static inline void golden_image(const char *path, int w, int h, int class_id, uint64_t seed)
{
    enum { HEADERS = 54, LARGEST = HEADERS + 64 * 64 * 3 };
    static uint8_t bmp[LARGEST];
    size_t n = (size_t)w * (size_t)h * 3;
    assert_true(w % 4 == 0 && HEADERS + n <= LARGEST);
    memset(bmp, 0, HEADERS);
    memcpy(bmp, "BM", 2);
    golden_le32(bmp + 2, (uint32_t)(HEADERS + n));
    golden_le32(bmp + 10, HEADERS);
    golden_le32(bmp + 14, 40);
    golden_le32(bmp + 18, (uint32_t)w);
    golden_le32(bmp + 22, (uint32_t)h);
    bmp[26] = 1;
    bmp[28] = 24;
    seeded_pixels(golden_class[class_id], seed, bmp + HEADERS, n);
    for (size_t i = 0; i < n; i++) {
        uint8_t noise = bmp[HEADERS + i] / 2;
        bmp[HEADERS + i] = (uint8_t)(noise + (i % 3 == (size_t)class_id ? 100 : 20));
    }
    FILE *f = fopen(path, "wb");
    if (!f) fail_msg("cannot write %s", path);
    assert_int_equal(fwrite(bmp, 1, HEADERS + n, f), HEADERS + n);
    assert_int_equal(fclose(f), 0);
}

/* DIR/{train,validation}/{blue,green,red}/N.bmp of w x h pixels; DIR must not be there. */
static inline void golden_data(const char *dir, int w, int h)
{
    static const char *const part[] = {"train", "validation"};
    char path[256];
    assert_int_equal(mkdir(dir, 0777), 0);
    for (int p = 0; p < 2; p++) {
        snprintf(path, sizeof path, "%s/%s", dir, part[p]);
        assert_int_equal(mkdir(path, 0777), 0);
        for (int c = 0; c < GOLDEN_CLASSES; c++) {
            snprintf(path, sizeof path, "%s/%s/%s", dir, part[p], golden_class[c]);
            assert_int_equal(mkdir(path, 0777), 0);
            for (int i = 0; i < (p ? GOLDEN_VALIDATION : GOLDEN_TRAIN); i++) {
                snprintf(path, sizeof path, "%s/%s/%s/%d.bmp", dir, part[p], golden_class[c], i);
                golden_image(path, w, h, c, (uint64_t)(1000 * p + i));
            }
        }
    }
}

#endif
