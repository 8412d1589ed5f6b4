/* What a caller of a session may get wrong is told, and leaves it as it was: bad images, and bad arguments. */
#include "sessions.h"

#include <math.h>

/* ---- what may be wrong */

/* One bad image fails the call, or alone where errors are asked for. */
static void bad_images_are_alone(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_model *m = open_run(c, "f32");
    graft_session *s = open_session(m, "data.max_pixels", "2000");
    photo one;
    read_photos(&one, 1);
    uint8_t *damaged = malloc(one.n);
    memcpy(damaged, one.file, one.n);
    damaged[1] = 'X';
    static uint8_t large[64 * 64 * 3];
    graft_image images[6];
    for (int i = 0; i < 6; i++) images[i] = encoded(&one);
    images[1].data = damaged;      /* no format that is known */
    images[2].bytes = one.n - 100; /* ends early */
    images[3].bytes = 0;           /* empty */
    images[4] = (graft_image){sizeof(graft_image), GRAFT_IMAGE_RGB8, large, sizeof large, 64, 64, 0}; /* 4096 pixels */
    static const int number[] = {0, 1202, 1207, 1201, 1204, 0};
    float logits[6], p[12], good;
    graft_error errors[6], err = {0};
    const graft_output out[] = {output("logits", logits, 1), output("probabilities", p, 2)},
                       alone = output("logits", &good, 1);
    OK(graft_session_run(s, images, 1, &alone, 1, NULL, why));
    OK(graft_session_run(s, images, 6, out, 2, errors, why));
    for (int i = 0; i < 6; i++) {
        assert_int_equal(errors[i].number, number[i]);
        assert_int_equal(errors[i].status, number[i] ? GRAFT_DATA : GRAFT_OK);
        if (number[i]) {
            assert_true(isnan(logits[i]) && isnan(p[2 * i]) && isnan(p[2 * i + 1]));
            char name[16];
            snprintf(name, sizeof name, "image %d", i);
            assert_non_null(strstr(errors[i].message, name));
        } else {
            assert_memory_equal(&logits[i], &good, sizeof good);
        }
    }
    for (int k = 0; k < 3; k++) {
        assert_int_equal(graft_session_run(s, images, 6, out, 2, NULL, &err), GRAFT_DATA);
        assert_int_equal(err.number, 1202); /* the first, whichever was seen first */
    }
    OK(graft_session_run(s, images, 1, &alone, 1, NULL, why));
    assert_memory_equal(&logits[0], &good, sizeof good);
    free(damaged);
    free_photo(&one);
    graft_session_free(s);
    graft_model_free(m);
    graft_context_free(c);
}

typedef struct scene {
    graft_context *c;
    graft_model *m;
    graft_session *s;
    photo one;
    graft_image file, rgb;
    float logits[2];
    graft_output good;
} scene;

static void open_scene(scene *x)
{
    x->c = open_context();
    x->m = open_run(x->c, "f32");
    x->s = open_session(x->m, NULL, NULL);
    read_photos(&x->one, 1);
    x->file = encoded(&x->one);
    x->rgb = pixels(&x->one);
    x->good = output("logits", x->logits, 1);
}

static void close_scene(scene *x)
{
    free_photo(&x->one);
    graft_session_free(x->s);
    graft_model_free(x->m);
    graft_context_free(x->c);
}

typedef struct mistake {
    const char *what;
    int number;
    graft_image image;
    graft_output out;
} mistake;

/* Returns how many. */
static size_t make_mistakes(const scene *x, mistake row[24])
{
    size_t n = 0;
#define MISTAKE(what, number, image, field, value)              \
    do {                                                        \
        row[n] = (mistake){(what), (number), (image), x->good}; \
        row[n++].field = (value);                               \
    } while (0)
    MISTAKE("size 0", 3400, x->file, image.size, 0);
    MISTAKE("size 3", 3400, x->file, image.size, 3);
    MISTAKE("a size that is none", 3400, x->file, image.size, 1 << 20);
    MISTAKE("an output's size", 3400, x->file, out.size, sizeof(graft_output) - 8);
    MISTAKE("kind 0", 3403, x->file, image.kind, 0);
    MISTAKE("kind 9", 3403, x->file, image.kind, 9);
    MISTAKE("no data", 3403, x->file, image.data, NULL);
    MISTAKE("encoded with a width", 3403, x->file, image.width, 40);
    MISTAKE("width 0", 3403, x->rgb, image.width, 0);
    MISTAKE("height below 0", 3403, x->rgb, image.height, -1);
    MISTAKE("a byte less", 3403, x->rgb, image.bytes, x->rgb.bytes - 1);
    MISTAKE("too large a stride", 3403, x->rgb, image.stride, x->rgb.stride + 1);
    MISTAKE("rows that overlap", 3403, x->rgb, image.stride, 3 * 40 - 1);
    MISTAKE("a product too large", 3403, x->rgb, image.stride, SIZE_MAX / 2);
    MISTAKE("no name", 3001, x->file, out.name, NULL);
    MISTAKE("no room at all", 3001, x->file, out.data, NULL);
    MISTAKE("an unknown output", 3404, x->file, out.name, "logit");
    MISTAKE("no values", 3404, x->file, out.values, 0);
    MISTAKE("too many values", 3404, x->file, out.values, 2);
#undef MISTAKE
    return n;
}

static void misuse_is_told(void **state)
{
    (void)state;
    scene x;
    mistake row[24];
    open_scene(&x);
    size_t n = make_mistakes(&x, row);
    for (size_t i = 0; i < n; i++) {
        graft_error err = {0};
        x.logits[0] = 17;
        graft_status status = graft_session_run(x.s, &row[i].image, 1, &row[i].out, 1, NULL, &err);
        if (status != GRAFT_USAGE || err.number != row[i].number) {
            fail_msg("%s: status %d, E%d %s", row[i].what, status, err.number, err.message);
        }
        assert_true(err.message[0] && x.logits[0] == 17);
    }
    OK(graft_session_run(x.s, &x.file, 1, &x.good, 1, NULL, why));
    close_scene(&x);
}

typedef struct longer_image {
    graft_image image;
    uint64_t later;
} longer_image;

/* Of a newer header: what is not known of them must be zero, and elements lie at their distance. */
static void structs_of_other_headers(void **state)
{
    (void)state;
    scene x;
    graft_error err = {0};
    open_scene(&x);
    longer_image longer[2] = {{x.file, 0}, {x.rgb, 0}};
    for (int i = 0; i < 2; i++) longer[i].image.size = sizeof *longer;
    OK(graft_session_run(x.s, &longer[0].image, 2, &x.good, 1, NULL, why));
    assert_true(x.logits[0] == x.logits[1]);
    longer[1].later = 1;
    assert_int_equal(graft_session_run(x.s, &longer[0].image, 2, &x.good, 1, NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3401);
    longer[1].image.size = sizeof(graft_image); /* of two sizes */
    assert_int_equal(graft_session_run(x.s, &longer[0].image, 2, &x.good, 1, NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3400);
    close_scene(&x);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    scene x;
    graft_error err = {0};
    graft_session *none = NULL;
    graft_settings *settings;
    open_scene(&x);
    assert_int_equal(graft_session_run(x.s, &x.file, 0, &x.good, 1, NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3001);
    assert_int_equal(graft_session_run(x.s, &x.file, 1, &x.good, 0, NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3001);
    OK(graft_settings_new(&settings, why));
    OK(graft_settings_set(settings, "session.layer", "nowhere", why));
    assert_int_not_equal(graft_session_open(x.m, settings, &none, &err), GRAFT_OK);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_null(none);
    assert_int_equal(graft_settings_set(settings, "session.threads", "1025", &err), GRAFT_USAGE);
    graft_settings_free(settings);
    assert_int_equal(graft_session_values(x.s, NULL), 0);
    graft_session_close(x.s);
    assert_int_equal(graft_session_run(x.s, &x.file, 1, &x.good, 1, NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3402);
    close_scene(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_images_are_alone), cmocka_unit_test(misuse_is_told),
                                       cmocka_unit_test(structs_of_other_headers),
                                       cmocka_unit_test(arguments_are_checked)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
