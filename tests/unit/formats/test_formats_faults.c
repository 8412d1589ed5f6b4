/* Every allocation and every file call of readers and writers, failed in turn: an error, nothing leaked, nothing half
 * written, no tensor of the caller's touched. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/keras_config_file.h"
#include "formats/keras_zip.h"
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "formats/weights.h"
#include "support/sys_faults.h"
#include "unit/formats/tiny_keras.h"

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

/* Fails each call of each kind while `step` runs; `check` looks at what a failure left. A fault that strikes in the
 * caged child happens in its memory, not here: then the status tells, and the next call is tried. */
static long fail_each(graft_status (*step)(void *ctx), void (*check)(void *ctx, graft_status status), void *ctx)
{
    long faults = 0;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = step(ctx);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            check(ctx, status);
            assert_true(k < 10000);
            if (!happened && status == GRAFT_OK) break;
            faults++;
        }
    }
    return faults;
}

static graft_status read_tiny(void *ctx)
{
    tiny_want *t = ctx;
    gf_weights_notes notes = {0};
    tiny_want_init(t);
    graft_status status = gf_weights_read(path, t->want, TINY_TENSORS, NULL, &notes, NULL);
    gf_weights_notes_free(&notes);
    return status;
}

static void all_or_nothing(void *ctx, graft_status status)
{
    const tiny_want *t = ctx;
    assert_true(status == GRAFT_OK ? tiny_want_right(t) : tiny_want_untouched(t));
    assert_true(status == GRAFT_OK || status == GRAFT_RESOURCE || status == GRAFT_WEIGHTS);
}

static void copy_to_path(const char *from)
{
    uint8_t *file;
    size_t n;
    assert_int_equal(gf_file_read(from, 1 << 20, &file, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_file_write(path, &(gf_bytes){file, n}, 1, NULL), GRAFT_OK);
    gf_free(file);
}

static void reading_hdf5(void **state)
{
    (void)state;
    tiny_want t;
    copy_to_path(GRAFT_FIXTURES "/formats/good_whole.h5");
    assert_true(fail_each(read_tiny, all_or_nothing, &t) > 25);
    copy_to_path(GRAFT_FIXTURES "/formats/good_order.h5");
    assert_true(fail_each(read_tiny, all_or_nothing, &t) > 25);
}

/* ctx: whether the right text came; or nothing, or something else. */
typedef enum came { NOTHING, RIGHT, WRONG } came;

static graft_status read_config(void *ctx)
{
    char *text;
    graft_status status = gf_keras_config_read(path, &text, NULL);
    *(came *)ctx = !text ? NOTHING : strstr(text, "Functional") ? RIGHT : WRONG;
    gf_free(text);
    return status;
}

static void right_or_nothing(void *ctx, graft_status status)
{
    assert_int_equal(*(came *)ctx, status == GRAFT_OK ? RIGHT : NOTHING);
    assert_true(status == GRAFT_OK || status == GRAFT_RESOURCE || status == GRAFT_WEIGHTS);
}

static void reading_a_configuration(void **state)
{
    (void)state;
    came text;
    copy_to_path(GRAFT_FIXTURES "/formats/keras_packed.keras");
    assert_true(fail_each(read_config, right_or_nothing, &text) > 5);
    assert_int_equal(gf_file_write_text(path, "{\"class_name\": \"Functional\"}", NULL), GRAFT_OK);
    assert_true(fail_each(read_config, right_or_nothing, &text) > 3);
}

static const gf_meta meta[] = {{"k", "v"}};

static graft_status write_safetensors(void *ctx)
{
    static float x[TINY_TENSORS][TINY_FLOATS];
    gf_tensor tensor[TINY_TENSORS + 1];
    char name[TINY_TENSORS][40];
    tiny_want t;
    (void)ctx;
    tiny_want_init(&t);
    for (int i = 0; i < TINY_TENSORS; i++) {
        snprintf(name[i], sizeof name[i], "%s/%s", t.want[i].layer, t.want[i].var);
        for (int j = 0; j < TINY_FLOATS; j++) x[i][j] = (float)i + (float)j / 64;
        tensor[i] = (gf_tensor){name[i], GF_F32, t.want[i].shape, x[i]};
    }
    tensor[TINY_TENSORS] = (gf_tensor){"head/bias", GF_F32, GF_SHAPE(1), x[0]};
    return gf_safetensors_write(path, tensor, TINY_TENSORS + 1, meta, 1, NULL);
}

static void reading_safetensors(void **state)
{
    (void)state;
    tiny_want t;
    assert_int_equal(write_safetensors(NULL), GRAFT_OK);
    assert_true(fail_each(read_tiny, all_or_nothing, &t) > 15);
}

/* After a failure the old file stands - or, where only the folder's sync failed, the new one, whole. */
static void old_or_new(void *ctx, graft_status status)
{
    (void)ctx;
    uint8_t *file;
    size_t n;
    assert_int_equal(access(tmp, F_OK), -1);
    assert_int_equal(gf_file_read(path, 1 << 20, &file, &n, NULL), GRAFT_OK);
    bool old = !strcmp((char *)file, "old");
    gf_free(file);
    assert_true(status == GRAFT_OK ? !old : status == GRAFT_RESOURCE);
    if (!old && n) {
        gf_safetensors st;
        if (ctx) assert_int_equal(gf_safetensors_open(&st, path, NULL, NULL), GRAFT_OK);
        if (ctx) gf_safetensors_close(&st);
    }
    assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
}

static void writing_safetensors(void **state)
{
    (void)state;
    assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
    assert_true(fail_each(write_safetensors, old_or_new, path) > 15);
}

static graft_status write_keras(void *ctx)
{
    static tiny_keras t;
    (void)ctx;
    tiny_keras_init(&t);
    return gf_keras_zip_write(path, "{}", &t.model, meta, 1, NULL);
}

static graft_status write_npz(void *ctx)
{
    static tiny_keras t;
    static char name[TINY_TENSORS][40];
    gf_tensor tensor[TINY_TENSORS];
    (void)ctx;
    tiny_keras_init(&t);
    for (int i = 0; i < TINY_TENSORS; i++) {
        const gf_weight *w = &t.values.want[i];
        snprintf(name[i], sizeof name[i], "%s/%s", w->layer, w->var);
        tensor[i] = (gf_tensor){name[i], GF_F32, w->shape, w->data};
    }
    return gf_npz_write(path, tensor, TINY_TENSORS, NULL);
}

static void writing_zips(void **state)
{
    (void)state;
    assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
    assert_true(fail_each(write_keras, old_or_new, NULL) > 15);
    assert_true(fail_each(write_npz, old_or_new, NULL) > 15);
}

static void reading_zips(void **state)
{
    (void)state;
    tiny_want t;
    static const char *const from[] = {GRAFT_FIXTURES "/formats/keras_plain.keras",
                                       GRAFT_FIXTURES "/formats/keras_packed.keras", NULL};
    for (int i = 0; i < 3; i++) {
        if (from[i]) copy_to_path(from[i]);
        if (!from[i]) assert_int_equal(write_npz(NULL), GRAFT_OK);
        assert_true(fail_each(read_tiny, all_or_nothing, &t) > 25);
    }
}

static graft_status write_npy(void *ctx)
{
    (void)ctx;
    gf_npy *npy;
    GF_TRY(gf_npy_create(&npy, path, &GF_SHAPE(2), NULL));
    for (int i = 0; i < 3; i++) {
        graft_status status = gf_npy_add(npy, (float[]){1, 2}, 1, NULL);
        if (status == GRAFT_OK) continue;
        gf_npy_abort(npy);
        return status;
    }
    return gf_npy_finish(npy, NULL);
}

static void writing_npy(void **state)
{
    (void)state;
    assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
    assert_true(fail_each(write_npy, old_or_new, NULL) >= 10);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/f", dir);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_hdf5),
        cmocka_unit_test(reading_safetensors),
        cmocka_unit_test(writing_safetensors),
        cmocka_unit_test(writing_npy),
        cmocka_unit_test(writing_zips),
        cmocka_unit_test(reading_zips),
        cmocka_unit_test(reading_a_configuration),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
