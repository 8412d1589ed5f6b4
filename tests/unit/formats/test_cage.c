/* The cage: what a hostile reader may try, and what the process around it sees. */
#include "formats/cage.h"

#include "base/io.h"
#include "base/sys.h"
#include "support/sanitized.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static const gf_cage_limits usual = {.memory = 64 << 20, .max_reply = 1 << 20, .cpu = 0.5, .seconds = 10};

static graft_status run(void (*fn)(void *ctx, gf_sink *sink), void *ctx, const gf_cage_limits *limits, uint8_t **reply,
                        size_t *n, graft_error *err)
{
    *err = (graft_error){0};
    return gf_cage_run(fn, ctx, limits ? limits : &usual, "f.h5", reply, n, NULL, err);
}

/* Runs fn, which must fail with this number. */
static void expect(void (*fn)(void *ctx, gf_sink *sink), void *ctx, const gf_cage_limits *limits, int number)
{
    uint8_t *reply;
    size_t n;
    graft_error err;
    assert_int_equal(run(fn, ctx, limits, &reply, &n, &err), number / 1000 == 5 ? GRAFT_RESOURCE : GRAFT_WEIGHTS);
    if (err.number != number) fail_msg("E%d: %s", err.number, err.message);
    assert_null(reply);
    assert_int_equal(strncmp(err.message, "f.h5: ", 6), 0);
}

static void echo(void *ctx, gf_sink *sink)
{
    for (size_t i = 0; i < 300; i++) gf_sink_put(sink, ctx, 1000);
}

static void a_reply_comes_back_whole(void **state)
{
    (void)state;
    uint8_t *reply, text[1000];
    size_t n;
    graft_error err;
    bool uncaged = true;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)i;
    assert_int_equal(gf_cage_run(echo, text, &usual, "f.h5", &reply, &n, &uncaged, &err), GRAFT_OK);
    assert_int_equal(n, 300000);
    for (size_t i = 0; i < n; i++) assert_int_equal(reply[i], text[i % 1000]);
    assert_false(uncaged);
    gf_free(reply);
}

/* One letter for each thing that was possible after all. */
static void try_all(void *ctx, gf_sink *sink)
{
    const char *path = ctx;
    char made[128];
    snprintf(made, sizeof made, "%s.made", path);
    if (open(path, O_RDONLY) >= 0) gf_sink_put(sink, "o", 1);
    if (syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) >= 0) gf_sink_put(sink, "O", 1);
    if (open(made, O_WRONLY | O_CREAT, 0600) >= 0) gf_sink_put(sink, "w", 1);
    if (unlink(path) == 0) gf_sink_put(sink, "u", 1);
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0) gf_sink_put(sink, "s", 1);
    if (fork() >= 0) gf_sink_put(sink, "f", 1);
    if (kill(getppid(), 0) == 0 || errno != EPERM) gf_sink_put(sink, "k", 1);
    if (syscall(SYS_tgkill, getpid(), getpid(), 0) == 0) gf_sink_put(sink, "t", 1);
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
        gf_sink_put(sink, "x", 1);
    }
    for (int fd = 0; fd < 64; fd++) {
        if (fd != 3 && fd != 2 && write(fd, "!", 1) >= 0) gf_sink_put(sink, "d", 1);
        char c;
        if (read(fd, &c, 1) >= 0) gf_sink_put(sink, "r", 1);
    }
    execl("/bin/true", "true", (char *)NULL);
    gf_sink_put(sink, ".", 1);
}

static void nothing_can_be_opened_started_or_sent(void **state)
{
    (void)state;
    char path[] = "/tmp/graft-test-XXXXXX", made[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    snprintf(made, sizeof made, "%s.made", path);
    uint8_t *reply;
    size_t n;
    graft_error err;
    assert_int_equal(run(try_all, path, NULL, &reply, &n, &err), GRAFT_OK);
    if (n != 1 || reply[0] != '.') fail_msg("it could: %.*s", (int)n, (char *)reply);
    gf_free(reply);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(made, F_OK), -1);
    char c;
    assert_int_equal(pread(fd, &c, 1, 0), 0); /* nothing was written into it */
    close(fd);
    unlink(path);
}

static void crash(void *ctx, gf_sink *sink)
{
    gf_sink_put(sink, "half", 4);
    gf_sink_flush(sink);
    *(volatile int *)ctx = 1;
}
static void give_up(void *ctx, gf_sink *sink)
{
    (void)ctx, (void)sink;
    _exit(3);
}
static void die(void *ctx, gf_sink *sink)
{
    (void)ctx, (void)sink;
    abort();
}
static void say_nothing(void *ctx, gf_sink *sink) { (void)ctx, (void)sink; }

static void a_crash_is_an_error(void **state)
{
    (void)state;
    expect(crash, NULL, NULL, GF_E_CAGE_CRASHED);
    expect(give_up, NULL, NULL, GF_E_CAGE_CRASHED);
    expect(die, NULL, NULL, GF_E_CAGE_CRASHED);
    expect(say_nothing, NULL, NULL, GF_E_CAGE_CRASHED);
}

static void spin(void *ctx, gf_sink *sink)
{
    (void)sink;
    for (volatile unsigned *x = ctx;;) ++*x;
}
static void sleep_long(void *ctx, gf_sink *sink)
{
    (void)ctx, (void)sink;
    unsigned word = 0;
    syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}
static void close_and_spin(void *ctx, gf_sink *sink)
{
    gf_sink_flush(sink);
    gf_sink_put(sink, "x", 1);
    gf_sink_flush(sink);
    close(3); /* refused by the filter: the pipe stays open */
    spin(ctx, sink);
}

/* Ends the first child of any thread of this process, as the kernel does where memory runs out. */
static void *kill_a_child(void *ctx)
{
    (void)ctx;
    for (int turn = 0; turn < 2000; turn++) {
        DIR *tasks = opendir("/proc/self/task");
        for (struct dirent *e; tasks && (e = readdir(tasks));) {
            char path[300], text[64] = "";
            snprintf(path, sizeof path, "/proc/self/task/%s/children", e->d_name);
            FILE *f = fopen(path, "r");
            bool child = f && fgets(text, sizeof text, f) && strtol(text, NULL, 10) > 1;
            if (f) fclose(f);
            if (child) kill((pid_t)strtol(text, NULL, 10), SIGKILL);
            if (!child) continue;
            closedir(tasks);
            return NULL;
        }
        if (tasks) closedir(tasks);
        usleep(1000);
    }
    return NULL;
}

static void killed_for_want_of_memory_the_file_is_not_blamed(void **state)
{
    (void)state;
    pthread_t killer;
    uint8_t *reply;
    size_t n;
    graft_error err;
    assert_int_equal(pthread_create(&killer, NULL, kill_a_child, NULL), 0);
    assert_int_equal(run(sleep_long, NULL, NULL, &reply, &n, &err), GRAFT_RESOURCE);
    assert_int_equal(pthread_join(killer, NULL), 0);
    if (err.number != GF_E_NO_MEMORY) fail_msg("E%d: %s", err.number, err.message);
    assert_null(strstr(err.hint, "attack"));
}

static void an_endless_loop_ends(void **state)
{
    (void)state;
    unsigned x = 0;
    double begin = gf_sys_seconds();
    expect(spin, &x, NULL, GF_E_CAGE_TIMEOUT);
    expect(close_and_spin, &x, NULL, GF_E_CAGE_TIMEOUT);
    gf_cage_limits short_wait = usual;
    short_wait.seconds = 0.3;
    expect(sleep_long, NULL, &short_wait, GF_E_CAGE_TIMEOUT);
    assert_true(gf_sys_seconds() - begin <
                2 * usual.seconds + short_wait.seconds + 10); /* by the clock, however busy */
}

static void flood(void *ctx, gf_sink *sink)
{
    (void)ctx;
    static const char block[100000];
    while (!sink->failed) gf_sink_put(sink, block, sizeof block);
}

static void an_endless_reply_ends(void **state)
{
    (void)state;
    expect(flood, NULL, NULL, GF_E_CAGE_REPLY);
}

static void take_memory(void *ctx, gf_sink *sink)
{
    (void)ctx;
    size_t taken = 0;
    for (int i = 0; i < 1000; i++) {
        void *p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) break;
        taken += 16;
    }
    gf_sink_put(sink, &taken, sizeof taken);
}

static void memory_is_limited(void **state)
{
    (void)state;
    uint8_t *reply;
    size_t n, taken;
    graft_error err;
    assert_int_equal(run(take_memory, NULL, NULL, &reply, &n, &err), GRAFT_OK);
    assert_int_equal(n, sizeof taken);
    memcpy(&taken, reply, sizeof taken);
    gf_free(reply);
    assert_true(SANITIZED || (taken > 0 && taken <= 64));
}

/* The host program's own ways with signals: reaped children, handlers, a pending interrupt. */
static void on_crash(int signal)
{
    (void)signal;
    _exit(0);
}

static void the_hosts_signals_are_left_alone(void **state)
{
    (void)state;
    struct sigaction mine = {.sa_handler = on_crash}, before, after;
    sigset_t mask_before, mask_after;
    uint8_t *reply, text[1000] = {0};
    size_t n;
    graft_error err;
    assert_int_equal(sigaction(SIGSEGV, &mine, &before), 0);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    expect(crash, NULL, NULL, GF_E_CAGE_CRASHED); /* its handler would have ended the child as if all were well */
    sigprocmask(SIG_SETMASK, NULL, &mask_after);
    assert_memory_equal(&mask_before, &mask_after, sizeof(unsigned long));
    sigaction(SIGSEGV, &before, &after);
    assert_true(after.sa_handler == on_crash);
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(run(echo, text, NULL, &reply, &n, &err), GRAFT_OK);
    assert_int_equal(n, 300000);
    gf_free(reply);
    signal(SIGCHLD, SIG_DFL);
}

static int count_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void no_descriptor_is_lost(void **state)
{
    (void)state;
    int before = count_fds();
    uint8_t *reply, text[1000] = {0};
    size_t n;
    graft_error err;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run(echo, text, NULL, &reply, &n, &err), GRAFT_OK);
        gf_free(reply);
        expect(say_nothing, NULL, NULL, GF_E_CAGE_CRASHED);
    }
    assert_int_equal(count_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_comes_back_whole), cmocka_unit_test(nothing_can_be_opened_started_or_sent),
        cmocka_unit_test(a_crash_is_an_error),      cmocka_unit_test(killed_for_want_of_memory_the_file_is_not_blamed),
        cmocka_unit_test(an_endless_loop_ends),     cmocka_unit_test(an_endless_reply_ends),
        cmocka_unit_test(memory_is_limited),        cmocka_unit_test(the_hosts_signals_are_left_alone),
        cmocka_unit_test(no_descriptor_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
