/* Every allocation and file call of reading a TensorFlow checkpoint failed in turn: an error or the right values, no
 * leaks. */
#include "base/io.h"
#include "formats/tf_checkpoint.h"
#include "formats/weights.h"
#include "support/own_dir.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TF GRAFT_FIXTURES "/formats/tf/"

static graft_status as_weights(void)
{
    float kernel[108] = {0}, bias[4];
    gf_weight want[] = {
        {.layer = "Conv1", .var = "kernel", .shape = GF_SHAPE(3, 3, 3, 4), .data = kernel},
        {.layer = "Conv1", .var = "bias", .shape = GF_SHAPE(4), .data = bias},
    };
    graft_error err = {0};
    return gf_weights_read(TF "network", want, 2, NULL, NULL, &err);
}

static graft_status converted(void)
{
    char out[128];
    gf_names left_out = {0};
    size_t kept;
    graft_error err = {0};
    snprintf(out, sizeof out, "%s/w.safetensors", dir);
    graft_status status = gf_tf_to_safetensors(TF "object", out, &left_out, &kept, &err);
    gf_names_free(&left_out);
    if (status == GRAFT_OK) assert_int_equal(kept, 3);
    return status;
}

static void fail_each(graft_status (*call)(void), fault_kind last)
{
    size_t failed = 0;
    assert_int_equal(call(), GRAFT_OK);
    for (fault_kind kind = FAULT_ALLOC; kind <= last; kind++) {
        for (long k = 0;; k++) {
            long before = faults_live();
            faults_arm(kind, k);
            graft_status status = call();
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), before);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                break;
            }
            failed += status != GRAFT_OK;
        }
    }
    assert_true(failed > 10);
}

static void a_checkpoint(void **state)
{
    (void)state;
    assert_int_equal(make_dir(NULL), 0);
    fail_each(as_weights, FAULT_READ);
    fail_each(converted, FAULT_RENAME);
    assert_int_equal(remove_dir(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_checkpoint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
