/* A server of models when memory runs out at each allocation in turn: opening it fails or not, and nothing is left
 * behind; a request of each kind is answered rightly, told what is wrong, or closed; the next one is served. */
#include "support/sys_faults.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"

#include <graft/serve.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], run[96];
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
    {"/labels", NULL, NULL, "\"labels\""},
    {"/metrics", NULL, NULL, "graft_uptime_seconds"},
    {"/openapi.json", NULL, NULL, "\"/predict\""},
};

typedef struct scene {
    graft_serve *serve;
    uint8_t *image;
    size_t n_image;
    char *base64;
    graft_status status;
} scene;

static void *serve_all(void *ctx)
{
    scene *e = ctx;
    e->status = graft_serve_run(e->serve, NULL);
    return NULL;
}

static char *to_base64(const uint8_t *from, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = calloc(n / 3 * 4 + 5, 1), *to = text;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = 0;
        for (size_t c = 0; c < 3; c++) bits = bits << 8 | (i + c < n ? from[i + c] : 0);
        for (size_t c = 0; c < 4; c++) *to++ = i + c <= n ? digits[bits >> (18 - 6 * c) & 63] : '=';
    }
    return text;
}

/* True: the answer is the right one. */
static bool ask(const scene *e, const kind *k)
{
    size_t room = 2 * strlen(e->base64) + 4096, n = 0, size = 1 << 18;
    char *body = calloc(room, 1), *got = calloc(size, 1), head[512];
    const void *bytes = k->body ? body : (const char *)e->image;
    ssize_t more;
    size_t length = k->type ? e->n_image : 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    if (k->body) length = (size_t)snprintf(body, room, k->body, e->base64);
#pragma GCC diagnostic pop
    int fd = socket(AF_INET, SOCK_STREAM, 0), h;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((in_port_t)atoi(strrchr(graft_serve_address(e->serve), ':') + 1));
    h = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                 k->type ? "POST" : "GET", k->path);
    if (k->type)
        h +=
            snprintf(head + h, sizeof head - (size_t)h, "Content-Type: %s\r\nContent-Length: %zu\r\n", k->type, length);
    h += snprintf(head + h, sizeof head - (size_t)h, "\r\n");
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    if (send(fd, head, (size_t)h, MSG_NOSIGNAL) == h && length) send(fd, bytes, length, MSG_NOSIGNAL);
    while (n < size - 1 && (more = recv(fd, got + n, size - 1 - n, 0)) > 0) n += (size_t)more;
    close(fd);
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
    e.base64 = to_base64(e.image, e.n_image);
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
    free(e.base64);
}

static int set_up(void **state)
{
    (void)state;
    tiny_run t;
    char data[96];
    graft_context_options o;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || setenv("XDG_CACHE_HOME", root, 1)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(run, sizeof run, "%s/run", root);
    tiny_data_make(data, 4, 2);
    tiny_run_defaults(&t, data, run);
    t.train.epochs = t.train.fine_tune_epochs = 1;
    graft_context_defaults(&o);
    o.threads = 2;
    if (graft_settings_new(&settings, NULL) || graft_settings_set(settings, "serve.listen", "127.0.0.1:0", NULL))
        return -1;
    return tiny_run_train(&t, false, NULL) || graft_context_open(&o, &context, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    graft_settings_free(settings);
    graft_context_free(context);
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_survives_every_allocation),
        cmocka_unit_test(requests_survive_every_allocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
