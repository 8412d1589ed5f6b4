/* Images that are submitted: the same bits as of runs, whatever they are computed together with; cancelled ones are
 * never told; close waits for the others; what is wrong is told. Run under ThreadSanitizer, too (label tsan). */
#include "sessions.h"

#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PHOTOS = 9, CLASSES = 2, USERS = 4, EACH = 60 };

typedef struct board { /* where answers are told */
    pthread_mutex_t lock;
    pthread_cond_t told;
    unsigned answers, wrong;
} board;

typedef struct asked {
    board *b;
    graft_session *s;
    const float *want; /* NULL: an image that is none */
    float logit, p[CLASSES], features[1280];
    bool told;
} asked;

static void on_done(void *user, const graft_session_answer *answer)
{
    asked *a = user;
    bool right =
        a->want ? answer->status == GRAFT_OK && !answer->error && !memcmp(&a->logit, a->want, sizeof a->logit)
                : answer->status == GRAFT_DATA && answer->error && answer->error->number == 1202 && isnan(a->logit);
    right = right && answer->size == sizeof *answer && answer->queue_seconds >= 0 && answer->decode_seconds >= 0 &&
            answer->run_seconds >= 0 && !a->told;
    pthread_mutex_lock(&a->b->lock);
    a->told = true;
    a->b->answers++;
    a->b->wrong += !right;
    pthread_cond_broadcast(&a->b->told);
    pthread_mutex_unlock(&a->b->lock);
}

static void wait_for(board *b, unsigned answers)
{
    pthread_mutex_lock(&b->lock);
    while (b->answers < answers) pthread_cond_wait(&b->told, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void open_board(board *b)
{
    *b = (board){.answers = 0};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->told, NULL);
}

static void close_board(board *b)
{
    assert_int_equal(b->wrong, 0);
    pthread_cond_destroy(&b->told);
    pthread_mutex_destroy(&b->lock);
}

typedef struct scene {
    graft_context *c;
    graft_session *s;
    photo photos[PHOTOS];
    float want[PHOTOS];
} scene;

static void open_scene(scene *e, const char *threads)
{
    e->c = open_context();
    graft_model *m = open_run(e->c, "f32");
    e->s = open_session(m, "session.threads", threads);
    graft_model_free(m);
    read_photos(e->photos, PHOTOS);
    for (int i = 0; i < PHOTOS; i++) {
        const graft_image image = encoded(&e->photos[i]);
        const graft_output out = output("logits", &e->want[i], 1);
        OK(graft_session_run(e->s, &image, 1, &out, 1, NULL, why));
    }
}

static void close_scene(scene *e)
{
    graft_session_free(e->s);
    for (int i = 0; i < PHOTOS; i++) free_photo(&e->photos[i]);
    graft_context_free(e->c);
}

/* ---- many at once */

typedef struct user {
    const scene *e;
    board *b;
    asked *a; /* EACH */
    unsigned number, submitted, refused;
} user;

/* Submits with outputs of several kinds, an image of its own choice each time; where the session is full it waits. */
static void *submit_many(void *ctx)
{
    static const char none[] = "no image";
    user *u = ctx;
    for (unsigned i = 0; i < EACH; i++) {
        asked *a = &u->a[i];
        unsigned k = (i * (5 + u->number)) % (PHOTOS + 1);
        *a = (asked){.b = u->b, .s = u->e->s, .want = k < PHOTOS ? &u->e->want[k] : NULL};
        graft_image image =
            k < PHOTOS
                ? (i % 2 ? encoded(&u->e->photos[k]) : pixels(&u->e->photos[k]))
                : (graft_image){.size = sizeof image, .kind = GRAFT_IMAGE_ENCODED, .data = none, .bytes = sizeof none};
        const graft_output out[] = {output("logits", &a->logit, 1), output("probabilities", a->p, CLASSES),
                                    output("features", a->features, 1280)};
        size_t n = 1 + (i / 3) % 3;
        graft_error err;
        while (graft_session_submit(u->e->s, &image, out, n, on_done, a, NULL, &err)) {
            if (err.number != 3405) return NULL;
            u->refused++;
            usleep(1000);
        }
        u->submitted++;
    }
    return NULL;
}

static void submitted_images_have_the_bits_of_runs(void **state)
{
    (void)state;
    scene e;
    board b;
    user users[USERS];
    pthread_t thread[USERS];
    open_scene(&e, "3");
    open_board(&b);
    for (unsigned k = 0; k < USERS; k++) {
        users[k] = (user){.e = &e, .b = &b, .a = calloc(EACH, sizeof(asked)), .number = k};
        assert_int_equal(pthread_create(&thread[k], NULL, submit_many, &users[k]), 0);
    }
    for (unsigned k = 0; k < USERS; k++) {
        pthread_join(thread[k], NULL);
        assert_int_equal(users[k].submitted, EACH);
    }
    wait_for(&b, USERS * EACH);
    graft_session_close(e.s);
    assert_int_equal(b.answers, USERS * EACH);
    for (unsigned k = 0; k < USERS; k++) free(users[k].a);
    close_board(&b);
    close_scene(&e);
}

/* ---- cancelling, closing, limits */

static void what_is_cancelled_is_not_told(void **state)
{
    (void)state;
    enum { N = 64 };
    scene e;
    board b;
    uint64_t ticket[N];
    unsigned cancelled = 0;
    open_scene(&e, "1");
    open_board(&b);
    asked *a = calloc(N, sizeof *a);
    for (unsigned i = 0; i < N; i++) {
        const graft_image image = encoded(&e.photos[i % PHOTOS]);
        a[i] = (asked){.b = &b, .want = &e.want[i % PHOTOS]};
        const graft_output out = output("logits", &a[i].logit, 1);
        OK(graft_session_submit(e.s, &image, &out, 1, on_done, &a[i], &ticket[i], why));
    }
    for (unsigned i = N; i-- > N / 2;) {
        int was = graft_session_cancel(e.s, ticket[i]);
        cancelled += (unsigned)was;
        assert_int_equal(was && graft_session_cancel(e.s, ticket[i]), 0);
    }
    assert_int_equal(graft_session_cancel(e.s, 1 << 30), 0);
    assert_int_equal(graft_session_cancel(NULL, 1), 0);
    graft_session_close(e.s);
    assert_true(cancelled > 0);
    assert_int_equal(b.answers + cancelled, N);
    assert_int_equal(graft_session_cancel(e.s, ticket[0]), 0);
    free(a);
    close_board(&b);
    close_scene(&e);
}

static void a_full_session_refuses(void **state)
{
    (void)state;
    enum { N = 1000 };
    scene e;
    board b;
    unsigned n = 0;
    graft_error err = {0};
    open_scene(&e, "1");
    open_board(&b);
    asked *a = calloc(N, sizeof *a);
    for (; n < N && !err.number; n++) {
        const graft_image image = encoded(&e.photos[0]);
        a[n] = (asked){.b = &b, .want = &e.want[0]};
        const graft_output out = output("logits", &a[n].logit, 1);
        graft_session_submit(e.s, &image, &out, 1, on_done, &a[n], NULL, &err);
    }
    assert_int_equal(err.number, 3405);
    assert_true(n >= 64);
    wait_for(&b, n - 1);
    err = (graft_error){0};
    const graft_image image = encoded(&e.photos[0]);
    const graft_output out = output("logits", &a[0].logit, 1), unknown = output("nothing", &a[0].logit, 1);
    assert_int_equal(graft_session_submit(e.s, &image, &unknown, 1, on_done, &a[0], NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3404);
    assert_int_equal(graft_session_submit(e.s, &image, &out, 0, on_done, &a[0], NULL, &err), GRAFT_USAGE);
    assert_string_equal(err.message, "graft_session_submit: 1 images, 0 outputs");
    assert_int_equal(graft_session_submit(e.s, &image, &out, 1, NULL, &a[0], NULL, &err), GRAFT_USAGE);
    graft_session_close(e.s);
    assert_int_equal(graft_session_submit(e.s, &image, &out, 1, on_done, &a[0], NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3402);
    assert_int_equal(b.answers, n - 1);
    free(a);
    close_board(&b);
    close_scene(&e);
}

static void a_child_is_told_that_the_session_is_not_its_own(void **state)
{
    (void)state;
    scene e;
    open_scene(&e, "1");
    pid_t child = fork();
    if (!child) {
        float logit;
        graft_error ran = {0}, submit = {0};
        const graft_image image = encoded(&e.photos[0]);
        const graft_output out = output("logits", &logit, 1);
        graft_session_run(e.s, &image, 1, &out, 1, NULL, &ran);
        graft_session_submit(e.s, &image, &out, 1, on_done, NULL, NULL, &submit);
        _exit(ran.number == 3406 && submit.number == 3406 && !graft_session_cancel(e.s, 1) ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close_scene(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submitted_images_have_the_bits_of_runs),
        cmocka_unit_test(what_is_cancelled_is_not_told),
        cmocka_unit_test(a_full_session_refuses),
        cmocka_unit_test(a_child_is_told_that_the_session_is_not_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
