/* A detector's predictions, drawn and written in each format of labelled boxes; each allocation and file call failed in
 * turn. */
#include "support/own_dir.h"
#include "support/sys_faults.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char folder[96], run[96], images[2][128], drawn[96], saved[96];
static graft_context *context;
static graft_model *model;

/* A detector of a network with random values, which finds something anywhere. */
static void train(void)
{
    static const char *by_name[][2] = {{"train.task", "detect"}, {NULL, NULL}};
    tiny_run t;
    graft_error err;
    tiny_run_defaults(&t, folder, run);
    t.by_name = by_name;
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    t.train.augment = "flip";
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
}

static void write_labels(void)
{
    char labels[128];
    snprintf(labels, sizeof labels, "%s/labels.csv", folder);
    FILE *f = fopen(labels, "w");
    assert_non_null(f);
    fputs("filename,class,xmin,ymin,xmax,ymax,split\n", f);
    for (int i = 0; i < 4; i++) {
        const char *part = i < 2 ? "train" : "validation";
        fprintf(f, "%s/kind%d/0.bmp,kind%d,5,5,35,30,%s\n", part, i % 2, i % 2, part);
    }
    assert_int_equal(fclose(f), 0);
}

static int make_detector(void **state)
{
    graft_context_options o;
    graft_error err;
    if (make_dir(state)) return 1;
    snprintf(folder, sizeof folder, "%s/data", dir);
    snprintf(run, sizeof run, "%s/run", dir);
    snprintf(drawn, sizeof drawn, "%s/drawn", dir);
    snprintf(saved, sizeof saved, "%s/saved", dir);
    tiny_data_make_kinds(folder, 2, 1, 1);
    write_labels();
    train();
    for (int i = 0; i < 2; i++) snprintf(images[i], sizeof images[i], "%s/validation/kind%d/0.bmp", folder, i);
    graft_context_defaults(&o);
    o.threads = 1;
    return graft_context_open(&o, &context, &err) != GRAFT_OK || graft_run_open(context, run, &model, &err) != GRAFT_OK;
}

static int remove_detector(void **state)
{
    graft_model_free(model);
    graft_context_free(context);
    return remove_dir(state);
}

static void ask_for(const char *format)
{
    graft_settings *s;
    graft_error err;
    const char *const rows[][2] = {
        {"predict.confidence", "0.001"}, {"predict.draw", drawn}, {"predict.save", format}, {"predict.save_to", saved}};
    assert_int_equal(graft_settings_new(&s, &err), GRAFT_OK);
    for (size_t i = 0; i < 4; i++) assert_int_equal(graft_settings_set(s, rows[i][0], rows[i][1], &err), GRAFT_OK);
    assert_int_equal(graft_context_settings(context, s, &err), GRAFT_OK);
    graft_settings_free(s);
}

static void clear(void)
{
    tiny_data_remove(drawn);
    tiny_data_remove(saved);
}

static graft_status predict(graft_error *err)
{
    const char *const paths[] = {images[0], images[1]};
    graft_result *result = NULL;
    graft_status status = graft_predict(model, paths, 2, 1, &result, err);
    assert_int_equal(status == GRAFT_OK, result != NULL);
    graft_result_free(result);
    return status;
}

static long fail_each(fault_kind kind, const char *format)
{
    for (long k = 0;; k++) {
        graft_error err = {0};
        clear();
        long live = faults_live();
        faults_arm(kind, k);
        graft_status status = predict(&err);
        if (!faults_disarm()) {
            assert_int_equal(status, GRAFT_OK);
            return k;
        }
        if (faults_live() != live) fail_msg("%s: fault %ld of kind %d leaks", format, k, kind);
        if (status == GRAFT_OK) continue; /* an image that cannot be read is told in its own line */
        assert_true(err.number != 0);
    }
}

static void every_fault_is_survived(void **state)
{
    (void)state;
    static const char *const formats[] = {"voc", "coco", "yolo", "createml", "csv"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        graft_error err = {0};
        clear();
        ask_for(formats[i]);
        if (predict(&err)) fail_msg("%s", err.message); /* the session is made, and stays */
        assert_true(fail_each(FAULT_ALLOC, formats[i]) > 40);
        if (i) continue;
        assert_true(fail_each(FAULT_OPEN, formats[i]) > 4);
        assert_true(fail_each(FAULT_READ, formats[i]) > 2);
        assert_true(fail_each(FAULT_WRITE, formats[i]) > 2);
        assert_true(fail_each(FAULT_RENAME, formats[i]) > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fault_is_survived)};
    return cmocka_run_group_tests(tests, make_detector, remove_detector);
}
