/* What hooks write while a run goes on is the same after a stop anywhere; a run whose time is over ends whole, and to
 * the same bits if it was stopped on the way there. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "train/model_file.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char root[64], data[96];

static graft_status never(void *user) { return (void)user, GRAFT_OK; }

static char *text_of(const char *run, const char *name, size_t *n)
{
    char path[192];
    uint8_t *text;
    size_t own;
    snprintf(path, sizeof path, "%s/%s", run, name);
    if (gf_file_read(path, 1 << 26, &text, n ? n : &own, NULL)) fail_msg("%s: cannot be read", path);
    return (char *)text;
}

static bool has(const char *run, const char *name)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", run, name);
    return gf_is_file(path);
}

static void begin(tiny_run *t, const char *out, const char *(*by_name)[2])
{
    tiny_run_defaults(t, data, out);
    t->context.should_stop = never;
    t->by_name = by_name;
}

static void train(const char *out, const char *(*by_name)[2])
{
    tiny_run t;
    graft_error err = {0};
    begin(&t, out, by_name);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s: %s %s", out, err.message, err.hint);
}

/* Stops at the n-th question, then takes up with other threads. */
static void train_in_two(const char *out, const char *(*by_name)[2], int question)
{
    tiny_run t;
    graft_error err = {0};
    tiny_stop s = {.left = question};
    begin(&t, out, by_name);
    tiny_run_stop(&t, &s);
    assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
    begin(&t, out, NULL);
    t.context.threads = 1 + question % 3;
    if (tiny_run_train(&t, true, &err)) fail_msg("question %d: %s", question, err.message);
}

static void expect_same_file(const char *one, const char *other, const char *name)
{
    size_t n, m;
    char *a = text_of(one, name, &n), *b = text_of(other, name, &m);
    if (n != m || memcmp(a, b, n) != 0) fail_msg("%s: %zu and %zu bytes, not the same", name, n, m);
    gf_free(a);
    gf_free(b);
}

/* Each line's members that are no times; how many lines. */
static int read_lines(const char *run, double lr[16], double loss[16])
{
    char *text = text_of(run, "log.jsonl", NULL), *rest = NULL;
    int n = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), n++) {
        gf_json *j = NULL;
        graft_error err = {0};
        if (gf_json_parse(&j, line, strlen(line), "log.jsonl", &err)) fail_msg("%s", err.message);
        assert_true(n < 16 && gf_json_i64(gf_json_get(j, "epoch"), 0) == n + 1);
        lr[n] = gf_json_f64(gf_json_get(j, "lr"), -1);
        loss[n] = gf_json_f64(gf_json_get(j, "val_loss"), -1);
        assert_true(lr[n] > 0 && loss[n] > 0);
        assert_string_equal(gf_json_str(gf_json_get(j, "phase"), ""), n < 2 ? "feature_extraction" : "fine_tuning");
        gf_json_free(j);
    }
    gf_free(text);
    return n;
}

/* A line for each step, numbered, of each epoch in turn. */
static void check_steps(const char *run)
{
    char *text = text_of(run, "steps.jsonl", NULL), *rest = NULL;
    int64_t n = 0, last = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        gf_json *j = NULL;
        assert_int_equal(gf_json_parse(&j, line, strlen(line), "steps.jsonl", NULL), GRAFT_OK);
        assert_int_equal(gf_json_i64(gf_json_get(j, "step"), 0), ++n);
        assert_true(gf_json_f64(gf_json_get(j, "loss"), -1) > 0 &&
                    gf_json_f64(gf_json_get(j, "gradient_norm"), -1) > 0);
        assert_true(gf_json_f64(gf_json_get(j, "lr"), -1) > 0 && gf_json_true(gf_json_get(j, "applied"), false));
        int64_t epoch = gf_json_i64(gf_json_get(j, "epoch"), 0);
        assert_true(epoch == last || epoch == last + 1);
        last = epoch;
        gf_json_free(j);
    }
    assert_int_equal(last, 4);
    assert_true(n > 4 && n % 4 == 0);
    gf_free(text);
}

static const char *all_of_them[][2] = {
    {"train.hooks",
     "ema:momentum=0.5,model-checkpoint:monitor=val_loss,export=best.onnx,model-checkpoint:keep=all,every=2,"
     "csv-log:separator=semicolon,file=own.csv,json-lines,step-lines"},
    {NULL, NULL}};

static void files_are_the_same_after_a_stop(void **state)
{
    (void)state;
    static const int questions[] = {1, 4, 7, 10, 13};
    static const char *const files[] = {"best.safetensors", "best.onnx", "epoch-2.safetensors", "epoch-4.safetensors",
                                        "steps.jsonl"};
    char whole[96], run[96];
    double lr[2][16], loss[2][16];
    snprintf(whole, sizeof whole, "%s/whole", root);
    train(whole, all_of_them);
    assert_false(has(whole, "epoch-1.safetensors"));
    int rows = read_lines(whole, lr[0], loss[0]);
    check_steps(whole);
    assert_int_equal(rows, 4);
    char *csv = text_of(whole, "own.csv", NULL);
    static const char names[] =
        "epoch;phase;lr;loss;accuracy;val_loss;val_accuracy;seconds;images_per_second\n1;feature_extraction;";
    assert_int_equal(strncmp(csv, names, sizeof names - 1), 0);
    gf_free(csv);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        snprintf(run, sizeof run, "%s/in_two", root);
        train_in_two(run, all_of_them, questions[i]);
        run_bytes_equal(whole, run, "hooks that write");
        for (size_t f = 0; f < sizeof files / sizeof *files; f++) expect_same_file(whole, run, files[f]);
        assert_int_equal(read_lines(run, lr[1], loss[1]), rows);
        assert_memory_equal(lr[0], lr[1], (size_t)rows * sizeof(double));
        assert_memory_equal(loss[0], loss[1], (size_t)rows * sizeof(double));
    }
}

/* What is written is what was judged: the average, and of the epoch that was the best by the column asked for. */
static void the_best_is_the_one_that_was_judged(void **state)
{
    (void)state;
    char run[96], path[128];
    static const char *by_name[][2] = {
        {"train.monitor", "val_loss"}, {"train.hooks", "ema:momentum=0.5,model-checkpoint"}, {NULL, NULL}};
    gf_model best, kept;
    gf_model_facts facts[2];
    graft_error err = {0};
    snprintf(run, sizeof run, "%s/judged", root);
    train(run, by_name);
    snprintf(path, sizeof path, "%s/best.safetensors", run);
    if (gf_model_file_read(&best, &facts[0], path, &err)) fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/model.safetensors", run);
    if (gf_model_file_read(&kept, &facts[1], path, &err)) fail_msg("%s", err.message);
    assert_int_equal(best.n_values, kept.n_values);
    assert_memory_equal(best.value, kept.value, best.n_values * sizeof *best.value);
    assert_true(facts[0].n_self_test > 0);
    assert_memory_equal(facts[0].self_test, facts[1].self_test, sizeof facts[0].self_test);
    gf_model_free(&best);
    gf_model_free(&kept);
    gf_model_facts_free(&facts[0]);
    gf_model_facts_free(&facts[1]);
}

/* Less than any step takes: the first one is the last. */
static void a_run_whose_time_is_over_ends_whole(void **state)
{
    (void)state;
    static const char *by_name[][2] = {{"train.max_time", "0.000001s"}, {NULL, NULL}};
    static const int questions[] = {0, 1, 2};
    char whole[96], run[96];
    snprintf(whole, sizeof whole, "%s/short", root);
    train(whole, by_name);
    char *rows = text_of(whole, "history.csv", NULL);
    int lines = 0;
    for (size_t k = 0; rows[k]; k++) lines += rows[k] == '\n';
    assert_int_equal(lines, 2); /* the names and one row */
    gf_free(rows);
    char *decisions = text_of(whole, "decisions.json", NULL);
    if (!strstr(decisions, "in epoch 1, after 1 of 4 batches")) fail_msg("%s", decisions);
    gf_free(decisions);
    assert_true(has(whole, "files.sha256") && has(whole, "metrics.json"));
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        snprintf(run, sizeof run, "%s/short_in_two", root);
        train_in_two(run, by_name, questions[i]);
        run_bytes_equal(whole, run, "time over");
    }
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"train.hooks", "model-checkpoint:file=model.safetensors", "the run itself writes model.safetensors"},
        {"train.hooks", "model-checkpoint:export=best.pth", "no format is known"},
        {"train.hooks", "csv-log:separator=dot", "wanted is comma|semicolon|tab"},
        {"train.max_time", "soon", "soon is no time"},
        {"train.monitor", "val_nothing", "val_nothing: no such column"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char run[96];
        tiny_run t;
        graft_error err = {0};
        const char *by_name[][2] = {{bad[i][0], bad[i][1]}, {NULL, NULL}};
        snprintf(run, sizeof run, "%s/refused", root);
        begin(&t, run, by_name);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_USAGE);
        if (!strstr(err.message, bad[i][2])) fail_msg("%s: %s", bad[i][1], err.message);
    }
}

/* A checkpoint of the model that cannot be written is told, and no end of training. */
static void a_file_that_cannot_be_written_is_no_end(void **state)
{
    (void)state;
    static const char *by_name[][2] = {
        {"train.hooks", "model-checkpoint:file=/nowhere/at/all/best.safetensors,csv-log:file=/nowhere/log.csv"},
        {NULL, NULL}};
    char run[96];
    snprintf(run, sizeof run, "%s/nowhere", root);
    train(run, by_name);
    assert_true(has(run, "files.sha256"));
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    tiny_data_make(data, 8, 4);
    return 0;
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
        cmocka_unit_test(files_are_the_same_after_a_stop),
        cmocka_unit_test(the_best_is_the_one_that_was_judged),
        cmocka_unit_test(a_run_whose_time_is_over_ends_whole),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_written_is_no_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
