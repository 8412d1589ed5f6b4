/* sys.h - the one door to memory and files. Every allocation and every file call of the library goes
 * through these functions, and they do nothing else than the system's call of the same name. Tests link
 * their own definitions in place of sys.c (tests/support/sys_faults.c) and so fail each call in turn.
 * Files of the library use the friendlier base/alloc.h and base/io.h. */
#ifndef GF_BASE_SYS_H
#define GF_BASE_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

void *gf_sys_malloc(size_t bytes);
void *gf_sys_realloc(void *old, size_t bytes);
void *gf_sys_aligned(size_t align, size_t bytes);
void gf_sys_free(void *p);

int gf_sys_open(const char *path, int flags, mode_t mode);
int gf_sys_close(int fd);
ssize_t gf_sys_read(int fd, void *buf, size_t n);
ssize_t gf_sys_pread(int fd, void *buf, size_t n, off_t at);
ssize_t gf_sys_write(int fd, const void *buf, size_t n);
ssize_t gf_sys_pwrite(int fd, const void *buf, size_t n, off_t at);
int gf_sys_fsync(int fd);
int gf_sys_fallocate(int fd, off_t n); /* posix_fallocate: an errno value, not -1 */
int gf_sys_rename(const char *from, const char *to);
int gf_sys_unlink(const char *path);
int gf_sys_rmdir(const char *path);
int gf_sys_mkdir(const char *path, mode_t mode);
int gf_sys_fstat(int fd, struct stat *st);
int gf_sys_stat(const char *path, struct stat *st);
int gf_sys_lstat(const char *path, struct stat *st);

/* When the file was last written, in nanoseconds since 1970. */
static inline int64_t gf_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Seconds of a clock that never goes back; for speeds and time-outs, never for results. */
double gf_sys_seconds(void);
/* Seconds that processors spent on the calling thread, or on all threads of the process: what others run meanwhile does
 * not count. */
double gf_sys_thread_seconds(void);
double gf_sys_process_seconds(void);

#endif
