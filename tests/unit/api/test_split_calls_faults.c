/* graft_split: folders of parts and their list; each allocation and file call failed in turn. A run on data that it
 * shared out keeps the list, and takes it again. */
#include "base/alloc.h"
#include "base/io.h"
#include "support/own_dir.h"
#include "support/sys_faults.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { EACH = 8 };

static char data[96], out[96];
static graft_context *context;

static int make(void **state)
{
    graft_context_options o;
    graft_error err;
    if (make_dir(state)) return 1;
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    tiny_data_make(data, EACH, 2);
    strcat(data, "/train"); /* a folder of classes, without parts */
    graft_context_defaults(&o);
    o.threads = 1;
    return graft_context_open(&o, &context, &err) != GRAFT_OK;
}

static int unmake(void **state)
{
    graft_context_free(context);
    return remove_dir(state);
}

static graft_status split(graft_result **r, graft_error *err)
{
    graft_data_options o;
    graft_data_defaults(&o);
    memcpy(o.split, (double[]){0.5, 0.25, 0.25}, sizeof o.split);
    return graft_split(context, data, &o, out, r, err);
}

static void clear(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", out);
    assert_int_equal(system(command), 0);
}

static void folders_hold_the_parts(void **state)
{
    (void)state;
    graft_result *r;
    graft_error err;
    static const struct {
        const char *folder;
        size_t images;
    } wanted[] = {{"train/blue", 4},     {"train/red", 4}, {"validation/blue", 2},
                  {"validation/red", 2}, {"test/blue", 2}, {"test/red", 2}};
    clear();
    if (split(&r, &err)) fail_msg("%s", err.message);
    assert_true(graft_result_number(r, "images.train") == 8);
    graft_result_free(r);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char path[160];
        gf_names names = {0};
        snprintf(path, sizeof path, "%s/%s", out, wanted[i].folder);
        assert_int_equal(gf_dir_list(path, &names, NULL), GRAFT_OK);
        assert_int_equal(names.n, wanted[i].images);
        gf_names_free(&names);
    }
    assert_int_not_equal(split(&r, &err), GRAFT_OK); /* something is there */
    assert_non_null(strstr(err.message, "is not empty"));
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k += kind == FAULT_ALLOC ? 5 : 1) {
            graft_error err = {0};
            graft_result *r = NULL;
            clear();
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = split(&r, &err);
            bool happened = faults_disarm();
            assert_true((status == GRAFT_OK) == (r != NULL));
            if (status) assert_true(err.status == status && err.message[0]);
            graft_result_free(r);
            assert_int_equal(faults_live(), live);
            if (!happened) break;
        }
    }
}

static void run_with(const char *name, const char *(*by_name)[2])
{
    tiny_run t;
    graft_error err;
    char run[128];
    snprintf(run, sizeof run, "%s/%s", dir, name);
    tiny_run_defaults(&t, data, run);
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    t.by_name = by_name;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    if (tiny_run_train(&t, true, &err)) fail_msg("%s", err.message); /* all of it is as it was written */
}

static uint8_t *list_of(const char *name, size_t *n)
{
    char path[160];
    uint8_t *text;
    snprintf(path, sizeof path, "%s/%s/split.csv", dir, name);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, n, NULL), GRAFT_OK);
    return text;
}

/* The list of a run that was shared out by content, taken by one whose seed is another. */
static void a_run_keeps_its_list(void **state)
{
    (void)state;
    static char list[160];
    static const char *first[][2] = {{"data.split_by", "content"}, {NULL, NULL}},
                      *second[][2] = {{"data.split_file", list}, {"data.seed", "9"}, {NULL, NULL}},
                      *third[][2] = {{"data.split_by", "content"}, {"data.seed", "9"}, {NULL, NULL}};
    size_t n, m, k;
    snprintf(list, sizeof list, "%s/first/split.csv", dir);
    run_with("first", first);
    run_with("second", second);
    run_with("third", third);
    uint8_t *a = list_of("first", &n), *b = list_of("second", &m), *c = list_of("third", &k);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    assert_true(k != n || memcmp(a, c, n));
    gf_free(a);
    gf_free(b);
    gf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_hold_the_parts),
        cmocka_unit_test(each_call_fails_cleanly),
        cmocka_unit_test(a_run_keeps_its_list),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
