/* The server when memory runs out at each allocation in turn: a client gets a right answer, one that says what is
 * wrong, or its connection is closed; the next one is served, and nothing is left behind. */
#include "base/alloc.h"
#include "http/server.h"
#include "support/client.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

static const char request[] =
    "POST /echo?x=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

typedef struct scene {
    gf_http_server *server;
    pthread_t thread, waker;
    atomic_bool stop;
    size_t cut;
    graft_status status;
} scene;

static graft_status on_begin(void *ctx, const gf_http_request *r, graft_error *err)
{
    (void)ctx, (void)r, (void)err;
    return GRAFT_OK;
}

static void *wake_later(void *x)
{
    gf_http_wake(x);
    return NULL;
}

static void answer(gf_http_exchange *x, const char *text)
{
    gf_http_answer_with(x, &(gf_http_answer){.status = 200, .type = "text/plain", .body = text, .n = strlen(text)});
}

static void on_handle(void *ctx, gf_http_exchange *x)
{
    scene *s = ctx;
    const gf_http_request *r = gf_http_exchange_request(x);
    if (!strcmp(r->path, "/echo")) {
        answer(x, r->n_body == 5 && !memcmp(r->body, "hello", 5) ? "echo" : "wrong");
    } else if (!pthread_create(&s->waker, NULL, wake_later, x)) {
        pthread_detach(s->waker);
    }
}

static void on_woken(void *ctx, gf_http_exchange *x)
{
    (void)ctx;
    answer(x, "later");
}

static void on_gone(void *ctx, gf_http_exchange *x) { (void)ctx, (void)x; }

static void on_fail(void *ctx, const graft_error *why, gf_http_answer *a, char **text)
{
    (void)ctx;
    *text = gf_sprintf("E%d", why->number);
    if (*text) *a = (gf_http_answer){gf_http_status_of(why), "text/plain", NULL, *text, strlen(*text), true};
}

static void on_told(void *ctx, const gf_http_told *t) { (void)ctx, (void)t; }

static bool on_should_stop(void *ctx) { return atomic_load(&((scene *)ctx)->stop); }

static void *serve(void *ctx)
{
    scene *s = ctx;
    s->status = gf_http_server_run(s->server, &s->cut, NULL);
    return NULL;
}

static graft_status open_server(scene *s, graft_error *err)
{
    gf_http_limits limits;
    gf_http_limits_defaults(&limits);
    const gf_http_handler h = {s, on_begin, on_handle, on_woken, on_gone, on_fail, on_told, on_should_stop};
    return gf_http_server_open(&s->server, "127.0.0.1:0", &limits, &h, err);
}

/* All that comes back, until the server closes. */
static void ask(const scene *s, char *got, size_t size)
{
    int fd = client_connect(gf_http_server_address(s->server));
    assert_true(fd >= 0);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    client_read(fd, got, size);
}

static void opening_survives(void **state)
{
    (void)state;
    for (int kind = FAULT_ALLOC; kind <= FAULT_OPEN; kind++) {
        for (long k = 0;; k++) {
            scene s = {.stop = false};
            graft_error err = {0};
            long before = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = open_server(&s, &err);
            bool happened = faults_disarm();
            assert_int_equal(status == GRAFT_OK, s.server != NULL);
            if (status != GRAFT_OK) assert_int_equal(status, GRAFT_RESOURCE);
            gf_http_server_free(s.server);
            assert_int_equal(faults_live(), before);
            if (!happened) break;
        }
    }
}

static void serving_survives(void **state)
{
    (void)state;
    scene s = {.stop = false};
    char got[4096];
    long before = faults_live(), failed = 0, k = 0;
    assert_int_equal(open_server(&s, NULL), GRAFT_OK);
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    for (int kind = FAULT_ALLOC; kind <= FAULT_READ; kind += FAULT_READ - FAULT_ALLOC) {
        for (k = 0; k < 100; k++) {
            faults_arm((fault_kind)kind, k);
            ask(&s, got, sizeof got);
            bool happened = faults_disarm();
            bool whole = strstr(got, "echo") && strstr(got, "later");
            assert_null(strstr(got, "wrong"));
            assert_true(whole || !got[0] || strstr(got, "HTTP/1.1 "));
            if (!happened) assert_true(whole);
            failed += !whole;
            ask(&s, got, sizeof got); /* the next one */
            assert_non_null(strstr(got, "echo"));
            assert_non_null(strstr(got, "later"));
            if (!happened) break;
        }
        assert_true(k >= 2 && k < 100);
    }
    assert_true(failed > 5);
    atomic_store(&s.stop, true);
    gf_http_server_poke(s.server);
    pthread_join(s.thread, NULL);
    assert_int_equal(s.status, GRAFT_OK);
    assert_int_equal(s.cut, 0);
    gf_http_server_free(s.server);
    assert_int_equal(faults_live(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opening_survives), cmocka_unit_test(serving_survives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
