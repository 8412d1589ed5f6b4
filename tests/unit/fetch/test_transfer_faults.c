/* Every allocation and file call of a fetch failed in turn, libcurl's own allocations among them: it ends with an error
 * or has the file, whole; nothing leaks, nothing wrong has the final name, and the next fetch works. */
#include "base/alloc.h"
#include "base/io.h"
#include "fetch/fetch.h"
#include "support/server.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 90000 };

typedef struct bench {
    server server;
    char dir[64], cache[96], path[128], from[128];
    gf_weights_entry entry;
    gf_fetch_options options;
} bench;

static void bench_open(bench *b, const char *way)
{
    *b = (bench){.dir = "/tmp/graft-test-XXXXXX"};
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->cache, sizeof b->cache, "%s/cache", b->dir);
    snprintf(b->path, sizeof b->path, "%s/file.h5", b->cache);
    b->entry = (gf_weights_entry){.name = "weights", .file = "file.h5", .size_least = SIZE, .size_most = SIZE};
    server_start(&b->server, GRAFT_FIXTURES, SIZE, NULL);
    snprintf(b->from, sizeof b->from, "http://127.0.0.1:%d/%s", b->server.port, way);
    gf_fetch_defaults(&b->options);
    b->options.cache = b->cache;
    b->options.from = b->from;
    b->options.second = 0;
    b->options.retries = 2;
}

static void bench_close(bench *b)
{
    char command[160];
    server_stop(&b->server);
    snprintf(command, sizeof command, "rm -rf %s", b->dir);
    assert_int_equal(system(command), 0);
}

static bool is_whole(const bench *b)
{
    uint8_t *got = NULL;
    size_t n = 0;
    if (gf_file_read(b->path, SIZE, &got, &n, NULL) != GRAFT_OK) return false;
    bool same = n == SIZE;
    for (size_t i = 0; same && i < SIZE; i++) same = got[i] == (uint8_t)(7 * i + i / 251);
    gf_free(got);
    return same;
}

/* One fetch with the k-th call of a kind failing; false: it was not reached. */
static bool fetch_with_fault(bench *b, fault_kind kind, long k, long step)
{
    gf_fetched out;
    graft_error err = {0};
    long live = faults_live();
    faults_arm(kind, k);
    graft_status status = gf_fetch(&b->entry, &b->options, &out, &err);
    bool happened = faults_disarm();
    gf_free(out.path);
    assert_int_equal(faults_live(), live);
    if (status != GRAFT_OK && err.status != status) print_error("kind %d, call %ld: %s\n", (int)kind, k, err.message);
    assert_true(status == GRAFT_OK || err.status == status);
    if (access(b->path, F_OK) == 0) assert_true(is_whole(b));
    if (status == GRAFT_OK) assert_true(is_whole(b));
    if (k % (4 * step) == 0) { /* what the fault left behind is gone on from */
        assert_int_equal(gf_fetch(&b->entry, &b->options, &out, &err), GRAFT_OK);
        assert_true(is_whole(b));
        gf_free(out.path);
    }
    unlink(b->path);
    return happened;
}

static void each_call_failed(const char *way, long step)
{
    bench b;
    gf_fetched out;
    bench_open(&b, way);
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, NULL), GRAFT_OK); /* what is allocated once for all */
    gf_free(out.path);
    unlink(b.path);
    long faults = 0;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0; fetch_with_fault(&b, (fault_kind)kind, k, kind == FAULT_ALLOC ? step : 1);
             k += kind == FAULT_ALLOC ? step : 1) {
            faults++;
        }
    }
    print_message("%s: %ld faults\n", way, faults);
    assert_true(faults > 30);
    bench_close(&b);
}

static void a_fetch_without_memory_or_disk(void **state)
{
    (void)state;
    each_call_failed("good", 1);
}

static void a_resumed_one(void **state)
{
    (void)state;
    each_call_failed("cut", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fetch_without_memory_or_disk),
        cmocka_unit_test(a_resumed_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
