/* Keys of layers counted anew. */
#include "formats/keras_ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void numbers_become_ranks(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"conv2d_4", "conv2d_2"},
        {"conv2d", "conv2d"},
        {"conv2d_2", "conv2d_1"},
        {"conv2d_2", "conv2d_1"},
        {"conv2d_10", "conv2d_3"},
        {"functional_3/dense_9", "functional/dense_1"},
        {"functional_3/dense_7", "functional/dense"},
        {"functional_3/conv2d_2", "functional/conv2d"},
        {"functional_5/dense_2", "functional_1/dense"},
        {"functional_5/sequential_1/dense", "functional_1/sequential/dense"},
        {"functional_5/sequential_1/dense_2", "functional_1/sequential/dense_1"},
        {"functional_5/sequential_3/dense_2", "functional_1/sequential_1/dense"},
        {"dense_99999999999", "dense_99999999999"}, /* no number of a layer */
        {"_1", "_1"},
        {"", ""},
        {"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q_2", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q_2"}, /* deeper than any */
    };
    enum { N = sizeof row / sizeof *row };
    char text[N][64], *key[N];
    for (size_t i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "%s", row[i][0]);
        key[i] = text[i];
    }
    assert_int_equal(gf_keras_rank(key, N, NULL), GRAFT_OK);
    for (size_t i = 0; i < N; i++) assert_string_equal(text[i], row[i][1]);
    assert_int_equal(gf_keras_rank(key, 0, NULL), GRAFT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_become_ranks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
