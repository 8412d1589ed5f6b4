/* Dropout before the head, while the backbone is frozen: it drops, in live batches and on features that are kept; a
 * stop changes no bit; told to wait for fine-tuning, as 0.1 did, the run is as one without dropout. */
#include "support/ok.h"
#include "support/run_bytes.h"
#include "support/run_digest.h"
#include "support/run_places.h"

static const char *const changes[] = {"none", "flip,rotate=0.2"}; /* features are kept; batches are live */

static graft_status train(const char *out, double dropout, const char *augment, const char *when, tiny_stop *stop)
{
    graft_context *context = NULL;
    const char *options[][2] = {{"train.head_dropout", when}, {NULL, NULL}};
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    t.by_name = options;
    t.model.dropout = dropout;
    t.train.augment = augment;
    t.train.fine_tune_epochs = 0;
    if (stop) tiny_run_stop(&t, stop);
    OK(graft_context_open(&t.context, &context, &error));
    OK(tiny_run_by_name(&t, context, &error));
    graft_status status = tiny_run_train_in(&t, context, &error);
    graft_context_free(context);
    return status;
}

/* The files differ: the model's says what its dropout is. */
static bool equal(const char *one, const char *other)
{
    run_digest a = run_digest_of(one), b = run_digest_of(other);
    return !strcmp(a.tensors, b.tensors) && !strcmp(a.history, b.history);
}

static void it_drops(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        OK(train(reference, 0, changes[i], "always", NULL));
        OK(train(run, 0.5, changes[i], "always", NULL));
        assert_false(equal(reference, run));
        OK(train(run, 0.5, changes[i], "fine-tuning", NULL));
        assert_true(equal(reference, run));
    }
}

static void a_stop_changes_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        tiny_stop stop = {.left = 3};
        graft_context_options options;
        graft_context *context;
        graft_result *result;
        OK(train(reference, 0.5, changes[i], "always", NULL));
        assert_int_equal(train(run, 0.5, changes[i], "always", &stop), GRAFT_TERMINATED);
        graft_context_defaults(&options);
        OK(graft_context_open(&options, &context, &error));
        OK(graft_resume(context, run, NULL, &result, &error));
        graft_result_free(result);
        graft_context_free(context);
        run_bytes_equal(reference, run, changes[i]);
    }
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(6, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_drops), cmocka_unit_test(a_stop_changes_no_bit)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
