/* base: error text, generator, digests, threads, files. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/rng.h"
#include "base/threads.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void escapes_what_a_terminal_must_not_see(void **state)
{
    (void)state;
    char buf[64];
    assert_string_equal(gf_escape(buf, sizeof buf, "a\x1b[31m\xff\xc3\xa9\n"), "a\\x1b[31m\\xff\xc3\xa9\\x0a");
    assert_string_equal(gf_escape(buf, 6, "\x01\x02\x03"), "\\x01");
    assert_string_equal(gf_escape(buf, sizeof buf, "\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* a surrogate */
}

static void error_number_gives_status(void **state)
{
    (void)state;
    graft_error err;
    assert_int_equal(gf_fail(&err, GF_E_WEIGHTS_SHAPE, "hint", "x %d", 3), GRAFT_WEIGHTS);
    assert_int_equal(err.number, 2002);
    assert_string_equal(err.message, "x 3");
    assert_int_equal(gf_fail_errno(&err, GF_E_IO_WRITE, 28 /* ENOSPC */, "cannot be written", "f"), GRAFT_RESOURCE);
    assert_int_equal(err.number, GF_E_NO_SPACE);
}

/* Known answers of Random123's philox4x32-10. */
static void philox_known_answers(void **state)
{
    (void)state;
    uint32_t out[4];
    gf_philox((uint32_t[2]){0, 0}, (uint32_t[4]){0, 0, 0, 0}, out);
    assert_memory_equal(out, ((uint32_t[4]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}), 16);
    gf_philox((uint32_t[2]){~0u, ~0u}, (uint32_t[4]){~0u, ~0u, ~0u, ~0u}, out);
    assert_memory_equal(out, ((uint32_t[4]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}), 16);
}

static void sha256_and_crc_known_answers(void **state)
{
    (void)state;
    char hex[65];
    gf_sha256 digest = gf_sha256_of("abc", 3);
    gf_sha256_hex(&digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(gf_crc32c("123456789", 9), 0xe3069283u);
    assert_int_equal(gf_crc32("123456789", 9), 0xcbf43926u);
    assert_int_equal(gf_crc32_add(gf_crc32("1234", 4), "56789", 5), 0xcbf43926u);
}

static void shuffle_is_a_permutation_keyed_by_epoch(void **state)
{
    (void)state;
    uint32_t a[100], b[100], seen[100] = {0};
    for (uint32_t i = 0; i < 100; i++) a[i] = b[i] = i;
    gf_rng r = gf_rng_make(7, GF_PURPOSE_SHUFFLE, 1, 0), s = gf_rng_make(7, GF_PURPOSE_SHUFFLE, 2, 0);
    gf_rng_shuffle(&r, a, 100);
    gf_rng_shuffle(&s, b, 100);
    for (int i = 0; i < 100; i++) seen[a[i]]++;
    for (int i = 0; i < 100; i++) assert_int_equal(seen[i], 1);
    assert_memory_not_equal(a, b, sizeof a);
}

static graft_status count_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker;
    atomic_int *count = ctx;
    count[item]++;
    return item == 5 ? gf_fail(err, GF_E_INTERNAL, NULL, "item 5") : GRAFT_OK;
}

static void pool_runs_each_item_once_and_keeps_the_first_error(void **state)
{
    (void)state;
    gf_pool *pool;
    graft_error err;
    assert_int_equal(gf_pool_create(&pool, 3, NULL, &err), GRAFT_OK);
    static atomic_int front[100], back[50];
    for (int round = 0; round < 50; round++) {
        gf_pool_background(pool, 5, count_item, back);
        assert_int_equal(gf_pool_run(pool, 100, count_item, front, &err), GRAFT_INTERNAL);
        assert_string_equal(err.message, "item 5");
        assert_int_equal(gf_pool_finish_background(pool, &err), GRAFT_OK);
    }
    for (int i = 0; i < 100; i++) assert_int_equal(front[i], 50);
    for (int i = 0; i < 5; i++) assert_int_equal(back[i], 50);
    gf_pool_destroy(pool);
}

static void files_are_whole_or_not_there(void **state)
{
    (void)state;
    char dir[] = "/tmp/graft-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[128];
    snprintf(path, sizeof path, "%s/a/b/file", dir);
    graft_error err;
    assert_int_equal(gf_file_write_text(path, "x", &err), GRAFT_RESOURCE);
    snprintf(path, sizeof path, "%s/a/b", dir);
    assert_int_equal(gf_make_dirs(path, &err), GRAFT_OK);
    snprintf(path, sizeof path, "%s/a/b/file", dir);
    assert_int_equal(gf_file_write(path, (gf_bytes[]){{"ab", 2}, {"c", 1}}, 2, &err), GRAFT_OK);
    uint8_t *data;
    size_t n;
    assert_int_equal(gf_file_read(path, 2, &data, &n, &err), GRAFT_RESOURCE);
    assert_int_equal(gf_file_read(path, 3, &data, &n, &err), GRAFT_OK);
    assert_int_equal(n, 3);
    assert_string_equal((char *)data, "abc");
    gf_free(data);
    int lock, second;
    assert_int_equal(gf_lock_dir(dir, &lock, &err), GRAFT_OK);
    assert_int_equal(gf_lock_dir(dir, &second, &err), GRAFT_USAGE);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
    assert_non_null(strstr(err.message, pid));
    gf_unlock(lock);
}

static graft_status go_deep(void *ctx, graft_error *err)
{
    volatile char wide[4 << 20];
    for (size_t i = 0; i < sizeof wide; i += 4096) wide[i] = (char)i;
    *(char *)ctx = wide[4096 * 3];
    return gf_fail(err, GF_E_USAGE, NULL, "came back");
}

static void *on_a_small_stack(void *ctx)
{
    graft_error err = {0};
    char seen = 1;
    *(bool *)ctx =
        gf_on_deep_stack(go_deep, &seen, &err) == GRAFT_USAGE && err.number == GF_E_USAGE && seen == (char)(4096 * 3);
    return NULL;
}

static void deep_calls_have_a_stack_whatever_the_callers_is(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attr;
    bool ok = false;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, 256 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attr, on_a_small_stack, &ok), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
    assert_true(ok);
}

static void a_file_grows_and_its_digest_is_that_of_its_bytes(void **state)
{
    (void)state;
    char path[] = "/tmp/graft-test-XXXXXX", hex[65];
    int fd = mkstemp(path);
    gf_sha256 digest;
    assert_true(fd >= 0);
    assert_int_equal(gf_file_append(path, "a", 1, NULL), GRAFT_OK);
    assert_int_equal(gf_file_append(path, "bc", 2, NULL), GRAFT_OK);
    assert_int_equal(gf_file_sha256(path, &digest, NULL), GRAFT_OK);
    gf_sha256_hex(&digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    close(fd);
    unlink(path);
    graft_error err = {0};
    assert_int_equal(gf_file_sha256(path, &digest, &err), GRAFT_RESOURCE);
    assert_int_equal(gf_file_sha256("/tmp", &digest, &err), GRAFT_RESOURCE); /* a folder has none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_a_terminal_must_not_see),
        cmocka_unit_test(error_number_gives_status),
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(sha256_and_crc_known_answers),
        cmocka_unit_test(shuffle_is_a_permutation_keyed_by_epoch),
        cmocka_unit_test(pool_runs_each_item_once_and_keeps_the_first_error),
        cmocka_unit_test(files_are_whole_or_not_there),
        cmocka_unit_test(deep_calls_have_a_stack_whatever_the_callers_is),
        cmocka_unit_test(a_file_grows_and_its_digest_is_that_of_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
