/* JPEG writer: what it writes is the image, equal images give equal bytes, bad sizes are refused. */
#include "images.h"

#include "image/encode.h"

static void writes_what_it_was_given(void **state)
{
    (void)state;
    enum { W = 61, H = 43 };
    static uint8_t src[W * H * 3];
    for (int i = 0; i < W * H; i++) {
        src[3 * i] = (uint8_t)(i % W * 4);
        src[3 * i + 1] = (uint8_t)(i / W * 5);
        src[3 * i + 2] = 120;
    }
    uint8_t *bytes, *again;
    size_t n, n_again, smaller;
    graft_error err;
    assert_int_equal(gf_jpeg_encode(src, W, H, 95, &bytes, &n, &err), GRAFT_OK);
    assert_int_equal(gf_jpeg_encode(src, W, H, 95, &again, &n_again, &err), GRAFT_OK);
    assert_int_equal(n, n_again);
    assert_memory_equal(bytes, again, n);
    gf_free(again);
    gf_image p;
    gf_image_info info;
    assert_int_equal(gf_image_decode(bytes, n, "x", NULL, &p, &info, &err), GRAFT_OK);
    assert_true(info.format == GF_IMAGE_JPEG && p.w == W && p.h == H);
    for (size_t i = 0; i < sizeof src; i++) assert_in_range(p.rgb[i] - src[i] + 12, 0, 24);
    gf_image_free(&p);
    gf_free(bytes);
    assert_int_equal(gf_jpeg_encode(src, W, H, 30, &bytes, &smaller, &err), GRAFT_OK);
    assert_true(smaller < n);
    gf_free(bytes);
}

static void bad_sizes_are_refused(void **state)
{
    (void)state;
    static const int bad[][3] = {{0, 1, 90}, {1, -1, 90}, {65536, 1, 90}, {1, 1, 0}, {1, 1, 101}};
    uint8_t pixel[3] = {1, 2, 3}, *bytes;
    size_t n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gf_jpeg_encode(pixel, bad[i][0], bad[i][1], bad[i][2], &bytes, &n, NULL), GRAFT_USAGE);
        assert_true(!bytes && !n);
    }
    assert_int_equal(gf_jpeg_encode(pixel, 1, 1, 100, &bytes, &n, NULL), GRAFT_OK);
    gf_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_was_given),
        cmocka_unit_test(bad_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
