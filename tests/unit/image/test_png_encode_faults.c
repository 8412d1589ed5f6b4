/* The PNG writer: exact pixels back, bad sizes refused, every failing allocation told and nothing leaked. */
#include "base/alloc.h"
#include "image/image.h"
#include "image/png_encode.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { W = 37, H = 53 };
static uint8_t pixels[W * H * 3];

static int fill(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof pixels; i++) {
        x = x * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(i % 5 ? x >> 24 : i);
    }
    return 0;
}

static void pixels_come_back(void **state)
{
    (void)state;
    static const int sizes[][2] = {{W, H}, {1, 1}, {1, 300}, {300, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int w = sizes[i][0], h = sizes[i][1];
        uint8_t *png, *again;
        size_t n, m;
        gf_image back;
        gf_image_info info;
        assert_int_equal(gf_png_encode(pixels, w, h, &png, &n, NULL), GRAFT_OK);
        assert_int_equal(gf_image_decode(png, n, "x.png", NULL, &back, &info, NULL), GRAFT_OK);
        assert_true(info.format == GF_IMAGE_PNG && back.w == w && back.h == h);
        assert_memory_equal(back.rgb, pixels, (size_t)w * (size_t)h * 3);
        assert_int_equal(gf_png_encode(pixels, w, h, &again, &m, NULL), GRAFT_OK);
        assert_int_equal(n, m);
        assert_memory_equal(png, again, n);
        gf_image_free(&back);
        gf_free(again);
        gf_free(png);
    }
}

static void sizes_out_of_range_are_refused(void **state)
{
    (void)state;
    static const int sizes[][2] = {{0, 1}, {1, 0}, {-1, 1}, {1, -5}, {65501, 1}, {1, 65501}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *png;
        size_t n;
        assert_int_equal(gf_png_encode(pixels, sizes[i][0], sizes[i][1], &png, &n, NULL), GRAFT_USAGE);
        assert_null(png);
    }
}

static void failing_allocations_are_told(void **state)
{
    (void)state;
    long faults = 0;
    for (long k = 0;; k++, faults++) {
        long live = faults_live();
        graft_error err;
        uint8_t *png;
        size_t n;
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_png_encode(pixels, W, H, &png, &n, &err);
        bool happened = faults_disarm();
        gf_free(png);
        assert_int_equal(faults_live(), live);
        if (!happened) break;
        assert_int_equal(status, GRAFT_RESOURCE);
        assert_int_equal(err.number, GF_E_NO_MEMORY);
    }
    assert_true(faults > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_come_back),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
