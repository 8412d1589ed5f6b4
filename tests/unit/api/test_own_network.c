/* A network of one's own: Keras's configuration of a small CNN, trained from random weights on ten classes, stopped and
 * resumed, saved, exported, loaded, cut at its last layer but one and given a new head of five classes. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "train/model_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* conv32 - pool - conv64 - pool - conv64 - gap - dense64 ("dense_1") - dense10 ("dense") */
#define CNN GRAFT_FIXTURES "/exchange/cnn.json"
enum { TEN = 10, FIVE = 5, UNITS = 64 };

static char root[64], ten[96], five[96], reference[96], saved[128];

static graft_status never(void *user) { return (void)user, GRAFT_OK; }

static void of_ten(tiny_run *t, const char *out)
{
    tiny_run_defaults(t, ten, out);
    t->model.model = CNN;
    t->model.head = "keep"; /* its own last layer has ten outputs */
    t->model.width = t->model.height = 0;
    t->model.fine_tune_at = 0;
    t->train.batch = 10;
    t->train.epochs = 1;
    t->train.fine_tune_epochs = 10;
    t->train.lr = t->train.fine_tune_lr = 2e-3;
    t->train.fine_tune_optimizer = "adam";
    t->context.should_stop = never;
}

typedef void (*use_fn)(graft_context *c, graft_model *m, void *ctx);

/* Opens the model with a context of its own for `use`. */
static void with_model(const graft_model_options *o, const char *run, use_fn use, void *ctx)
{
    graft_context_options options;
    graft_context *context = NULL;
    graft_model *m = NULL;
    graft_error err = {0};
    graft_context_defaults(&options);
    options.threads = 1;
    assert_int_equal(graft_context_open(&options, &context, &err), GRAFT_OK);
    graft_status status = run ? graft_run_open(context, run, &m, &err) : graft_model_open(context, o, &m, &err);
    if (status) fail_msg("%s: %s", run ? run : o->model, err.message);
    use(context, m, ctx);
    graft_model_free(m);
    graft_context_free(context);
}

static void check_accuracy(graft_context *c, graft_model *m, void *ctx)
{
    (void)c;
    graft_result *r = NULL;
    graft_error err = {0};
    if (graft_evaluate(m, ctx, "validation", &r, &err)) fail_msg("%s", err.message);
    double accuracy = graft_result_number(r, "accuracy");
    if (!(accuracy >= 0.5)) fail_msg("accuracy %g", accuracy); /* one in ten by chance, one in five below */
    graft_result_free(r);
}

static void random_weights_learn_ten_classes(void **state)
{
    (void)state;
    with_model(NULL, reference, check_accuracy, ten);
}

/* ---- stopped and resumed */

static void a_stop_changes_no_bit(void **state)
{
    (void)state;
    static const int steps[] = {1, 9, 31};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char run[96], where[32];
        tiny_run t;
        graft_error err = {0};
        tiny_stop s = {.left = steps[i]};
        snprintf(run, sizeof run, "%s/stopped", root);
        snprintf(where, sizeof where, "stopped after %d", s.left);
        of_ten(&t, run);
        tiny_run_stop(&t, &s);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
        of_ten(&t, run);
        t.context.threads = 1;
        if (tiny_run_train(&t, true, &err)) fail_msg("%s: %s", where, err.message);
        run_bytes_equal(reference, run, where);
    }
}

/* ---- saved, loaded, cut */

static void save_for_keras(graft_context *c, graft_model *m, void *ctx)
{
    (void)c, (void)ctx;
    graft_result *r = NULL;
    graft_error err = {0};
    if (graft_export(m, saved, &(graft_export_options){0}, &r, &err)) fail_msg("%s", err.message);
    assert_true(graft_result_number(r, "difference") <= 1e-4);
    graft_result_free(r);
}

static void check_head(graft_context *c, graft_model *m, void *ctx)
{
    (void)c, (void)ctx;
    graft_result *r = NULL;
    assert_int_equal(graft_summary(m, &r, NULL), GRAFT_OK);
    assert_int_equal(graft_result_number(r, "trainable_params"), UNITS * FIVE + FIVE);
    assert_null(strstr(graft_result_text(r), "\n dense (Dense)"));
    assert_non_null(strstr(graft_result_text(r), "\n dense_1 (Dense)"));
    graft_result_free(r);
}

/* What is frozen is still what was saved. */
static void compare_frozen(const char *one, const char *other)
{
    char path[2][160];
    gf_model m[2];
    gf_model_facts f[2];
    size_t same = 0;
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/model.safetensors", i ? other : one);
        assert_int_equal(gf_model_file_read(&m[i], &f[i], path[i], NULL), GRAFT_OK);
    }
    for (size_t i = 0; i < m[1].n_params; i++) {
        const gf_param *p = &m[1].param[i];
        const char *layer = m[1].layer[p->layer].name;
        if (!strcmp(layer, "head")) continue;
        const gf_param *q = gf_model_param(&m[0], gf_model_find(&m[0], layer), p->var);
        if (!q) fail_msg("%s/%s is not in the first", layer, p->var);
        assert_memory_equal(m[0].value + q->offset, m[1].value + p->offset, p->count * sizeof(float));
        same++;
    }
    assert_int_equal(same, 2 * 4); /* kernels and biases of three convolutions and a dense layer */
    for (int i = 0; i < 2; i++) {
        gf_model_free(&m[i]);
        gf_model_facts_free(&f[i]);
    }
}

static void a_new_head_stands_on_the_last_layer_but_one(void **state)
{
    (void)state;
    static const char *const cuts[] = {"-2", "dense_1", NULL}; /* without a cut: the same place */
    with_model(NULL, reference, save_for_keras, NULL);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        char run[96];
        tiny_run t;
        graft_error err = {0};
        snprintf(run, sizeof run, "%s/five%zu", root, i);
        tiny_run_defaults(&t, five, run);
        graft_model_defaults(&t.model);
        t.model.model = saved;
        t.model.cut = cuts[i];
        t.model.classes = FIVE;
        with_model(&t.model, NULL, check_head, NULL);
        t.train.batch = 5;
        t.train.epochs = 12;
        t.train.fine_tune_epochs = 0;
        t.train.augment = "none";
        if (tiny_run_train(&t, false, &err)) fail_msg("cut %s: %s", cuts[i], err.message);
        compare_frozen(reference, run);
        with_model(NULL, run, check_accuracy, five);
    }
}

static void a_layer_that_is_not_there_is_refused(void **state)
{
    (void)state;
    graft_context_options options;
    graft_context *context = NULL;
    graft_context_defaults(&options);
    assert_int_equal(graft_context_open(&options, &context, NULL), GRAFT_OK);
    static const char *const cuts[] = {"dense_7", "-11", "10", ""};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        graft_model_options o;
        graft_model *m = NULL;
        graft_error err = {0};
        graft_model_defaults(&o);
        o.model = CNN;
        o.cut = cuts[i];
        if (graft_model_open(context, &o, &m, &err) == GRAFT_OK) fail_msg("cut \"%s\" was taken", cuts[i]);
        assert_int_equal(err.number, GF_E_LAYER_UNKNOWN);
        assert_null(m);
    }
    graft_context_free(context);
}

/* The network as it is gives features, not classes: neither training nor its measurement takes those for logits. */
static void without_a_head_nothing_is_trained(void **state)
{
    (void)state;
    tiny_run t;
    graft_context *context = NULL;
    graft_model *m = NULL;
    graft_result *result = NULL;
    graft_bench_options bench;
    graft_error err = {0};
    char run[96];
    snprintf(run, sizeof run, "%s/headless", root);
    of_ten(&t, run);
    t.model.head = "none";
    assert_int_not_equal(tiny_run_train(&t, false, &err), GRAFT_OK);
    assert_int_equal(err.number, GF_E_OPTION_VALUE);
    assert_non_null(strstr(err.message, "head none"));
    graft_bench_defaults(&bench);
    assert_int_equal(graft_context_open(&t.context, &context, &err), GRAFT_OK);
    assert_int_equal(graft_model_open(context, &t.model, &m, &err), GRAFT_OK);
    assert_int_not_equal(graft_bench(m, &bench, &result, &err), GRAFT_OK);
    assert_int_equal(err.number, GF_E_OPTION_VALUE);
    graft_model_free(m);
    graft_context_free(context);
}

static int set_up(void **state)
{
    (void)state;
    tiny_run t;
    graft_error err = {0};
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(ten, sizeof ten, "%s/ten", root);
    snprintf(five, sizeof five, "%s/five", root);
    snprintf(reference, sizeof reference, "%s/reference", root);
    snprintf(saved, sizeof saved, "%s/saved.keras", root);
    tiny_data_make_kinds(ten, TEN, 6, 3);
    tiny_data_make_kinds(five, FIVE, 6, 3);
    of_ten(&t, reference);
    graft_status status = tiny_run_train(&t, false, &err);
    if (status) print_error("the reference run: %s\n", err.message);
    return (int)status;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_weights_learn_ten_classes),
        cmocka_unit_test(a_stop_changes_no_bit),
        cmocka_unit_test(a_new_head_stands_on_the_last_layer_but_one),
        cmocka_unit_test(a_layer_that_is_not_there_is_refused),
        cmocka_unit_test(without_a_head_nothing_is_trained),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
