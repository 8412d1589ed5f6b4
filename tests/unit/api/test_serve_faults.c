/* A server of models when memory runs out at each allocation in turn: opening it fails or not, and nothing is left
 * behind; a request of each kind is answered rightly, told what is wrong, or closed; the next one is served. */
#include "support/client.h"
#include "support/run_places.h"
#include "support/sys_faults.h"

#include "base/base64.h"
#include "base/io.h"

#include <graft/serve.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

static graft_context *context;
static graft_settings *settings;

static void opening_survives_every_allocation(void **state)
{
    (void)state;
    const char *const runs[] = {run};
    graft_serve *s;
    assert_int_equal(graft_serve_open(context, runs, 1, settings, &s, NULL), GRAFT_OK); /* what is kept for later */
    graft_serve_free(s);
    long before = faults_live(), failed = 0;
    for (long k = 0;; k++) {
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = graft_serve_open(context, runs, 1, settings, &s, &err);
        bool happened = faults_disarm();
        assert_int_equal(status == GRAFT_OK, s != NULL);
        if (status != GRAFT_OK) assert_int_equal(status, GRAFT_RESOURCE);
        failed += status != GRAFT_OK;
        graft_serve_free(s);
        assert_int_equal(faults_live(), before);
        if (!happened) break;
    }
    assert_true(failed > 100);
}

/* ---- requests */

typedef struct kind {
    const char *path, *type, *body, *has; /* body NULL: the image; what a right answer has in it */
} kind;

static const kind kinds[] = {
    {"/predict", "image/bmp", NULL, "\"probability\""},
    {"/embed", "image/bmp", NULL, "\"embedding\""},
    {"/", "image/bmp", NULL, "\"score\""},
    {"/predict?top=1", "application/json", "{\"images\": [\"%s\", \"QQ==\"]}", "\"E1202\""},
    {"/predict", "multipart/form-data; boundary=x",
     "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nabc\r\n--x--", "\"E1202\""},
    {"/v1/models/run:predict", "application/json", "{\"instances\": [{\"b64\": \"%s\"}]}", "\"predictions\""},
    {"/v2/models/run/infer", "application/json",
     "{\"inputs\":[{\"datatype\":\"UINT8\",\"shape\":[1,1,2,3],\"data\":[1,2,3,4,5,6]}],"
     "\"outputs\":[{\"name\":\"probabilities\",\"parameters\":{\"classification\":1}},{\"name\":\"logits\"}]}",
     "\"logits\""},
    {"/", NULL, NULL, "<script>"},
    {"/labels", NULL, NULL, "\"labels\""},
    {"/metrics", NULL, NULL, "graft_uptime_seconds"},
    {"/openapi.json", NULL, NULL, "\"/predict\""},
};

typedef struct scene {
    graft_serve *serve;
    uint8_t *image;
    size_t n_image;
    gf_text base64;
    graft_status status;
} scene;

static void *serve_all(void *ctx)
{
    scene *e = ctx;
    e->status = graft_serve_run(e->serve, NULL);
    return NULL;
}

/* True: the answer is the right one. */
static bool ask(const scene *e, const kind *k)
{
    size_t room = 2 * e->base64.n + 4096, size = 1 << 18;
    char *body = calloc(room, 1), *got = calloc(size, 1), head[512];
    const void *bytes = k->body ? body : (const char *)e->image;
    size_t length = k->type ? e->n_image : 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    if (k->body) length = (size_t)snprintf(body, room, k->body, e->base64.s);
#pragma GCC diagnostic pop
    int fd = client_connect(graft_serve_address(e->serve)), h;
    assert_true(fd >= 0);
    h = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                 k->type ? "POST" : "GET", k->path);
    if (k->type)
        h +=
            snprintf(head + h, sizeof head - (size_t)h, "Content-Type: %s\r\nContent-Length: %zu\r\n", k->type, length);
    h += snprintf(head + h, sizeof head - (size_t)h, "\r\n");
    if (send(fd, head, (size_t)h, MSG_NOSIGNAL) == h && length) send(fd, bytes, length, MSG_NOSIGNAL);
    size_t n = client_read(fd, got, size);
    bool right = strstr(got, "HTTP/1.1 200") && strstr(got, k->has);
    assert_true(right || !n || strstr(got, "HTTP/1.1 503") || strstr(got, "\"E5001\""));
    free(body);
    free(got);
    return right;
}

static void requests_survive_every_allocation(void **state)
{
    (void)state;
    const char *const runs[] = {run};
    scene e = {.status = GRAFT_INTERNAL};
    pthread_t thread;
    char path[160];
    long failed = 0;
    snprintf(path, sizeof path, "%s/data/train/red/0.bmp", root);
    assert_int_equal(gf_file_read(path, 1 << 20, &e.image, &e.n_image, NULL), GRAFT_OK);
    gf_base64_add(&e.base64, e.image, e.n_image);
    assert_int_equal(graft_serve_open(context, runs, 1, settings, &e.serve, NULL), GRAFT_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve_all, &e), 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!ask(&e, &kinds[i])) fail_msg("%s", kinds[i].path);
        for (long k = 0; k < 1000; k++) {
            faults_arm(FAULT_ALLOC, k);
            bool right = ask(&e, &kinds[i]), happened = faults_disarm();
            failed += !right;
            if (!happened) assert_true(right);
            if (!happened) break;
        }
        assert_true(ask(&e, &kinds[i]));
    }
    assert_true(failed > 50);
    graft_serve_stop(e.serve);
    pthread_join(thread, NULL);
    assert_int_equal(e.status, GRAFT_OK);
    graft_serve_free(e.serve);
    gf_free(e.image);
    gf_text_free(&e.base64);
}

static int set_up(void **state)
{
    (void)state;
    tiny_run t;
    if (run_places_make(4, 2) || setenv("XDG_CACHE_HOME", root, 1)) return -1;
    tiny_run_defaults(&t, data, run);
    t.train.epochs = t.train.fine_tune_epochs = 1;
    if (graft_settings_new(&settings, NULL) || graft_settings_set(settings, "serve.listen", "127.0.0.1:0", NULL))
        return -1;
    return tiny_run_train(&t, false, NULL) || graft_context_open(&t.context, &context, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
    graft_settings_free(settings);
    graft_context_free(context);
    return run_places_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_survives_every_allocation),
        cmocka_unit_test(requests_survive_every_allocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
