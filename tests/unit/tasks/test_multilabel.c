/* Samples with any number of labels: losses and gradients as Keras and PyTorch have them, metrics as scikit-learn has
 * them (tools/make_label_fixtures.py); blended targets; class weights; what is no metric of theirs. */
#include "support/fixture.h"
#include "tasks/counts.h"
#include "tasks/measure.h"
#include "tensor/feed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 24, MOST_CLASSES = 40, MOST = 256 };

static fixture *file;

static const float *tensor(const char *group, const char *name, int classes, const char *what, size_t *n)
{
    char full[128];
    if (classes) snprintf(full, sizeof full, "%s%s/%d%s", group, name, classes, what);
    if (!classes) snprintf(full, sizeof full, "%s/%s", group, what);
    const float *values = fixture_f32(file, full, n);
    return values;
}

/* Rows of 0 and 1 as numbers of sets. */
static void make_sets(const float *rows, size_t n, size_t classes, gf_label_sets *sets, int32_t *number)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t label[MOST_CLASSES], set;
        size_t k = 0;
        for (size_t c = classes; c > 0; c--) { /* sorting is the sets' */
            if (rows[i * classes + c - 1] > 0) label[k++] = (uint32_t)(c - 1);
        }
        assert_int_equal(gf_label_sets_add(sets, label, k, &set, NULL), GRAFT_OK);
        number[i] = (int32_t)set;
    }
}

typedef struct outcome {
    float loss[SAMPLES], diff[SAMPLES * MOST_CLASSES], spare[MOST_CLASSES];
    int32_t predicted[SAMPLES];
} outcome;

static void run(int classes, const char *loss, const char *class_weight, bool training, outcome *o)
{
    gf_label_sets sets = {0};
    gf_class_target target[SAMPLES];
    int32_t number[SAMPLES];
    gf_task t;
    static const char *const name[MOST_CLASSES] = {"a", "b", "c"};
    const gf_task_options options = {.name = "multilabel",
                                     .classes = classes,
                                     .loss = loss,
                                     .sets = &sets,
                                     .class_weight = class_weight,
                                     .class_name = name};
    make_sets(tensor("loss", "", classes, "/target", NULL), SAMPLES, (size_t)classes, &sets, number);
    for (int i = 0; i < SAMPLES; i++) target[i] = gf_target_of((uint32_t)number[i]);
    assert_int_equal(gf_task_open(&t, &options, NULL), GRAFT_OK);
    t.cls->step(&t, &(gf_task_batch){.n = SAMPLES,
                                     .width = (size_t)classes,
                                     .out = tensor("loss", "", classes, "/logits", NULL),
                                     .target = target,
                                     .training = training,
                                     .scale = 1,
                                     .diff = o->diff,
                                     .spare = o->spare,
                                     .loss = o->loss,
                                     .predicted = o->predicted});
    gf_task_close(&t);
    gf_label_sets_free(&sets);
}

static void same(const char *what, const float *got, const float *want, size_t n)
{
    assert_non_null(want);
    for (size_t i = 0; i < n; i++) {
        float tolerance = 1e-6f * fmaxf(1, fabsf(want[i]));
        if (!(fabsf(got[i] - want[i]) <= tolerance))
            fail_msg("%s, number %zu: %.9g, wanted %.9g", what, i, (double)got[i], (double)want[i]);
    }
}

static void losses_are_those_of_keras_and_torch(void **state)
{
    (void)state;
    static const struct {
        const char *group, *name, *loss;
    } row[] = {{"keras/", "cross-entropy", "cross-entropy"},
               {"keras/", "cross-entropy:smoothing=0.1", "cross-entropy:smoothing=0.1"},
               {"torch", "", "cross-entropy"}};
    static const int counts[] = {2, 3, 40};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        for (size_t k = 0; k < 3; k++) {
            outcome o;
            run(counts[k], row[i].loss, NULL, true, &o);
            same(row[i].loss, o.loss, tensor(row[i].group, row[i].name, counts[k], "", NULL), SAMPLES);
            same("gradient", o.diff, tensor(row[i].group, row[i].name, counts[k], "/gradient", NULL),
                 SAMPLES * (size_t)counts[k]);
        }
    }
}

/* "a=W,b=W,c=W" with the fixture's weights; an evaluation weighs nothing. */
static void weights_are_those_of_positives(void **state)
{
    (void)state;
    enum { CLASSES = 3 };
    char text[128];
    outcome o, plain, judged;
    const float *w = tensor("loss", "", CLASSES, "/pos_weight", NULL);
    snprintf(text, sizeof text, "a=%.9g,b=%.9g,c=%.9g", (double)w[0], (double)w[1], (double)w[2]);
    run(CLASSES, NULL, text, true, &o);
    same("weighted", o.loss, tensor("torch", "/weighted", CLASSES, "", NULL), SAMPLES);
    same("weighted gradient", o.diff, tensor("torch", "/weighted", CLASSES, "/gradient", NULL), SAMPLES * CLASSES);
    run(CLASSES, NULL, NULL, false, &plain);
    run(CLASSES, NULL, text, false, &judged);
    assert_memory_equal(plain.loss, judged.loss, sizeof plain.loss);
}

static void balanced_weights(void **state)
{
    (void)state;
    static const uint64_t images[] = {50, 10, 1, 0};
    static const float balanced[] = {1, 9, 20, 1}, root[] = {1, 3, 9.94987437f, 1};
    const gf_label_sets sets = {0};
    for (int k = 0; k < 2; k++) {
        float *w;
        const gf_task_options o = {
            .classes = 4, .images = images, .all = 100, .sets = &sets, .class_weight = k ? "sqrt" : "balanced"};
        assert_int_equal(gf_class_weights(&w, &o, NULL), GRAFT_OK);
        same("class weights", w, k ? root : balanced, 4);
        gf_free(w);
    }
}

/* Losses are linear in the target, so the mix of two samples has the mix of their losses. */
static void blended(void **state)
{
    (void)state;
    enum { CLASSES = 3 };
    gf_label_sets sets = {0};
    uint32_t one[] = {2, 0}, other[] = {1}, first, second;
    assert_int_equal(gf_label_sets_add(&sets, one, 2, &first, NULL), GRAFT_OK);
    assert_int_equal(gf_label_sets_add(&sets, other, 1, &second, NULL), GRAFT_OK);
    const float z[CLASSES] = {0.3f, -1.2f, 2}, share = 0.7f;
    float loss[3], diff[3][CLASSES], spare[CLASSES], want[CLASSES];
    int32_t predicted;
    gf_task t;
    const gf_task_options o = {.name = "multilabel", .classes = CLASSES, .sets = &sets};
    assert_int_equal(gf_task_open(&t, &o, NULL), GRAFT_OK);
    const gf_class_target target[] = {
        gf_target_of(first), gf_target_of(second), {(int32_t)first, (int32_t)second, share, 1, 1}};
    for (int i = 0; i < 3; i++) {
        t.cls->step(&t, &(gf_task_batch){.n = 1,
                                         .width = CLASSES,
                                         .out = z,
                                         .target = &target[i],
                                         .training = true,
                                         .scale = 0.5f,
                                         .diff = diff[i],
                                         .spare = spare,
                                         .loss = &loss[i],
                                         .predicted = &predicted});
    }
    for (int c = 0; c < CLASSES; c++) want[c] = share * diff[0][c] + (1 - share) * diff[1][c];
    same("blended gradient", diff[2], want, CLASSES);
    const float mixed = share * loss[0] + (1 - share) * loss[1];
    same("blended loss", &loss[2], &mixed, 1);
    gf_task_close(&t);
    gf_label_sets_free(&sets);
}

/* ---- metrics */

static void check_case(const char *name)
{
    static int32_t truth[MOST], predicted[MOST];
    static float loss[MOST];
    gf_label_sets sets = {0};
    gf_metric_list list;
    gf_evaluation e;
    size_t n, classes, all;
    const float *threshold = tensor(name, "", 0, "threshold", &classes), *score = tensor(name, "", 0, "score", &all);
    n = all / classes;
    const gf_labelling labels = {.sets = &sets, .threshold = threshold};
    make_sets(tensor(name, "", 0, "truth", NULL), n, classes, &sets, truth);
    for (size_t i = 0; i < n; i++) {
        bool exact = true;
        for (size_t c = 0; c < classes; c++)
            exact = exact && gf_label_holds(&labels, c, score[i * classes + c]) ==
                                 gf_label_sets_has(&sets, (uint32_t)truth[i], (uint32_t)c);
        predicted[i] = exact ? truth[i] : -1;
    }
    const char *metrics = "map,auc,micro_precision,micro_recall,micro_f1,macro_precision,macro_recall,macro_f1,"
                          "exact_match,hamming_loss";
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_LABELS, "loss", metrics, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_init(&e, &list, classes, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_of_labels(&e, &labels, NULL), GRAFT_OK);
    assert_int_equal(gf_evaluation_expect(&e, n, false, NULL), GRAFT_OK);
    for (size_t at = 0; at < n; at += 7) {
        size_t m = n - at < 7 ? n - at : 7;
        gf_evaluation_add(
            &e, &(gf_outcomes){m, classes, loss + at, truth + at, predicted + at, score + at * classes, &labels});
    }
    gf_metrics m = gf_evaluation_metrics(&e);
    assert_null(m.confusion);
    for (size_t i = 1; i < list.n; i++) {
        const float *two = tensor(name, "", 0, list.item[i].name, NULL);
        assert_non_null(two);
        double want = (double)two[0] + (double)two[1];
        bool right = isnan(want) ? isnan(m.value[i]) : fabs(m.value[i] - want) <= 1e-12;
        if (!right) fail_msg("%s: %s is %.15g, scikit-learn has %.15g", name, list.item[i].name, m.value[i], want);
    }
    gf_evaluation_free(&e);
    gf_label_sets_free(&sets);
}

static void metrics_are_scikit_learns(void **state)
{
    (void)state;
    static const char *const cases[] = {"two", "five", "ties", "rare", "own", "one"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(cases[i]);
}

static void what_is_no_metric_of_theirs(void **state)
{
    (void)state;
    static const char *const bad[] = {"top5", "accuracy", "mcc", "AP", "nonsense"};
    gf_metric_list list;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graft_error err = {0};
        assert_int_equal(gf_metric_list_parse(&list, GF_OF_LABELS, "loss,map", bad[i], &err), GRAFT_USAGE);
        assert_non_null(strstr(err.message, bad[i]));
        assert_non_null(strstr(err.hint, "map"));
        assert_null(strstr(err.hint, "mcc"));
    }
    graft_error err = {0};
    assert_int_equal(gf_metric_list_parse(&list, GF_OF_CLASSES, "loss,accuracy", "map", &err), GRAFT_USAGE);
    assert_non_null(strstr(err.message, "several labels"));
}

/* ---- sets */

static void sets_are_numbered_once(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    gf_label_sets s = {0};
    uint32_t number, again, label[3];
    const uint32_t *of;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < MANY; i++) {
            label[0] = i % 71, label[1] = i % 67 + 100, label[2] = i % 71;
            assert_int_equal(gf_label_sets_add(&s, label, i % 4, &number, NULL), GRAFT_OK);
            label[0] = i % 71, label[1] = i % 67 + 100, label[2] = i % 71;
            assert_int_equal(gf_label_sets_add(&s, label, i % 4, &again, NULL), GRAFT_OK);
            assert_int_equal(number, again);
            assert_int_equal(gf_label_sets_of(&s, number, &of), i % 4 < 2 ? i % 4 : 2);
            if (i % 4) assert_true(gf_label_sets_has(&s, number, i % 71));
            assert_false(gf_label_sets_has(&s, number, 99));
        }
    }
    assert_int_equal(gf_label_sets_of(&s, (uint32_t)s.n, &of), 0);
    assert_int_equal(gf_label_sets_of(NULL, 0, &of), 0);
    gf_label_sets_free(&s);
}

int main(void)
{
    file = fixture_open(GRAFT_FIXTURES "/labels.safetensors");
    if (!file) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_those_of_keras_and_torch),
        cmocka_unit_test(weights_are_those_of_positives),
        cmocka_unit_test(balanced_weights),
        cmocka_unit_test(blended),
        cmocka_unit_test(metrics_are_scikit_learns),
        cmocka_unit_test(what_is_no_metric_of_theirs),
        cmocka_unit_test(sets_are_numbered_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close(file);
    return failed;
}
