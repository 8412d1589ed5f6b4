#include "base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void *gf_sys_malloc(size_t bytes) { return malloc(bytes); }
void *gf_sys_realloc(void *old, size_t bytes) { return realloc(old, bytes); }
void *gf_sys_aligned(size_t align, size_t bytes) { return aligned_alloc(align, bytes); }
void gf_sys_free(void *p) { free(p); }

int gf_sys_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }
int gf_sys_close(int fd) { return close(fd); }
ssize_t gf_sys_read(int fd, void *buf, size_t n) { return read(fd, buf, n); }
ssize_t gf_sys_pread(int fd, void *buf, size_t n, off_t at) { return pread(fd, buf, n, at); }
ssize_t gf_sys_write(int fd, const void *buf, size_t n) { return write(fd, buf, n); }
ssize_t gf_sys_pwrite(int fd, const void *buf, size_t n, off_t at) { return pwrite(fd, buf, n, at); }
int gf_sys_fsync(int fd) { return fsync(fd); }
int gf_sys_fallocate(int fd, off_t n) { return posix_fallocate(fd, 0, n); }
int gf_sys_rename(const char *from, const char *to) { return rename(from, to); }
int gf_sys_unlink(const char *path) { return unlink(path); }
int gf_sys_rmdir(const char *path) { return rmdir(path); }
int gf_sys_mkdir(const char *path, mode_t mode) { return mkdir(path, mode); }
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
