#include "formats/cage_child.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* AddressSanitizer books terabytes of addresses and reports on descriptor 2: both are left to it. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_ASAN)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { PIPE = 3 };

/* The host program's handlers must not run here: crashes end the child at once, and what a terminal or a supervisor
 * sends is the parent's to decide on (it kills the child when it goes). */
static void reset_signals(void)
{
    static const int left_to_the_parent[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int s = 1; s < NSIG; s++) sigaction(s, &action, NULL);
    action.sa_handler = SIG_IGN;
    for (size_t i = 0; i < sizeof left_to_the_parent / sizeof *left_to_the_parent; i++) {
        sigaction(left_to_the_parent[i], &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void keep_only(int pipe)
{
    if (pipe != PIPE) dup2(pipe, PIPE);
    for (int fd = 0; fd < PIPE; fd++) {
        if (fd != 2 || !SANITIZED) close(fd);
    }
    if (!close_range(PIPE + 1, ~0u, 0)) return;
    for (int fd = PIPE + 1, end = (int)sysconf(_SC_OPEN_MAX); fd < end; fd++) close(fd); /* Linux before 5.9 */
}

static void limit(int what, uint64_t value)
{
    struct rlimit r = {(rlim_t)value, (rlim_t)value};
    setrlimit((__rlimit_resource_t)what, &r);
}

static void set_limits(const gf_cage_limits *limits, size_t base)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, (uint64_t)ceil(limits->cpu) + 1);
    if (!SANITIZED && base) limit(RLIMIT_AS, (uint64_t)base + limits->memory);
    /* RLIMIT_CPU counts whole seconds; the timer ends the child to the millisecond. */
    struct itimerval timer = {{0, 0}, {0, 0}};
    timer.it_value.tv_sec = (time_t)limits->cpu;
    timer.it_value.tv_usec = (suseconds_t)(fmod(limits->cpu, 1) * 1e6);
    setitimer(ITIMER_PROF, &timer, NULL);
}

/* Anything else fails with EPERM, which is as good as death to a hostile reader and harmless to an honest one on a
 * C library that asks for something unforeseen. */
static bool add_rules(scmp_filter_ctx filter)
{
    static const int plain[] = {
        SCMP_SYS(exit),         SCMP_SYS(exit_group),    SCMP_SYS(brk),
        SCMP_SYS(munmap),       SCMP_SYS(mremap),        SCMP_SYS(madvise),
        SCMP_SYS(futex),        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),   SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(sched_yield),  SCMP_SYS(getrandom),     SCMP_SYS(restart_syscall),
    };
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp anonymous = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0)) return false;
    }
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, no_exec, anonymous)) return false;
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec)) return false;
    if (SANITIZED && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, 2))) {
        return false;
    }
    return !seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, PIPE));
}

static bool filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool held = filter && add_rules(filter) && !seccomp_load(filter);
    seccomp_release(filter);
    return held;
}

_Noreturn void gf_cage_child(void (*fn)(void *ctx, gf_sink *sink), void *ctx, const gf_cage_limits *limits, size_t base,
                             int pipe, pid_t parent)
{
    reset_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    if (getppid() != parent) _exit(1);
    keep_only(pipe);
    set_limits(limits, base);
    gf_sink sink = {.fd = PIPE};
    char filtered = filter_calls() ? GF_CAGE_FILTERED : GF_CAGE_UNFILTERED;
    gf_sink_put(&sink, &filtered, 1);
    fn(ctx, &sink);
    gf_sink_flush(&sink);
    _exit(sink.failed ? 1 : 0);
}
