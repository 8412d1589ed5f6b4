/* The VOC challenge's measures: as object-detection-metrics has them on the scenes that tools/make_voc_fixtures.py
 * draws; difficult objects, which that package does not know, by hand. */
#include "boxes/voc_eval.h"
#include "scenes.h"
#include "support/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SCENES = 200 };

static void measures_are_the_packages(void **state)
{
    (void)state;
    static random_scene s;
    fixture *f = fixture_open(GRAFT_FIXTURES "/boxes/voc.safetensors");
    assert_non_null(f);
    static const char *const name[] = {"ap2007", "ap2010"};
    for (int year = 0; year < 2; year++) {
        size_t n, at = 0, some = 0;
        const float *bits = fixture_f32(f, name[year], &n);
        assert_non_null(bits);
        for (uint64_t seed = 0; seed < SCENES; seed++) {
            double ap[SCENE_MOST_IDS], wanted;
            size_t kept = 0;
            draw_scene(&s, seed);
            for (size_t i = 0; i < s.set.truths; i++)
                if (!s.truth[i].crowd) s.truth[kept++] = s.truth[i];
            s.set.truths = kept;
            assert_int_equal(gf_voc_evaluate(ap, &s.set, (gf_voc_year)year, NULL), GRAFT_OK);
            for (size_t k = 0; k < s.set.categories; k++, at++) {
                memcpy(&wanted, bits + 2 * at, sizeof wanted);
                if (!(fabs(ap[k] - wanted) <= 1e-12))
                    fail_msg("scene %d, category %zu: %.17g, not %.17g", (int)seed, k, ap[k], wanted);
                some += wanted > 0 && wanted < 1;
            }
        }
        assert_int_equal(2 * at, n);
        assert_true(some > 100);
    }
    fixture_close(f);
}

static void difficult_objects_are_left_out(void **state)
{
    (void)state;
    const int64_t image[] = {1}, category[] = {1, 2};
    gf_truth truth[] = {{1, 1, {0, 0, 10, 10}, 100, false, false},
                        {1, 1, {50, 50, 10, 10}, 100, false, true},
                        {1, 2, {0, 0, 5, 5}, 25, true, false}};
    gf_detection found[] = {{1, 1, {50, 50, 10, 10}, 0.9}, /* difficult: neither right nor wrong */
                            {1, 1, {50, 50, 10, 9}, 0.8},  /* the same */
                            {1, 1, {0, 0, 10, 10}, 0.7},   /* right */
                            {1, 1, {0, 1, 10, 10}, 0.6}};  /* it is taken: wrong */
    const gf_detection_set set = {image, category, 1, 2, truth, 3, found, 4};
    double ap[2];
    assert_int_equal(gf_voc_evaluate(ap, &set, GF_VOC_2010, NULL), GRAFT_OK);
    assert_true(ap[0] == 1 && ap[1] == -1);
    assert_true(gf_voc_mean(ap, 2) == 1);
    assert_true(gf_voc_mean(ap + 1, 1) == -1);
    truth[1].difficult = false; /* now it is to be found, and its second finding is wrong */
    assert_int_equal(gf_voc_evaluate(ap, &set, GF_VOC_2010, NULL), GRAFT_OK);
    assert_true(fabs(ap[0] - (0.5 + 0.5 * 2 / 3)) < 1e-15);
    assert_int_equal(gf_voc_evaluate(ap, &set, GF_VOC_2007, NULL), GRAFT_OK);
    assert_true(fabs(ap[0] - (6 + 5 * 2.0 / 3) / 11) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_are_the_packages),
        cmocka_unit_test(difficult_objects_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
