/* Each allocation of ranks failing in turn, whichever rank makes it: that rank tells, the others end with what it told,
 * and nothing is left. */
#include "comm/tree.h"
#include "comm/words.h"
#include "support/fail_each.h"
#include "support/ranks_of_threads.h"

#include "base/alloc.h"

#include <string.h>

enum { RANKS = 3, LEAVES = 10, FLOATS = 40 };

static void add(float *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += from[i];
}

static graft_status sum(gf_comm *c, gf_tree *t, float *const block[], graft_error *err)
{
    uint8_t *copy;
    size_t n;
    bool flag[4] = {c->rank == 1};
    GF_TRY(gf_comm_send_all(c, "word", 5, 100, &copy, &n, err));
    gf_free(copy);
    GF_TRY(gf_comm_any(c, flag, 4, err));
    GF_TRY(gf_tree_begin(t, LEAVES, err));
    gf_tree_fold(t, block, 0, FLOATS);
    GF_TRY(gf_tree_sum(t, block, FLOATS, err));
    return gf_comm_barrier(c, err);
}

static graft_error heard[RANKS];

static void work(gf_comm *c, void *ctx)
{
    (void)ctx;
    float values[LEAVES][FLOATS] = {{0}}, *block[LEAVES];
    gf_tree t = {.comm = c, .add = add};
    for (size_t i = 0; i < LEAVES; i++) block[i] = values[i];
    graft_status status = sum(c, &t, block, &heard[c->rank]);
    if (status != GRAFT_OK) c->abort(c->self, &heard[c->rank]);
    gf_tree_free(&t);
}

static graft_status run_all(graft_error *err)
{
    gf_local *local[RANKS];
    rank_thread t[RANKS];
    graft_status status = GRAFT_OK;
    memset(heard, 0, sizeof heard);
    GF_TRY(gf_local_pairs(local, RANKS, err));
    for (int r = 0; r < RANKS; r++) OK(gf_local_begin(local[r], &error));
    for (int r = 0; r < RANKS; r++) {
        t[r] = (rank_thread){.local = local[r], .fn = work};
        assert_int_equal(pthread_create(&t[r].thread, NULL, rank_main, &t[r]), 0);
    }
    for (int r = 0; r < RANKS; r++) pthread_join(t[r].thread, NULL);
    for (int r = 0; r < RANKS; r++) gf_local_close(local[r]);
    for (int r = 0; r < RANKS && status == GRAFT_OK; r++) {
        status = heard[r].status;
        *err = heard[r];
    }
    return status;
}

static void a_failing_allocation_ends_all_ranks(void **state)
{
    (void)state;
    assert_true(fail_each(FAULT_ALLOC, run_all, NULL) >= RANKS + 3 * RANKS);
}

static graft_status words(graft_error *err)
{
    const gf_rank_words w = {.rank = 1, .size = 3, .page = 9, .socket = {4, -1, 5}};
    char *text = gf_rank_words_text(&w);
    if (!text) return gf_fail_memory(err, 32, "words");
    gf_free(text);
    return GRAFT_OK;
}

static void words_survive_it(void **state)
{
    (void)state;
    assert_true(fail_each(FAULT_ALLOC, words, NULL) > 0);
}

/* No process is left behind where the second one cannot be started. */
static graft_status start(graft_error *err)
{
    static const char *const command[] = {"/bin/sh", "-c", "exit 0", NULL};
    gf_local *l;
    GF_TRY(gf_local_start(&l, 3, command, err));
    gf_local_close(l);
    return GRAFT_OK;
}

static void starting_survives_it(void **state)
{
    (void)state;
    assert_true(fail_each(FAULT_ALLOC, start, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_allocation_ends_all_ranks),
        cmocka_unit_test(words_survive_it),
        cmocka_unit_test(starting_survives_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
