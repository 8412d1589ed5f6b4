/* NumPy's .npz: what graft writes NumPy reads, what NumPy writes graft reads, and nothing of it is unpickled. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/weights.h"
#include "formats/zip_write.h"
#include "support/one_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- whole files ---- */

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const float kernel[6] = {1, 2, 3, 4, 5, -0.0f}, one = 7;
    char names[3][16] = {"a/b/kernel", "c/scalar", "d/empty"};
    const gf_tensor tensor[] = {{names[0], GF_F32, GF_SHAPE(2, 3), (void *)(uintptr_t)kernel},
                                {names[1], GF_F32, {0}, (void *)(uintptr_t)&one},
                                {names[2], GF_F32, GF_SHAPE(0, 4), NULL}};
    float got[6], scalar;
    gf_weight want[] = {{"a/b", "kernel", GF_SHAPE(2, 3), got, false}, {"c", "scalar", {0}, &scalar, false}};
    gf_weights_notes notes = {0};
    assert_int_equal(gf_npz_write(path, tensor, 3, NULL), GRAFT_OK);
    assert_int_equal(gf_weights_read(path, want, 2, NULL, &notes, NULL), GRAFT_OK);
    assert_memory_equal(got, kernel, sizeof kernel);
    assert_true(scalar == 7);
    assert_string_equal(notes.format, "NumPy zip");
    assert_int_equal(notes.left_out.n, 1);
    assert_string_equal(notes.left_out.item[0], "d/empty (0, 4)");
    gf_weights_notes_free(&notes);
}

static void only_floats_are_written(void **state)
{
    (void)state;
    char name[] = "a/b";
    graft_error err = {0};
    int64_t x = 0;
    unlink(path);
    assert_int_equal(gf_npz_write(path, &(gf_tensor){name, GF_S64, {0}, &x}, 1, &err), GRAFT_USAGE);
    assert_int_equal(err.number, GF_E_USAGE);
    assert_int_equal(access(path, F_OK), -1);
}

/* By NumPy itself (tests/fixtures/formats/make_npz.py): value j of each float array, in C order, is j / 4. */
static void what_numpy_writes_is_read(void **state)
{
    (void)state;
    static const char *const file[] = {"numpy_plain", "numpy_packed"};
    static const char *const var[] = {"f32", "f16", "f64", "fortran"};
    for (int f = 0; f < 2; f++) {
        char from[512];
        float got[4][24];
        gf_weight want[4];
        gf_weights_notes notes = {0};
        graft_error err = {0};
        snprintf(from, sizeof from, "%s/formats/%s.npz", GRAFT_FIXTURES, file[f]);
        for (int i = 0; i < 4; i++) want[i] = (gf_weight){"layer", var[i], GF_SHAPE(2, 3, 4), got[i], false};
        if (gf_weights_read(from, want, 4, NULL, &notes, &err) != GRAFT_OK) fail_msg("%s: %s", from, err.message);
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 24; j++) assert_true(got[i][j] == (float)j / 4);
        }
        assert_false(notes.uncaged);
        assert_int_equal(notes.left_out.n, 6);
        gf_weights_notes_free(&notes);
        want[0] = (gf_weight){"other", "whole", GF_SHAPE(3), got[0], false};
        assert_int_equal(gf_weights_read(from, want, 1, NULL, NULL, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_WEIGHTS_DTYPE);
        assert_non_null(strstr(err.message, "other/whole is not of floats"));
    }
}

/* ---- headers ---- */

static graft_status parse(const char *dictionary, size_t values, gf_npy_array *out, graft_error *err)
{
    uint8_t bytes[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t n = strlen(dictionary);
    bytes[8] = (uint8_t)n;
    bytes[9] = (uint8_t)(n >> 8);
    memcpy(bytes + 10, dictionary, n);
    uint8_t *copy = malloc(10 + n + values); /* so that a read past the end is seen */
    memcpy(copy, bytes, 10 + n + values);
    graft_status status = gf_npy_parse(copy, 10 + n + values, "f.npz", "a.npy", out, err);
    free(copy);
    return status;
}

static void headers_are_read_by_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t values;
        int rank; /* -1: refused */
        gf_dtype dtype;
    } row[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, 2, GF_F32},
        {"{\"shape\":(6L,),\"descr\":\"<f8\",\"fortran_order\":True}", 48, 1, GF_F64},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (), }    \n", 2, 0, GF_F16},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 1, 1, GF_DTYPES},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 40, 1, GF_DTYPES},
        {"{'descr': [('a', '<f4'), ('b', [('c', '<f4')])], 'fortran_order': False, 'shape': (2,), }", 9, 1, GF_DTYPES},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 0, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 0, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1), }", 4, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 }", 4, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, }", 4, -1, 0},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, -1, 0},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (), }", 4, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", 4, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", 4, -1, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()", 4, -1, 0},
        {"{'descr': '<f4, 'fortran_order': False, 'shape': ()}", 4, -1, 0},
        {"{'descr': [('a', '<f4'), 'fortran_order': False, 'shape': ()}", 4, -1, 0},
        {"", 4, -1, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_npy_array a;
        graft_error err = {0};
        graft_status status = parse(row[i].text, row[i].values, &a, &err);
        if (row[i].rank < 0 ? status != GRAFT_WEIGHTS || err.number != GF_E_NPZ_ARRAY
                            : status != GRAFT_OK || a.shape.rank != row[i].rank || a.dtype != row[i].dtype) {
            fail_msg("%s: status %d, %s", row[i].text, status, err.message);
        }
    }
}

static void a_header_cut_at_any_length_is_refused(void **state)
{
    (void)state;
    char header[GF_NPY_HEADER];
    gf_npy_array a;
    gf_npy_header(&GF_SHAPE(2, 3), header);
    for (size_t n = 0; n < sizeof header; n++) {
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, header, n);
        assert_int_equal(gf_npy_parse(copy, n, "f", "a", &a, NULL), GRAFT_WEIGHTS);
        free(copy);
    }
    header[6] = 4;
    assert_int_equal(gf_npy_parse((uint8_t *)header, sizeof header, "f", "a", &a, NULL), GRAFT_WEIGHTS);
}

static void fortran_order_is_transposed(void **state)
{
    (void)state;
    float stored[24], got[24];
    const gf_npy_array a = {GF_SHAPE(2, 3, 4), GF_F32, true, 0};
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 4; k++) stored[i + 2 * j + 6 * k] = (float)(12 * i + 4 * j + k);
        }
    }
    gf_npy_values((const uint8_t *)stored, &a, got);
    for (int i = 0; i < 24; i++) assert_true(got[i] == (float)i);
}

static void a_damaged_array_is_named(void **state)
{
    (void)state;
    float x[2];
    gf_weight want[] = {{"a", "kernel", GF_SHAPE(2), x, false}};
    graft_error err = {0};
    assert_int_equal(gf_zip_write(path, &(gf_zip_member){"a/kernel.npy", .body = {"junk", 4}}, 1, NULL), GRAFT_OK);
    assert_int_equal(gf_weights_read(path, want, 1, NULL, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_NPZ_ARRAY);
    assert_non_null(strstr(err.message, "the array `a/kernel.npy` does not begin as a .npy does"));
    assert_int_equal(err.message[0], '/');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(only_floats_are_written),
        cmocka_unit_test(what_numpy_writes_is_read),
        cmocka_unit_test(headers_are_read_by_the_grammar),
        cmocka_unit_test(a_header_cut_at_any_length_is_refused),
        cmocka_unit_test(fortran_order_is_transposed),
        cmocka_unit_test(a_damaged_array_is_named),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
