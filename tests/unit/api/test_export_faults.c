/* An export whose memory or disk fails at any moment: an error and no file, or the whole file; nothing leaked. */
#include "support/sys_faults.h"
#include "support/tiny_data.h"

#include "base/error.h"
#include "base/io.h"
#include "graph/head.h"
#include "train/model_file.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 32, STRIDE = 23, MOST = 100000 };

static char root[64], model_path[96], out[96];
static graft_context *context;
static graft_model *model;

static graft_status export(const char *name, graft_error *err)
{
    char path[160];
    graft_result *r = NULL;
    snprintf(path, sizeof path, "%s/%s", out, name);
    graft_status status = graft_export(model, path, &(graft_export_options){0}, &r, err);
    assert_int_equal(status == GRAFT_OK, r != NULL);
    graft_result_free(r);
    return status;
}

/* The only file in `out` is `name`, and only where there was no error. */
static void check_folder(const char *name, graft_status status, const char *where)
{
    gf_names names;
    char path[160];
    assert_int_equal(gf_dir_list(out, &names, NULL), GRAFT_OK);
    if (names.n != (status == GRAFT_OK)) fail_msg("%s: %zu files, the first is %s", where, names.n, names.item[0]);
    gf_names_free(&names);
    snprintf(path, sizeof path, "%s/%s", out, name);
    remove(path);
}

static void fail_each(const char *name, fault_kind kind, long stride)
{
    for (long k = 0;; k += stride) {
        char where[96];
        graft_error err = {0};
        long live = faults_live();
        snprintf(where, sizeof where, "%s, fault of kind %d at call %ld", name, (int)kind, k);
        faults_arm(kind, k);
        graft_status status = export(name, &err);
        bool happened = faults_disarm();
        if (faults_live() != live) fail_msg("%s: %ld blocks leaked", where, faults_live() - live);
        check_folder(name, status, where);
        if (!happened && status == GRAFT_OK)
            break; /* with an error it happened in the caged reader, a process of its own */
        assert_true(k < MOST);
    }
}

static void no_half_file_is_left(void **state)
{
    (void)state;
    static const char *const names[] = {"m.keras", "m.onnx", "m.safetensors", "m.npz", "m.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        graft_error err = {0};
        if (export(names[i], &err)) fail_msg("%s: %s", names[i], err.message); /* what is kept from now on is no leak */
        check_folder(names[i], GRAFT_OK, names[i]);
        fail_each(names[i], FAULT_ALLOC, STRIDE);
        fail_each(names[i], FAULT_WRITE, 1);
        fail_each(names[i], FAULT_SYNC, 1);
        fail_each(names[i], FAULT_RENAME, 1);
        fail_each(names[i], FAULT_READ, 1);
    }
}

static void write_model(void)
{
    gf_model m = {.name = "small"};
    gf_model_facts f = {.architecture = "small", .width = SIZE, .height = SIZE};
    gf_layer l = {.cls = &gf_layer_input, .name = "picture", .shape = GF_SHAPE(SIZE, SIZE, 3), .backbone = true};
    int at;
    for (int c = 0; c < 3; c++) l.at.scale[c] = 1 / 255.0f;
    assert_int_equal(gf_model_add(&m, &l, NULL, NULL), GRAFT_OK);
    l = (gf_layer){.cls = &gf_layer_conv2d, .name = "conv", .n_src = 1, .backbone = true};
    l.at.filters = 8;
    l.at.kh = l.at.kw = 3;
    l.at.use_bias = true;
    l.at.act = GF_ACT_RELU;
    assert_int_equal(gf_model_add(&m, &l, &at, NULL), GRAFT_OK);
    assert_int_equal(gf_head_add(&m, at, &(gf_head_spec){0}, 3, 0.2f, NULL), GRAFT_OK);
    assert_int_equal(gf_model_finish(&m, NULL), GRAFT_OK);
    gf_model_init(&m, 1, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gf_names_add(&f.classes, (const char *[]){"a", "b", "c"}[i], NULL), GRAFT_OK);
    }
    assert_int_equal(gf_model_file_write(model_path, &m, &f, NULL), GRAFT_OK);
    gf_model_free(&m);
    gf_model_facts_free(&f);
}

static int set_up(void **state)
{
    (void)state;
    graft_error err = {0};
    graft_context_options options;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(model_path, sizeof model_path, "%s/small.safetensors", root);
    snprintf(out, sizeof out, "%s/out", root);
    if (gf_make_dirs(out, &err)) return -1;
    write_model();
    graft_context_defaults(&options);
    options.threads = 1;
    graft_status status = graft_context_open(&options, &context, &err);
    if (!status) status = graft_run_open(context, model_path, &model, &err);
    if (status) print_error("%s\n", err.message);
    return (int)status;
}

static int tear_down(void **state)
{
    (void)state;
    graft_model_free(model);
    graft_context_free(context);
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_half_file_is_left)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
