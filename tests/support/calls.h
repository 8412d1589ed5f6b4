/* calls.h - a system call filter for a child of a test: what it does not allow shows. */
#ifndef TESTS_SUPPORT_CALLS_H
#define TESTS_SUPPORT_CALLS_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { CALLS_MOST = 32 };

/* From now on the listed calls (or all but those, where `but` is set) end as `other` says:
 * SECCOMP_RET_KILL_PROCESS (the parent sees SIGSYS) or SECCOMP_RET_ERRNO | EPERM. False: the kernel has no filters. */
static inline bool calls_filter(const int *listed, size_t n, bool but, unsigned other)
{
    struct sock_filter code[2 * CALLS_MOST + 2];
    size_t at = 0;
    if (n > CALLS_MOST) return false;
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < n; i++) {
        code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)listed[i], 0, 1);
        code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, but ? SECCOMP_RET_ALLOW : other);
    }
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, but ? other : SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {(unsigned short)at, code};
    return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Memory, the clock, a lock, the end and a word to standard error alone: any other call kills. */
static inline bool calls_only_memory(void)
{
    static const int allowed[] = {
        SYS_brk,          SYS_mmap,        SYS_munmap,        SYS_mremap,      SYS_mprotect,
        SYS_madvise,      SYS_futex,       SYS_clock_gettime, SYS_getrandom,   SYS_rt_sigprocmask,
        SYS_rt_sigaction, SYS_sigaltstack, SYS_gettimeofday,  SYS_sched_yield, SYS_exit_group,
        SYS_exit,         SYS_write,       SYS_getpid,        SYS_gettid,      SYS_rt_sigreturn,
    };
    return calls_filter(allowed, sizeof allowed / sizeof *allowed, true, SECCOMP_RET_KILL_PROCESS);
}

/* No process can be made. */
static inline bool calls_no_fork(void)
{
    static const int refused[] = {SYS_clone, SYS_clone3, SYS_fork, SYS_vfork};
    return calls_filter(refused, sizeof refused / sizeof *refused, false, SECCOMP_RET_ERRNO | 1 /* EPERM */);
}

#endif
