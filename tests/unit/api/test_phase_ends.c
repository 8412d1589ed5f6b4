/* What a phase came to: metrics.json has, for each phase, the test set by its last values and by the best so far. A run
 * that ends with that phase says the same; a stop anywhere, also while the test set is looked at, changes nothing. */
#include "support/run_places.h"

#include "base/alloc.h"
#include "base/io.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "head epochs=3 lr=0.5"
#define TAIL "tail last=15 epochs=2 lr=1e-3"
#define ALL "all at=0 epochs=2 lr=1e-2"
static const char *averaged = "ema:momentum=0.5";

static graft_status train(const char *out, const char *phases, tiny_stop *stop, bool resume, graft_error *err)
{
    const char *by_name[][2] = {
        {"train.phases", phases}, {"train.hooks", averaged}, {"data.test_from_validation", "0.5"}, {NULL, NULL}};
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    t.by_name = by_name;
    t.model.fine_tune_at = -1;
    if (stop) tiny_run_stop(&t, stop);
    return tiny_run_train(&t, resume, err);
}

static gf_json *metrics_of(const char *dir)
{
    char path[192];
    uint8_t *text;
    size_t n;
    gf_json *j;
    snprintf(path, sizeof path, "%s/metrics.json", dir);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (const char *)text, n, path, NULL), GRAFT_OK);
    gf_free(text);
    return j;
}

/* phases[i].which.set.loss; which NULL: the run's own evaluation of that set. */
static double loss_of(const gf_json *metrics, size_t i, const char *which, const char *set)
{
    const gf_json *of = which ? gf_json_get(gf_json_at(gf_json_get(metrics, "phases"), i), which) : metrics;
    return gf_json_f64(gf_json_get(gf_json_get(of, set), "loss"), NAN);
}

static void a_run_that_ends_there_says_the_same(void **state)
{
    (void)state;
    static const char *const shorter[] = {HEAD, HEAD "; " TAIL, HEAD "; " TAIL "; " ALL};
    graft_error err = {0};
    char dir[128];
    if (train(reference, HEAD "; " TAIL "; " ALL, NULL, false, &err)) fail_msg("%s", err.message);
    gf_json *whole = metrics_of(reference);
    int other = 0; /* phases whose last values are not the best */
    assert_int_equal(gf_json_size(gf_json_get(whole, "phases")), 3);
    for (size_t i = 0; i < 3; i++) {
        snprintf(dir, sizeof dir, "%s/short", root);
        if (train(dir, shorter[i], NULL, false, &err)) fail_msg("%s", err.message);
        gf_json *own = metrics_of(dir);
        double last = loss_of(own, i, "last", "test");
        assert_true(last > 0 && last == loss_of(whole, i, "last", "test"));
        assert_true(loss_of(own, 0, NULL, "test") == loss_of(whole, i, "best_so_far", "test"));
        assert_true(loss_of(own, i, "best_so_far", "validation") == loss_of(own, 0, NULL, "validation"));
        other += last != loss_of(whole, i, "best_so_far", "test");
        gf_json_free(own);
    }
    assert_true(other > 0);
    gf_json_free(whole);
}

static void a_stop_anywhere_changes_nothing(void **state)
{
    (void)state;
    gf_json *wanted = metrics_of(reference);
    char *text = gf_json_text(gf_json_get(wanted, "phases"), 0);
    for (int at = 0; at < 80; at += 3) {
        tiny_stop stop = {.left = at};
        graft_error err = {0};
        graft_status status = train(run, HEAD "; " TAIL "; " ALL, &stop, false, &err);
        assert_true(status == GRAFT_TERMINATED || (!status && at > 40));
        if (status && train(run, NULL, NULL, true, &err)) fail_msg("stopped at %d: %s", at, err.message);
        gf_json *got = metrics_of(run);
        char *again = gf_json_text(gf_json_get(got, "phases"), 0);
        if (strcmp(text, again) != 0) fail_msg("stopped at %d: %s\nis not %s", at, again, text);
        gf_free(again);
        gf_json_free(got);
        if (!status) break;
    }
    gf_free(text);
    gf_json_free(wanted);
}

static int make(void **state)
{
    (void)state;
    return run_places_make(6, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_ends_there_says_the_same),
        cmocka_unit_test(a_stop_anywhere_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make, run_places_remove);
}
