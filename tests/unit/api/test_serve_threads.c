/* A server inside a program: clients on threads get what a run of the session gives, while others go away unanswered;
 * it stops when it is told to, and lost nothing. Run under ThreadSanitizer, too (label tsan). */
#include "sessions.h"
#include "support/client.h"

#include <graft/serve.h>

#include <pthread.h>

enum { CLIENTS = 6, ASKS = 25, PHOTOS = 4 };

typedef struct scene {
    graft_serve *serve;
    photo photos[PHOTOS];
    char want[PHOTOS][64]; /* what the answer has in it */
    graft_status status;
} scene;

typedef struct client {
    const scene *e;
    unsigned number, right, wrong;
} client;

static void ask(client *c, unsigned i)
{
    const photo *p = &c->e->photos[i % PHOTOS];
    char head[160], got[4096] = "";
    int fd = client_connect(graft_serve_address(c->e->serve)), length;
    length =
        snprintf(head, sizeof head,
                 "POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", p->n);
    bool sent = fd >= 0 && send(fd, head, (size_t)length, MSG_NOSIGNAL) == length &&
                send(fd, p->file, p->n, MSG_NOSIGNAL) == (ssize_t)p->n;
    bool leaves = (i + c->number) % 5 == 4;
    if (sent && !leaves) {
        client_read(fd, got, sizeof got);
    } else {
        close(fd);
    }
    bool right = sent && (leaves || strstr(got, c->e->want[i % PHOTOS]));
    *(right ? &c->right : &c->wrong) += 1;
}

static void *be_client(void *ctx)
{
    client *c = ctx;
    for (unsigned i = 0; i < ASKS; i++) ask(c, i);
    return NULL;
}

static void *serve_all(void *ctx)
{
    scene *e = ctx;
    e->status = graft_serve_run(e->serve, NULL);
    return NULL;
}

static void open_scene(scene *e, graft_context *c)
{
    graft_settings *settings;
    graft_model *m = open_run(c, "f32");
    graft_session *s = open_session(m, NULL, NULL);
    read_photos(e->photos, PHOTOS);
    for (int i = 0; i < PHOTOS; i++) {
        float p[2];
        const graft_image image = encoded(&e->photos[i]);
        const graft_output out = output("probabilities", p, 2);
        OK(graft_session_run(s, &image, 1, &out, 1, NULL, why));
        snprintf(e->want[i], sizeof e->want[i], "\"probability\": %.9g,", (double)(p[0] >= p[1] ? p[0] : p[1]));
    }
    graft_session_free(s);
    graft_model_free(m);
    OK(graft_settings_new(&settings, why));
    OK(graft_settings_set(settings, "serve.listen", "127.0.0.1:0", why));
    OK(graft_settings_set(settings, "session.threads", "3", why));
    char named[160];
    const char *const runs[] = {named};
    snprintf(named, sizeof named, "model=%s", run);
    OK(graft_serve_open(c, runs, 1, settings, &e->serve, why));
    graft_settings_free(settings);
}

static void clients_get_what_a_session_gives(void **state)
{
    (void)state;
    graft_context *c = open_context();
    scene e = {.status = GRAFT_INTERNAL};
    pthread_t server, thread[CLIENTS];
    client clients[CLIENTS];
    open_scene(&e, c);
    assert_int_equal(pthread_create(&server, NULL, serve_all, &e), 0);
    for (unsigned k = 0; k < CLIENTS; k++) {
        clients[k] = (client){&e, k, 0, 0};
        assert_int_equal(pthread_create(&thread[k], NULL, be_client, &clients[k]), 0);
    }
    for (int k = 0; k < CLIENTS; k++) {
        pthread_join(thread[k], NULL);
        assert_int_equal(clients[k].wrong, 0);
        assert_int_equal(clients[k].right, ASKS);
    }
    graft_serve_stop(e.serve);
    pthread_join(server, NULL);
    assert_int_equal(e.status, GRAFT_OK);
    assert_int_equal(graft_serve_run(e.serve, NULL), GRAFT_USAGE);
    graft_serve_free(e.serve);
    for (int i = 0; i < PHOTOS; i++) free_photo(&e.photos[i]);
    graft_context_free(c);
}

static void what_a_program_may_get_wrong(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_serve *serve;
    graft_error err = {0};
    const char *const none[] = {"/nowhere/at/all"};
    assert_int_equal(graft_serve_open(NULL, none, 1, NULL, &serve, &err), GRAFT_USAGE);
    assert_int_equal(graft_serve_open(c, NULL, 1, NULL, &serve, &err), GRAFT_USAGE);
    assert_int_equal(graft_serve_open(c, none, 0, NULL, &serve, &err), GRAFT_USAGE);
    assert_int_equal(graft_serve_open(c, none, 1, NULL, &serve, &err), GRAFT_USAGE);
    assert_null(serve);
    assert_int_equal(graft_serve_run(NULL, &err), GRAFT_USAGE);
    assert_null(graft_serve_address(NULL));
    graft_serve_free(NULL);
    graft_context_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clients_get_what_a_session_gives),
                                       cmocka_unit_test(what_a_program_may_get_wrong)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
