/* Sums over ranks have the bits of the sum in one process: every number of leaves from 1 to 128 on every number of
 * ranks from 1 to 17; and the other calls of all ranks. */
#include "comm/tree.h"
#include "support/ranks_of_threads.h"
#include "support/seeded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAVES = 128, RANKS = 17, FLOATS = 37 };

static float leaf[LEAVES][FLOATS];
static float want[LEAVES + 1][FLOATS]; /* the sum of so many leaves */

/* From 1e-12 to 1e12, so that the order of adding shows. */
static void make_leaves(void)
{
    for (size_t i = 0; i < LEAVES; i++) {
        for (size_t k = 0; k < FLOATS; k++) {
            uint64_t bits = seeded_word("leaf", i, k);
            float x = (float)(int64_t)(bits % 2000001) - 1e6f;
            leaf[i][k] = x * (float[]){1e-12f, 1e-6f, 1, 1e6f}[bits >> 40 & 3];
        }
    }
}

/* The sum as it is defined: of leaves first .. first + size - 1, a power of two, of which n are there. */
static float sum_of(size_t first, size_t size, size_t n, size_t k)
{
    if (size == 1) return leaf[first][k];
    size_t half = size / 2;
    float left = sum_of(first, half, n, k);
    return first + half < n ? left + sum_of(first + half, half, n, k) : left;
}

static void add(float *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += from[i];
}

static int wrong[RANKS + 1];

static void sum_all(gf_comm *comm, void *ctx)
{
    (void)ctx;
    gf_tree t = {.comm = comm, .add = add};
    float(*own)[FLOATS] = malloc(sizeof leaf);
    float *block[LEAVES];
    for (size_t i = 0; i < LEAVES; i++) block[i] = own[i];
    for (size_t n = 1; n <= LEAVES; n++) {
        graft_error err = {0};
        if (gf_tree_begin(&t, n, &err) != GRAFT_OK) wrong[comm->rank]++;
        for (size_t i = t.own.first; i < t.own.end; i++) memcpy(own[i - t.own.first], leaf[i], sizeof *own);
        for (size_t at = 0; at < FLOATS; at += 10) gf_tree_fold(&t, block, at, FLOATS - at < 10 ? FLOATS - at : 10);
        if (gf_tree_sum(&t, block, FLOATS, &err) != GRAFT_OK) wrong[comm->rank]++;
        if (memcmp(block[0], want[n], sizeof *own) != 0) wrong[comm->rank]++;
    }
    gf_tree_free(&t);
    free(own);
}

static void any_ranks_give_the_same_bits(void **state)
{
    (void)state;
    int in_order = 0;
    make_leaves();
    for (size_t n = 1; n <= LEAVES; n++) {
        float plain[FLOATS] = {0};
        for (size_t i = 0; i < n; i++) add(plain, leaf[i], FLOATS);
        for (size_t k = 0; k < FLOATS; k++) want[n][k] = sum_of(0, LEAVES, n, k);
        in_order += memcmp(plain, want[n], sizeof plain) == 0;
    }
    assert_true(in_order < 8); /* another order of adding does show */
    for (int ranks = 1; ranks <= RANKS; ranks++) {
        memset(wrong, 0, sizeof wrong);
        run_ranks(ranks, sum_all, NULL);
        for (int r = 0; r < ranks; r++) {
            if (wrong[r]) fail_msg("rank %d of %d: %d of %d sums are wrong", r, ranks, wrong[r], LEAVES);
        }
    }
}

/* More floats than are exchanged at a time: each part of them is the sum too. */
static void sum_many(gf_comm *comm, void *ctx)
{
    enum { MANY = 1000003, N = 11 };
    (void)ctx;
    gf_tree t = {.comm = comm, .add = add};
    graft_error err = {0};
    float *block[N] = {malloc(MANY * sizeof(float))};
    if (gf_tree_begin(&t, N, &err) != GRAFT_OK) wrong[comm->rank]++;
    for (size_t i = t.own.first; i < t.own.end; i++) {
        float **to = &block[i - t.own.first];
        if (!*to) *to = malloc(MANY * sizeof(float));
        for (size_t k = 0; k < MANY; k++) (*to)[k] = leaf[i][k % FLOATS];
    }
    gf_tree_fold(&t, block, 0, MANY);
    if (gf_tree_sum(&t, block, MANY, &err) != GRAFT_OK) wrong[comm->rank]++;
    for (size_t k = 0; k < MANY; k++) wrong[comm->rank] += block[0][k] != want[N][k % FLOATS];
    for (size_t i = 0; i < N; i++) free(block[i]);
    gf_tree_free(&t);
}

static void large_gradients_are_summed_in_parts(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= 5; ranks++) {
        memset(wrong, 0, sizeof wrong);
        run_ranks(ranks, sum_many, NULL);
        for (int r = 0; r < ranks; r++) assert_int_equal(wrong[r], 0);
    }
}

/* ---- the other calls */

static void call_all(gf_comm *c, void *ctx)
{
    (void)ctx;
    int *bad = &wrong[c->rank], size = c->size;
    graft_error err = {0};
    char text[1000];
    memset(text, c->rank ? 0 : 'x', sizeof text);
    *bad += gf_comm_broadcast(c, text, sizeof text, &err) != GRAFT_OK || text[0] != 'x' || text[999] != 'x';

    uint8_t *copy;
    size_t n;
    *bad += gf_comm_send_all(c, c->rank ? NULL : "seven", c->rank ? 0 : 6, 100, &copy, &n, &err) != GRAFT_OK;
    *bad += n != 6 || !copy || strcmp((char *)copy, "seven") != 0;
    free(copy);
    *bad += gf_comm_send_all(c, "too long", 9, 8, &copy, &n, &err) == GRAFT_OK || copy;

    size_t begin[GF_MOST_RANKS + 1];
    int32_t rows[50];
    gf_comm_begins(c, 50, 3, sizeof *rows, begin);
    memset(rows, 255, sizeof rows);
    for (size_t i = begin[c->rank] / 4; i < begin[c->rank + 1] / 4; i++) rows[i] = (int32_t)i * 7;
    *bad += gf_comm_gather(c, rows, begin, &err) != GRAFT_OK;
    for (int32_t i = 0; i < 50; i++) *bad += rows[i] != i * 7;

    bool flag[20] = {0};
    flag[c->rank] = true;
    *bad += gf_comm_any(c, flag, 20, &err) != GRAFT_OK;
    for (int i = 0; i < 20; i++) *bad += flag[i] != (i < size);

    int64_t largest = (c->rank * 5) % size;
    *bad += gf_comm_largest(c, &largest, &err) != GRAFT_OK;
    int64_t expected = 0;
    for (int r = 0; r < size; r++) expected = (r * 5) % size > expected ? (r * 5) % size : expected;
    *bad += largest != expected || gf_comm_barrier(c, &err) != GRAFT_OK;
}

static void what_all_call_together(void **state)
{
    (void)state;
    for (int ranks = 1; ranks <= RANKS; ranks++) {
        memset(wrong, 0, sizeof wrong);
        run_ranks(ranks, call_all, NULL);
        for (int r = 0; r < ranks; r++) {
            if (wrong[r]) fail_msg("rank %d of %d: %d are wrong", r, ranks, wrong[r]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_ranks_give_the_same_bits),
        cmocka_unit_test(large_gradients_are_summed_in_parts),
        cmocka_unit_test(what_all_call_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
