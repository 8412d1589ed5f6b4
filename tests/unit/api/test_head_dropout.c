/* Dropout before the head, while the backbone is frozen: it drops, in live batches and on features that are kept; a
 * stop changes no bit; told to wait for fine-tuning, as 0.1 did, the run is as one without dropout. And the backbone's
 * own dropout, which drops where it is asked to. */
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

/* EfficientNetB0, whose residuals drop out: with the backbone frozen, too. */
static graft_status train_efficientnet(const char *out, const char *phases, int threads, tiny_stop *stop)
{
    graft_context *context = NULL;
    const char *options[][2] = {{"train.phases", phases}, {NULL, NULL}};
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    t.by_name = options;
    t.context.threads = threads;
    t.model.model = "efficientnet_b0";
    t.model.alpha = 1;
    t.model.dropout = 0;
    t.model.fine_tune_at = -1;
    if (stop) tiny_run_stop(&t, stop);
    OK(graft_context_open(&t.context, &context, &error));
    OK(tiny_run_by_name(&t, context, &error));
    graft_status status = tiny_run_train_in(&t, context, &error);
    graft_context_free(context);
    return status;
}

static void the_backbones_own_drops_where_it_is_asked_to(void **state)
{
    (void)state;
    static const char *const off[] = {"a epochs=2 augment=none", "a last=40 epochs=1"},
                             *const on[] = {"a epochs=2 augment=none backbone-dropout=on",
                                            "a last=40 epochs=1 backbone-dropout=on"};
    for (int i = 0; i < 2; i++) {
        tiny_stop stop = {.left = 2};
        graft_context_options options;
        graft_context *context;
        graft_result *result;
        OK(train_efficientnet(reference, off[i], 2, NULL));
        OK(train_efficientnet(run, on[i], 2, NULL));
        assert_false(equal(reference, run));
        OK(train_efficientnet(reference, on[i], 1, NULL));
        assert_true(equal(reference, run));
        assert_int_equal(train_efficientnet(run, on[i], 2, &stop), GRAFT_TERMINATED);
        graft_context_defaults(&options);
        OK(graft_context_open(&options, &context, &error));
        OK(graft_resume(context, run, NULL, &result, &error));
        graft_result_free(result);
        graft_context_free(context);
        run_bytes_equal(reference, run, on[i]);
    }
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(6, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_drops), cmocka_unit_test(a_stop_changes_no_bit),
                                       cmocka_unit_test(the_backbones_own_drops_where_it_is_asked_to)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
