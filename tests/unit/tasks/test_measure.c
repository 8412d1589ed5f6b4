/* metrics as columns: lists by name, means in sample order, counts that add up, confusion. */
#include "base/alloc.h"
#include "tasks/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static gf_metric_list list_of(const char *asked)
{
    gf_metric_list list;
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss,accuracy", asked, NULL), GRAFT_OK);
    return list;
}

static void lists_are_parsed(void **state)
{
    (void)state;
    gf_metric_list list = list_of("accuracy,loss"); /* each once, in the first order */
    assert_int_equal(list.n, 2);
    assert_string_equal(list.item[0].name, "loss");
    assert_int_equal(gf_metric_list_find(&list, "accuracy"), 1);
    assert_int_equal(gf_metric_list_find(&list, "acc"), -1);
    assert_int_equal(gf_metric_list_headline(&list), 1);
    char heading[GF_METRIC_NAME];
    assert_string_equal(gf_metric_heading(&list.item[1], heading), "Accuracy");
    static const char *const bad[] = {
        "",          "Loss",          "loss,",
        ",loss",     "loss accuracy", "loss1",
        "accuracyy", "\x1b[31mred",   "a_name_that_is_longer_than_any_metric_may_ever_be"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graft_error err = {0};
        assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss", bad[i], &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_OPTION_VALUE);
        assert_null(strchr(err.message, 0x1b));
        assert_non_null(strstr(err.hint, "accuracy"));
    }
}

/* Names are different, help and value are there: whoever adds one is told here. */
static void every_metric_is_complete(void **state)
{
    (void)state;
    const gf_metric_class *c, *other;
    for (size_t i = 0; (c = gf_metric_class_at(i)); i++) {
        assert_true(c->name && c->title && c->help && (c->of_set || c->of_found) == !c->counts);
        assert_true(!c->counts || (c->counts->size && c->counts->add && c->value));
        assert_true(strlen(c->name) + 7 < GF_METRIC_NAME && strlen(c->title) + 5 < GF_METRIC_NAME);
        assert_true(!c->most || (c->least >= 1 && c->least <= c->most && strstr(c->title, "%d")));
        for (size_t k = 0; k < i; k++) {
            other = gf_metric_class_at(k);
            unsigned of = c->of ? c->of : GF_OF_CLASSES, others = other->of ? other->of : GF_OF_CLASSES;
            if (of & others) assert_string_not_equal(c->name, other->name);
        }
    }
}

static void means_do_not_depend_on_the_batches(void **state)
{
    (void)state;
    enum { COUNT = 1000, CLASSES = 4 };
    static float loss[COUNT];
    static int32_t truth[COUNT], predicted[COUNT];
    gf_metric_list list = list_of(NULL);
    gf_running a, b;
    assert_int_equal(gf_running_init(&a, &list, CLASSES, NULL), GRAFT_OK);
    assert_int_equal(gf_running_init(&b, &list, CLASSES, NULL), GRAFT_OK);
    assert_true(isnan(gf_running_value(&a, 0)) && isnan(gf_running_value(&a, 1)));
    for (int i = 0; i < COUNT; i++) {
        loss[i] = 1 / (float)(i + 1);
        truth[i] = i % 3;
        predicted[i] = i % 4;
    }
    gf_running_add(&a, &(gf_outcomes){COUNT, CLASSES, loss, truth, predicted, NULL, NULL});
    for (size_t at = 0, n = 1; at < COUNT; at += n, n = n % 7 + 1) {
        size_t m = COUNT - at < n ? COUNT - at : n;
        gf_running_add(&b, &(gf_outcomes){m, CLASSES, loss + at, truth + at, predicted + at, NULL, NULL});
    }
    assert_int_equal(a.n_counts, b.n_counts);
    assert_memory_equal(a.counts, b.counts, a.n_counts * sizeof(double));
    assert_int_equal(gf_running_samples(&a), COUNT);
    double value[GF_MAX_METRICS];
    gf_running_values(&a, value);
    assert_true(fabs(value[0] - 7.485470860550345e-3) < 1e-9); /* the 1000th harmonic number / 1000 */
    assert_true(value[1] == 0.252);                            /* 3 of each 12 samples, and 3 of the last 4 */
    assert_true(isnan(value[2]));
    gf_running_clear(&a);
    assert_int_equal(gf_running_samples(&a), 0);
    gf_running_free(&a);
    gf_running_free(&b);
    gf_running_free(NULL);
}

static void confusion_has_true_classes_in_rows(void **state)
{
    (void)state;
    const float loss[] = {0.5f, 1.5f, 1, 1, 1};
    const int32_t truth[] = {0, 0, 1, 2, 1}, predicted[] = {0, 2, 1, -1, 3};
    gf_metric_list list = list_of(NULL);
    gf_evaluation e;
    assert_int_equal(gf_evaluation_init(&e, &list, 3, NULL), GRAFT_OK);
    gf_evaluation_add(&e, &(gf_outcomes){2, 3, loss, truth, predicted, NULL, NULL});
    gf_evaluation_add(&e, &(gf_outcomes){3, 3, loss + 2, truth + 2, predicted + 2, NULL, NULL});
    static const uint64_t wanted[] = {1, 0, 1, 0, 1, 0, 0, 0, 0};
    gf_metrics m = gf_evaluation_metrics(&e);
    assert_memory_equal(m.confusion, wanted, sizeof wanted);
    assert_int_equal(m.images, 5);
    assert_true(m.value[0] == 1 && m.value[1] == 0.4);

    gf_json *j = gf_metrics_json(&m, 3);
    char *text = gf_json_text(j, 0);
    assert_string_equal(
        text, "{\"images\": 5, \"loss\": 1.0, \"accuracy\": 0.4, \"confusion\": [[1, 0, 1], [0, 1, 0], [0, 0, 0]], "
              "\"intervals\": {\"accuracy\": [0.117620774, 0.769275719]}}");
    gf_free(text);
    gf_json_free(j);
    gf_text t = {0};
    gf_metrics_text(&t, &m);
    assert_string_equal(t.s, "loss 1.0000, accuracy 0.4000");
    gf_text_free(&t);

    gf_evaluation_clear(&e);
    m = gf_evaluation_metrics(&e);
    assert_true(m.images == 0 && m.confusion[0] == 0 && isnan(gf_metrics_value(&m, 1)));
    gf_evaluation_free(&e);
    gf_evaluation_free(NULL);
    graft_error err;
    assert_int_equal(gf_evaluation_init(&e, &list, (size_t)1 << 40, &err), GRAFT_RESOURCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_parsed),
        cmocka_unit_test(every_metric_is_complete),
        cmocka_unit_test(means_do_not_depend_on_the_batches),
        cmocka_unit_test(confusion_has_true_classes_in_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
