/* Reading a folder of Hugging Face's with every allocation and file call failed in turn: an error, nothing leaked, no
 * model half built. */
#include "exchange/hf_folder.h"
#include "support/ok.h"
#include "support/sys_faults.h"

static void each_call_fails(void **state)
{
    (void)state;
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (long faults = 0;; faults++) {
            gf_model m;
            const gf_hf_options o = {.max_length = 8};
            long live = faults_live();
            faults_arm(kind, faults);
            graft_status status = gf_hf_import(&m, GRAFT_FIXTURES "/text/bert", &o, &error);
            bool happened = faults_disarm();
            if (status != GRAFT_OK) assert_int_equal(m.n_layers, 0);
            gf_model_free(&m);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_call_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
