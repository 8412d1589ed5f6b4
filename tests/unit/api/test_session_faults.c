/* A session when memory runs out at each allocation in turn: opening it fails or not, and nothing is left behind; a run
 * fails or gives the right numbers, and the session is as good as before. */
#include "support/run_places.h"
#include "support/seeded.h"
#include "support/sys_faults.h"

#include "base/alloc.h"
#include "base/io.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { W = 37, H = 21, STRIDE = 3 * W + 4 };

static uint8_t rgb[STRIDE * H];
static graft_context *context;

static graft_model *open_run(void)
{
    graft_model *m = NULL;
    graft_error err = {0};
    if (graft_run_open(context, run, &m, &err)) fail_msg("%s", err.message);
    return m;
}

static graft_settings *settings_of_a_layer(void)
{
    graft_settings *s = NULL;
    assert_int_equal(graft_settings_new(&s, NULL), GRAFT_OK);
    assert_int_equal(graft_settings_set(s, "session.layer", "block_1_project", NULL), GRAFT_OK);
    return s;
}

static graft_image image_of(const void *bytes, size_t n, bool raw)
{
    return (graft_image){.size = sizeof(graft_image),
                         .kind = raw ? GRAFT_IMAGE_RGB8 : GRAFT_IMAGE_ENCODED,
                         .data = bytes,
                         .bytes = n,
                         .width = raw ? W : 0,
                         .height = raw ? H : 0,
                         .stride = raw ? STRIDE : 0};
}

static void opening_survives_every_allocation(void **state)
{
    (void)state;
    graft_model *m = open_run();
    graft_settings *settings = settings_of_a_layer();
    graft_session *s = NULL;
    assert_int_equal(graft_session_open(m, settings, &s, NULL), GRAFT_OK); /* what is kept for later is made now */
    graft_session_free(s);
    long before = faults_live(), failed = 0;
    for (long k = 0;; k++) {
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        graft_status status = graft_session_open(m, settings, &s, &err);
        bool happened = faults_disarm();
        assert_int_equal(status == GRAFT_OK, s != NULL);
        if (status != GRAFT_OK) assert_int_equal(status, GRAFT_RESOURCE);
        failed += status != GRAFT_OK;
        graft_session_free(s);
        assert_int_equal(faults_live(), before);
        if (!happened) break;
    }
    assert_true(failed > 100);
    graft_settings_free(settings);
    graft_model_free(m);
}

static void runs_survive_every_allocation(void **state)
{
    (void)state;
    graft_model *m = open_run();
    graft_settings *settings = settings_of_a_layer();
    graft_session *s = NULL;
    assert_int_equal(graft_session_open(m, settings, &s, NULL), GRAFT_OK);
    uint8_t *file;
    size_t n, values = graft_session_values(s, "block_1_project");
    char path[128];
    snprintf(path, sizeof path, "%s/data/train/red/0.bmp", root);
    assert_int_equal(gf_file_read(path, 1 << 20, &file, &n, NULL), GRAFT_OK);
    const graft_image images[] = {image_of(file, n, false), image_of(rgb, sizeof rgb, true)};
    float logits[2][2], features[2 * 1280], *layer = calloc(2 * values, sizeof *layer);
    graft_error errors[2];
    for (int k = 0; k < 2; k++) {
        const graft_output out[] = {{sizeof(graft_output), 0, "logits", logits[k], 1},
                                    {sizeof(graft_output), 0, "features", features, 1280},
                                    {sizeof(graft_output), 0, "block_1_project", layer, values}};
        long before = faults_live(), failed = 0;
        for (long at = 0; k; at++) {
            graft_error err = {0};
            faults_arm(FAULT_ALLOC, at);
            graft_status status = graft_session_run(s, images, 2, out, 3, at % 2 ? errors : NULL, &err);
            bool happened = faults_disarm();
            if (status != GRAFT_OK) assert_int_equal(status, GRAFT_RESOURCE);
            if (status == GRAFT_OK) assert_memory_equal(logits[0], logits[1], sizeof *logits);
            failed += status != GRAFT_OK;
            assert_int_equal(faults_live(), before);
            if (!happened) break;
        }
        assert_int_equal(failed > 4, k);
        assert_int_equal(graft_session_run(s, images, 2, out, 3, NULL, NULL), GRAFT_OK);
    }
    assert_memory_equal(logits[0], logits[1], sizeof *logits);
    free(layer);
    gf_free(file);
    graft_session_free(s);
    graft_settings_free(settings);
    graft_model_free(m);
}

/* ---- submitting */

typedef struct told {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int n;
    graft_status status;
} told;

static void on_done(void *user, const graft_session_answer *answer)
{
    told *t = user;
    pthread_mutex_lock(&t->lock);
    t->n++;
    t->status = answer->status;
    pthread_cond_broadcast(&t->came);
    pthread_mutex_unlock(&t->lock);
}

/* Either the call fails, or done tells of it. The first time, and when the queue is there. */
static void submitting_survives_every_allocation(void **state)
{
    (void)state;
    graft_model *m = open_run();
    const graft_image image = image_of(rgb, sizeof rgb, true);
    float logits[2];
    told t = {.n = 0};
    long failed = 0, outside = faults_live();
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.came, NULL);
    for (long k = 0;; k++) {
        graft_session *s;
        graft_error err = {0};
        const graft_output out = {sizeof(graft_output), 0, "logits", logits, 1};
        assert_int_equal(graft_session_open(m, NULL, &s, NULL), GRAFT_OK);
        int wanted = t.n;
        faults_arm(FAULT_ALLOC, k);
        graft_status status = graft_session_submit(s, &image, &out, 1, on_done, &t, NULL, &err);
        wanted += status == GRAFT_OK;
        pthread_mutex_lock(&t.lock);
        while (t.n < wanted) pthread_cond_wait(&t.came, &t.lock);
        pthread_mutex_unlock(&t.lock);
        bool happened = faults_disarm();
        if (status == GRAFT_OK) status = t.status;
        if (status != GRAFT_OK) assert_int_equal(status, GRAFT_RESOURCE);
        failed += status != GRAFT_OK;
        assert_int_equal(graft_session_submit(s, &image, &out, 1, on_done, &t, NULL, NULL), GRAFT_OK);
        graft_session_free(s);
        assert_int_equal(t.n, wanted + 1);
        assert_int_equal(t.status, GRAFT_OK);
        assert_int_equal(faults_live(), outside);
        if (!happened) break;
    }
    assert_true(failed > 4);
    pthread_cond_destroy(&t.came);
    pthread_mutex_destroy(&t.lock);
    graft_model_free(m);
}

static int set_up(void **state)
{
    (void)state;
    tiny_run t;
    if (run_places_make(4, 2) || setenv("XDG_CACHE_HOME", root, 1)) return -1;
    tiny_run_defaults(&t, data, run);
    t.train.epochs = t.train.fine_tune_epochs = 1;
    seeded_pixels("session", 1, rgb, sizeof rgb);
    return tiny_run_train(&t, false, NULL) || graft_context_open(&t.context, &context, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
    graft_context_free(context);
    return run_places_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_survives_every_allocation),
        cmocka_unit_test(runs_survive_every_allocation),
        cmocka_unit_test(submitting_survives_every_allocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
