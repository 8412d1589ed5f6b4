/* .npy: the bytes that NumPy expects, rows in any portions, and nothing under the name before it is whole. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/graft-test-XXXXXX";
static char path[64], tmp[80];

static void rows_in_portions(void **state)
{
    (void)state;
    float x[5][3];
    for (int i = 0; i < 15; i++) x[i / 3][i % 3] = (float)i;
    gf_npy *npy;
    assert_int_equal(gf_npy_create(&npy, path, &GF_SHAPE(3), NULL), GRAFT_OK);
    assert_int_equal(gf_npy_add(npy, x[0], 2, NULL), GRAFT_OK);
    assert_int_equal(gf_npy_add(npy, x[2], 0, NULL), GRAFT_OK);
    assert_int_equal(gf_npy_add(npy, x[2], 3, NULL), GRAFT_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(gf_npy_finish(npy, NULL), GRAFT_OK);
    assert_int_equal(access(tmp, F_OK), -1);
    uint8_t *file;
    size_t n;
    assert_int_equal(gf_file_read(path, 4096, &file, &n, NULL), GRAFT_OK);
    size_t header = 10u + file[8] + 256u * file[9];
    static const char wanted[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3), }";
    assert_memory_equal(file, "\x93NUMPY\x01\x00", 8);
    assert_int_equal(header % 64, 0);
    assert_memory_equal(file + 10, wanted, strlen(wanted));
    for (size_t i = 10 + strlen(wanted); i < header - 1; i++) assert_int_equal(file[i], ' ');
    assert_int_equal(file[header - 1], '\n');
    assert_int_equal(n, header + sizeof x);
    assert_memory_equal(file + header, x, sizeof x);
    gf_free(file);
    unlink(path);
}

static void rows_that_are_numbers_and_no_rows_at_all(void **state)
{
    (void)state;
    gf_npy *npy;
    uint8_t *file;
    size_t n;
    assert_int_equal(gf_npy_create(&npy, path, &(gf_shape){0, {0}}, NULL), GRAFT_OK);
    assert_int_equal(gf_npy_add(npy, (float[]){1, 2}, 2, NULL), GRAFT_OK);
    assert_int_equal(gf_npy_finish(npy, NULL), GRAFT_OK);
    assert_int_equal(gf_file_read(path, 4096, &file, &n, NULL), GRAFT_OK);
    assert_non_null(strstr((char *)file + 10, "'shape': (2,), }"));
    gf_free(file);
    assert_int_equal(gf_npy_create(&npy, path, &GF_SHAPE(7, 7, 4), NULL), GRAFT_OK);
    assert_int_equal(gf_npy_finish(npy, NULL), GRAFT_OK);
    assert_int_equal(gf_file_read(path, 4096, &file, &n, NULL), GRAFT_OK);
    assert_non_null(strstr((char *)file + 10, "'shape': (0, 7, 7, 4), }"));
    gf_free(file);
    unlink(path);
}

static void an_aborted_file_leaves_the_old_one(void **state)
{
    (void)state;
    gf_npy *npy;
    assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
    assert_int_equal(gf_npy_create(&npy, path, &GF_SHAPE(2), NULL), GRAFT_OK);
    assert_int_equal(gf_npy_add(npy, (float[]){1, 2}, 1, NULL), GRAFT_OK);
    gf_npy_abort(npy);
    gf_npy_abort(NULL);
    assert_int_equal(access(tmp, F_OK), -1);
    uint8_t *file;
    size_t n;
    assert_int_equal(gf_file_read(path, 4096, &file, &n, NULL), GRAFT_OK);
    assert_string_equal((char *)file, "old");
    gf_free(file);
    unlink(path);
    assert_int_equal(gf_npy_create(&npy, path, &GF_SHAPE(1, 1, 1, 1, 1, 1), NULL), GRAFT_USAGE);
    assert_int_equal(gf_npy_create(&npy, "/nonexistent/x.npy", &GF_SHAPE(1), NULL), GRAFT_RESOURCE);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/f.npy", dir);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_portions),
        cmocka_unit_test(rows_that_are_numbers_and_no_rows_at_all),
        cmocka_unit_test(an_aborted_file_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
