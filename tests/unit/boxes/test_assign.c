/* Which place is to find which object, and the loss of that: as a plain program and PyTorch's autograd have them, on
 * the scenes that tools/make_assignment_fixtures.py draws. */
#include "boxes/assign.h"
#include "boxes/detect.h"
#include "boxes/target.h"
#include "scenes.h"
#include "support/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SCENES = 300, GRADIENTS = 20, CLASSES = 3, WIDTH = CLASSES + GF_SIDES, PLACES = 80, OBJECTS = 16 };

typedef struct assign_scene {
    gf_grids places;
    float out[PLACES * WIDTH];
    gf_object object[OBJECTS];
    size_t objects;
} assign_scene;

static gf_grids two_levels(void)
{
    gf_grids p = {0};
    gf_grids_add(&p, 8, 8, 8);
    gf_grids_add(&p, 16, 4, 4);
    return p;
}

static void make(assign_scene *s, uint64_t seed)
{
    scenes_draw d = {seed};
    s->places = two_levels();
    assert_int_equal(s->places.n, PLACES);
    for (int i = 0; i < PLACES * WIDTH; i++)
        s->out[i] = i % WIDTH < CLASSES ? (float)((double)(below(&d, 8001) - 4000) / 1000)
                                        : (float)((double)(below(&d, 3001) - 1000) / 1000);
    s->objects = 0;
    for (int64_t n = below(&d, 7); n > 0; n--) {
        gf_object *o = &s->object[s->objects++];
        o->box.x1 = (double)below(&d, 560) / 10;
        o->box.y1 = (double)below(&d, 560) / 10;
        o->box.x2 = fmin(64, o->box.x1 + (double)(below(&d, 400) + 5) / 10);
        o->box.y2 = fmin(64, o->box.y1 + (double)(below(&d, 400) + 5) / 10);
        o->class_id = (int32_t)below(&d, CLASSES);
        o->ignored = below(&d, 8) == 0;
        if (below(&d, 6)) continue;
        s->object[s->objects++] = (gf_object){o->box, (int32_t)below(&d, CLASSES), false};
    }
}

static void places_find_the_objects_that_the_plain_program_says(void **state)
{
    (void)state;
    fixture *f = fixture_open(GRAFT_FIXTURES "/boxes/assignment.safetensors");
    assert_non_null(f);
    size_t n, objects = 0;
    const float *object = fixture_f32(f, "object", &n), *q = fixture_f32(f, "q", NULL);
    assert_int_equal(n, SCENES * PLACES);
    for (uint64_t k = 0; k < SCENES; k++) {
        assign_scene s;
        gf_aim aim[PLACES];
        make(&s, k);
        double sum = gf_assign(&s.places, CLASSES, s.out, s.object, s.objects, aim), wanted = 0;
        for (size_t i = 0; i < PLACES; i++) {
            if (aim[i].object != (int)object[k * PLACES + i])
                fail_msg("scene %d, place %zu: object %d, not %g", (int)k, i, aim[i].object, object[k * PLACES + i]);
            assert_true(fabsf(aim[i].q - q[k * PLACES + i]) <= 1e-6f);
            objects += aim[i].object >= 0;
            wanted += aim[i].object >= 0 ? (double)aim[i].q : 0;
        }
        assert_true(fabs(sum - wanted) <= 1e-12);
    }
    assert_true(objects > 3000);
    fixture_close(f);
}

static void loss_and_gradient_are_autograds(void **state)
{
    (void)state;
    fixture *f = fixture_open(GRAFT_FIXTURES "/boxes/assignment.safetensors");
    assert_non_null(f);
    const float *gradient = fixture_f32(f, "gradient", NULL), *bits = fixture_f32(f, "loss", NULL);
    for (uint64_t k = 0; k < GRADIENTS; k++) {
        assign_scene s;
        gf_aim aim[PLACES];
        float diff[PLACES * WIDTH];
        double loss[2];
        const double scale = 0.25;
        make(&s, k);
        gf_assign(&s.places, CLASSES, s.out, s.object, s.objects, aim);
        gf_detection_loss l = gf_detection_loss_of(&s.places, CLASSES, s.out, s.object, aim, scale, diff);
        memcpy(loss, bits + 4 * k, sizeof loss);
        assert_true(fabs(l.classes - loss[0]) <= 1e-6 * fmax(1, loss[0]));
        assert_true(fabs(l.boxes - loss[1]) <= 1e-6 * fmax(1, loss[1]));
        for (size_t i = 0; i < PLACES * WIDTH; i++) {
            double wanted = scale * (double)gradient[k * PLACES * WIDTH + i];
            if (!(fabs((double)diff[i] - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
                fail_msg("scene %d: gradient %zu is %g, not %g", (int)k, i, (double)diff[i], wanted);
        }
        gf_detection_loss alone = gf_detection_loss_of(&s.places, CLASSES, s.out, s.object, aim, scale, NULL);
        assert_true(alone.classes == l.classes && alone.boxes == l.boxes);
    }
    fixture_close(f);
}

/* The gradient is that of the loss itself, too. */
static void the_gradient_is_that_of_differences(void **state)
{
    (void)state;
    assign_scene s;
    gf_aim aim[PLACES];
    float diff[PLACES * WIDTH];
    make(&s, 3);
    gf_assign(&s.places, CLASSES, s.out, s.object, s.objects, aim);
    gf_detection_loss_of(&s.places, CLASSES, s.out, s.object, aim, 1, diff);
    for (size_t i = 0; i < PLACES * WIDTH; i += 7) {
        const float step = 1e-2f, at = s.out[i];
        s.out[i] = at + step;
        gf_detection_loss up = gf_detection_loss_of(&s.places, CLASSES, s.out, s.object, aim, 1, NULL);
        s.out[i] = at - step;
        gf_detection_loss down = gf_detection_loss_of(&s.places, CLASSES, s.out, s.object, aim, 1, NULL);
        s.out[i] = at;
        double by = (up.classes + 2 * up.boxes - down.classes - 2 * down.boxes) / (2 * (double)step);
        assert_true(fabs(by - (double)diff[i]) <= 2e-3 * fmax(1, fabs(by)));
    }
}

/* A place that answers: sides of a square of `side` about it, and a logit. */
static void answer(float *out, size_t place, int class_id, float z, double side, int stride)
{
    out[place * WIDTH + (size_t)class_id] = z;
    for (int k = 0; k < GF_SIDES; k++) out[place * WIDTH + CLASSES + (size_t)k] = (float)log(side / 2 / stride);
}

static void silence(float out[PLACES * WIDTH])
{
    for (int i = 0; i < PLACES * WIDTH; i++) out[i] = i % WIDTH < CLASSES ? -10 : 0;
}

static void detections_come_best_first_and_once(void **state)
{
    (void)state;
    float out[PLACES * WIDTH];
    gf_grids p = two_levels();
    gf_detected found[10];
    size_t n;
    gf_detect_options o = {.least = 0.25, .overlap = 0.6, .candidates = 1000, .most = 10};
    silence(out);
    answer(out, 9, 1, 2, 16, 8);          /* at (12, 12) */
    answer(out, 10, 1, 1, 16, 8);         /* at (20, 12): overlaps by a third */
    answer(out, 64 + 0, 1, 1.5f, 16, 16); /* at (8, 8): by 0.39 with the first */
    answer(out, 40, 2, 3, 8, 8);
    assert_int_equal(gf_detect(&p, CLASSES, out, &o, found, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 4);
    assert_int_equal(found[0].class_id, 2);
    assert_true(fabs(found[1].box.x1 - 4) < 1e-5 && fabs(found[1].box.x2 - 20) < 1e-5);
    assert_true(fabsf(found[1].score - 0.880797f) < 1e-6f);
    assert_true(found[1].score > found[2].score && found[2].score > found[3].score);
    o.overlap = 0.3;
    assert_int_equal(gf_detect(&p, CLASSES, out, &o, found, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 2);
    o.overlap = 1;
    o.most = 3;
    assert_int_equal(gf_detect(&p, CLASSES, out, &o, found, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 3);
    o = (gf_detect_options){.least = 0.95, .overlap = 0.6, .candidates = 1000, .most = 10};
    assert_int_equal(gf_detect(&p, CLASSES, out, &o, found, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 1);
    silence(out);
    answer(out, 40, 2, 1, 8, 8);
    answer(out, 40, 0, 1, 8, 8); /* equal scores: the lower class first */
    o.least = 0.5;
    assert_int_equal(gf_detect(&p, CLASSES, out, &o, found, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 1);
    o.every_class = true;
    assert_int_equal(gf_detect(&p, CLASSES, out, &o, found, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(found[0].class_id, 0);
}

static void objects_move_with_their_image(void **state)
{
    (void)state;
    const gf_object object[] = {{{10, 10, 30, 20}, 0, false}, {{0, 0, 4, 4}, 1, false}, {{50, 50, 60, 60}, 2, true}};
    gf_boxes_target t = {.object = object, .objects = 3, .m = {-1, 0, 64, 0, 1, 0}, .width = 64, .height = 64};
    gf_object to[3];
    assert_int_equal(gf_target_objects(&t, to), 3); /* mirrored */
    assert_true(to[0].box.x1 == 34 && to[0].box.x2 == 54 && to[0].box.y1 == 10);
    assert_true(to[2].ignored);
    const double moved[6] = {1, 0, -26, 0, 1, 0};
    memcpy(t.m, moved, sizeof moved);
    assert_int_equal(gf_target_objects(&t, to), 2);                       /* the second is outside */
    assert_true(to[0].box.x1 == 0 && to[0].box.x2 == 4 && to[0].ignored); /* a fifth is left */
    const double half[6] = {0.4, 0, 0, 0, 0.4, 0};
    memcpy(t.m, half, sizeof half);
    assert_int_equal(gf_target_objects(&t, to), 3);
    assert_true(!to[0].ignored && to[1].ignored); /* 1.6 pixels */
    const double turned[6] = {0, 1, 0, -1, 0, 64};
    memcpy(t.m, turned, sizeof turned);
    assert_int_equal(gf_target_objects(&t, to), 3);
    assert_true(to[0].box.x1 == 10 && to[0].box.x2 == 20 && to[0].box.y1 == 34 && to[0].box.y2 == 54);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_find_the_objects_that_the_plain_program_says),
        cmocka_unit_test(loss_and_gradient_are_autograds),
        cmocka_unit_test(the_gradient_is_that_of_differences),
        cmocka_unit_test(detections_come_best_first_and_once),
        cmocka_unit_test(objects_move_with_their_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
