/* A class added to a trained head keeps the rows of the others, whatever the names' order; training goes on from there.
 */
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "train/model_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char root[64];

static char *path_in(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", root, name);
    return path;
}

/* So many classes; the one of that name is called another. */
static void make_data(const char *name, unsigned classes, const char *old, const char *other)
{
    static const char *const parts[] = {"train", "validation"};
    char dir[128], from[192], to[192];
    tiny_data_make_kinds(path_in(name, dir), classes, 4, 2);
    for (int i = 0; i < 2 && old; i++) {
        snprintf(from, sizeof from, "%s/%s/%s", dir, parts[i], old);
        snprintf(to, sizeof to, "%s/%s/%s", dir, parts[i], other);
        assert_int_equal(rename(from, to), 0);
    }
}

static graft_status train(const char *data, const char *out, const char *from, graft_error *err)
{
    char data_path[128], out_path[128], model[128];
    tiny_run t;
    tiny_run_defaults(&t, path_in(data, data_path), path_in(out, out_path));
    t.model.fine_tune_at = -1;
    t.train.fine_tune_epochs = 0;
    t.train.epochs = 1;
    if (from) {
        t.model.model = path_in(from, model);
        t.model.head = "keep";
        t.model.alpha = 1;
        t.model.width = t.model.height = 0;
    }
    return tiny_run_train(&t, false, err);
}

typedef struct head {
    gf_model m;
    gf_model_facts facts;
    const float *kernel, *bias;
    size_t inputs, outputs;
} head;

static void read_head(head *h, const char *run, const char *file)
{
    char path[256];
    graft_error err = {0};
    snprintf(path, sizeof path, "%s/%s/%s", root, run, file);
    if (gf_model_file_read(&h->m, &h->facts, path, &err)) fail_msg("%s", err.message);
    const gf_param *k = gf_model_param(&h->m, h->m.output, "kernel"), *b = gf_model_param(&h->m, h->m.output, "bias");
    h->kernel = h->m.value + k->offset;
    h->bias = h->m.value + b->offset;
    h->outputs = b->count;
    h->inputs = k->count / b->count;
}

static void close_head(head *h)
{
    gf_model_free(&h->m);
    gf_model_facts_free(&h->facts);
}

/* Row a of one is row b of the other; b < 0: it is 0. */
static void expect_row(const head *one, size_t a, const head *other, int b)
{
    for (size_t i = 0; i < one->inputs; i++) {
        float want = b < 0 ? 0 : other->kernel[i * other->outputs + (size_t)b];
        if (one->kernel[i * one->outputs + a] != want) fail_msg("output %zu, input %zu", a, i);
    }
    assert_true(one->bias[a] == (b < 0 ? 0 : other->bias[b]));
}

static void rows_of_known_classes_stay(void **state)
{
    (void)state;
    static const int rows[] = {-1, 0, 1, 2}; /* "another", and kind0 to kind2 */
    head old, begun;
    graft_error err = {0};
    make_data("three", 3, NULL, NULL);
    make_data("four", 4, "kind3", "another");
    if (train("three", "old", NULL, &err) || train("four", "new", "old", &err)) fail_msg("%s", err.message);
    read_head(&old, "old", "model.safetensors");
    read_head(&begun, "new", "checkpoint/base.safetensors");
    assert_int_equal(begun.inputs, old.inputs);
    assert_int_equal(begun.outputs, 4);
    assert_string_equal(begun.facts.classes.item[0], "another");
    for (size_t k = 0; k < 4; k++) expect_row(&begun, k, &old, rows[k]);
    close_head(&old);
    close_head(&begun);
}

/* Two classes have one row, that of the second. */
static void two_become_three(void **state)
{
    (void)state;
    head old, begun;
    graft_error err = {0};
    make_data("two", 2, NULL, NULL);
    make_data("and_one", 3, NULL, NULL);
    if (train("two", "of_two", NULL, &err) || train("and_one", "of_three", "of_two", &err)) fail_msg("%s", err.message);
    read_head(&old, "of_two", "model.safetensors");
    read_head(&begun, "of_three", "checkpoint/base.safetensors");
    assert_int_equal(old.outputs, 1);
    assert_int_equal(begun.outputs, 3);
    expect_row(&begun, 0, &old, -1);
    expect_row(&begun, 1, &old, 0);
    expect_row(&begun, 2, &old, -1);
    close_head(&old);
    close_head(&begun);
}

static void a_class_that_is_gone_is_told(void **state)
{
    (void)state;
    graft_error err = {0};
    make_data("other", 4, "kind1", "zebra");
    assert_int_equal(train("other", "refused", "old", &err), GRAFT_USAGE);
    if (!strstr(err.message, "\"kind1\" is not among them")) fail_msg("%s", err.message);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
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
        cmocka_unit_test(rows_of_known_classes_stay),
        cmocka_unit_test(two_become_three),
        cmocka_unit_test(a_class_that_is_gone_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
