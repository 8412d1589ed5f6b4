/* The library's door to the system (base/sys.h), with faults on demand. Linked in place of src/base/sys.c. */
#include "support/sys_faults.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of fault and crash: a run has several threads */
static struct {
    fault_kind kind;
    long skip;
    int error;
    bool armed, forever, happened;
    long step; /* in children; 0: here */
    long children;
    bool child, badly;
} fault;
static atomic_long live;

void faults_arm_errno(fault_kind kind, long skip, int error, bool forever)
{
    pthread_mutex_lock(&lock);
    fault.kind = kind;
    fault.skip = skip;
    fault.error = error;
    fault.forever = forever;
    fault.happened = false;
    fault.step = 0;
    fault.armed = true;
    pthread_mutex_unlock(&lock);
}

void faults_arm(fault_kind kind, long skip) { faults_arm_errno(kind, skip, kind == FAULT_ALLOC ? ENOMEM : EIO, false); }

bool faults_disarm(void)
{
    pthread_mutex_lock(&lock);
    fault.armed = false;
    bool happened = fault.happened;
    pthread_mutex_unlock(&lock);
    return happened;
}

long faults_live(void) { return live; }

static atomic_long file_calls, allocations;

long faults_file_calls(void) { return file_calls; }
long faults_allocations(void) { return allocations; }

static _Atomic size_t largest;
size_t faults_largest(void) { return atomic_exchange(&largest, 0); }

void faults_arm_children(fault_kind kind, long step)
{
    faults_arm(kind, 0);
    fault.step = step;
    fault.children = 0;
    fault.badly = false;
}

bool faults_in_child(void) { return fault.child; }

_Noreturn void faults_end_child(bool well) { _exit(well ? 0 : 1); }

long faults_children(void)
{
    faults_disarm();
    return fault.badly ? -1 : fault.children;
}

/* In the child: true, once. */
static bool failed_in_child(void)
{
    int how = 0;
    fault.skip = fault.step - 1;
    fault.children++;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        fault.child = true;
        fault.armed = false;
        return true;
    }
    fault.badly = fault.badly || waitpid(child, &how, 0) != child || how;
    return false;
}

static bool reached(fault_kind kind)
{
    if (!fault.armed || fault.kind != kind || fault.skip-- > 0) return false;
    if (fault.step) return failed_in_child();
    fault.happened = true;
    if (fault.forever) {
        fault.skip = 0;
    } else {
        fault.armed = false;
    }
    return true;
}

static bool fails(fault_kind kind)
{
    pthread_mutex_lock(&lock);
    bool now = reached(kind);
    int error = fault.error;
    pthread_mutex_unlock(&lock);
    if (now) errno = error;
    return now;
}

/* ---- crashes */

enum { MAX_UNSYNCED = 16 };
static struct {
    bool armed;
    long skip;
    int loses;
    int file[MAX_UNSYNCED]; /* own descriptors of files with bytes that were not synced */
    int n_files;
    char renamed[MAX_UNSYNCED][2][512]; /* from, to; their folder not synced */
    int n_renames;
} crash;

void faults_arm_crash(long skip, int loses)
{
    crash.armed = true;
    crash.skip = skip;
    crash.loses = loses;
}

static void lose_file(int fd)
{
    struct stat st;
    if (fstat(fd, &st)) return;
    if ((crash.loses & CRASH_CUTS_DATA) && ftruncate(fd, st.st_size / 2)) abort();
    for (off_t at = 0; (crash.loses & CRASH_ZEROES_DATA) && at < st.st_size; at++) {
        if (pwrite(fd, "", 1, at) != 1) abort();
    }
}

static void crash_point(void)
{
    file_calls++;
    pthread_mutex_lock(&lock);
    if (!crash.armed || crash.skip-- > 0) {
        pthread_mutex_unlock(&lock);
        return;
    }
    for (int i = 0; i < crash.n_files; i++) lose_file(crash.file[i]);
    for (int i = crash.n_renames; (crash.loses & CRASH_UNDOES_RENAMES) && i-- > 0;) {
        if (rename(crash.renamed[i][1], crash.renamed[i][0])) abort();
    }
    raise(SIGKILL);
}

static void note_written(int fd)
{
    if (!crash.armed || crash.n_files == MAX_UNSYNCED) return;
    struct stat now, old;
    if (fstat(fd, &now)) return;
    for (int i = 0; i < crash.n_files; i++) {
        if (!fstat(crash.file[i], &old) && old.st_ino == now.st_ino) return;
    }
    crash.file[crash.n_files++] = dup(fd);
}

static void note_synced(int fd)
{
    struct stat now, old;
    if (!crash.armed || fstat(fd, &now)) return;
    if (S_ISDIR(now.st_mode)) crash.n_renames = 0;
    for (int i = 0; i < crash.n_files; i++) {
        if (!fstat(crash.file[i], &old) && old.st_ino == now.st_ino) crash.file[i] = crash.file[--crash.n_files];
    }
}

static void note_renamed(const char *from, const char *to)
{
    if (!crash.armed || crash.n_renames == MAX_UNSYNCED) return;
    snprintf(crash.renamed[crash.n_renames][0], sizeof crash.renamed[0][0], "%s", from);
    snprintf(crash.renamed[crash.n_renames++][1], sizeof crash.renamed[0][1], "%s", to);
}

static void locked(void (*note)(int), int fd)
{
    pthread_mutex_lock(&lock);
    note(fd);
    pthread_mutex_unlock(&lock);
}

/* ---- the door */

static void *counted(void *p)
{
    if (p) live++;
    return p;
}

static bool no_memory(size_t bytes)
{
    allocations++;
    for (size_t most = largest; bytes > most && !atomic_compare_exchange_weak(&largest, &most, bytes);) {
    }
    return fails(FAULT_ALLOC);
}

void *gf_sys_malloc(size_t bytes) { return no_memory(bytes) ? NULL : counted(malloc(bytes)); }
void *gf_sys_aligned(size_t align, size_t bytes)
{
    return no_memory(bytes) ? NULL : counted(aligned_alloc(align, bytes));
}
void *gf_sys_realloc(void *old, size_t bytes)
{
    if (no_memory(bytes)) return NULL;
    void *p = realloc(old, bytes);
    return old ? p : counted(p);
}
void gf_sys_free(void *p)
{
    if (p) live--;
    free(p);
}

int gf_sys_open(const char *path, int flags, mode_t mode)
{
    crash_point();
    return fails(FAULT_OPEN) ? -1 : open(path, flags | O_CLOEXEC, mode);
}
int gf_sys_close(int fd)
{
    crash_point();
    return close(fd);
}
ssize_t gf_sys_read(int fd, void *buf, size_t n) { return fails(FAULT_READ) ? -1 : read(fd, buf, n); }
ssize_t gf_sys_pread(int fd, void *buf, size_t n, off_t at) { return fails(FAULT_READ) ? -1 : pread(fd, buf, n, at); }
ssize_t gf_sys_write(int fd, const void *buf, size_t n)
{
    crash_point();
    if (fails(FAULT_WRITE)) return -1;
    locked(note_written, fd);
    return write(fd, buf, n);
}
ssize_t gf_sys_pwrite(int fd, const void *buf, size_t n, off_t at)
{
    crash_point();
    if (fails(FAULT_WRITE)) return -1;
    locked(note_written, fd);
    return pwrite(fd, buf, n, at);
}
int gf_sys_fsync(int fd)
{
    crash_point();
    if (fails(FAULT_SYNC)) return -1;
    int failed = fsync(fd);
    if (!failed) locked(note_synced, fd);
    return failed;
}
int gf_sys_fallocate(int fd, off_t n)
{
    crash_point();
    return fails(FAULT_WRITE) ? fault.error : posix_fallocate(fd, 0, n);
}
int gf_sys_rename(const char *from, const char *to)
{
    crash_point();
    if (fails(FAULT_RENAME)) return -1;
    pthread_mutex_lock(&lock);
    note_renamed(from, to);
    pthread_mutex_unlock(&lock);
    return rename(from, to);
}
int gf_sys_unlink(const char *path)
{
    crash_point();
    return unlink(path);
}
int gf_sys_rmdir(const char *path)
{
    crash_point();
    return rmdir(path);
}
int gf_sys_mkdir(const char *path, mode_t mode)
{
    crash_point();
    return mkdir(path, mode);
}
int gf_sys_fstat(int fd, struct stat *st) { return fstat(fd, st); }
int gf_sys_stat(const char *path, struct stat *st) { return stat(path, st); }
int gf_sys_lstat(const char *path, struct stat *st) { return lstat(path, st); }

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double gf_sys_seconds(void) { return seconds_of(CLOCK_MONOTONIC); }
double gf_sys_thread_seconds(void) { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
double gf_sys_process_seconds(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
