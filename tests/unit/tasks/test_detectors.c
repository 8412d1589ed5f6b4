/* Heads of detectors: on which layers they stand, which places they have, how they begin. */
#include "graph/head.h"
#include "tasks/detector.h"
#include "tasks/task.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A backbone of side x side: a stage for each stride from 2 to 32, of two convolutions, the second one on a wide one
 * that a residual goes around. */
static gf_model backbone(int64_t side, int *last)
{
    gf_model m = {0};
    gf_layer input = {.cls = &gf_layer_input, .name = "input", .shape = GF_SHAPE(side, side, 3), .backbone = true};
    assert_int_equal(gf_model_add(&m, &input, last, NULL), GRAFT_OK);
    for (int k = 1; k <= 5; k++) {
        int narrow, wide, back;
        gf_layer l = {.cls = &gf_layer_conv2d, .n_src = 1, .src = {*last}, .backbone = true};
        l.at.filters = 4 * k;
        l.at.kh = l.at.kw = 3;
        l.at.sh = l.at.sw = 2;
        l.at.padding = GF_PAD_SAME;
        snprintf(l.name, sizeof l.name, "down_%d", k);
        assert_int_equal(gf_model_add(&m, &l, &narrow, NULL), GRAFT_OK);
        l.at.sh = l.at.sw = 1;
        l.at.filters = 24 * k;
        l.src[0] = narrow;
        snprintf(l.name, sizeof l.name, "wide_%d", k);
        assert_int_equal(gf_model_add(&m, &l, &wide, NULL), GRAFT_OK);
        l.at.filters = 4 * k;
        l.src[0] = wide;
        snprintf(l.name, sizeof l.name, "narrow_%d", k);
        assert_int_equal(gf_model_add(&m, &l, &back, NULL), GRAFT_OK);
        gf_layer add = {.cls = &gf_layer_add, .n_src = 2, .src = {narrow, back}, .backbone = true};
        snprintf(add.name, sizeof add.name, "add_%d", k);
        assert_int_equal(gf_model_add(&m, &add, last, NULL), GRAFT_OK);
    }
    gf_layer top = {.cls = &gf_layer_conv2d, .name = "top", .n_src = 1, .src = {*last}, .backbone = true};
    top.at.filters = 100;
    top.at.kh = top.at.kw = 1;
    assert_int_equal(gf_model_add(&m, &top, last, NULL), GRAFT_OK);
    return m;
}

static gf_model with_head(const char *name, int64_t side, int classes)
{
    int last;
    gf_model m = backbone(side, &last);
    const gf_detector_class *detector;
    assert_int_equal(gf_detector_parse(&detector, name, NULL), GRAFT_OK);
    const gf_head_spec head = {.add = detector->add_head};
    graft_error err = {0};
    if (gf_head_add(&m, last, &head, classes, 0, &err)) fail_msg("%s", err.message);
    assert_int_equal(gf_model_finish(&m, NULL), GRAFT_OK);
    return m;
}

static void pan_has_four_levels_on_what_stages_hand_on(void **state)
{
    (void)state;
    gf_model m = with_head("pan", 320, 3);
    gf_task t = gf_task_of_model(&m, "detect");
    assert_true(t.cls->fits(&t, &m));
    assert_int_equal(t.places.levels, 4);
    assert_int_equal(t.places.n, 1600 + 400 + 100 + 25);
    assert_int_equal(t.places.level[3].stride, 64);
    assert_int_equal(m.layer[m.output].shape.dim[0], 2125);
    assert_int_equal(m.layer[m.output].shape.dim[1], 7);
    static const char *const lateral[][2] = {{"lateral", "add_5"}, {"lateral_1", "add_4"}, {"lateral_2", "add_3"}};
    for (size_t i = 0; i < 3; i++) {
        const gf_layer *l = &m.layer[gf_model_find(&m, lateral[i][0])];
        assert_string_equal(m.layer[l->src[0]].name, lateral[i][1]);
    }
    assert_int_equal(gf_model_find(&m, "top"), -1); /* nothing needs it */
    assert_string_equal(m.layer[m.features].name, "add_5");
    gf_model_free(&m);
}

static void maps_of_odd_sides_are_covered(void **state)
{
    (void)state;
    gf_model m = with_head("pan", 416, 1);
    gf_task t = gf_task_of_model(&m, "detect");
    static const int side[] = {52, 26, 13, 7}, stride[] = {8, 16, 32, 64};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(t.places.level[k].w, side[k]);
        assert_int_equal(t.places.level[k].stride, stride[k]);
    }
    gf_model_free(&m);
    int last;
    m = backbone(300, &last);
    const gf_detector_class *detector;
    graft_error err = {0};
    assert_int_equal(gf_detector_parse(&detector, "pan", NULL), GRAFT_OK);
    const gf_head_spec head = {.add = detector->add_head};
    assert_int_equal(gf_head_add(&m, last, &head, 2, 0, &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "multiple of 32"));
    gf_model_free(&m);
}

static void plain_is_the_last_map(void **state)
{
    (void)state;
    gf_model m = with_head("plain", 320, 2);
    gf_task t = gf_task_of_model(&m, "detect");
    assert_true(t.cls->fits(&t, &m));
    assert_int_equal(t.places.n, 100);
    assert_int_equal(t.places.level[0].stride, 32);
    assert_string_equal(m.layer[m.features].name, "top");
    gf_model_free(&m);
}

/* A score of 0.01 for each class; squares of five strides; kernels that leave it so. */
static void heads_begin_with_rare_objects_of_five_strides(void **state)
{
    (void)state;
    gf_model m = with_head("pan", 320, 2);
    int level[GF_MAX_LEVELS];
    gf_model_init(&m, 1, 0);
    gf_task_find("detect")->begin_head(&m);
    assert_int_equal(gf_detector_levels(&m, level), 4);
    for (int k = 0; k < 4; k++) {
        const gf_param *kernel = gf_model_param(&m, level[k], "kernel"), *bias = gf_model_param(&m, level[k], "bias");
        const float *b = m.value + bias->offset, *w = m.value + kernel->offset;
        double sum = 0;
        for (size_t i = 0; i < kernel->count; i++) sum += (double)w[i] * (double)w[i];
        assert_true(fabs(sqrt(sum / (double)kernel->count) - 0.01) < 1e-5);
        for (int i = 0; i < 6; i++) assert_true(fabs((double)b[i] - (i < 2 ? -log(99) : log(2.5))) < 1e-6);
    }
    gf_model_free(&m);
}

static void names_are_told(void **state)
{
    (void)state;
    const gf_detector_class *detector;
    graft_error err = {0};
    gf_text words = {0};
    assert_int_equal(gf_detector_parse(&detector, NULL, NULL), GRAFT_OK);
    assert_ptr_equal(detector, gf_detector_at(0));
    assert_int_equal(gf_detector_parse(&detector, "yolo", &err), GRAFT_USAGE);
    assert_non_null(strstr(err.hint, "plain, pan"));
    gf_detector_words(&words);
    assert_non_null(strstr(words.s, "plain - "));
    gf_text_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pan_has_four_levels_on_what_stages_hand_on),
        cmocka_unit_test(maps_of_odd_sides_are_covered),
        cmocka_unit_test(plain_is_the_last_map),
        cmocka_unit_test(heads_begin_with_rare_objects_of_five_strides),
        cmocka_unit_test(names_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
