/* A run whose loss is not a number: the step is not applied, the batch is told, the policy decides, the end is E7001,
 * and what is kept is finite. A weight decay of 0.9 at a learning rate of 100 makes each step multiply the weights by
 * -89. */
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[64];

static const char *in_root(char path[192], const char *name)
{
    snprintf(path, 192, "%s/%s", root, name);
    return path;
}

static graft_status train(const char *name, const char *on_nan, graft_error *err)
{
    char data[192], out[192];
    tiny_run t;
    tiny_run_defaults(&t, in_root(data, "data"), in_root(out, name));
    t.train.epochs = 20;
    t.train.fine_tune_epochs = 0;
    t.train.lr = 100;
    t.train.optimizer = "sgd:weight_decay=0.9";
    t.train.on_nan = on_nan;
    return tiny_run_train(&t, false, err);
}

/* The trained values of the latest checkpoint are finite. */
static void check_checkpoint(const char *run)
{
    char path[192], name[96];
    gf_checkpoint c;
    snprintf(name, sizeof name, "%s/checkpoint", run);
    assert_int_equal(gf_checkpoint_read_latest(&c, in_root(path, name), 0, NULL, NULL), GRAFT_OK);
    const gf_section *params = gf_checkpoint_find(&c, "params");
    assert_non_null(params);
    assert_true(params->size > 0);
    assert_true(gf_is_finite(gf_norm(params->data, params->size / sizeof(float))));
    gf_checkpoint_free(&c);
}

static gf_json *read_record(const char *run)
{
    char path[192], name[96];
    uint8_t *text;
    size_t n;
    gf_json *j;
    snprintf(name, sizeof name, "%s/diverged.json", run);
    assert_int_equal(gf_file_read(in_root(path, name), 1 << 20, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (char *)text, n, path, NULL), GRAFT_OK);
    gf_free(text);
    return j;
}

static void a_loss_that_is_no_number_ends_the_run_and_names_the_batch(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        int64_t skipped, halvings;
    } rows[] = {{"stop", 0, 0}, {"skip:3", 3, 0}, {"lower-lr", 10, 10}};
    int64_t first_bad = 0;
    char path[192];
    graft_error err = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char run[32], model[64];
        snprintf(run, sizeof run, "run%zu", i);
        graft_status status = train(run, rows[i].policy, &err);
        if (status != GRAFT_DIVERGED) fail_msg("%s: %d: %s", rows[i].policy, status, err.message);
        assert_int_equal(err.number, 7001);
        assert_non_null(strstr(err.message, "diverged.json"));
        gf_json *j = read_record(run);
        assert_string_equal(gf_json_str(gf_json_get(j, "loss"), ""), "nan");
        assert_string_equal(gf_json_str(gf_json_get(j, "policy"), ""), rows[i].policy);
        assert_string_equal(gf_json_str(gf_json_get(j, "action"), ""), "stopped");
        int64_t step = gf_json_i64(gf_json_get(j, "step"), -1);
        if (i == 0) first_bad = step;
        assert_true(step > 4);
        assert_int_equal(step, first_bad + rows[i].skipped);
        assert_int_equal(gf_json_i64(gf_json_get(j, "skipped"), -1), rows[i].skipped);
        assert_int_equal(gf_json_i64(gf_json_get(j, "halvings"), -1), rows[i].halvings);
        const gf_json *samples = gf_json_get(j, "samples");
        assert_int_equal(gf_json_size(samples), 4);
        for (size_t k = 0; k < 4; k++) {
            assert_non_null(strstr(gf_json_str(gf_json_get(gf_json_at(samples, k), "path"), ""), ".bmp"));
        }
        gf_json_free(j);
        check_checkpoint(run);
        snprintf(model, sizeof model, "%s/model.safetensors", run);
        assert_false(gf_is_file(in_root(path, model))); /* nothing of it passes for a result */
    }
}

static int set_up(void **state)
{
    (void)state;
    char path[192];
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    tiny_data_make(in_root(path, "data"), 8, 4);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_loss_that_is_no_number_ends_the_run_and_names_the_batch)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
