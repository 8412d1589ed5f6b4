/* Every allocation of ONNX in and out, failed in turn: an error, nothing leaked, no half model. */
#include "base/alloc.h"
#include "base/io.h"
#include "exchange/hf_folder.h"
#include "exchange/onnx.h"
#include "exchange/vectors.h"
#include "graph/head.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* In, the classifier kept or a new head, and out. */
static graft_status in_and_out(const gf_onnx *o, bool keep)
{
    static const char *const classes[] = {"one", "two"};
    const gf_head_spec spec = {.keep_last = keep};
    gf_model m, head;
    gf_onnx out;
    uint8_t *bytes;
    size_t n;
    GF_TRY(gf_onnx_to_model(&m, o, "m.onnx", &(gf_import_options){.preprocess = "torch"}, NULL));
    graft_status status = gf_head_on(&head, &m, NULL, &spec, 3, 0.1f, NULL);
    gf_model_free(&m);
    if (status == GRAFT_OK && keep)
        status = gf_head_for_training(&head, head.classes == 2 ? 1 : (size_t)head.classes, NULL);
    if (status == GRAFT_OK) {
        status = gf_onnx_from_model(&out, &head, classes, 2, NULL, NULL);
        gf_model_free(&head);
        if (status != GRAFT_OK) return status;
        status = gf_onnx_pack(&out, &bytes, &n, NULL);
        if (status == GRAFT_OK) gf_free(bytes);
        gf_onnx_free(&out);
    } else {
        gf_model_free(&head);
    }
    return status;
}

static void without_memory_it_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {
        "exchange/mobile_new", "exchange/dense_old",  "exchange/silu_old", "exchange/curves_new", "exchange/nhwc",
        "foreign/shuffle",     "foreign/sliced1",     "foreign/slopes",    "foreign/label",       "foreign/fcn_two",
        "foreign/attributes7", "foreign/two_outputs", "exchange/calls_new"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        gf_onnx o;
        snprintf(path, sizeof path, GRAFT_FIXTURES "/%s.onnx", names[i]);
        assert_int_equal(gf_onnx_open(&o, path, NULL, NULL, NULL), GRAFT_OK);
        long k = 0;
        for (bool happened = true; happened; k++) {
            long live = faults_live();
            faults_arm(FAULT_ALLOC, k);
            graft_status status = in_and_out(&o, i % 2);
            happened = faults_disarm();
            if (faults_live() != live)
                fail_msg("%s, allocation %ld: %ld blocks lost", names[i], k, faults_live() - live);
            if (happened && status == GRAFT_OK) fail_msg("%s: allocation %ld is not missed", names[i], k);
            if (!happened) assert_int_equal(status, GRAFT_OK);
        }
        assert_true(k > 50);
        gf_onnx_free(&o);
    }
}

/* A network of texts, out. */
static void texts_without_memory_are_an_error(void **state)
{
    (void)state;
    gf_model m;
    gf_onnx out;
    const gf_hf_options o = {.pooling = "mean"};
    assert_int_equal(gf_hf_import(&m, GRAFT_FIXTURES "/text/bert", &o, NULL), GRAFT_OK);
    bool happened = true;
    for (long k = 0; happened; k++) {
        long live = faults_live();
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_onnx_from_model(&out, &m, NULL, 0, NULL, NULL);
        happened = faults_disarm();
        if (status == GRAFT_OK) gf_onnx_free(&out);
        assert_int_equal(faults_live(), live);
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
    }
    gf_model_free(&m);
}

static void vectors_without_memory_or_file_are_an_error(void **state)
{
    (void)state;
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        bool happened = true;
        for (long k = 0; happened; k++) {
            gf_model m;
            gf_text words = {0};
            long live = faults_live();
            faults_arm(kind, k);
            graft_status status =
                gf_vectors_import(&m, GRAFT_FIXTURES "/formats/vectors/skipgram.txt", 16, &words, NULL);
            happened = faults_disarm();
            if (status != GRAFT_OK) assert_int_equal(m.n_layers, 0);
            gf_model_free(&m);
            gf_text_free(&words);
            assert_int_equal(faults_live(), live);
            if (!happened) assert_int_equal(status, GRAFT_OK);
            if (happened) assert_int_not_equal(status, GRAFT_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_it_is_an_error),
        cmocka_unit_test(texts_without_memory_are_an_error),
        cmocka_unit_test(vectors_without_memory_or_file_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
