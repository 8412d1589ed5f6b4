/* A whole run - images, two phases, checkpoints, run folder - that is killed, or whose memory or disk fails, at
 * seeded moments: at a file call or an allocation, not at a time, so that a failure here is the same failure again.
 * What is left is then resumed, and must end with the bytes of a run that nothing happened to. Augmentation and dropout
 * are on. Every run is a process of its own. */
#include "support/run_bytes.h"
#include "support/sys_faults.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/io.h"
#include "base/rng.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEED = 11, KILLS = 20, MEMORY_FAULTS = 24, DISK_FAULTS = 20, EXIT_LEAK = 99 };

static char root[64], data_dir[96], reference_dir[96], run_dir[96];
static long file_calls, allocations;

/* ---- a run in a child, with something that happens to it */

typedef struct accident {
    bool crash;
    fault_kind kind; /* where it is no crash */
    int error;
    bool forever;
    long at;
} accident;

/* How the child ended, as waitpid tells it. Its last error goes to `said`. `calls` (may be NULL) gets how many file
 * calls and allocations it made. */
static int run_child(const char *out, int threads, bool resume, const accident *a, char said[256], long calls[2])
{
    int pipe_end[2], how;
    assert_int_equal(pipe(pipe_end), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct {
            long calls[2];
            char said[256];
        } report = {0};
        graft_error err = {0};
        tiny_run t;
        tiny_run_defaults(&t, data_dir, out);
        t.context.threads = threads;
        long live = faults_live(), before[2] = {faults_file_calls(), faults_allocations()};
        if (a && a->crash) faults_arm_crash(a->at, 0);
        if (a && !a->crash) faults_arm_errno(a->kind, a->at, a->error, a->forever);
        graft_status status = tiny_run_train(&t, resume, &err);
        faults_disarm();
        report.calls[0] = faults_file_calls() - before[0];
        report.calls[1] = faults_allocations() - before[1];
        snprintf(report.said, sizeof report.said, "E%d: %.200s", err.number, err.message);
        if (write(pipe_end[1], &report, sizeof report) != sizeof report) _exit(98);
        _exit(faults_live() == live ? (int)status : EXIT_LEAK);
    }
    close(pipe_end[1]);
    struct {
        long calls[2];
        char said[256];
    } report = {0};
    if (read(pipe_end[0], &report, sizeof report) < 0) fail();
    close(pipe_end[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    memcpy(said, report.said, sizeof report.said);
    if (calls) memcpy(calls, report.calls, sizeof report.calls);
    return how;
}

/* ---- what a run left */

/* Takes up what an accident left, with another number of threads, and compares. */
static void recover(const accident *a, const char *where)
{
    char said[256], config[192];
    snprintf(config, sizeof config, "%s/config.json", run_dir);
    bool begun = gf_is_file(config); /* else there is no run yet to resume */
    int how = run_child(run_dir, a->at % 2 ? 1 : 2, begun, NULL, said, NULL);
    if (!WIFEXITED(how) || WEXITSTATUS(how))
        fail_msg("%s: %s ends with %x: %s", where, begun ? "resume" : "train", how, said);
    run_bytes_equal(reference_dir, run_dir, where);
}

/* The k-th of n seeded moments in [0, range). */
static long moment(uint32_t purpose, uint32_t k, long range)
{
    gf_rng rng = gf_rng_make(SEED, GF_PURPOSE_SYNTHETIC, purpose, k);
    return (long)gf_rng_below(&rng, (uint32_t)range);
}

/* ---- tests */

static int set_up(void **state)
{
    (void)state;
    char said[256];
    long calls[2];
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data_dir, sizeof data_dir, "%s/data", root);
    snprintf(reference_dir, sizeof reference_dir, "%s/reference", root);
    snprintf(run_dir, sizeof run_dir, "%s/run", root);
    tiny_data_make(data_dir, 6, 3);
    const accident none = {.crash = true, .at = LONG_MAX};
    int how = run_child(reference_dir, 2, false, &none, said, calls);
    if (how) print_error("the reference run ends with %x: %s\n", how, said);
    file_calls = calls[0];
    allocations = calls[1];
    print_message("seed %d; a run makes %ld file calls and %ld allocations\n", SEED, file_calls, allocations);
    return how || file_calls < 50 || allocations < 50;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

static void killed_at_any_file_call_it_resumes_with_the_same_bits(void **state)
{
    (void)state;
    int killed = 0;
    for (uint32_t i = 0; i < KILLS; i++) {
        char said[256], where[64];
        accident a = {.crash = true, .at = moment(1, i, file_calls)};
        snprintf(where, sizeof where, "killed at file call %ld", a.at);
        tiny_data_remove(run_dir);
        int how = run_child(run_dir, 2, false, &a, said, NULL);
        killed += WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
        if (!WIFSIGNALED(how) && WEXITSTATUS(how)) fail_msg("%s: ends with %x: %s", where, how, said);
        recover(&a, where);
    }
    assert_true(killed >= KILLS - 3); /* threads read files too: one or the other may run past its moment */
}

static void without_memory_it_ends_cleanly_or_goes_on(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MEMORY_FAULTS; i++) {
        char said[256], where[64];
        accident a = {.kind = FAULT_ALLOC, .error = ENOMEM, .at = moment(2, i, allocations)};
        snprintf(where, sizeof where, "allocation %ld failed", a.at);
        tiny_data_remove(run_dir);
        int how = run_child(run_dir, 2, false, &a, said, NULL);
        if (!WIFEXITED(how)) fail_msg("%s: killed by signal %d", where, WTERMSIG(how));
        int status = WEXITSTATUS(how);
        if (status != GRAFT_OK && status != GRAFT_RESOURCE) fail_msg("%s: ends with %d: %s", where, status, said);
        recover(&a, where);
    }
}

static void a_failing_disk_never_costs_the_run(void **state)
{
    (void)state;
    static const struct {
        fault_kind kind;
        int error;
    } faults[] = {
        {FAULT_WRITE, ENOSPC}, {FAULT_WRITE, EIO}, {FAULT_SYNC, EIO}, {FAULT_RENAME, EROFS}, {FAULT_WRITE, EDQUOT}};
    for (uint32_t i = 0; i < DISK_FAULTS; i++) {
        char said[256], where[80];
        size_t f = i % (sizeof faults / sizeof *faults);
        accident a = {.kind = faults[f].kind, .error = faults[f].error, .forever = i % 2, .at = moment(3, i, 12)};
        snprintf(where, sizeof where, "fault of kind %d from call %ld on, errno %d", a.kind, a.at, a.error);
        tiny_data_remove(run_dir);
        int how = run_child(run_dir, 2, false, &a, said, NULL);
        if (!WIFEXITED(how)) fail_msg("%s: killed by signal %d", where, WTERMSIG(how));
        int status = WEXITSTATUS(how);
        if (status != GRAFT_OK && status != GRAFT_RESOURCE) fail_msg("%s: ends with %d: %s", where, status, said);
        recover(&a, where);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_file_call_it_resumes_with_the_same_bits),
        cmocka_unit_test(without_memory_it_ends_cleanly_or_goes_on),
        cmocka_unit_test(a_failing_disk_never_costs_the_run),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
