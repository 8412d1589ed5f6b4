/* What is wrong with detections, as TIDE counts it, and at which score F1 is best, as plain counting has it: on the
 * scenes that tools/make_match_fixtures.py draws; crowds and ties by hand. */
#include "boxes/matches.h"

#include "base/alloc.h"
#include "scenes.h"
#include "support/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SCENES = 500, COUNTS = 7 };

/* TIDE's: right, misplaced, wrong class, double, background, both, missed. */
static void count(const gf_detection_set *set, const gf_matches *m, int32_t to[COUNTS])
{
    static const int at[GF_MATCH_KINDS] = {
        [GF_MATCH_RIGHT] = 0,  [GF_MATCH_IGNORED] = -1,   [GF_MATCH_MISPLACED] = 1, [GF_MATCH_CLASS] = 2,
        [GF_MATCH_DOUBLE] = 3, [GF_MATCH_BACKGROUND] = 4, [GF_MATCH_BOTH] = 5};
    memset(to, 0, COUNTS * sizeof *to);
    for (size_t i = 0; i < set->detections; i++) {
        assert_true(at[m->detection[i].kind] >= 0);
        to[at[m->detection[i].kind]]++;
    }
    for (size_t i = 0; i < set->truths; i++) to[6] += m->truth[i] == GF_TRUTH_MISSED;
}

static void best_of(const gf_detection_set *set, const gf_matches *m, double told[2], double confidence)
{
    gf_ranking r;
    size_t best;
    assert_int_equal(gf_ranking_of(&r, set, m, NULL), GRAFT_OK);
    gf_operating *point = gf_new_n(r.n + 1, gf_operating);
    assert_non_null(point);
    assert_int_equal(gf_ranking_points(&r, point, &best, NULL), GRAFT_OK);
    assert_int_equal(r.n, set->detections);
    if (set->truths) {
        assert_float_equal(point[best].f1, told[0], 1e-12);
        if (told[0] > 0) { /* between that detection's score and the next */
            assert_true(best > 0 && r.item[best - 1].score == told[1]);
            assert_true(point[best].confidence <= told[1]);
            assert_true(best == r.n || point[best].confidence > r.item[best].score);
            assert_true(confidence < 0 || point[best].confidence == confidence);
        }
    }
    gf_free(point);
    gf_ranking_free(&r);
}

static void mistakes_are_those_that_tide_counts(void **state)
{
    (void)state;
    fixture *f = fixture_open(GRAFT_FIXTURES "/boxes/matches.safetensors");
    assert_non_null(f);
    random_scene *s = malloc(sizeof *s);
    assert_non_null(s);
    size_t n;
    const uint8_t *counts = fixture_u8(f, "counts", &n);
    assert_int_equal(n, SCENES * COUNTS * sizeof(int32_t));
    const uint8_t *best = fixture_u8(f, "best", &n);
    assert_int_equal(n, SCENES * 2 * sizeof(double));
    long told = 0;
    for (size_t i = 0; i < SCENES; i++) {
        gf_matches m;
        int32_t mine[COUNTS], theirs[COUNTS];
        double f1[2];
        draw_scene(s, i);
        for (size_t k = 0; k < s->set.truths; k++) s->truth[k].crowd = false;
        assert_int_equal(gf_matches_of(&m, &s->set, 0.5, NULL), GRAFT_OK);
        count(&s->set, &m, mine);
        memcpy(theirs, counts + i * sizeof theirs, sizeof theirs);
        for (int k = 0; k < COUNTS; k++) {
            if (mine[k] != theirs[k]) fail_msg("scene %zu, kind %d: %d, TIDE has %d", i, k, mine[k], theirs[k]);
            told += mine[k];
        }
        memcpy(f1, best + i * sizeof f1, sizeof f1);
        best_of(&s->set, &m, f1, -1);
        gf_matches_free(&m);
    }
    assert_true(told > 10000);
    free(s);
    fixture_close(f);
}

/* Two images: in one an object found twice, a crowd with two detections in it and a difficult one found; in the other
 * an object of another class, and one that nothing finds. */
static void crowds_and_difficult_objects_are_neither(void **state)
{
    (void)state;
    static const int64_t image[] = {3, 8}, category[] = {1, 2};
    static const gf_truth truth[] = {{8, 1, {0, 0, 10, 10}, 100, false, false},
                                     {3, 1, {0, 0, 10, 10}, 100, false, false},
                                     {3, 1, {100, 0, 100, 100}, 10000, true, false},
                                     {3, 2, {50, 50, 20, 20}, 400, false, true},
                                     {8, 2, {60, 60, 20, 20}, 400, false, false}};
    static const gf_detection found[] = {{3, 1, {0, 0, 10, 9}, 0.5},    {3, 1, {0, 1, 10, 9}, 0.7},
                                         {3, 1, {110, 5, 5, 5}, 0.9},   {3, 1, {120, 5, 5, 5}, 0.8},
                                         {3, 2, {50, 50, 20, 20}, 0.6}, {8, 2, {0, 0, 10, 10}, 0.4},
                                         {8, 2, {55, 60, 5, 20}, 0.3}};
    static const gf_match_kind kind[] = {GF_MATCH_DOUBLE,  GF_MATCH_RIGHT, GF_MATCH_IGNORED,   GF_MATCH_IGNORED,
                                         GF_MATCH_IGNORED, GF_MATCH_CLASS, GF_MATCH_BACKGROUND};
    static const gf_truth_state at[] = {GF_TRUTH_NEARLY, GF_TRUTH_FOUND, GF_TRUTH_IGNORED, GF_TRUTH_IGNORED,
                                        GF_TRUTH_MISSED};
    const gf_detection_set set = {image, category, 2, 2, truth, 5, found, 7};
    gf_matches m;
    assert_int_equal(gf_matches_of(&m, &set, 0.5, NULL), GRAFT_OK);
    for (size_t i = 0; i < 7; i++) assert_int_equal(m.detection[i].kind, kind[i]);
    for (size_t i = 0; i < 5; i++) assert_int_equal(m.truth[i], at[i]);
    assert_int_equal(m.detection[0].truth, 1);
    assert_int_equal(m.detection[5].truth, 0);
    assert_int_equal(m.detection[6].truth, SIZE_MAX);
    gf_ranking r;
    gf_operating point[8];
    size_t best;
    assert_int_equal(gf_ranking_of(&r, &set, &m, NULL), GRAFT_OK);
    assert_int_equal(r.n, 4);
    assert_int_equal(r.objects[0], 2);
    assert_int_equal(r.objects[1], 1);
    assert_int_equal(gf_ranking_points(&r, point, &best, NULL), GRAFT_OK);
    assert_int_equal(best, 1); /* F1 of class 1: 2/3, of class 2: 0 */
    assert_float_equal(point[1].f1, 1.0 / 3, 1e-15);
    assert_float_equal(point[1].confidence, 0.6, 1e-15); /* between 0.7 and 0.5 */
    gf_ranking_free(&r);
    gf_matches_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_those_that_tide_counts),
        cmocka_unit_test(crowds_and_difficult_objects_are_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
