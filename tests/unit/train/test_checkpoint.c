/* checkpoints: what is written reads back; what was cut, flipped or forged does not; the newest good one is found. */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "train/checkpoint_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const float weights[] = {1, -2.5f, 3e-9f, 0, 5};
static const char text[] = "{\"lr\":1e-4}";
static const gf_section sections[] = {
    {"weights", weights, sizeof weights}, {"config", text, sizeof text - 1}, {"nothing", NULL, 0}};
enum { N = 3 };

static void make_folder(char dir[64])
{
    strcpy(dir, "/tmp/graft-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void remove_folder(const char *dir)
{
    gf_names names;
    assert_int_equal(gf_dir_list(dir, &names, NULL), GRAFT_OK);
    for (size_t i = 0; i < names.n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, names.item[i]);
        assert_int_equal(unlink(path), 0);
    }
    gf_names_free(&names);
    assert_int_equal(rmdir(dir), 0);
}

static void write_step(const char *dir, int64_t step)
{
    graft_error err;
    if (gf_checkpoint_write(dir, step, sections, N, &err) != GRAFT_OK) fail_msg("%s", err.message);
}

static void path_of_step(char path[128], const char *dir, long step)
{
    snprintf(path, 128, "%s/ckpt-%012ld.graft", dir, step);
}

static void read_file(const char *path, uint8_t **bytes, size_t *n)
{
    assert_int_equal(gf_file_read(path, 1 << 20, bytes, n, NULL), GRAFT_OK);
}

/* A checkpoint's bytes, to be damaged. */
static void make_bytes(int64_t step, uint8_t **bytes, size_t *n)
{
    char dir[64], path[128];
    make_folder(dir);
    write_step(dir, step);
    path_of_step(path, dir, (long)step);
    read_file(path, bytes, n);
    remove_folder(dir);
}

/* Makes the digest right again: a forgery, or another version's file. */
static void seal(uint8_t *bytes, size_t n)
{
    gf_sha256 digest = gf_sha256_of(bytes, n - GF_CHECKPOINT_DIGEST);
    memcpy(bytes + n - GF_CHECKPOINT_DIGEST, digest.byte, GF_CHECKPOINT_DIGEST);
}

typedef struct heard {
    int warnings;
    char last[2048];
} heard;

static void hear(void *ctx, gf_log_level level, const char *said)
{
    heard *h = ctx;
    if (level == GF_WARNING) h->warnings++;
    snprintf(h->last, sizeof h->last, "%s", said);
}

static void check_contents(const gf_checkpoint *c, int64_t step)
{
    const void *data;
    float copy[5];
    assert_int_equal(c->step, step);
    assert_int_equal(c->n, N);
    for (size_t i = 0; i < N; i++) assert_string_equal(c->section[i].name, sections[i].name);
    assert_int_equal(gf_checkpoint_get(c, "config", sizeof text - 1, &data, NULL), GRAFT_OK);
    assert_memory_equal(data, text, sizeof text - 1);
    assert_int_equal(((const uint8_t *)data - c->bytes) % 64, 0);
    assert_int_equal(gf_checkpoint_copy(c, "weights", copy, sizeof copy, NULL), GRAFT_OK);
    assert_memory_equal(copy, weights, sizeof weights);
    assert_int_equal(gf_checkpoint_get(c, "nothing", 0, &data, NULL), GRAFT_OK);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    char dir[64];
    gf_checkpoint c;
    const void *data;
    graft_error err;
    make_folder(dir);
    assert_false(gf_checkpoint_exists(dir));
    write_step(dir, 1200);
    assert_true(gf_checkpoint_exists(dir));
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, NULL, &err), GRAFT_OK);
    check_contents(&c, 1200);
    assert_int_equal(c.skipped, 0);
    assert_int_equal(gf_checkpoint_get(&c, "weights", sizeof weights + 4, &data, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_CHECKPOINT_SECTION);
    assert_non_null(strstr(err.message, "weights has 20 bytes, this run's has 24"));
    assert_null(data);
    assert_int_equal(gf_checkpoint_get(&c, "slots", 0, &data, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "slots"));
    gf_checkpoint_free(&c);
    remove_folder(dir);
}

static void equal_states_give_equal_bytes(void **state)
{
    (void)state;
    uint8_t *a, *b;
    size_t n, m;
    make_bytes(77, &a, &n);
    make_bytes(77, &b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    gf_free(a);
    gf_free(b);
}

static void two_generations_are_kept(void **state)
{
    (void)state;
    char dir[64], path[128];
    gf_names names;
    make_folder(dir);
    snprintf(path, sizeof path, "%s/notes.txt", dir);
    assert_int_equal(gf_file_write_text(path, "mine", NULL), GRAFT_OK);
    snprintf(path, sizeof path, "%s/ckpt-000000000007.graft.tmp", dir);
    assert_int_equal(gf_file_write_text(path, "half", NULL), GRAFT_OK);
    static const int64_t steps[] = {5, 10, 15, 20};
    for (size_t i = 0; i < 4; i++) write_step(dir, steps[i]);
    assert_int_equal(gf_dir_list(dir, &names, NULL), GRAFT_OK);
    assert_int_equal(names.n, 3);
    assert_string_equal(names.item[0], "ckpt-000000000015.graft");
    assert_string_equal(names.item[1], "ckpt-000000000020.graft");
    assert_string_equal(names.item[2], "notes.txt");
    gf_names_free(&names);
    write_step(dir, 17); /* gone back behind 20, which was damaged: 20 is of a state that was given up */
    assert_int_equal(gf_dir_list(dir, &names, NULL), GRAFT_OK);
    assert_string_equal(names.item[0], "ckpt-000000000015.graft");
    assert_string_equal(names.item[1], "ckpt-000000000017.graft");
    assert_int_equal(names.n, 3);
    gf_names_free(&names);
    remove_folder(dir);
}

static void cut_at_every_length_is_refused(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n;
    make_bytes(3, &bytes, &n);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *part = malloc(cut + !cut); /* its own block: a read behind it is seen */
        assert_non_null(part);
        memcpy(part, bytes, cut);
        gf_checkpoint c;
        graft_error err;
        assert_int_equal(gf_checkpoint_parse(&c, part, cut, "f", &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_CHECKPOINT_DAMAGED);
        assert_null(c.section);
        free(part);
    }
    gf_free(bytes);
}

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n;
    make_bytes(3, &bytes, &n);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        gf_checkpoint c;
        graft_error err;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(gf_checkpoint_parse(&c, bytes, n, "f", &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_CHECKPOINT_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    gf_checkpoint c;
    assert_int_equal(gf_checkpoint_parse(&c, bytes, n, "f", NULL), GRAFT_OK);
    size_t at = (size_t)((const uint8_t *)c.section[0].data - bytes);
    gf_checkpoint_free(&c);
    graft_error err;
    bytes[at] ^= 1;
    assert_int_equal(gf_checkpoint_parse(&c, bytes, n, "f", &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "damaged section: weights"));
    gf_free(bytes);
}

/* Forged files whose digest is right: a field of the header or of row 1 holds what it must not. */
typedef struct forgery {
    size_t offset, size;
    uint64_t value;
    int number;
} forgery;

static void forgeries_are_refused(void **state)
{
    (void)state;
    static const forgery rows[] = {
        {offsetof(gf_checkpoint_header, version), 4, 2, GF_E_CHECKPOINT_VERSION},
        {offsetof(gf_checkpoint_header, version), 4, 0, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, order), 4, 0x04030201, GF_E_CHECKPOINT_BYTE_ORDER},
        {offsetof(gf_checkpoint_header, order), 4, 0x01020305, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, step), 8, UINT64_MAX, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, file_size), 8, 64, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, file_size), 8, UINT64_MAX, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, sections), 4, 0, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, sections), 4, 2, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, sections), 4, 4, GF_E_CHECKPOINT_DAMAGED},
        {offsetof(gf_checkpoint_header, sections), 4, 0xffffffff, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, offset), 8, 0, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, offset), 8, UINT64_MAX - 63, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, size), 8, UINT64_MAX, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, size), 8, 65, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, size), 8, 10, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, crc), 4, 1, GF_E_CHECKPOINT_DAMAGED},
        {128 + offsetof(gf_checkpoint_row, name), 1, 0, GF_E_CHECKPOINT_DAMAGED},
    };
    uint8_t *bytes;
    size_t n;
    make_bytes(3, &bytes, &n);
    uint8_t *forged = malloc(n);
    assert_non_null(forged);
    gf_checkpoint c;
    graft_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(forged, bytes, n);
        memcpy(forged + rows[i].offset, &rows[i].value, rows[i].size); /* low bytes first: the tests' machines */
        seal(forged, n);
        assert_int_equal(gf_checkpoint_parse(&c, forged, n, "f", &err), GRAFT_WEIGHTS);
        if (err.number != rows[i].number) fail_msg("row %zu: E%d: %s", i, err.number, err.message);
        assert_null(c.section);
    }
    memcpy(forged, bytes, n);
    memset(forged + 128, 'x', sizeof((gf_checkpoint_row){0}).name); /* a name without an end */
    seal(forged, n);
    assert_int_equal(gf_checkpoint_parse(&c, forged, n, "f", &err), GRAFT_WEIGHTS);
    memcpy(forged + 128, bytes + 64, sizeof((gf_checkpoint_row){0}).name); /* the name of the first section */
    seal(forged, n);
    assert_int_equal(gf_checkpoint_parse(&c, forged, n, "f", &err), GRAFT_WEIGHTS);
    free(forged);
    gf_free(bytes);
}

static void rewrite(const char *path, size_t at, uint32_t value, bool sealed)
{
    uint8_t *bytes;
    size_t n;
    read_file(path, &bytes, &n);
    memcpy(bytes + at, &value, sizeof value);
    if (sealed) seal(bytes, n);
    assert_int_equal(gf_file_write(path, &(gf_bytes){bytes, n}, 1, NULL), GRAFT_OK);
    gf_free(bytes);
}

static void damaged_newest_is_passed_over_loudly(void **state)
{
    (void)state;
    char dir[64], path[128];
    heard h = {0};
    gf_log log = {hear, &h};
    gf_checkpoint c;
    graft_error err;
    make_folder(dir);
    write_step(dir, 10);
    write_step(dir, 20);
    path_of_step(path, dir, 20);
    rewrite(path, 300, 0x5a5a5a5a, false);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, &log, &err), GRAFT_OK);
    check_contents(&c, 10);
    assert_int_equal(c.skipped, 1);
    gf_checkpoint_free(&c);
    assert_int_equal(h.warnings, 1);
    assert_non_null(strstr(h.last, "ckpt-000000000020.graft"));
    assert_non_null(strstr(h.last, "E2301"));

    assert_int_equal(truncate(path, 0), 0); /* an empty file, as some crashes leave */
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, &log, &err), GRAFT_OK);
    assert_int_equal(c.step, 10);
    gf_checkpoint_free(&c);
    assert_int_equal(h.warnings, 2);

    path_of_step(path, dir, 10);
    rewrite(path, 300, 0x5a5a5a5a, false);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, &log, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_CHECKPOINT_NONE);
    assert_non_null(strstr(err.message, "none of its 2 checkpoints"));
    assert_int_equal(h.warnings, 4);
    remove_folder(dir);
}

static void newer_version_and_byte_order_are_not_passed_over(void **state)
{
    (void)state;
    char dir[64], path[128];
    gf_checkpoint c;
    graft_error err;
    make_folder(dir);
    write_step(dir, 10);
    write_step(dir, 20);
    path_of_step(path, dir, 20);
    rewrite(path, offsetof(gf_checkpoint_header, version), 9, true);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_CHECKPOINT_VERSION);
    assert_non_null(strstr(err.message, "version 9"));
    rewrite(path, offsetof(gf_checkpoint_header, order), 0x04030201, true);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_CHECKPOINT_BYTE_ORDER);
    assert_null(c.section);
    remove_folder(dir);
}

static void folders_without_a_checkpoint(void **state)
{
    (void)state;
    char dir[64], path[128], other[128];
    gf_checkpoint c;
    graft_error err;
    make_folder(dir);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_CHECKPOINT_NONE);
    write_step(dir, 4);
    path_of_step(path, dir, 4);
    path_of_step(other, dir, 5); /* renamed by somebody */
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, NULL, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "holds step 4"));
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 100, NULL, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "at most 100"));
    remove_folder(dir);
    assert_int_equal(gf_checkpoint_read_latest(&c, dir, 0, NULL, &err), GRAFT_RESOURCE);
    assert_false(gf_checkpoint_exists(dir));
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    char dir[64];
    graft_error err;
    static const gf_section twice[] = {{"a", "x", 1}, {"a", "y", 1}}, unnamed[] = {{"", "x", 1}},
                            longest[] = {{"123456789012345678901234567890123456789", "x", 1}},
                            too_long[] = {{"1234567890123456789012345678901234567890", "x", 1}};
    make_folder(dir);
    assert_int_equal(gf_checkpoint_write(dir, 1, longest, 1, &err), GRAFT_OK);
    assert_int_equal(gf_checkpoint_write(dir, 1, too_long, 1, &err), GRAFT_USAGE);
    assert_int_equal(gf_checkpoint_write(dir, 1, unnamed, 1, &err), GRAFT_USAGE);
    assert_int_equal(gf_checkpoint_write(dir, 1, twice, 2, &err), GRAFT_USAGE);
    assert_int_equal(gf_checkpoint_write(dir, 1, twice, 0, &err), GRAFT_USAGE);
    assert_int_equal(gf_checkpoint_write(dir, 1, twice, 257, &err), GRAFT_USAGE);
    assert_int_equal(gf_checkpoint_write(dir, -1, longest, 1, &err), GRAFT_USAGE);
    assert_int_equal(gf_checkpoint_write(dir, INT64_C(1000000000000), longest, 1, &err), GRAFT_USAGE);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(equal_states_give_equal_bytes),
        cmocka_unit_test(two_generations_are_kept),
        cmocka_unit_test(cut_at_every_length_is_refused),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(forgeries_are_refused),
        cmocka_unit_test(damaged_newest_is_passed_over_loudly),
        cmocka_unit_test(newer_version_and_byte_order_are_not_passed_over),
        cmocka_unit_test(folders_without_a_checkpoint),
        cmocka_unit_test(what_cannot_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
