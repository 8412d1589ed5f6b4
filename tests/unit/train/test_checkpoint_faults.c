/* Checkpoints when memory, disk or the machine fails: every call in turn. Whatever happens, a good one reads back. */
#include "base/alloc.h"
#include "base/io.h"
#include "support/sys_faults.h"
#include "train/checkpoint.h"
#include "train/diverged.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The state at a step: every word is the step's, so that a mixture would be seen. */
enum { WORDS = 5000 };
typedef struct state_at {
    int64_t words[WORDS], more[3];
    gf_section section[2];
} state_at;

static void make_state(state_at *s, int64_t step)
{
    for (int i = 0; i < WORDS; i++) s->words[i] = step;
    for (int i = 0; i < 3; i++) s->more[i] = -step;
    s->section[0] = (gf_section){"words", s->words, sizeof s->words};
    s->section[1] = (gf_section){"more", s->more, sizeof s->more};
}

static graft_status write_step(const char *dir, int64_t step, graft_error *err)
{
    static state_at s;
    make_state(&s, step);
    return gf_checkpoint_write(dir, step, s.section, 2, err);
}

/* The step that reads back, checked word by word; -1: none. */
static int64_t step_on_disk(const char *dir)
{
    static state_at read;
    gf_checkpoint c;
    if (gf_checkpoint_read_latest(&c, dir, 0, NULL, NULL) != GRAFT_OK) return -1;
    int64_t step = c.step;
    assert_int_equal(gf_checkpoint_copy(&c, "words", read.words, sizeof read.words, NULL), GRAFT_OK);
    assert_int_equal(gf_checkpoint_copy(&c, "more", read.more, sizeof read.more, NULL), GRAFT_OK);
    for (int i = 0; i < WORDS; i++) assert_int_equal(read.words[i], step);
    for (int i = 0; i < 3; i++) assert_int_equal(read.more[i], -step);
    gf_checkpoint_free(&c);
    return step;
}

static size_t files_in(const char *dir, bool only_tmp)
{
    gf_names names;
    size_t n = 0;
    assert_int_equal(gf_dir_list(dir, &names, NULL), GRAFT_OK);
    for (size_t i = 0; i < names.n; i++) n += !only_tmp || strstr(names.item[i], ".tmp");
    gf_names_free(&names);
    return n;
}

static void empty_folder(const char *dir)
{
    gf_names names;
    assert_int_equal(gf_dir_list(dir, &names, NULL), GRAFT_OK);
    for (size_t i = 0; i < names.n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, names.item[i]);
        assert_int_equal(unlink(path), 0);
    }
    gf_names_free(&names);
}

static void make_folder(char dir[64])
{
    strcpy(dir, "/tmp/graft-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void remove_folder(const char *dir)
{
    empty_folder(dir);
    assert_int_equal(rmdir(dir), 0);
}

/* Fails each call of a write; errors of a full and of a broken disk alike. */
static void a_failed_write_keeps_the_older_ones(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO, EDQUOT, EROFS, ESTALE};
    char dir[64];
    long faults = 0;
    make_folder(dir);
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (size_t e = 0; e < (kind == FAULT_ALLOC ? 1 : sizeof errors / sizeof *errors); e++) {
            for (long k = 0;; k++) {
                empty_folder(dir);
                assert_int_equal(write_step(dir, 1, NULL), GRAFT_OK);
                assert_int_equal(write_step(dir, 2, NULL), GRAFT_OK);
                long live = faults_live();
                graft_error err = {0};
                faults_arm_errno((fault_kind)kind, k, kind == FAULT_ALLOC ? ENOMEM : errors[e], false);
                graft_status status = write_step(dir, 3, &err);
                bool happened = faults_disarm();
                assert_int_equal(faults_live(), live);
                assert_int_equal(files_in(dir, true), 0);
                int64_t step = step_on_disk(dir);
                if (status == GRAFT_OK) {
                    assert_int_equal(step, 3); /* what failed was the tidying up */
                } else {
                    assert_int_equal(status, GRAFT_RESOURCE);
                    assert_true(err.message[0]);
                    assert_true(step == 2 || step == 3);
                    assert_true(files_in(dir, false) >= 2);
                    assert_int_equal(write_step(dir, 3, NULL), GRAFT_OK); /* the next try is well */
                    assert_int_equal(step_on_disk(dir), 3);
                }
                if (!happened) break;
                faults++;
            }
        }
    }
    assert_true(faults >= 5 * 8);
    remove_folder(dir);
}

static void a_failed_read_is_no_crash_and_no_lie(void **state)
{
    (void)state;
    char dir[64];
    long faults = 0;
    make_folder(dir);
    assert_int_equal(write_step(dir, 1, NULL), GRAFT_OK);
    assert_int_equal(write_step(dir, 2, NULL), GRAFT_OK);
    for (int kind = 0; kind <= FAULT_READ; kind++) {
        for (long k = 0;; k++) {
            gf_checkpoint c;
            graft_error err = {0};
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = gf_checkpoint_read_latest(&c, dir, 0, NULL, &err);
            bool happened = faults_disarm();
            if (status == GRAFT_OK) {
                assert_true(c.step == 2 || (happened && c.step == 1 && c.skipped == 1));
            } else {
                assert_true(happened && err.message[0] && !c.section);
                assert_int_equal(status, GRAFT_RESOURCE);
            }
            gf_checkpoint_free(&c);
            assert_int_equal(faults_live(), live);
            if (!happened) break;
            faults++;
        }
    }
    assert_true(faults >= 6);
    remove_folder(dir);
}

static const int losses[] = {0,
                             CRASH_ZEROES_DATA,
                             CRASH_CUTS_DATA,
                             CRASH_UNDOES_RENAMES,
                             CRASH_ZEROES_DATA | CRASH_UNDOES_RENAMES,
                             CRASH_CUTS_DATA | CRASH_ZEROES_DATA};
enum { LOSSES = sizeof losses / sizeof *losses };

/* Power is lost right after a write was told to be safe: it is there. */
static void what_was_told_safe_survives_a_power_loss(void **state)
{
    (void)state;
    char dir[64];
    make_folder(dir);
    for (size_t loss = 0; loss < LOSSES; loss++) {
        empty_folder(dir);
        assert_int_equal(write_step(dir, 1, NULL), GRAFT_OK);
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            faults_arm_crash(LONG_MAX, losses[loss]);
            if (write_step(dir, 2, NULL) != GRAFT_OK) _exit(1);
            faults_arm_crash(0, losses[loss]);
            write_step(dir, 3, NULL);
            _exit(2);
        }
        int how;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        assert_int_equal(step_on_disk(dir), 2);
    }
    remove_folder(dir);
}

/* kill -9 and power loss at every file call of a write: in a child process, which dies there. */
static void a_crash_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    char dir[64];
    int old = 0, fresh = 0;
    make_folder(dir);
    for (size_t loss = 0; loss < LOSSES; loss++) {
        for (long k = 0;; k++) {
            empty_folder(dir);
            assert_int_equal(write_step(dir, 1, NULL), GRAFT_OK);
            assert_int_equal(write_step(dir, 2, NULL), GRAFT_OK);
            fflush(NULL);
            pid_t child = fork();
            assert_true(child >= 0);
            if (!child) {
                faults_arm_crash(k, losses[loss]);
                _exit(write_step(dir, 3, NULL) != GRAFT_OK);
            }
            int how;
            assert_int_equal(waitpid(child, &how, 0), child);
            int64_t step = step_on_disk(dir);
            if (WIFEXITED(how)) {
                assert_int_equal(WEXITSTATUS(how), 0);
                assert_int_equal(step, 3);
                break;
            }
            assert_int_equal(WTERMSIG(how), SIGKILL);
            assert_true(step == 2 || step == 3);
            old += step == 2;
            fresh += step == 3;
            assert_int_equal(write_step(dir, 4, NULL), GRAFT_OK);
            assert_int_equal(step_on_disk(dir), 4);
            assert_int_equal(files_in(dir, false), 2);
        }
    }
    assert_true(old >= 5 * LOSSES && fresh >= LOSSES);
    remove_folder(dir);
}

/* ---- the writer */

typedef struct heard {
    int warnings, notes;
    char last[2048];
} heard;

static void hear(void *ctx, gf_log_level level, const char *said)
{
    heard *h = ctx;
    *(level == GF_WARNING ? &h->warnings : &h->notes) += 1;
    snprintf(h->last, sizeof h->last, "%s", said);
}

static void the_writer_writes_what_was_not_what_is(void **state)
{
    (void)state;
    static state_at s;
    char dir[64];
    graft_error err;
    gf_checkpoint_writer *w;
    make_folder(dir);
    assert_int_equal(gf_checkpoint_writer_create(&w, dir, 1e6, NULL, &err), GRAFT_OK);
    assert_int_equal(gf_checkpoint_writer_wait(w, &err), GRAFT_OK);
    assert_int_equal(gf_checkpoint_writer_safe_step(w), -1);
    assert_false(gf_checkpoint_writer_due(w));
    for (int64_t step = 1; step <= 50; step++) {
        make_state(&s, step);
        gf_checkpoint_writer_start(w, step, s.section, 2);
        make_state(&s, 1000); /* training goes on */
        if (step % 7 == 0) {
            assert_int_equal(gf_checkpoint_writer_wait(w, &err), GRAFT_OK);
            assert_int_equal(step_on_disk(dir), step);
            assert_int_equal(gf_checkpoint_writer_safe_step(w), step);
        }
    }
    make_state(&s, 51);
    assert_int_equal(gf_checkpoint_writer_finish(w, 51, s.section, 2, &err), GRAFT_OK);
    assert_int_equal(step_on_disk(dir), 51);
    assert_int_equal(files_in(dir, false), 2);
    assert_int_equal(gf_checkpoint_writer_failures(w), 0);
    gf_checkpoint_writer_destroy(w);
    gf_checkpoint_writer_destroy(NULL);
    remove_folder(dir);
}

/* Asks at every step of a training loop of a millisecond a step, at most 10 s. */
static void train_until_due(gf_checkpoint_writer *w)
{
    for (int i = 0; i < 10000 && !gf_checkpoint_writer_due(w); i++) usleep(1000);
    assert_true(gf_checkpoint_writer_due(w));
}

static void a_full_disk_does_not_stop_training(void **state)
{
    (void)state;
    static state_at s;
    char dir[64];
    heard h = {0};
    gf_log log = {hear, &h};
    graft_error err;
    gf_checkpoint_writer *w;
    make_folder(dir);
    assert_int_equal(gf_checkpoint_writer_create(&w, dir, 0.05, &log, &err), GRAFT_OK);
    make_state(&s, 1);
    train_until_due(w);
    gf_checkpoint_writer_start(w, 1, s.section, 2);
    train_until_due(w);
    assert_int_equal(gf_checkpoint_writer_safe_step(w), 1);

    faults_arm_errno(FAULT_WRITE, 0, ENOSPC, true);
    for (int64_t step = 2; step <= 3; step++) {
        make_state(&s, step);
        gf_checkpoint_writer_start(w, step, s.section, 2);
        train_until_due(w);
        assert_int_equal(h.warnings, step - 1);
        assert_non_null(strstr(h.last, "E5004"));
        assert_non_null(strstr(h.last, "training goes on"));
        assert_int_equal(gf_checkpoint_writer_failures(w), step - 1);
        assert_int_equal(gf_checkpoint_writer_safe_step(w), 1);
        assert_int_equal(files_in(dir, true), 0);
    }
    assert_int_equal(gf_checkpoint_writer_wait(w, &err), GRAFT_RESOURCE);
    assert_int_equal(err.number, GF_E_NO_SPACE);
    err = (graft_error){0};
    assert_int_equal(gf_checkpoint_writer_finish(w, 3, s.section, 2, &err), GRAFT_RESOURCE);
    assert_int_equal(err.number, GF_E_NO_SPACE);
    assert_true(faults_disarm());
    assert_int_equal(step_on_disk(dir), 1);

    make_state(&s, 4);
    gf_checkpoint_writer_start(w, 4, s.section, 2); /* there is room again */
    assert_int_equal(gf_checkpoint_writer_wait(w, &err), GRAFT_OK);
    assert_int_equal(h.notes, 1);
    assert_int_equal(step_on_disk(dir), 4);
    gf_checkpoint_writer_destroy(w);
    remove_folder(dir);
}

static void the_writer_survives_every_fault(void **state)
{
    (void)state;
    static state_at s;
    char dir[64];
    long faults = 0;
    make_folder(dir);
    make_state(&s, 2);
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            empty_folder(dir);
            assert_int_equal(write_step(dir, 1, NULL), GRAFT_OK);
            long live = faults_live();
            heard h = {0};
            gf_log log = {hear, &h};
            gf_checkpoint_writer *w;
            graft_error err;
            faults_arm((fault_kind)kind, k);
            graft_status status = gf_checkpoint_writer_create(&w, dir, 60, &log, &err);
            if (status == GRAFT_OK) {
                gf_checkpoint_writer_start(w, 2, s.section, 2);
                status = gf_checkpoint_writer_wait(w, &err);
                assert_int_equal(h.warnings, status != GRAFT_OK);
            } else {
                assert_null(w);
            }
            bool happened = faults_disarm();
            gf_checkpoint_writer_destroy(w);
            int64_t step = step_on_disk(dir);
            assert_true(step == 2 || (status != GRAFT_OK && step == 1));
            assert_int_equal(faults_live(), live);
            if (!happened) break;
            faults++;
        }
    }
    assert_true(faults >= 15);
    remove_folder(dir);
}

static void the_record_of_a_bad_loss_is_whole_or_not_there(void **state)
{
    (void)state;
    static const uint32_t ids[] = {1, 2};
    static const char *const paths[] = {"a", "b"};
    const gf_diverged d = {.policy = "stop", .sample = ids, .path = paths, .n_samples = 2};
    char dir[64], path[128];
    make_folder(dir);
    snprintf(path, sizeof path, "%s/diverged.json", dir);
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            long live = faults_live();
            empty_folder(dir);
            faults_arm((fault_kind)kind, k);
            graft_status status = gf_diverged_write(path, &d, NULL);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            assert_int_equal(files_in(dir, true), 0);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                break;
            }
            assert_true(status == GRAFT_RESOURCE || gf_is_file(path));
        }
    }
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_write_keeps_the_older_ones),
        cmocka_unit_test(a_failed_read_is_no_crash_and_no_lie),
        cmocka_unit_test(what_was_told_safe_survives_a_power_loss),
        cmocka_unit_test(a_crash_leaves_the_old_or_the_new),
        cmocka_unit_test(the_writer_writes_what_was_not_what_is),
        cmocka_unit_test(a_full_disk_does_not_stop_training),
        cmocka_unit_test(the_writer_survives_every_fault),
        cmocka_unit_test(the_record_of_a_bad_loss_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
