/* Probes as runs: the same bits for any threads, after a stop, and whatever the test set holds; fine-tuning goes on
 * from them; what cannot be probed is refused. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "train/model_file.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char root[64], data[96], more[96], kinds[96];

static graft_status never(void *user) { return (void)user, GRAFT_OK; }

static void begin(tiny_run *t, const char *from, const char *out, const char *(*by_name)[2])
{
    tiny_run_defaults(t, from, out);
    t->context.should_stop = never;
    t->by_name = by_name;
    t->model.fine_tune_at = -1;
    t->train.fine_tune_epochs = 0;
}

static void train(const char *from, const char *out, const char *(*by_name)[2], int threads)
{
    tiny_run t;
    graft_error err = {0};
    begin(&t, from, out, by_name);
    t.context.threads = threads;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s: %s %s", out, err.message, err.hint);
}

static const char *path_in(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", root, name);
    return path;
}

static gf_json *json_of(const char *run, const char *name)
{
    char path[192];
    uint8_t *text;
    size_t n;
    gf_json *j;
    snprintf(path, sizeof path, "%s/%s", run, name);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (char *)text, n, name, NULL), GRAFT_OK);
    gf_free(text);
    return j;
}

static double number_of(const char *run, const char *file, const char *object, const char *key)
{
    gf_json *j = json_of(run, file);
    double x = gf_json_f64(gf_json_get(object ? gf_json_get(j, object) : j, key), NAN);
    gf_json_free(j);
    return x;
}

static const char *probe[][2] = {{"train.probe", "1"}, {NULL, NULL}};

static void threads_and_stops_change_no_bit(void **state)
{
    (void)state;
    char whole[128], run[128];
    train(data, path_in("whole", whole), probe, 2);
    assert_true(number_of(whole, "metrics.json", "validation", "accuracy") == 1); /* redder and bluer: easy */
    assert_true(number_of(whole, "probe.json", NULL, "folds") == 5);              /* 4 images a class: few */
    assert_true(number_of(whole, "probe.json", NULL, "neighbours_accuracy") > 0.5);
    for (int threads = 1; threads <= 3; threads += 2) {
        train(data, path_in("threads", run), probe, threads);
        run_bytes_equal(whole, run, "threads");
    }
    for (int question = 0; question < 60; question += 7) {
        tiny_run t;
        graft_error err = {0};
        tiny_stop s = {.left = question};
        begin(&t, data, path_in("stopped", run), probe);
        tiny_run_stop(&t, &s);
        if (tiny_run_train(&t, false, &err) != GRAFT_TERMINATED) break; /* so many are not asked */
        begin(&t, data, run, NULL);
        if (tiny_run_train(&t, true, &err)) fail_msg("question %d: %s", question, err.message);
        run_bytes_equal(whole, run, "stopped");
    }
}

/* With a validation set that is large enough, several classes, and a test set beside it. */
static void the_test_set_is_not_looked_at(void **state)
{
    (void)state;
    char with[128], without[128], moved[160], to[160];
    gf_model m[2];
    gf_model_facts facts[2];
    train(kinds, path_in("with", with), probe, 2);
    assert_true(number_of(with, "probe.json", NULL, "folds") == 0);
    assert_true(number_of(with, "metrics.json", "test", "images") == 6);
    snprintf(moved, sizeof moved, "%s/test", kinds);
    path_in("elsewhere", to);
    assert_int_equal(rename(moved, to), 0);
    train(kinds, path_in("without", without), probe, 2);
    for (int i = 0; i < 2; i++) {
        char path[192];
        snprintf(path, sizeof path, "%s/model.safetensors", i ? without : with);
        assert_int_equal(gf_model_file_read(&m[i], &facts[i], path, NULL), GRAFT_OK);
    }
    assert_int_equal(m[0].n_values, m[1].n_values);
    assert_memory_equal(m[0].value, m[1].value, m[0].n_values * sizeof *m[0].value);
    for (int i = 0; i < 2; i++) gf_model_free(&m[i]), gf_model_facts_free(&facts[i]);
}

/* The row's column of history.csv. */
static double cell(const char *run, int row, int column)
{
    char path[192], line[512];
    snprintf(path, sizeof path, "%s/history.csv", run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int i = 0; i <= row; i++) assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    const char *at = line;
    for (int i = 0; i < column; i++) at = strchr(at, ',') + 1;
    return atof(at);
}

static void fine_tuning_goes_on_from_it(void **state)
{
    (void)state;
    static const char *still[][2] = {
        {"train.phases", "head solver=probe:lambda=0.1; tail at=140 epochs=1 lr=1e-12 augment=none batch-norm=fixed"},
        {NULL, NULL}};
    enum { VAL_LOSS = 5 };
    char run[128], tuned[128];
    train(data, path_in("still", run), still, 2);
    double solved = cell(run, 1, VAL_LOSS), after = cell(run, 2, VAL_LOSS);
    if (!(fabs(solved - after) <= 1e-3)) fail_msg("the probe's log loss is %g, then %g", solved, after);
    assert_true(number_of(run, "probe.json", NULL, "lambda") == 0.1f ||
                number_of(run, "probe.json", NULL, "lambda") == 0.1);
    tiny_run t;
    graft_error err = {0};
    begin(&t, data, path_in("tuned", tuned), probe);
    t.model.fine_tune_at = 140;
    t.train.fine_tune_epochs = 1;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    assert_true(cell(tuned, 1, 0) == 1 && cell(tuned, 2, 0) == 2);
}

static void what_cannot_be_probed_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][5] = {
        {"train.phases", "a solver=probe epochs=3", "", "", "has no epochs"},
        {"train.phases", "a solver=probe at=140", "", "", "solves the head alone"},
        {"train.phases", "a solver=probe augment=flip", "", "", "no random changes"},
        {"train.phases", "a solver=probe:lambda=0", "", "", "lambda \"0\""},
        {"train.probe", "1", "train.probe_options", "fold=3", "solver probe has no \"fold\""},
        {"train.probe", "1", "train.loss", "focal", "plain cross-entropy"},
        {"train.probe", "1", "model.head", "mlp:8", "a linear head on pooled features"},
    };
    char run[128];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *by_name[][2] = {{bad[i][0], bad[i][1]}, {bad[i][2], bad[i][3]}, {NULL, NULL}};
        tiny_run t;
        graft_error err = {0};
        if (!*bad[i][2]) by_name[1][0] = NULL;
        begin(&t, data, path_in("refused", run), by_name);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_USAGE);
        if (!strstr(err.message, bad[i][4])) fail_msg("%s: %s", bad[i][1], err.message);
    }
}

static int set_up(void **state)
{
    (void)state;
    char from[160], to[160];
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(kinds, sizeof kinds, "%s/kinds", root);
    snprintf(more, sizeof more, "%s/more", root);
    tiny_data_make(data, 8, 4);
    tiny_data_make_kinds(kinds, 3, 12, 10);
    tiny_data_make_kinds(more, 3, 1, 2);
    snprintf(from, sizeof from, "%s/validation", more);
    snprintf(to, sizeof to, "%s/test", kinds);
    return rename(from, to);
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
        cmocka_unit_test(threads_and_stops_change_no_bit),
        cmocka_unit_test(the_test_set_is_not_looked_at),
        cmocka_unit_test(fine_tuning_goes_on_from_it),
        cmocka_unit_test(what_cannot_be_probed_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
