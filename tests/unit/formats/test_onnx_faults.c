/* Every allocation and every file call of reading and writing ONNX, failed in turn. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/onnx.h"
#include "support/sys_faults.h"
#include "unit/formats/onnx_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/graft-test-XXXXXX", model[64], copy[64], tmp[72], beside[64];

/* A model whose tensor lies beside it. */
static void make_files(void)
{
    gf_text location = {0}, more = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(model, sizeof model, "%s/m.onnx", dir);
    snprintf(copy, sizeof copy, "%s/copy.onnx", dir);
    snprintf(tmp, sizeof tmp, "%s.tmp", copy);
    snprintf(beside, sizeof beside, "%s/w.bin", dir);
    pb_text(&location, 1, "location");
    pb_text(&location, 2, "w.bin");
    pb_message(&more, 13, &location);
    pb_int(&more, 14, 1);
    gf_text t = pb_tensor("w", GF_ONNX_FLOAT, (int64_t[]){1}, 1, &more), m = pb_model(&t);
    assert_int_equal(gf_file_write(model, &(gf_bytes){m.s, m.n}, 1, NULL), GRAFT_OK);
    assert_int_equal(gf_file_write(beside, &(gf_bytes){"abcd", 4}, 1, NULL), GRAFT_OK);
    gf_text_free(&m);
}

static graft_status read_and_write(graft_error *err)
{
    gf_onnx o;
    GF_TRY(gf_onnx_open(&o, model, NULL, NULL, err));
    graft_status status = gf_onnx_write(&o, copy, err);
    gf_onnx_free(&o);
    return status;
}

/* A failure behind the rename leaves the whole file. */
static bool is_whole(const char *path)
{
    gf_onnx o;
    bool whole = gf_onnx_open(&o, path, NULL, NULL, NULL) == GRAFT_OK && o.n_nodes == 1 && o.opset == 17;
    gf_onnx_free(&o);
    return whole;
}

static void every_call_fails_once(void **state)
{
    (void)state;
    long faults = 0;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            long live = faults_live();
            graft_error err = {0};
            unlink(copy);
            faults_arm((fault_kind)kind, k);
            graft_status status = read_and_write(&err);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            assert_true(access(tmp, F_OK) != 0);
            assert_true(access(copy, F_OK) != 0 || is_whole(copy));
            assert_true(status == GRAFT_OK || err.message[0]);
            assert_true(k < 10000);
            if (!happened && status == GRAFT_OK) break;
            faults++;
        }
    }
    assert_true(faults > 20);
}

/* In this process, since a fault in the cage strikes a copy of the memory. */
static void parsing_without_memory_is_an_error(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n;
    assert_int_equal(gf_file_read(GRAFT_FIXTURES "/exchange/mobile_new.onnx", 1 << 20, &bytes, &n, NULL), GRAFT_OK);
    long k = 0;
    for (bool happened = true; happened; k++) {
        long live = faults_live();
        gf_onnx o;
        gf_sink sink = {.fd = -1};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_onnx_parse(&o, bytes, n, "m", NULL, NULL);
        if (status == GRAFT_OK) {
            gf_onnx taken;
            gf_onnx_reply(&o, &sink);
            if (!sink.failed && !sink.bytes.failed) {
                status = gf_onnx_reply_parse(&taken, (uint8_t *)sink.bytes.s, sink.bytes.n, "m", NULL);
                gf_onnx_free(&taken);
            } else {
                status = GRAFT_RESOURCE;
            }
            gf_onnx_free(&o);
        }
        gf_text_free(&sink.bytes);
        happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
    }
    assert_true(k > 100);
    gf_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_fails_once),
        cmocka_unit_test(parsing_without_memory_is_an_error),
    };
    make_files();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(model);
    unlink(copy);
    unlink(beside);
    rmdir(dir);
    return failed;
}
