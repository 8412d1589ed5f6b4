/* Reading and writing folders of Hugging Face's with every allocation and file call failed in turn: an error, nothing
 * leaked, no model half built. */
#include "exchange/hf_folder.h"
#include "exchange/hf_out.h"
#include "graph/head.h"
#include "support/ok.h"
#include "support/sys_faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char root[64], folder[96];

static void each_call_fails(const char *from, bool classifier)
{
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (long faults = 0;; faults++) {
            gf_model m;
            gf_names classes = {0};
            const gf_hf_options o = {.max_length = 8, .classifier = classifier, .classes = &classes};
            long live = faults_live();
            faults_arm(kind, faults);
            graft_status status = gf_hf_import(&m, from, &o, &error);
            bool happened = faults_disarm();
            if (status != GRAFT_OK) assert_int_equal(m.n_layers, 0);
            gf_model_free(&m);
            gf_names_free(&classes);
            assert_int_equal(faults_live(), live);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                assert_true(faults >= 2);
                break;
            }
            assert_true(kind == FAULT_ALLOC ? status == GRAFT_RESOURCE || status == GRAFT_OK : status != GRAFT_OK);
        }
    }
}

static void an_encoder_is_read(void **state)
{
    (void)state;
    each_call_fails(GRAFT_FIXTURES "/text/bert", false);
}

static void a_classifier_in_several_files_is_read(void **state)
{
    (void)state;
    each_call_fails(GRAFT_FIXTURES "/text/bert_parts", true);
}

typedef struct written {
    gf_model m;
    gf_names classes;
    gf_files files;
} written;

/* With a hidden layer: modules behind the encoder, which is read with them again. */
static void open_written(written *w)
{
    gf_model whole;
    *w = (written){0};
    OK(gf_names_add(&w->classes, "no", &error));
    OK(gf_names_add(&w->classes, "yes", &error));
    OK(gf_files_add(&w->files, "vocab.txt", "[PAD]\n", 6, &error));
    OK(gf_hf_import(&whole, GRAFT_FIXTURES "/text/bert", &(gf_hf_options){.pooling = "mean"}, &error));
    OK(gf_head_on(&w->m, &whole, NULL,
                  &(gf_head_spec){.item = {{&gf_layer_dense, 4, GF_ACT_RELU, 0, 0}}, .n_items = 1, .outputs = 1}, 2,
                  0.2F, &error));
    gf_model_free(&whole);
}

static void close_written(written *w)
{
    gf_model_free(&w->m);
    gf_names_free(&w->classes);
    gf_files_free(&w->files);
}

static void a_folder_is_written(void **state)
{
    (void)state;
    written w;
    open_written(&w);
    const gf_export_what what = {.classes = &w.classes, .tokenizer = &w.files};
    for (fault_kind kind = FAULT_ALLOC; kind < FAULT_KINDS; kind++) {
        for (long faults = 0;; faults++) {
            long live = faults_live();
            faults_arm(kind, faults);
            graft_status status = gf_hf_export(folder, &w.m, &what, &error);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            if (happened) assert_int_not_equal(status, GRAFT_OK);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                break;
            }
            gf_hf_remove(folder);
            assert_int_not_equal(access(folder, F_OK), 0);
        }
        if (kind + 1 < FAULT_KINDS) gf_hf_remove(folder);
    }
    close_written(&w);
}

static void modules_are_read(void **state)
{
    (void)state;
    each_call_fails(folder, true);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return 1;
    snprintf(folder, sizeof folder, "%s/out", root);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    gf_hf_remove(folder);
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_encoder_is_read),
        cmocka_unit_test(a_classifier_in_several_files_is_read),
        cmocka_unit_test(a_folder_is_written),
        cmocka_unit_test(modules_are_read),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
