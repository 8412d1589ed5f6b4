/* image: JPEGs as TensorFlow decodes them (tools/make_decode_fixtures.py): the same bytes. */
#include "base/alloc.h"
#include "base/io.h"
#include "image/image.h"
#include "support/ok.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const name[] = {"baseline_420_q90", "baseline_444_q75", "baseline_422_q50", "progressive_420_q85"};
enum { NAMES = sizeof name / sizeof *name, LARGEST = 1 << 20 };

/* The largest difference to TensorFlow's pixels, and how many differ. */
static int compare(const char *of, bool fast, size_t *differ)
{
    char path[512];
    uint8_t *jpeg, *wanted;
    size_t n, bytes;
    gf_image image;
    gf_image_options how = gf_image_options_default();
    how.fast_dct = fast;
    snprintf(path, sizeof path, GRAFT_FIXTURES "/tensorflow_jpeg/%s.jpg", of);
    OK(gf_file_read(path, LARGEST, &jpeg, &n, &error));
    snprintf(path, sizeof path, GRAFT_FIXTURES "/tensorflow_jpeg/%s.rgb", of);
    OK(gf_file_read(path, LARGEST, &wanted, &bytes, &error));
    OK(gf_image_decode(jpeg, n, of, &how, &image, NULL, &error));
    assert_int_equal((size_t)image.w * (size_t)image.h * 3, bytes);
    int most = 0;
    *differ = 0;
    for (size_t i = 0; i < bytes; i++) {
        int d = abs(image.rgb[i] - wanted[i]);
        most = d > most ? d : most;
        *differ += d > 0;
    }
    gf_image_free(&image);
    gf_free(wanted);
    gf_free(jpeg);
    return most;
}

static void pixels_are_those_of_tensorflow(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        size_t differ;
        assert_int_equal(compare(name[i], true, &differ), 0);
        assert_int_equal(differ, 0);
        assert_in_range(compare(name[i], false, &differ), 3, 11); /* libjpeg's accurate ones are others */
        assert_true(differ > 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_are_those_of_tensorflow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
