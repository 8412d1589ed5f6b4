/* Fetching from a server that misbehaves in each way of tests/support/bad_server.py, from a folder, and from the cache.
 */
#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "fetch/fetch.h"
#include "fetch/measure.h"
#include "support/server.h"
#include "transfer_bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void a_good_server(void **state)
{
    (void)state;
    bench b;
    gf_fetched out;
    bench_open(&b, NULL);
    b.entry.md5 = NULL;
    comes(&b, "good");
    assert_int_equal(b.total, SIZE);
    assert_false(b.went_back);
    /* the second time it is there: nothing is asked for */
    free(requests(&b));
    assert_int_equal(get(&b, "gone", &out), GRAFT_OK);
    assert_int_equal(out.transferred, 0);
    gf_free(out.path);
    char *asked = requests(&b);
    assert_string_equal(asked, "[]\n");
    free(asked);
    unlink(b.path);
    comes_and_goes(&b, "nolength");
    comes_and_goes(&b, "notag");
    comes_and_goes(&b, "hop3");
    bench_close(&b);
}

/* F1 */
static void a_cut_is_resumed(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    comes(&b, "cut");
    char *asked = requests(&b);
    assert_non_null(strstr(asked, "\"range\": null, \"if_range\": null"));
    assert_non_null(strstr(asked, "\"range\": \"bytes=40000-\", \"if_range\": \"\\\"one\\\"\""));
    assert_non_null(strstr(asked, "\"range\": \"bytes=80000-\", \"if_range\": \"\\\"one\\\"\""));
    assert_int_equal(times(asked, "range\": \"bytes"), 2);
    free(asked);
    unlink(b.path);

    /* one that gives half of it and no more: kept, and gone on with in another run */
    refused(&b, "dead", GF_E_FETCH_INCOMPLETE, "60000 bytes are there, expected 120000 bytes");
    assert_int_equal(size_of(b.part), SIZE / 2);
    asked = requests(&b);
    assert_int_equal(times(asked, "/dead/"), 1 + b.options.retries);
    free(asked);
    comes(&b, "good");
    asked = requests(&b);
    assert_non_null(strstr(asked, "bytes=60000-"));
    assert_int_equal(times(asked, "/good/"), 1);
    free(asked);
    bench_close(&b);
}

/* F2, F3 */
static void wrong_bytes_are_deleted(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    refused(&b, "wrong", GF_E_FETCH_CHECKSUM, b.sha256);
    assert_int_equal(size_of(b.part), -1);
    assert_non_null(strstr(b.err.message, "expected"));
    assert_non_null(strstr(b.err.message, "got"));
    refused(&b, "page", GF_E_FETCH_CHECKSUM, "it begins `<!DOCTYPE html>");
    assert_int_equal(size_of(b.part), -1);
    refused(&b, "login", GF_E_FETCH_SIZE, "it begins `<!DOCTYPE html>");
    assert_int_equal(size_of(b.part), -1);
    comes(&b, "good");
    bench_close(&b);
}

static void other_digests_are_checked_too(void **state)
{
    (void)state;
    bench b;
    gf_fetched out;
    char prefix[9] = {0};
    bench_open(&b, NULL);
    memcpy(prefix, b.sha256, 8);
    b.entry.sha256 = NULL;
    b.entry.md5 = "00000000000000000000000000000000";
    refused(&b, "good", GF_E_FETCH_CHECKSUM, "MD5: expected 0000");
    uint8_t *data = content();
    char md5[33];
    gf_md5_state *state_of = gf_md5_begin();
    gf_md5_add(state_of, data, SIZE);
    gf_md5_end(state_of, md5);
    free(data);
    b.entry.md5 = md5;
    assert_int_equal(get(&b, "good", &out), GRAFT_OK);
    assert_string_equal(out.checked, "MD5");
    gf_free(out.path);
    unlink(b.path);
    b.entry.md5 = NULL;
    b.entry.sha256_prefix = "00000000";
    refused(&b, "good", GF_E_FETCH_CHECKSUM, "first digits of SHA-256: expected 00000000");
    b.entry.sha256_prefix = prefix;
    assert_int_equal(get(&b, "good", &out), GRAFT_OK);
    assert_string_equal(out.checked, "first digits of SHA-256");
    gf_free(out.path);
    bench_close(&b);
}

/* F4 */
static void a_file_that_changes_is_begun_anew(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    comes(&b, "changed");
    assert_non_null(strstr(b.notes, "from the start again"));
    char *asked = requests(&b);
    assert_non_null(strstr(asked, "\"range\": \"bytes=60000-\", \"if_range\": \"\\\"old\\\"\""));
    free(asked);
    unlink(b.path);
    comes_and_goes(&b, "noranges");
    comes_and_goes(&b, "badrange");
    bench_close(&b);
}

/* F5 */
static void redirects_are_followed_with_care(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    refused(&b, "loop", GF_E_FETCH_REDIRECT, "one redirect too many");
    char *asked = requests(&b);
    assert_int_equal(times(asked, "/loop/"), 6);
    free(asked);
    refused(&b, "tofile", GF_E_FETCH_REDIRECT, "only http and https");
    refused(&b, "toftp", GF_E_FETCH_REDIRECT, "only http and https");
    refused(&b, "tolink", GF_E_FETCH_REDIRECT, "inside a private network");
    refused(&b, "toloopback", GF_E_FETCH_REDIRECT, "inside a private network");
    refused(&b, "tolocalhost", GF_E_FETCH_REDIRECT, "inside a private network");
    refused(&b, "tootherport", GF_E_FETCH_REDIRECT, "inside a private network");
    bench_close(&b);
}

/* F6 */
static void slow_and_stalled_servers_are_given_up(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    comes_and_goes(&b, "stall");
    assert_non_null(strstr(b.notes, "trying again"));
    b.options.retries = 1;
    double start = gf_sys_seconds();
    refused(&b, "slow", GF_E_FETCH_INCOMPLETE, "expected 120000 bytes");
    assert_true(gf_sys_seconds() - start < 20);
    assert_true(size_of(b.part) >= 1 && size_of(b.part) < 60);
    bench_close(&b);
}

/* Pauses grow: 1 + 2 + 4 of the scaled seconds at least. */
static void tries_are_counted_and_paused_between(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    b.options.retries = 3;
    b.options.second = 0.05;
    double start = gf_sys_seconds();
    refused(&b, "down", GF_E_FETCH_REFUSED, "answers 500");
    assert_true(gf_sys_seconds() - start >= 7 * 0.05);
    char *asked = requests(&b);
    assert_int_equal(times(asked, "/down/"), 4);
    free(asked);
    refused(&b, "gone", GF_E_FETCH_REFUSED, "answers 404");
    asked = requests(&b);
    assert_int_equal(times(asked, "/gone/"), 1);
    free(asked);
    refused(&b, "junk", GF_E_FETCH_INCOMPLETE, "bytes are there");
    refused(&b, "headers", GF_E_FETCH_INCOMPLETE, "bytes are there");
    b.options.retries = 0;
    b.options.from = "http://127.0.0.1:1/x";
    gf_fetched out;
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, &b.err), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_INCOMPLETE);
    bench_close(&b);
}

/* F7 */
static void sizes_that_lie_are_capped(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    refused(&b, "huge", GF_E_FETCH_SIZE, "expected 120000 bytes, the server has 10000000000000");
    assert_int_equal(size_of(b.part), -1);
    refused(&b, "hugetotal", GF_E_FETCH_SIZE, "the server has 10000000000000");
    refused(&b, "endless", GF_E_FETCH_SIZE, "but more comes");
    assert_true(size_of(b.part) <= SIZE);
    unlink(b.part);
    refused(&b, "short", GF_E_FETCH_SIZE, "the server has 1000;");
    refused(&b, "empty", GF_E_FETCH_SIZE, "the server has 0;");
    comes(&b, "good");
    bench_close(&b);
}

static graft_status get_https(bench *b, const char *ca_file)
{
    gf_fetched out;
    snprintf(b->from, sizeof b->from, "https://127.0.0.1:%d/good", b->server.port);
    b->options.from = b->from;
    b->options.ca_file = ca_file;
    graft_status status = gf_fetch(&b->entry, &b->options, &out, &b->err);
    gf_free(out.path);
    return status;
}

/* F8 */
static void certificates_are_checked(void **state)
{
    (void)state;
    bench b;
    static const char good[] = GRAFT_FIXTURES "/fetch/good.pem", expired[] = GRAFT_FIXTURES "/fetch/expired.pem";
    bench_open(&b, "good.pem");
    assert_int_equal(get_https(&b, NULL), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_TLS);
    assert_non_null(strstr(b.err.message, "certificate"));
    assert_int_equal(get_https(&b, "/nowhere/ca.pem"), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_TLS);
    assert_non_null(strstr(b.err.message, "/nowhere/ca.pem"));
    assert_int_equal(get_https(&b, expired), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_TLS);
    assert_int_equal(size_of(b.path), -1);
    assert_int_equal(get_https(&b, good), GRAFT_OK);
    assert_whole(&b);
    unlink(b.path);
    /* F5 once more: from https to http */
    gf_fetched out;
    snprintf(b.from, sizeof b.from, "https://127.0.0.1:%d/tohttp", b.server.port);
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, &b.err), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_REDIRECT);
    assert_non_null(strstr(b.err.message, "leave https"));
    bench_close(&b);

    bench_open(&b, "expired.pem");
    assert_int_equal(get_https(&b, expired), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_TLS);
    assert_non_null(strstr(b.err.message, "expired"));
    bench_close(&b);
}

/* F9 */
static void a_busy_server_is_waited_for(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    b.options.second = 0.05;
    double start = gf_sys_seconds();
    comes_and_goes(&b, "busy");
    assert_true(gf_sys_seconds() - start >= 20 * 0.05);
    comes_and_goes(&b, "away");
    refused(&b, "longbusy", GF_E_FETCH_REFUSED, "asks to wait 86400 seconds");
    char *asked = requests(&b);
    assert_int_equal(times(asked, "/longbusy/"), 1);
    free(asked);
    bench_close(&b);
}

/* In a child process: fetches by this way, and is killed where progress comes to `kill_at` (0: not). */
static pid_t in_a_child(bench *b, const char *way, int kill_at)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid) return pid;
    gf_fetched out;
    b->stop_after = 0;
    b->options.should_stop = NULL;
    graft_status status = GRAFT_OK;
    if (kill_at) {
        b->options.retries = 0;
        (void)get(b, way, &out);
        raise(SIGKILL);
    }
    status = get(b, way, &out);
    _exit(status == GRAFT_OK ? 0 : 1);
}

/* F10 */
static void two_at_once_and_a_killed_one(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    pid_t first = in_a_child(&b, "stall", 0), second = in_a_child(&b, "stall", 0);
    int how;
    waitpid(first, &how, 0);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    waitpid(second, &how, 0);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_whole(&b);
    char *asked = requests(&b);
    assert_int_equal(times(asked, "/stall/"), 2); /* the stalled try and the next, of one process alone */
    free(asked);
    unlink(b.path);

    pid_t killed = in_a_child(&b, "cut", 1);
    waitpid(killed, &how, 0);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(size_of(b.path), -1);
    assert_int_equal(size_of(b.part), 40000);
    free(requests(&b));
    comes(&b, "good");
    asked = requests(&b);
    assert_non_null(strstr(asked, "bytes=40000-"));
    free(asked);
    bench_close(&b);
}

static void stopped_by_the_user_it_keeps_what_came(void **state)
{
    (void)state;
    bench b;
    gf_fetched out;
    bench_open(&b, NULL);
    b.stop_after = 1;
    assert_int_equal(get(&b, "cut", &out), GRAFT_INTERRUPTED);
    assert_int_equal(b.err.status, GRAFT_INTERRUPTED);
    assert_non_null(strstr(b.err.message, "are kept"));
    assert_int_equal(size_of(b.path), -1);
    assert_true(size_of(b.part) > 0);
    b.stop_after = 0;
    comes(&b, "good");
    bench_close(&b);
}

/* F11 */
static void offline_the_cache_is_all(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, NULL);
    b.options.offline = true;
    refused(&b, "good", GF_E_FETCH_OFFLINE, "the network is not to be used");
    char *asked = requests(&b);
    assert_string_equal(asked, "[]\n");
    free(asked);
    b.options.offline = false;
    comes(&b, "good");
    b.options.offline = true;
    comes(&b, "good");
    assert_int_equal(truncate(b.path, SIZE - 1), 0);
    gf_fetched out;
    assert_int_equal(get(&b, "good", &out), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_CACHE);
    assert_non_null(strstr(b.err.message, "expected 120000 bytes, got 119999"));
    b.options.offline = false; /* with a network it is fetched again, and that is said */
    comes(&b, "good");
    assert_non_null(strstr(b.notes, "it is fetched again"));
    bench_close(&b);
}

static void without_a_digest_later_damage_is_seen(void **state)
{
    (void)state;
    bench b;
    gf_fetched out;
    bench_open(&b, NULL);
    b.entry.sha256 = NULL;
    assert_int_equal(get(&b, "good", &out), GRAFT_OK);
    assert_string_equal(out.checked, "size alone");
    gf_free(out.path);
    FILE *f = fopen(b.path, "r+b");
    assert_non_null(f);
    fputc('x', f);
    fclose(f);
    b.options.offline = true;
    assert_int_equal(get(&b, "good", &out), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_CACHE);
    assert_non_null(strstr(b.err.message, "SHA-256 as it was fetched"));
    bench_close(&b);
}

/* ---- folders */

static void from_a_folder(void **state)
{
    (void)state;
    bench b;
    gf_fetched out;
    char folder[96], file[128];
    bench_open(&b, NULL);
    snprintf(folder, sizeof folder, "%s/mirror", b.dir);
    snprintf(file, sizeof file, "%s/file.h5", folder);
    b.options.from = folder;
    b.options.offline = true; /* a folder is no network */
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, &b.err), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_REFUSED);
    assert_int_equal(mkdir(folder, 0777), 0);
    uint8_t *data = content();
    assert_int_equal(gf_file_write(file, &(gf_bytes){data, SIZE - 5}, 1, NULL), GRAFT_OK);
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, &b.err), GRAFT_NETWORK);
    assert_int_equal(b.err.number, GF_E_FETCH_SIZE);
    assert_int_equal(size_of(b.part), -1);
    assert_int_equal(gf_file_write(file, &(gf_bytes){data, SIZE}, 1, NULL), GRAFT_OK);
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, &b.err), GRAFT_OK);
    assert_int_equal(out.transferred, SIZE);
    gf_free(out.path);
    assert_whole(&b);
    unlink(b.path);
    unlink(file);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(gf_fetch(&b.entry, &b.options, &out, &b.err), GRAFT_RESOURCE);
    free(data);
    bench_close(&b);
}

static void a_link_in_the_place_of_a_part_is_not_followed(void **state)
{
    (void)state;
    bench b;
    gf_fetched out;
    char victim[96];
    bench_open(&b, NULL);
    snprintf(victim, sizeof victim, "%s/victim", b.dir);
    assert_int_equal(gf_file_write_text(victim, "precious", NULL), GRAFT_OK);
    assert_int_equal(gf_make_dirs(b.cache, NULL), GRAFT_OK);
    assert_int_equal(symlink(victim, b.part), 0);
    assert_int_equal(get(&b, "good", &out), GRAFT_RESOURCE);
    assert_int_equal(size_of(victim), 8);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_server),
        cmocka_unit_test(a_cut_is_resumed),
        cmocka_unit_test(wrong_bytes_are_deleted),
        cmocka_unit_test(other_digests_are_checked_too),
        cmocka_unit_test(a_file_that_changes_is_begun_anew),
        cmocka_unit_test(redirects_are_followed_with_care),
        cmocka_unit_test(slow_and_stalled_servers_are_given_up),
        cmocka_unit_test(tries_are_counted_and_paused_between),
        cmocka_unit_test(sizes_that_lie_are_capped),
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(a_busy_server_is_waited_for),
        cmocka_unit_test(two_at_once_and_a_killed_one),
        cmocka_unit_test(stopped_by_the_user_it_keeps_what_came),
        cmocka_unit_test(offline_the_cache_is_all),
        cmocka_unit_test(without_a_digest_later_damage_is_seen),
        cmocka_unit_test(from_a_folder),
        cmocka_unit_test(a_link_in_the_place_of_a_part_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
