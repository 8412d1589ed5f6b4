/* The arena: whatever the blocks, no two that live at once share a byte, and no byte is booked that nobody needs. */
#include "graph/arena.h"

#include "support/seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 120 };

static bool lives(const gf_block *b) { return b->last >= b->first && b->bytes; }

static void check(const gf_block *block, size_t n, size_t total)
{
    size_t sum = 0, top = 0, most_at_once = 0;
    for (size_t i = 0; i < n; i++) {
        const gf_block *a = &block[i];
        if (!lives(a)) continue;
        size_t at_once = 0;
        assert_int_equal(a->offset % 64, 0);
        sum += a->bytes;
        if (a->offset + a->bytes > top) top = a->offset + a->bytes;
        for (size_t k = 0; k < n; k++) {
            const gf_block *b = &block[k];
            if (!lives(b)) continue;
            if (b->first <= a->first && a->first <= b->last) at_once += b->bytes;
            bool meet = a->first <= b->last && b->first <= a->last;
            bool overlap = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            if (k != i && meet && overlap) fail_msg("blocks %zu and %zu share memory at one time", i, k);
        }
        if (at_once > most_at_once) most_at_once = at_once;
    }
    assert_int_equal(total, top);
    assert_true(total <= sum && total >= most_at_once);
}

static size_t random_blocks(gf_block *block, uint64_t seed)
{
    size_t n = seeded_word("count", seed, 0) % MOST, steps = 1 + seeded_word("steps", seed, 0) % 200;
    for (size_t i = 0; i < n; i++) {
        uint64_t word = seeded_word("block", seed, i);
        int first = (int)(word % steps) - 1, length = (int)(word >> 20 & 63);
        block[i] = (gf_block){.bytes = (size_t)(word >> 32 & 0xffff), .first = first, .last = first + length - 2};
        if ((word >> 50 & 7) == 0) block[i].bytes = 0;
    }
    return n;
}

static void random_blocks_never_meet(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        gf_block block[MOST], again[MOST];
        size_t n = random_blocks(block, seed), total = 0, total_again = 1;
        random_blocks(again, seed);
        assert_int_equal(gf_arena_place(block, n, &total, NULL), GRAFT_OK);
        check(block, n, total);
        assert_int_equal(gf_arena_place(again, n, &total_again, NULL), GRAFT_OK);
        assert_int_equal(total, total_again);
        for (size_t i = 0; i < n; i++) assert_int_equal(block[i].offset, again[i].offset);
    }
}

static void what_follows_takes_the_same_position(void **state)
{
    (void)state;
    gf_block block[10];
    size_t total;
    for (int i = 0; i < 10; i++) block[i] = (gf_block){.bytes = 1000, .first = i, .last = i + 1}; /* two at once */
    assert_int_equal(gf_arena_place(block, 10, &total, NULL), GRAFT_OK);
    assert_int_equal(total, 2 * 1024);
    assert_int_equal(gf_arena_place(block, 0, &total, NULL), GRAFT_OK);
    assert_int_equal(total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks_never_meet),
        cmocka_unit_test(what_follows_takes_the_same_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
