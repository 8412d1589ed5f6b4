/* transfer_bench.h - a server that misbehaves, a cache of its own for each test, and what a fetch from it is to come
 * to. */
#ifndef TRANSFER_BENCH_H
#define TRANSFER_BENCH_H

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "fetch/fetch.h"
#include "fetch/measure.h"
#include "support/server.h"

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

enum { SIZE = 120000 };

/* A cache of its own for each test, one server for all of them. */
typedef struct bench {
    server server;
    char dir[64], cache[96], path[128], part[144], from[128];
    char sha256[65];
    gf_weights_entry entry;
    gf_fetch_options options;
    graft_error err;
    char notes[4096];
    int stop_after; /* progress calls; 0: never */
    int64_t done, total;
    bool went_back; /* progress */
} bench;

static void on_say(void *ctx, gf_log_level level, const char *text)
{
    bench *b = ctx;
    (void)level;
    size_t n = strlen(b->notes);
    snprintf(b->notes + n, sizeof b->notes - n, "%s\n", text);
}

static void on_progress(void *ctx, int64_t done, int64_t total)
{
    bench *b = ctx;
    b->went_back |= done < b->done;
    b->done = done;
    b->total = total;
}

static graft_status on_stop(void *ctx)
{
    bench *b = ctx;
    return b->stop_after && b->done >= b->stop_after ? GRAFT_INTERRUPTED : GRAFT_OK;
}

static uint8_t *content(void)
{
    uint8_t *data = malloc(SIZE);
    assert_non_null(data);
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(7 * i + i / 251);
    return data;
}

static void digests(bench *b)
{
    uint8_t *data = content();
    gf_sha256 digest = gf_sha256_of(data, SIZE);
    gf_sha256_hex(&digest, b->sha256);
    free(data);
}

static const gf_log *log_of(bench *b)
{
    static gf_log log;
    log = (gf_log){on_say, b};
    return &log;
}

static void bench_open(bench *b, const char *certificate)
{
    *b = (bench){.dir = "/tmp/graft-test-XXXXXX"};
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->cache, sizeof b->cache, "%s/a/cache", b->dir);
    snprintf(b->path, sizeof b->path, "%s/file.h5", b->cache);
    snprintf(b->part, sizeof b->part, "%s.part", b->path);
    digests(b);
    b->entry = (gf_weights_entry){
        .name = "weights", .file = "file.h5", .sha256 = b->sha256, .size_least = SIZE, .size_most = SIZE};
    gf_fetch_defaults(&b->options);
    b->options.cache = b->cache;
    b->options.log = log_of(b);
    b->options.progress = on_progress;
    b->options.should_stop = on_stop;
    b->options.ctx = b;
    b->options.second = 0.01;
    b->options.stall_seconds = 1;
    server_start(&b->server, GRAFT_FIXTURES, SIZE, certificate);
}

static void bench_close(bench *b)
{
    char command[160];
    server_stop(&b->server);
    snprintf(command, sizeof command, "rm -rf %s", b->dir);
    assert_int_equal(system(command), 0);
}

/* From the server, by one of its ways. */
static graft_status get(bench *b, const char *way, gf_fetched *out)
{
    snprintf(b->from, sizeof b->from, "http://127.0.0.1:%d/%s", b->server.port, way);
    b->options.from = b->from;
    b->notes[0] = 0;
    b->err = (graft_error){0};
    b->done = 0;
    return gf_fetch(&b->entry, &b->options, out, &b->err);
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

static void assert_whole(const bench *b)
{
    uint8_t *wanted = content(), *got = NULL;
    size_t n = 0;
    assert_int_equal(gf_file_read(b->path, SIZE, &got, &n, NULL), GRAFT_OK);
    assert_int_equal(n, SIZE);
    assert_memory_equal(got, wanted, SIZE);
    gf_free(got);
    free(wanted);
    assert_int_equal(size_of(b->part), -1);
}

/* It comes, whole, by this way. */
static void comes(bench *b, const char *way)
{
    gf_fetched out;
    graft_status status = get(b, way, &out);
    if (status != GRAFT_OK) print_error("%s: %s\n", way, b->err.message);
    assert_int_equal(status, GRAFT_OK);
    assert_string_equal(out.path, b->path);
    assert_string_equal(out.sha256, b->sha256);
    assert_string_equal(out.checked, "SHA-256");
    assert_int_equal(out.size, SIZE);
    assert_whole(b);
    gf_free(out.path);
}

static void comes_and_goes(bench *b, const char *way)
{
    comes(b, way);
    unlink(b->path);
}

/* It is refused with this error, and nothing has the final name. */
static void refused(bench *b, const char *way, gf_errno number, const char *word)
{
    gf_fetched out;
    graft_status status = get(b, way, &out);
    if (status != GRAFT_NETWORK || b->err.number != (int)number || !strstr(b->err.message, word)) {
        print_error("%s: status %d, E%d: %s\n", way, (int)status, b->err.number, b->err.message);
    }
    assert_int_equal(status, GRAFT_NETWORK);
    assert_int_equal(b->err.number, number);
    assert_non_null(strstr(b->err.message, word));
    assert_null(out.path);
    assert_int_equal(size_of(b->path), -1);
}

/* Requests that the server has had, as its JSON; the caller frees them. */
static char *requests(const bench *b)
{
    char command[128];
    static const char client[] = "python3 -c \"import urllib.request as u; print(u.urlopen("
                                 "'http://127.0.0.1:%d/log').read().decode())\"";
    snprintf(command, sizeof command, client, b->server.port);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    size_t n = fread(text, 1, 65535, f);
    assert_true(n > 0);
    pclose(f);
    return text;
}

static int times(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) n++;
    return n;
}

/* ---- what works */

#endif
