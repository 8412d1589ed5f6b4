/* The library's door to the system (base/sys.h), with faults on demand. Linked in place of src/base/sys.c. */
#include "support/sys_faults.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct {
    fault_kind kind;
    long skip;
    int error;
    bool armed, forever, happened;
} fault;
static atomic_long live;

void faults_arm_errno(fault_kind kind, long skip, int error, bool forever)
{
    fault.kind = kind;
    fault.skip = skip;
    fault.error = error;
    fault.forever = forever;
    fault.happened = false;
    fault.armed = true;
}

void faults_arm(fault_kind kind, long skip) { faults_arm_errno(kind, skip, kind == FAULT_ALLOC ? ENOMEM : EIO, false); }

bool faults_disarm(void)
{
    fault.armed = false;
    return fault.happened;
}

long faults_live(void) { return live; }

static bool fails(fault_kind kind)
{
    if (!fault.armed || fault.kind != kind || fault.skip-- > 0) return false;
    fault.happened = true;
    if (fault.forever) {
        fault.skip = 0;
    } else {
        fault.armed = false;
    }
    errno = fault.error;
    return true;
}

static void *counted(void *p)
{
    if (p) live++;
    return p;
}

void *gf_sys_malloc(size_t bytes) { return fails(FAULT_ALLOC) ? NULL : counted(malloc(bytes)); }
void *gf_sys_aligned(size_t align, size_t bytes)
{
    return fails(FAULT_ALLOC) ? NULL : counted(aligned_alloc(align, bytes));
}
void *gf_sys_realloc(void *old, size_t bytes)
{
    if (fails(FAULT_ALLOC)) return NULL;
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
    return fails(FAULT_OPEN) ? -1 : open(path, flags | O_CLOEXEC, mode);
}
int gf_sys_close(int fd) { return close(fd); }
ssize_t gf_sys_read(int fd, void *buf, size_t n) { return fails(FAULT_READ) ? -1 : read(fd, buf, n); }
ssize_t gf_sys_pread(int fd, void *buf, size_t n, off_t at) { return fails(FAULT_READ) ? -1 : pread(fd, buf, n, at); }
ssize_t gf_sys_write(int fd, const void *buf, size_t n) { return fails(FAULT_WRITE) ? -1 : write(fd, buf, n); }
ssize_t gf_sys_pwrite(int fd, const void *buf, size_t n, off_t at)
{
    return fails(FAULT_WRITE) ? -1 : pwrite(fd, buf, n, at);
}
int gf_sys_fsync(int fd) { return fails(FAULT_SYNC) ? -1 : fsync(fd); }
int gf_sys_fallocate(int fd, off_t n) { return fails(FAULT_WRITE) ? fault.error : posix_fallocate(fd, 0, n); }
int gf_sys_rename(const char *from, const char *to) { return fails(FAULT_RENAME) ? -1 : rename(from, to); }
int gf_sys_unlink(const char *path) { return unlink(path); }
int gf_sys_mkdir(const char *path, mode_t mode) { return mkdir(path, mode); }
int gf_sys_fstat(int fd, struct stat *st) { return fstat(fd, st); }
int gf_sys_stat(const char *path, struct stat *st) { return stat(path, st); }
int gf_sys_lstat(const char *path, struct stat *st) { return lstat(path, st); }

double gf_sys_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
