/* Ranks that go away, say why, or say something else than is awaited; and what a process finds in its environment. */
#include "comm/words.h"
#include "support/ranks_of_threads.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static graft_error heard[8];
static double seconds;

/* The last rank returns at once, and closes its end. */
static void wait_for_the_last(gf_comm *c, void *ctx)
{
    (void)ctx;
    if (c->rank + 1 == c->size) {
        c->abort(c->self, &(graft_error){.status = GRAFT_RESOURCE, .number = 5004, .message = "the disk is full"});
        return;
    }
    gf_comm_barrier(c, &heard[c->rank]);
}

static void a_rank_that_fails_tells_the_others_why(void **state)
{
    (void)state;
    memset(heard, 0, sizeof heard);
    run_ranks(4, wait_for_the_last, NULL);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(heard[r].status, GRAFT_RESOURCE);
        assert_int_equal(heard[r].number, 5004);
        assert_string_equal(heard[r].message, "rank 3: the disk is full");
    }
}

static void send_less(gf_comm *c, void *ctx)
{
    (void)ctx;
    char bytes[64] = {0};
    graft_status status =
        c->exchange(c->self, 1 - c->rank, bytes, c->rank ? 8 : 16, bytes, 16, 30, NULL, &heard[c->rank]);
    if (status != GRAFT_OK) c->abort(c->self, &heard[c->rank]);
}

static void bytes_that_are_not_awaited_are_told(void **state)
{
    (void)state;
    memset(heard, 0, sizeof heard);
    run_ranks(2, send_less, NULL);
    assert_int_equal(heard[0].number, GF_E_RANKS_DISAGREE);
    assert_non_null(strstr(heard[0].message, "message 0 of 8 bytes where message 0 of 16 is awaited"));
}

/* ---- processes */

static const char program[] = "/bin/sh";

static void ranks_of(const char *script, int ranks, gf_local **out)
{
    const char *const command[] = {program, "-c", script, NULL};
    OK(gf_local_start(out, ranks, command, &error));
}

static void fails_with(gf_local *l, int number, const char *part)
{
    graft_error err = {0};
    double begin = gf_sys_seconds();
    gf_comm *c = gf_local_comm(l);
    char byte;
    graft_status status = c->exchange(c->self, 1, NULL, 0, &byte, 1, 1.5, NULL, &err);
    seconds = gf_sys_seconds() - begin;
    assert_int_equal(status, GRAFT_WORKER);
    if (err.number != number || !strstr(err.message, part)) fail_msg("E%d: %s", err.number, err.message);
    graft_error again = {0};
    assert_int_equal(c->look(c->self, 30, &again), GRAFT_WORKER);
    assert_string_equal(again.message, err.message);
}

static void a_process_that_ends_is_noticed_at_once(void **state)
{
    (void)state;
    gf_local *l;
    ranks_of("exit 0", 2, &l);
    fails_with(l, GF_E_RANK_ENDED, "rank 1 of 2");
    assert_true(seconds < 1);
    gf_local_close(l);
}

static void a_program_that_is_not_there_is_one_that_ends(void **state)
{
    (void)state;
    gf_local *l;
    const char *const command[] = {"/no/such/program", NULL};
    OK(gf_local_start(&l, 2, command, &error));
    fails_with(l, GF_E_RANK_ENDED, "rank 1 of 2");
    gf_local_close(l);
}

/* It never says a word: after the time that was given, and it is ended when all is closed. */
static void a_silent_process_is_given_up(void **state)
{
    (void)state;
    gf_local *l;
    ranks_of("echo $$ > /tmp/graft-silent-$PPID; exec sleep 60", 2, &l);
    fails_with(l, GF_E_RANK_SILENT, "no sign of life for 2 s");
    assert_true(seconds > 1 && seconds < 5);
    char path[64];
    long child = 0;
    snprintf(path, sizeof path, "/tmp/graft-silent-%d", (int)getpid());
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &child), 1);
    fclose(f);
    unlink(path);
    gf_local_close(l);
    assert_int_equal(kill((pid_t)child, 0), -1);
}

static void ranks_are_1_to_64(void **state)
{
    (void)state;
    gf_local *l;
    const char *const command[] = {program, NULL};
    for (int n = -1; n <= 65; n += 66) {
        graft_error err = {0};
        assert_int_equal(gf_local_start(&l, n, command, &err), GRAFT_USAGE);
        assert_null(l);
    }
}

/* ---- the environment */

static void words_tell_a_rank(void **state)
{
    (void)state;
    gf_rank_words w;
    OK(gf_rank_words_parse(&w, "2 4 17 20 21 -1 22", &error));
    assert_int_equal(w.rank, 2);
    assert_int_equal(w.size, 4);
    assert_int_equal(w.page, 17);
    assert_int_equal(w.socket[3], 22);
    char *text = gf_rank_words_text(&w);
    assert_string_equal(text, "2 4 17 20 21 -1 22");
    gf_free(text);
    static const char *const bad[] = {
        "",         "1",          "2 2 3 4 5",    "0 2 3 -1 4 ", "0 2 3 4 5",   "0 2 -1 -1 4",         "0 65 3",
        "0 2 3 -1", "0 2 3 -1 x", "0 2 3 -1 4 5", " 0 2 3 -1 4", "-1 2 3 -1 4", "0 2 3 -1 99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        graft_error err = {0};
        gf_local *l;
        if (gf_local_join(&l, bad[i], &err) != GRAFT_WORKER || l) fail_msg("\"%s\" is taken", bad[i]);
        assert_int_equal(err.number, GF_E_RANK_STARTED);
    }
    graft_error err = {0};
    gf_local *l;
    assert_int_equal(gf_local_join(&l, "0 2 0 -1 1", &err), GRAFT_WORKER); /* standard files, no sockets */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_that_fails_tells_the_others_why),
        cmocka_unit_test(bytes_that_are_not_awaited_are_told),
        cmocka_unit_test(a_process_that_ends_is_noticed_at_once),
        cmocka_unit_test(a_program_that_is_not_there_is_one_that_ends),
        cmocka_unit_test(a_silent_process_is_given_up),
        cmocka_unit_test(ranks_are_1_to_64),
        cmocka_unit_test(words_tell_a_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
