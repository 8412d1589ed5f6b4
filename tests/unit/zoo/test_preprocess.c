/* How images are scaled: by name, and by a mean and a deviation of one's own, as torchvision's Normalize. */
#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void torch_is_the_mean_and_deviation_of_imagenet(void **state)
{
    (void)state;
    gf_preprocess own, torch;
    static const char text[] = "mean=0.485,0.456,0.406,std=0.229,0.224,0.225";
    assert_int_equal(gf_preprocess_parse(&own, text, NULL), GRAFT_OK);
    assert_int_equal(gf_preprocess_parse(&torch, "torch", NULL), GRAFT_OK);
    assert_memory_equal(own.scale, torch.scale, sizeof own.scale);
    assert_memory_equal(own.offset, torch.offset, sizeof own.offset);
    assert_false(own.bgr);
    assert_ptr_equal(own.name, text);
}

static void one_number_is_for_all_colors(void **state)
{
    (void)state;
    gf_preprocess p;
    assert_int_equal(gf_preprocess_parse(&p, "mean=0.5,std=0.25", NULL), GRAFT_OK);
    for (int c = 0; c < 3; c++) {
        assert_true(fabs((double)(p.scale[c] * 255 + p.offset[c]) - 2) <= 1e-6); /* white: (1 - 0.5) / 0.25 */
        assert_true(fabs((double)p.offset[c] + 2) <= 1e-6);                      /* black */
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "tensorflow",
                                      "mean=0.5",
                                      "std=0.5",
                                      "mean=0.5,0.5,std=0.2",
                                      "mean=0.5,std=0",
                                      "mean=123,std=58",
                                      "mean=0.5,std=0.2,0.2,0.2,0.2",
                                      "mean=a,std=1",
                                      "mean=0.5,std=0.2,",
                                      "mean=,std=0.2",
                                      "mean=0.5,0.5,0.5,0.5,std=0.2",
                                      "mean=nan,std=0.2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_preprocess p;
        graft_error err = {0};
        if (gf_preprocess_parse(&p, bad[i], &err) != GRAFT_USAGE) fail_msg("%s", bad[i]);
        assert_non_null(strstr(err.hint, "mean="));
    }
}

/* The network's input has it, so the model file and what is exported, too. */
static void a_network_takes_it(void **state)
{
    (void)state;
    gf_model m;
    const gf_zoo_options o = {
        .width = 32, .height = 32, .alpha = 0.35, .classes = 3, .preprocess = "mean=0.1,0.2,0.3,std=0.5"};
    assert_int_equal(gf_zoo_build(&m, "mobilenet_v2", &o, NULL), GRAFT_OK);
    for (int c = 0; c < 3; c++) {
        assert_true(fabs((double)m.layer[0].at.scale[c] - 1 / 127.5) <= 1e-8);
        assert_true(fabs((double)m.layer[0].at.offset[c] + 0.2 * (c + 1)) <= 1e-6);
    }
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torch_is_the_mean_and_deviation_of_imagenet),
        cmocka_unit_test(one_number_is_for_all_colors),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(a_network_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
