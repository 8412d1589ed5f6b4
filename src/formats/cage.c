#include "formats/cage.h"

#include "base/sys.h"
#include "base/threads.h"
#include "formats/cage_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SINK_BUFFER = 64 << 10, PIPE_BYTES = 1 << 20, FIRST_REPLY = 64 << 10 };

/* ---- the sink ---- */

static void write_out(gf_sink *sink, const char *data, size_t n)
{
    while (n && !sink->failed) {
        ssize_t put = gf_sys_write(sink->fd, data, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            sink->failed = true;
            return;
        }
        data += put;
        n -= (size_t)put;
    }
}

void gf_sink_flush(gf_sink *sink)
{
    if (sink->fd < 0) return;
    write_out(sink, sink->bytes.s, sink->bytes.n);
    sink->bytes.n = 0;
}

void gf_sink_put(gf_sink *sink, const void *data, size_t n)
{
    if (sink->failed || !n) return;
    if (sink->fd >= 0 && sink->bytes.n + n > SINK_BUFFER) gf_sink_flush(sink);
    if (sink->fd >= 0 && n > SINK_BUFFER) {
        write_out(sink, data, n);
        return;
    }
    gf_text_add_n(&sink->bytes, data, n);
    sink->failed |= sink->bytes.failed;
}

/* ---- the parent ---- */

/* How much address space this process has; 0 where the system does not tell. */
static size_t address_space(void)
{
    char text[64] = {0};
    int fd = gf_sys_open("/proc/self/statm", O_RDONLY, 0);
    if (fd < 0) return 0;
    ssize_t got = gf_sys_read(fd, text, sizeof text - 1);
    gf_sys_close(fd);
    return got > 0 ? (size_t)strtoull(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

typedef struct child {
    pid_t pid;
    int pipe;
    const char *name;
    const gf_cage_limits *limits;
    bool shallow; /* it has the stack that ulimit -s allows, not a deep one */
} child;

typedef struct reply {
    uint8_t *data;
    size_t n, cap;
    char filter; /* the first byte, kept apart: GF_CAGE_FILTERED or not; 0 before it came */
} reply;

static graft_status too_slow(const child *c, graft_error *err)
{
    return gf_fail(err, GF_E_CAGE_TIMEOUT, "the file is damaged, or made to do this",
                   "%s: reading it took more than %.1f s of work or %.0f s in all", GF_ESC(c->name), c->limits->cpu,
                   c->limits->seconds);
}

static graft_status make_room(const child *c, reply *r, graft_error *err)
{
    if (r->n < r->cap) return GRAFT_OK;
    size_t wanted = r->cap ? 2 * r->cap : c->limits->expect + FIRST_REPLY;
    if (wanted > c->limits->max_reply) wanted = c->limits->max_reply;
    if (wanted <= r->cap) {
        return gf_fail(err, GF_E_CAGE_REPLY, NULL, "%s: its reader's answer is longer than %zu bytes", GF_ESC(c->name),
                       c->limits->max_reply);
    }
    uint8_t *grown = gf_realloc(r->data, wanted, 1);
    if (!grown) return gf_fail_memory(err, wanted, c->name);
    r->data = grown;
    r->cap = wanted;
    return GRAFT_OK;
}

static graft_status read_reply(const child *c, reply *r, graft_error *err)
{
    double end = gf_sys_seconds() + c->limits->seconds;
    for (;;) {
        double left = end - gf_sys_seconds();
        if (left <= 0) return too_slow(c, err);
        struct pollfd p = {.fd = c->pipe, .events = POLLIN};
        int ready = poll(&p, 1, left > 3600 ? 3600000 : (int)(left * 1000) + 1);
        if (ready <= 0 && (ready == 0 || errno == EINTR)) continue;
        bool first = !r->filter;
        if (!first) GF_TRY(make_room(c, r, err));
        ssize_t got = first ? gf_sys_read(c->pipe, &r->filter, 1) : gf_sys_read(c->pipe, r->data + r->n, r->cap - r->n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "its reader's answer cannot be read", c->name);
        if (got == 0) return GRAFT_OK;
        if (!first) r->n += (size_t)got;
    }
}

/* The pipe's end closes when the child ends, so nothing is lost by killing what still runs behind a closed pipe. */
static bool stack_is_small(void)
{
    enum { ENOUGH = 256 << 10 };
    struct rlimit r;
    return !getrlimit(RLIMIT_STACK, &r) && r.rlim_cur < ENOUGH;
}

static graft_status bury(const child *c, graft_error *err)
{
    int how = 0;
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &how, 0) < 0) {
        if (errno != EINTR) return GRAFT_OK; /* the host program reaps its children itself */
    }
    if (WIFSIGNALED(how) && (WTERMSIG(how) == SIGPROF || WTERMSIG(how) == SIGXCPU)) return too_slow(c, err);
    if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) {
        return gf_fail(
            err, GF_E_NO_MEMORY, "does the machine, or its control group, have too little memory?",
            "%s: the reader of such files was killed from outside (signal %d), as it is where memory runs out",
            GF_ESC(c->name), SIGKILL);
    }
    if (WIFSIGNALED(how) && (WTERMSIG(how) == SIGSEGV || WTERMSIG(how) == SIGBUS) && c->shallow && stack_is_small()) {
        return gf_fail(err, GF_E_NO_MEMORY, "raise the limit (ulimit -s 8192), or let more threads be started",
                       "%s: the reader of such files ended (signal %d) on a stack that ulimit -s holds below 256 KiB",
                       GF_ESC(c->name), WTERMSIG(how));
    }
    static const char hint[] = "the file is damaged or made to attack its reader; do not trust where it came from";
    if (WIFSIGNALED(how)) {
        return gf_fail(err, GF_E_CAGE_CRASHED, hint, "%s: the reader of such files crashed on this one (signal %d)",
                       GF_ESC(c->name), WTERMSIG(how));
    }
    if (WEXITSTATUS(how)) {
        return gf_fail(err, GF_E_CAGE_CRASHED, hint, "%s: the reader of such files gave up on this one (code %d)",
                       GF_ESC(c->name), WEXITSTATUS(how));
    }
    return GRAFT_OK;
}

static graft_status take_reply(const child *c, reply *r, bool *uncaged, graft_error *err)
{
    graft_status status = read_reply(c, r, err);
    graft_status end = bury(c, status == GRAFT_OK ? err : NULL);
    if (status == GRAFT_OK) status = end;
    if (status == GRAFT_OK && !r->n) {
        status = gf_fail(err, GF_E_CAGE_CRASHED, NULL, "%s: its reader ended without an answer", GF_ESC(c->name));
    }
    if (status != GRAFT_OK) return status;
    if (uncaged) *uncaged = r->filter != GF_CAGE_FILTERED;
    return GRAFT_OK;
}

typedef struct caged {
    void (*fn)(void *ctx, gf_sink *sink);
    void *ctx;
    const gf_cage_limits *limits;
    const char *name;
    uint8_t **out;
    size_t *n;
    bool *uncaged;
    pthread_t caller;
} caged;

/* The child has the stack of the thread that made it, which stays until the child is gone. */
static graft_status run_caged(void *raw, graft_error *err)
{
    const caged *job = raw;
    int ends[2];
    size_t base = address_space();
    if (pipe2(ends, O_CLOEXEC)) return gf_fail_errno(err, GF_E_IO_READ, errno, "no pipe for its reader", job->name);
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* a wish: fewer turns from child to parent */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) gf_cage_child(job->fn, job->ctx, job->limits, base, ends[1], parent);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    gf_sys_close(ends[1]);
    child c = {pid, ends[0], job->name, job->limits, pthread_equal(pthread_self(), job->caller) != 0};
    reply r = {0};
    graft_status status =
        pid < 0 ? gf_fail_errno(err, GF_E_NO_MEMORY, saved, "no process for its reader can be made", job->name)
                : take_reply(&c, &r, job->uncaged, err);
    gf_sys_close(ends[0]);
    if (status != GRAFT_OK) {
        gf_free(r.data);
        return status;
    }
    *job->out = r.data;
    *job->n = r.n;
    return GRAFT_OK;
}

graft_status gf_cage_run(void (*fn)(void *ctx, gf_sink *sink), void *ctx, const gf_cage_limits *limits,
                         const char *name, uint8_t **out, size_t *n, bool *uncaged, graft_error *err)
{
    *out = NULL;
    *n = 0;
    return gf_on_deep_stack(run_caged, &(caged){fn, ctx, limits, name, out, n, uncaged, pthread_self()}, err);
}
