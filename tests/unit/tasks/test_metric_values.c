/* Every metric against scikit-learn's (tools/make_metric_fixtures.py): ties, absent classes, one class, one sample. */
#include "support/fixture.h"
#include "tasks/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 500 };

static const char *const cases[] = {"two",    "two_ties",  "three",      "ten",       "ten_ties",
                                    "absent", "one_class", "one_of_two", "one_sample"};

static fixture *file;

static const float *tensor(const char *name, const char *what, size_t *n)
{
    char full[96];
    snprintf(full, sizeof full, "%s/%s", name, what);
    return fixture_f32(file, full, n);
}

/* The case's samples in batches of `step`, and all that is known of them. */
static gf_metrics measured(const char *name, const gf_metric_list *list, gf_evaluation *e, size_t step)
{
    static int32_t truth[MOST], predicted[MOST];
    static float loss[MOST];
    size_t n, all;
    const float *label = tensor(name, "truth", &n), *score = tensor(name, "score", &all);
    size_t classes = all / n;
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++) {
        truth[i] = (int32_t)label[i];
        predicted[i] = 0;
        for (size_t c = 1; c < classes; c++) {
            if (score[i * classes + c] > score[i * classes + (size_t)predicted[i]]) predicted[i] = (int32_t)c;
        }
    }
    assert_int_equal(gf_evaluation_init(e, list, classes, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_expect(e, n, false, NULL), GRAFT_OK);
    for (size_t at = 0; at < n; at += step) {
        size_t m = n - at < step ? n - at : step;
        const gf_outcomes o = {m, classes, loss + at, truth + at, predicted + at, score + at * classes, NULL};
        gf_evaluation_add(e, &o);
    }
    return gf_evaluation_metrics(e);
}

/* Metric i of the list, if the fixture has it for that case. */
static int check(const char *name, const gf_metrics *m, size_t i)
{
    const float *two = tensor(name, m->list->item[i].name, NULL);
    if (!two) return 0;
    double want = (double)two[0] + (double)two[1], got = m->value[i];
    bool same = isnan(want) ? isnan(got) : fabs(got - want) <= 1e-12;
    if (!same) fail_msg("%s: %s is %.15g, scikit-learn has %.15g", name, m->list->item[i].name, got, want);
    return 1;
}

static void metrics_are_scikit_learns(void **state)
{
    (void)state;
    char names[GF_MAX_METRICS * GF_METRIC_NAME] = "top1,top2,top5";
    for (size_t i = 0; gf_metric_class_at(i); i++) {
        if (gf_metric_class_at(i)->most || gf_metric_class_at(i)->of_found) continue;
        if (gf_metric_class_at(i)->of == GF_OF_LABELS) continue; /* test_multilabel.c */
        strcat(strcat(names, ","), gf_metric_class_at(i)->name);
    }
    gf_metric_list list;
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, names, NULL, NULL), GRAFT_OK);
    int seen[GF_MAX_METRICS] = {0};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        gf_evaluation e, one_by_one;
        gf_metrics m = measured(cases[c], &list, &e, MOST), same = measured(cases[c], &list, &one_by_one, 1);
        for (size_t i = 0; i < list.n; i++) seen[i] += check(cases[c], &m, i);
        assert_memory_equal(m.value, same.value, sizeof m.value);
        gf_evaluation_free(&e);
        gf_evaluation_free(&one_by_one);
    }
    for (size_t i = 0; i < list.n; i++) { /* all but the loss */
        bool known = strcmp(list.item[i].name, "loss") != 0;
        if (known && seen[i] < 2) fail_msg("%s is in %d cases", list.item[i].name, seen[i]);
    }
}

static void intervals_are_scipys(void **state)
{
    (void)state;
    size_t n;
    const float *share = tensor("wilson", "shares", &n), *bounds = tensor("wilson", "bounds", NULL),
                *rest = tensor("wilson", "rest", NULL);
    double got[2];
    for (size_t i = 0; i < n; i += 2) {
        gf_wilson((double)share[i] / (double)share[i + 1], (double)share[i + 1], got);
        for (size_t k = 0; k < 2; k++) {
            assert_true(fabs(got[k] - ((double)bounds[i + k] + (double)rest[i + k])) <= 1e-12);
        }
    }
    assert_int_equal(n, 16);
    gf_wilson((double)NAN, 0, got);
    assert_true(isnan(got[0]) && isnan(got[1]));
}

static void of_equal_scores_the_first_class_is_taken(void **state)
{
    (void)state;
    const float score[] = {1, 1, 0, 1, (float)NAN, 2};
    const float loss[6] = {0};
    const int32_t predicted[] = {0, 0};
    gf_metric_list list;
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "top1,top2,top3", NULL, NULL), GRAFT_OK);
    static const double wanted[3][3] = {{1, 1, 1}, {0, 1, 1}, {0, 0, 1}};
    for (int32_t truth = 0; truth < 3; truth++) {
        gf_running r;
        assert_int_equal(gf_running_init(&r, &list, 3, NULL), GRAFT_OK);
        gf_running_add(&r, &(gf_outcomes){1, 3, loss, &truth, predicted, score, NULL});
        for (size_t i = 0; i < 3; i++) assert_true(gf_running_value(&r, i) == wanted[truth][i]);
        gf_running_free(&r);
    }
    const int32_t nonsense[] = {1, -1};
    for (int k = 0; k < 2; k++) { /* a score that is no number, a class that is none: never among the first */
        gf_running r;
        assert_int_equal(gf_running_init(&r, &list, 3, NULL), GRAFT_OK);
        gf_running_add(&r, &(gf_outcomes){1, 3, loss, &nonsense[k], predicted, score + 3, NULL});
        assert_true(gf_running_value(&r, 0) == 0 && gf_running_value(&r, 1) == 0);
        gf_running_free(&r);
    }
    assert_string_equal(list.item[1].title, "top-2 accuracy");
    static const char *const bad[] = {"top", "top0", "top01", "top1001", "top-1", "top5x", "top99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graft_error err = {0};
        assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, bad[i], NULL, &err), GRAFT_USAGE);
        assert_non_null(strstr(err.hint, "top1..top1000"));
    }
}

static int open_file(void **state)
{
    (void)state;
    file = fixture_open(GRAFT_FIXTURES "/metrics.safetensors");
    return file ? 0 : -1;
}

static int close_file(void **state)
{
    (void)state;
    fixture_close(file);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_scikit_learns),
        cmocka_unit_test(intervals_are_scipys),
        cmocka_unit_test(of_equal_scores_the_first_class_is_taken),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
