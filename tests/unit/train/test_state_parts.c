/* State parts: what is packed is taken again; versions, sizes and absence are told; the older layout, one section
 * "state" for all, gives the first versions. */
#include "base/alloc.h"
#include "train/state_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct counters {
    int64_t steps;
    int32_t epoch, phase;
} counters;

static gf_checkpoint checkpoint_of(gf_section *section, size_t n)
{
    static char path[] = "ckpt-000000000001.graft";
    return (gf_checkpoint){.section = section, .n = n, .path = path};
}

static void what_is_packed_is_taken_again(void **state)
{
    (void)state;
    counters a = {7, 2, 1}, b = {0};
    double x = 0.1, y = 0;
    const gf_state_part in[] = {{"run", 1, &a, sizeof a}, {"none", 1, NULL, 0}, {"lr", 3, &x, sizeof x}};
    const gf_state_part out[] = {{"lr", 3, &y, sizeof y}, {"none", 1, NULL, 0}, {"run", 1, &b, sizeof b}};
    gf_section section[4] = {{"first", "1", 1}};
    size_t n = 1;
    gf_packed_parts packed;
    assert_int_equal(gf_parts_pack(&packed, in, 3, section, &n, NULL), GRAFT_OK);
    assert_int_equal(n, 3); /* one that is empty has no section */
    gf_checkpoint c = checkpoint_of(section, n);
    assert_int_equal(gf_parts_take(&c, out, 3, NULL), GRAFT_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(x == y);
    gf_packed_parts_free(&packed);
    gf_packed_parts_free(&packed);
}

/* Version 1 of the part had the steps alone, in 32 bits. */
static bool from_first(void *data, uint32_t version, const void *bytes, size_t size)
{
    int32_t steps;
    if (version != 1 || size != sizeof steps) return false;
    memcpy(&steps, bytes, sizeof steps);
    *(counters *)data = (counters){.steps = steps};
    return true;
}

typedef struct refusal {
    uint32_t version;
    size_t size;
    const char *message; /* part of it; NULL: it is taken */
} refusal;

static void versions_and_sizes_are_told(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {2, sizeof(counters), NULL},
        {2, sizeof(counters) - 1, "has 15 bytes of version 2, wanted are 16 of version 2"},
        {2, 0, "has 0 bytes of version 2"},
        {1, sizeof(int32_t), NULL},
        {1, sizeof(int32_t) + 1, "has 5 bytes of version 1"},
        {0, sizeof(counters), "has 16 bytes of version 0"},
        {3, sizeof(counters), "is of version 3, this graft reads up to 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t bytes[2 + sizeof(counters) / 4] = {rows[i].version, 0, 5, 0, 1, 1};
        counters got = {0};
        gf_section section = {"run", bytes, 8 + rows[i].size};
        gf_checkpoint c = checkpoint_of(&section, 1);
        const gf_state_part part = {"run", 2, &got, sizeof got, false, from_first};
        graft_error err = {0};
        graft_status status = gf_parts_take(&c, &part, 1, &err);
        if (!rows[i].message) {
            assert_int_equal(status, GRAFT_OK);
            assert_int_equal(got.steps, 5);
            continue;
        }
        assert_int_equal(err.number, GF_E_CHECKPOINT_SECTION);
        if (!strstr(err.message, rows[i].message)) fail_msg("%s", err.message);
    }
}

static void a_part_that_is_not_there(void **state)
{
    (void)state;
    counters kept = {1, 2, 3};
    gf_section section[] = {{"other", "x", 1}, {"short", "xyz", 3}};
    gf_checkpoint c = checkpoint_of(section, 2);
    graft_error err = {0};
    const gf_state_part optional = {"run", 1, &kept, sizeof kept, true, NULL}, needed = {"run", 1, &kept, sizeof kept},
                        cut = {"short", 1, &kept, sizeof kept};
    assert_int_equal(gf_parts_take(&c, &optional, 1, &err), GRAFT_OK);
    assert_int_equal(kept.phase, 3);
    assert_int_not_equal(gf_parts_take(&c, &needed, 1, &err), GRAFT_OK);
    assert_non_null(strstr(err.message, "has no section \"run\""));
    assert_int_not_equal(gf_parts_take(&c, &cut, 1, &err), GRAFT_OK); /* it does not even say its version */
    assert_non_null(strstr(err.message, "has 3 bytes of version 0"));
}

static void one_section_for_all_was_the_first_layout(void **state)
{
    (void)state;
    enum { STATE = 160, RUNNING = 32 };
    uint8_t bytes[STATE], running[24];
    for (int i = 0; i < STATE; i++) bytes[i] = (uint8_t)i;
    gf_section section = {"state", bytes, sizeof bytes};
    gf_checkpoint c = checkpoint_of(&section, 1);
    const gf_state_part part = {"running", 1, running, sizeof running}, new_one = {"hook", 1, running, sizeof running};
    assert_int_equal(gf_parts_take(&c, &part, 1, NULL), GRAFT_OK);
    assert_memory_equal(running, bytes + RUNNING, sizeof running);
    assert_int_not_equal(gf_parts_take(&c, &new_one, 1, NULL), GRAFT_OK);
    section.size--; /* of another size it is not that layout */
    assert_int_not_equal(gf_parts_take(&c, &part, 1, NULL), GRAFT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_taken_again),
        cmocka_unit_test(versions_and_sizes_are_told),
        cmocka_unit_test(a_part_that_is_not_there),
        cmocka_unit_test(one_section_for_all_was_the_first_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
