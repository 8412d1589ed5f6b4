/* COCO's measures against pycocotools 2.0.11, to the bit, and suppression against torchvision: random scenes with equal
 * scores, crowds, areas on the ends of their ranges, over 100 detections, absent categories and gaps in the ids. */
#include "boxes/coco_eval.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "scenes.h"
#include "support/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { SCENES = 500, SETS = 1000 };

typedef struct oracle {
    fixture *file;
    const uint8_t *coco, *stats, *nms;
    random_scene *scene;
} oracle;

static int set_up(void **state)
{
    oracle *o = calloc(1, sizeof *o);
    o->file = fixture_open(GRAFT_FIXTURES "/boxes/detection.safetensors");
    assert_non_null(o->file);
    size_t n;
    assert_non_null(o->coco = fixture_u8(o->file, "coco_sha256", &n));
    assert_int_equal(n, SCENES * 32);
    assert_non_null(o->stats = fixture_u8(o->file, "coco_stats", &n));
    assert_int_equal(n, SCENES * GF_COCO_STATS * 8);
    assert_non_null(o->nms = fixture_u8(o->file, "nms_sha256", &n));
    assert_int_equal(n, SETS * 32);
    assert_non_null(o->scene = malloc(sizeof *o->scene));
    *state = o;
    return 0;
}

static int tear_down(void **state)
{
    oracle *o = *state;
    fixture_close(o->file);
    free(o->scene);
    free(o);
    return 0;
}

static gf_sha256 digest_of(const gf_coco *c)
{
    size_t cells = GF_COCO_OVERLAPS * c->categories * GF_COCO_AREAS * GF_COCO_MOSTS;
    gf_sha256_state *s = gf_sha256_begin();
    assert_non_null(s);
    gf_sha256_add(s, c->precision, cells * GF_COCO_RECALLS * sizeof(double));
    gf_sha256_add(s, c->recall, cells * sizeof(double));
    return gf_sha256_end(s);
}

static void every_precision_and_recall_is_pycocotools(void **state)
{
    const oracle *o = *state;
    for (int i = 0; i < SCENES; i++) {
        gf_coco c;
        graft_error err = {0};
        draw_scene(o->scene, (uint64_t)i);
        assert_int_equal(gf_coco_evaluate(&c, &o->scene->set, &err), GRAFT_OK);
        gf_sha256 digest = digest_of(&c);
        if (memcmp(digest.byte, o->coco + 32 * i, 32) != 0) fail_msg("scene %d differs", i);
        gf_coco_free(&c);
    }
}

static void the_twelve_numbers_are_pycocotools(void **state)
{
    const oracle *o = *state;
    double worst = 0;
    for (int i = 0; i < SCENES; i++) {
        gf_coco c;
        graft_error err = {0};
        double wanted[GF_COCO_STATS];
        memcpy(wanted, o->stats + (size_t)i * sizeof wanted, sizeof wanted);
        draw_scene(o->scene, (uint64_t)i);
        assert_int_equal(gf_coco_evaluate(&c, &o->scene->set, &err), GRAFT_OK);
        for (int k = 0; k < GF_COCO_STATS; k++) {
            double off = fabs(c.stat[k] - wanted[k]);
            if (!(off <= 1e-12))
                fail_msg("scene %d, %s: %.17g, wanted %.17g", i, gf_coco_stat_name(k), c.stat[k], wanted[k]);
            if (off > worst) worst = off;
        }
        gf_coco_free(&c);
    }
    printf("largest difference: %.2g\n", worst);
}

static void suppression_keeps_what_torchvision_keeps(void **state)
{
    const oracle *o = *state;
    for (int i = 0; i < SETS; i++) {
        scenes_draw d = {1000000 + (uint64_t)i};
        gf_corners box[64];
        float score[64];
        size_t keep[64], kept, n = (size_t)below(&d, 60);
        for (size_t b = 0; b < n; b++) {
            float x = (float)below(&d, 40), y = (float)below(&d, 40);
            float w = (float)(1 + below(&d, 20)), h = (float)(1 + below(&d, 20));
            box[b] = (gf_corners){x, y, x + w, y + h};
            score[b] = (float)below(&d, 12) / 12.0f;
        }
        double most = (double[]){0.3, 0.5, 0.6, 0.75}[below(&d, 4)];
        graft_error err = {0};
        assert_int_equal(gf_nms(box, score, n, most, keep, &kept, &err), GRAFT_OK);
        int64_t index[64];
        for (size_t k = 0; k < kept; k++) index[k] = (int64_t)keep[k];
        gf_sha256 digest = gf_sha256_of(index, kept * sizeof *index);
        if (memcmp(digest.byte, o->nms + 32 * i, 32) != 0) fail_msg("set %d differs", i);
    }
}

/* Within each image and category what gf_nms keeps, in the order of the list. */
static void a_list_is_suppressed_group_by_group(void **state)
{
    (void)state;
    const gf_box a = {0, 0, 10, 10}, b = {1, 0, 10, 10}, c = {50, 50, 10, 10};
    gf_detection list[] = {{2, 1, b, 0.4}, {1, 1, a, 0.5}, {1, 1, b, 0.9},
                           {1, 2, a, 0.1}, {2, 1, c, 0.3}, {2, 1, a, 0.6}};
    size_t n = 6;
    graft_error err = {0};
    assert_int_equal(gf_suppress(list, &n, 0.5, &err), GRAFT_OK);
    assert_int_equal(n, 4);
    assert_true(list[0].score == 0.9 && list[1].score == 0.1 && list[2].score == 0.3 && list[3].score == 0.6);
    assert_int_equal(gf_suppress(list, &n, 0, &err), GRAFT_OK);
    assert_int_equal(n, 4);
}

static void difficult_boxes_are_neither_right_nor_wrong(void **state)
{
    (void)state;
    const int64_t one = 1;
    gf_truth truth[] = {{1, 1, {0, 0, 10, 10}, 100, false, false}, {1, 1, {50, 50, 10, 10}, 100, false, true}};
    gf_detection found[] = {{1, 1, {50, 50, 10, 10}, 0.9}, {1, 1, {0, 0, 10, 10}, 0.8}};
    gf_detection_set set = {&one, &one, 1, 1, truth, 2, found, 2};
    gf_coco c;
    graft_error err = {0};
    assert_int_equal(gf_coco_evaluate(&c, &set, &err), GRAFT_OK);
    assert_true(fabs(c.stat[GF_COCO_AP] - 1) < 1e-12);
    assert_true(fabs(gf_coco_average_precision(&c, 0, 0) - 1) < 1e-12);
    gf_coco_free(&c);
    truth[1].difficult = false;
    found[0].box.x = 80;
    assert_int_equal(gf_coco_evaluate(&c, &set, &err), GRAFT_OK);
    assert_true(c.stat[GF_COCO_AP50] > 0.2 && c.stat[GF_COCO_AP50] < 0.3); /* the best is wrong, one of two is found */
    gf_coco_free(&c);
}

static void nothing_to_find_is_minus_one(void **state)
{
    (void)state;
    const int64_t one = 1;
    gf_detection found[] = {{1, 1, {0, 0, 10, 10}, 0.9}};
    gf_detection_set set = {&one, &one, 1, 1, NULL, 0, found, 1};
    gf_coco c;
    graft_error err = {0};
    assert_int_equal(gf_coco_evaluate(&c, &set, &err), GRAFT_OK);
    for (int k = 0; k < GF_COCO_STATS; k++) assert_true(c.stat[k] == -1);
    assert_true(gf_coco_average_precision(&c, 0, -1) == -1);
    gf_coco_free(&c);
}

/* 5,000 images, 80 categories, 100 detections each: of one kind with 7 truths per image, as COCO has them. */
static void a_large_set_takes_seconds(void **state)
{
    (void)state;
    enum { IMAGES = 5000, CATEGORIES = 80, TRUTHS = 7, FOUND = 100 };
    int64_t *image = calloc(IMAGES, sizeof *image), category[CATEGORIES];
    gf_truth *truth = calloc((size_t)IMAGES * TRUTHS, sizeof *truth);
    gf_detection *found = calloc((size_t)IMAGES * FOUND, sizeof *found);
    assert_true(image && truth && found);
    gf_detection_set set = {image, category, IMAGES, CATEGORIES, truth, 0, found, 0};
    scenes_draw d = {7};
    for (int k = 0; k < CATEGORIES; k++) category[k] = k + 1;
    for (int i = 0; i < IMAGES; i++) {
        image[i] = i + 1;
        for (int g = 0; g < TRUTHS; g++) {
            gf_box b = draw_box(&d);
            truth[set.truths++] = (gf_truth){i + 1, 1 + below(&d, CATEGORIES), b, b.w * b.h, false, false};
        }
        for (int k = 0; k < FOUND; k++)
            found[set.detections++] =
                (gf_detection){i + 1, 1 + below(&d, CATEGORIES), draw_box(&d), (double)below(&d, 1000) / 1000};
    }
    gf_coco c;
    graft_error err = {0};
    clock_t start = clock();
    assert_int_equal(gf_coco_evaluate(&c, &set, &err), GRAFT_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("5,000 images, 80 categories, 100 detections each: %.2f s\n", seconds);
    assert_true(seconds < 20); /* a bound for sanitizers and old machines */
    gf_coco_free(&c);
    free(image);
    free(truth);
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_precision_and_recall_is_pycocotools),
        cmocka_unit_test(the_twelve_numbers_are_pycocotools),
        cmocka_unit_test(suppression_keeps_what_torchvision_keeps),
        cmocka_unit_test(a_list_is_suppressed_group_by_group),
        cmocka_unit_test(difficult_boxes_are_neither_right_nor_wrong),
        cmocka_unit_test(nothing_to_find_is_minus_one),
        cmocka_unit_test(a_large_set_takes_seconds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
