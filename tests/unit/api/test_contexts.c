/* Two contexts in one process, each in a thread of its own, at work at the same time: they share nothing that one of
 * them could spoil. Run under ThreadSanitizer, too (label tsan). */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONTEXTS = 2 };

typedef struct job {
    tiny_run run;
    char out[96];
    graft_status status;
    graft_error err;
} job;

static char root[64], data[96], alone[96];

static void *go(void *ctx)
{
    job *j = ctx;
    j->status = tiny_run_train(&j->run, false, &j->err);
    return NULL;
}

/* Trains in as many contexts at once. */
static void train(job *jobs, const char *precision)
{
    pthread_t thread[CONTEXTS];
    for (int i = 0; i < CONTEXTS; i++) {
        snprintf(jobs[i].out, sizeof jobs[i].out, "%s/%s%d", root, precision, i);
        tiny_run_defaults(&jobs[i].run, data, jobs[i].out);
        jobs[i].run.precision = precision;
        assert_int_equal(pthread_create(&thread[i], NULL, go, &jobs[i]), 0);
    }
    for (int i = 0; i < CONTEXTS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < CONTEXTS; i++) {
        if (jobs[i].status != GRAFT_OK) fail_msg("%s: E%d %s", jobs[i].out, jobs[i].err.number, jobs[i].err.message);
    }
}

static void runs_at_the_same_time_have_the_bits_of_one_alone(void **state)
{
    (void)state;
    job jobs[CONTEXTS] = {0};
    train(jobs, "f32");
    for (int i = 0; i < CONTEXTS; i++) run_bytes_equal(alone, jobs[i].out, jobs[i].out);
}

/* Both time their choices, and keep them in the one file of the user's cache; what is there afterwards can be read. */
static void choices_are_timed_and_kept_at_the_same_time(void **state)
{
    (void)state;
    job jobs[CONTEXTS] = {0};
    train(jobs, "auto");
    train(jobs, "auto");
}

static int set_up(void **state)
{
    (void)state;
    graft_error err;
    tiny_run t;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || setenv("XDG_CACHE_HOME", root, 1)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(alone, sizeof alone, "%s/alone", root);
    tiny_data_make(data, 6, 3);
    tiny_run_defaults(&t, data, alone);
    return tiny_run_train(&t, false, &err) == GRAFT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_at_the_same_time_have_the_bits_of_one_alone),
        cmocka_unit_test(choices_are_timed_and_kept_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
