/* The learning rate finder as a call: the same answer for any threads, the folder is none of a run, the model is as it
 * was. */
#include "support/run_places.h"

#include "base/alloc.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static graft_status find(const char *out, int threads, const char *phases, graft_error *err)
{
    const char *by_name[][2] = {{"train.find_lr", "1"}, {phases ? "train.phases" : NULL, phases}, {NULL, NULL}};
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    if (phases) t.model.fine_tune_at = -1;
    t.by_name = by_name;
    t.context.threads = threads;
    t.train.force = 0;
    return tiny_run_train(&t, false, err);
}

static char *text_of(const char *dir, const char *name)
{
    char path[192];
    uint8_t *text;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (gf_file_read(path, 1 << 24, &text, &n, NULL)) fail_msg("%s", path);
    return (char *)text;
}

static void the_same_for_any_threads(void **state)
{
    (void)state;
    char out[2][96];
    graft_error err = {0};
    for (int i = 0; i < 2; i++) {
        snprintf(out[i], sizeof out[i], "%s/threads%d", root, i);
        if (find(out[i], 1 + i, NULL, &err)) fail_msg("%s", err.message);
    }
    char *one = text_of(out[0], "lr.json"), *two = text_of(out[1], "lr.json"), *png = text_of(out[0], "lr.png");
    assert_string_equal(one, two);
    assert_memory_equal(png, "\x89PNG", 4);
    gf_free(one);
    gf_free(two);
    gf_free(png);
    tiny_run t; /* a run may begin there, without --force */
    tiny_run_defaults(&t, data, out[0]);
    t.train.force = 0;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
}

static void without_steps_there_is_no_rate(void **state)
{
    (void)state;
    char out[96];
    graft_error err = {0};
    snprintf(out, sizeof out, "%s/probe", root);
    assert_int_equal(find(out, 2, "head solver=probe", &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "there is no learning rate"));
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(8, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_for_any_threads),
        cmocka_unit_test(without_steps_there_is_no_rate),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
