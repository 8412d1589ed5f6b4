/* Runs whose head is a list with batch normalization, dropouts and a penalty: a stop anywhere and any number of threads
 * change no bit; the statistics of the head move although those of the backbone are fixed; the model file has it all.
 */
#include "support/run_bytes.h"
#include "support/run_places.h"

#include "train/model_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void of_list(tiny_run *t, const char *out, int threads)
{
    tiny_run_defaults(t, data, out);
    t->model.head = "mlp:bn,12,bn,tanh,dropout=0.3,l2=0.01";
    t->train.batch_norm = "fixed";
    t->context.threads = threads;
}

static void a_stop_anywhere_changes_no_bit(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    of_list(&t, reference, 2);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    for (int at = 1; at < 16; at += 3) {
        char where[32];
        tiny_stop stop = {.left = at};
        snprintf(where, sizeof where, "stopped at question %d", at);
        of_list(&t, run, 1 + at % 3);
        tiny_run_stop(&t, &stop);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
        of_list(&t, run, 1 + at % 2);
        if (tiny_run_train(&t, true, &err)) fail_msg("%s: %s", where, err.message);
        run_bytes_equal(reference, run, where);
    }
}

static void statistics_of_the_head_alone_move(void **state)
{
    (void)state;
    char path[192];
    gf_model m;
    gf_model_facts f;
    graft_error err = {0};
    int moved = 0;
    snprintf(path, sizeof path, "%s/model.safetensors", reference);
    if (gf_model_file_read(&m, &f, path, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < m.n_params; i++) {
        const gf_param *p = &m.param[i];
        bool head = !m.layer[p->layer].backbone;
        if (!head || strcmp(p->var, "moving_mean") != 0) continue;
        for (size_t k = 0; k < p->count; k++) moved += m.value[p->offset + k] != 0;
    }
    assert_true(moved > 12);
    gf_model_free(&m);
    gf_model_facts_free(&f);
}

static int make(void **state)
{
    (void)state;
    return run_places_make(10, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_anywhere_changes_no_bit),
        cmocka_unit_test(statistics_of_the_head_alone_move),
    };
    return cmocka_run_group_tests(tests, make, run_places_remove);
}
