/* Losses and class weights: as Keras, PyTorch and scikit-learn have them (tools/make_loss_fixtures.py), gradients also
 * against finite differences; options that are none. */
#include "support/fixture.h"
#include "tasks/task.h"
#include "tensor/feed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 100, SAMPLES = 24 };

static fixture *file;

static const char *const names[] = {"cross-entropy", "cross-entropy:smoothing=0.1", "cross-entropy:smoothing=0.35",
                                    "focal",         "focal:gamma=0.5,alpha=0.6",   "focal:gamma=3",
                                    "focal:gamma=0"};
static const int class_counts[] = {2, 3, 7, 100};
enum { NAMES = sizeof names / sizeof *names, COUNTS = sizeof class_counts / sizeof *class_counts };

static const float *tensor(const char *tool, const char *name, int classes, const char *what, size_t *n)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s/%d%s", tool, *tool && *name ? "/" : "", name, classes, what);
    return fixture_f32(file, full, n);
}

typedef struct outcome {
    float loss[SAMPLES], diff[SAMPLES * MOST];
} outcome;

/* All samples of the fixture through the task. */
static void run(const char *name, int classes, const char *class_weight, bool training, outcome *o)
{
    gf_task t;
    const gf_task_options options = {.classes = classes, .loss = name, .class_weight = class_weight};
    gf_class_target label[SAMPLES];
    int32_t predicted[SAMPLES];
    size_t n;
    const float *truth = tensor("label", "", classes, "", &n);
    assert_int_equal(n, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) label[i] = gf_target_of((uint32_t)truth[i]);
    assert_int_equal(gf_task_open(&t, &options, NULL), GRAFT_OK);
    t.cls->step(&t, &(gf_task_batch){.n = SAMPLES,
                                     .width = t.cls->outputs(classes),
                                     .out = tensor("logits", "", classes, "", NULL),
                                     .target = label,
                                     .training = training,
                                     .scale = 1,
                                     .diff = o->diff,
                                     .loss = o->loss,
                                     .predicted = predicted});
    gf_task_close(&t);
}

static void check(const char *tool, const char *name, int classes, const char *what, const float *got)
{
    size_t n;
    const float *want = tensor(tool, name, classes, what, &n);
    if (!want) return;
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - (double)want[i]) <= 2e-6 * (1 + fabs((double)want[i]))) continue;
        fail_msg("%s, %s of %d classes%s: %g at %zu, wanted %g", tool, name, classes, what, (double)got[i], i,
                 (double)want[i]);
    }
}

static void losses_are_those_of_other_tools(void **state)
{
    (void)state;
    static outcome o;
    int seen = 0;
    for (int k = 0; k < NAMES; k++) {
        for (int c = 0; c < COUNTS; c++) {
            run(names[k], class_counts[c], NULL, true, &o);
            const char *const tools[] = {"keras", "torch"};
            for (int t = 0; t < 2; t++) {
                seen += tensor(tools[t], names[k], class_counts[c], "", NULL) != NULL;
                check(tools[t], names[k], class_counts[c], "", o.loss);
                check(tools[t], names[k], class_counts[c], "/gradient", o.diff);
            }
        }
    }
    assert_int_equal(seen, 4 * 7 + 3 * 3);
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    const float step = 1.0f / 256; /* and f32's own rounding: 1e-3 of the gradient is what can be told */
    for (int k = 0; k < NAMES; k++) {
        gf_loss l;
        assert_int_equal(gf_loss_parse(&l, names[k], NULL), GRAFT_OK);
        for (int y = 0; y < 2; y++) {
            for (int at = -6; at <= 6; at += 3) {
                float z = (float)at, diff;
                l.cls->sigmoid(&l, z, y, 1, &diff);
                double above = (double)l.cls->sigmoid(&l, z + step, y, 1, NULL),
                       below = (double)l.cls->sigmoid(&l, z - step, y, 1, NULL);
                assert_true(fabs((above - below) / (2 * (double)step) - (double)diff) <= 1e-3);
            }
        }
        for (int y = 0; y < 4; y++) {
            float z[4] = {1, -2, 0.5f, 3}, diff[4];
            l.cls->softmax(&l, z, 4, y, 1, diff);
            for (int i = 0; i < 4; i++) {
                float kept = z[i];
                z[i] = kept + step;
                double above = (double)l.cls->softmax(&l, z, 4, y, 1, NULL);
                z[i] = kept - step;
                double below = (double)l.cls->softmax(&l, z, 4, y, 1, NULL);
                z[i] = kept;
                assert_true(fabs((above - below) / (2 * (double)step) - (double)diff[i]) <= 1e-3);
            }
        }
    }
}

/* A sample that is very wrong keeps its gradient, one that is very right has none; what is no number is seen. */
static void extremes_are_told(void **state)
{
    (void)state;
    for (int k = 0; k < NAMES; k++) {
        gf_loss l;
        float diff = 0, three[3] = {300, -300, 0}, diffs[3];
        assert_int_equal(gf_loss_parse(&l, names[k], NULL), GRAFT_OK);
        float loss = l.cls->sigmoid(&l, 300, 0, 1, &diff);
        assert_true(isfinite(loss) && loss > 10 && diff > 0.1f);
        loss = l.cls->softmax(&l, three, 3, 1, 1, diffs);
        assert_true(isfinite(loss) && loss > 10 && diffs[1] < -0.1f && isfinite(diffs[0]) && isfinite(diffs[2]));
        loss = l.cls->sigmoid(&l, 300, 1, 1, &diff);
        assert_true(isfinite(loss) && loss >= 0 && isfinite(diff));
        assert_false(isfinite(l.cls->sigmoid(&l, NAN, 1, 1, &diff)));
        three[0] = NAN;
        assert_false(isfinite(l.cls->softmax(&l, three, 3, 1, 1, diffs)));
    }
}

static void class_weights_weigh_training_alone(void **state)
{
    (void)state;
    static outcome plain, weighted;
    static const char *const class_name[] = {"cat", "a=b", "bird"};
    gf_task t;
    const gf_task_options named = {.classes = 3, .class_weight = "bird=0.5,a=b=3", .class_name = class_name};
    assert_int_equal(gf_task_open(&t, &named, NULL), GRAFT_OK);
    assert_true(t.class_weight[0] == 1 && t.class_weight[1] == 3 && t.class_weight[2] == 0.5f);
    gf_task_close(&t);
    run("cross-entropy", 3, NULL, true, &plain);
    run("cross-entropy", 3, "balanced", true, &weighted); /* without counts all weigh 1 */
    assert_memory_equal(&plain, &weighted, sizeof plain);
    const float z[] = {1, 2, 3}, weight[] = {2, 1, 1};
    const gf_class_target truth = gf_target_of(0);
    int32_t predicted;
    float loss[2], diff[2][3];
    for (int training = 0; training < 2; training++) {
        t = (gf_task){.cls = gf_task_find(NULL), .classes = 3, .class_weight = (float *)weight};
        assert_int_equal(gf_loss_parse(&t.loss, NULL, NULL), GRAFT_OK);
        t.cls->step(&t, &(gf_task_batch){.n = 1,
                                         .width = 3,
                                         .out = z,
                                         .target = &truth,
                                         .training = training,
                                         .scale = 1,
                                         .diff = diff[training],
                                         .loss = &loss[training],
                                         .predicted = &predicted});
    }
    assert_true(loss[1] == 2 * loss[0]);
    for (int i = 0; i < 3; i++) assert_true(diff[1][i] == 2 * diff[0][i]);
}

static void class_weights_are_scikit_learns(void **state)
{
    (void)state;
    size_t n;
    const float *counts = fixture_f32(file, "class_weight/counts", &n),
                *want = fixture_f32(file, "class_weight/balanced", NULL);
    uint64_t images[8];
    float *weight;
    double mean = 0, all = 0;
    for (size_t c = 0; c < n; c++) images[c] = (uint64_t)counts[c];
    gf_task_options o = {.classes = (int)n, .class_weight = "balanced", .images = images};
    assert_int_equal(gf_class_weights(&weight, &o, NULL), GRAFT_OK);
    for (size_t c = 0; c < n; c++) assert_true(fabsf(weight[c] - want[c]) <= 1e-6f * want[c]);
    gf_free(weight);
    o.class_weight = "sqrt"; /* their roots, with a mean of 1 over the images */
    assert_int_equal(gf_class_weights(&weight, &o, NULL), GRAFT_OK);
    for (size_t c = 0; c < n; c++) {
        mean += (double)(weight[c] * counts[c]);
        all += (double)counts[c];
        assert_true(fabsf(weight[c] / weight[0] - sqrtf(want[c] / want[0])) <= 1e-6f * weight[c] / weight[0]);
    }
    assert_true(fabs(mean / all - 1) <= 1e-6);
    gf_free(weight);
    images[1] = 0; /* a class without images */
    assert_int_equal(gf_class_weights(&weight, &o, NULL), GRAFT_OK);
    assert_true(weight[1] == 1 && isfinite(weight[0]));
    gf_free(weight);
}

static void what_is_no_option_is_told(void **state)
{
    (void)state;
    static const char *const class_name[] = {"cat", "dog"};
    static const struct {
        gf_task_options o;
        const char *message, *hint;
    } rows[] = {
        {{.name = "clasify"}, "there is no task \"clasify\"", "classify"},
        {{.loss = ""}, "there is no loss \"\"", "cross-entropy, focal"},
        {{.loss = "hinge"}, "there is no loss \"hinge\"", "cross-entropy, focal"},
        {{.loss = "focal:smoothing=1"}, "loss focal: \"smoothing=1\"", "gamma from 0 to 10"},
        {{.loss = "cross-entropy:smoothing=1"}, "\"smoothing=1\"", "smoothing from 0 to 0.999"},
        {{.loss = "cross-entropy:smoothing"}, "\"smoothing\"", "smoothing from"},
        {{.loss = "cross-entropy:smoothing=nan"}, "\"smoothing=nan\"", "smoothing from"},
        {{.loss = "cross-entropy:"}, "\"\"", "smoothing from"},
        {{.class_weight = "cat"}, "class weight \"cat\"", "balanced"},
        {{.class_weight = "cat=x"}, "class weight \"cat=x\"", "balanced"},
        {{.class_weight = "cat=-1"}, "from 0 to 1e6", "balanced"},
        {{.class_weight = "cat=nan"}, "from 0 to 1e6", "balanced"},
        {{.class_weight = "=1"}, "class weight", "balanced"},
        {{.class_weight = "cow=1"}, "no such class", "balanced"},
        {{.class_weight = "cat=1,"}, "class weight \"\"", "balanced"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_task t;
        graft_error err = {0};
        gf_task_options o = rows[i].o;
        o.classes = 2;
        o.class_name = class_name;
        assert_int_equal(gf_task_open(&t, &o, &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_OPTION_VALUE);
        if (!strstr(err.message, rows[i].message)) fail_msg("%zu: %s", i, err.message);
        if (!strstr(err.hint, rows[i].hint)) fail_msg("%zu: %s", i, err.hint);
    }
    gf_task t;
    assert_int_equal(gf_task_open(&t, &(gf_task_options){.classes = 2}, NULL), GRAFT_OK);
    assert_string_equal(t.loss.cls->name, "cross-entropy"); /* the defaults are the first of each list */
    assert_string_equal(t.cls->name, "classify");
}

static int open_file(void **state)
{
    (void)state;
    file = fixture_open(GRAFT_FIXTURES "/losses.safetensors");
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
        cmocka_unit_test(losses_are_those_of_other_tools),
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(extremes_are_told),
        cmocka_unit_test(class_weights_weigh_training_alone),
        cmocka_unit_test(class_weights_are_scikit_learns),
        cmocka_unit_test(what_is_no_option_is_told),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
