#include "base/io.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Reads up to n bytes; fewer only at the end of the file; -1 with errno. */
static ssize_t read_full(int fd, uint8_t *buf, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t got = gf_sys_read(fd, buf + at, n - at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        at += (size_t)got;
    }
    return (ssize_t)at;
}

static graft_status read_open(int fd, const char *path, size_t limit, uint8_t **out, size_t *n, graft_error *err)
{
    struct stat st;
    if (gf_sys_fstat(fd, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be examined", path);
    if (!S_ISREG(st.st_mode)) return gf_fail(err, GF_E_IO_READ, NULL, "%s: not a regular file", GF_ESC(path));
    if ((uint64_t)st.st_size > limit) {
        return gf_fail(err, GF_E_FILE_TOO_LARGE, NULL, "%s: %lld bytes, at most %zu are allowed", GF_ESC(path),
                       (long long)st.st_size, limit);
    }
    size_t size = (size_t)st.st_size;
    uint8_t *buf = gf_alloc_raw(size + 1, 1);
    if (!buf) return gf_fail_memory(err, size, path);
    ssize_t got = read_full(fd, buf, size);
    if (got < 0 || (size_t)got != size) {
        int saved = errno;
        gf_free(buf);
        if (got < 0) return gf_fail_errno(err, GF_E_IO_READ, saved, "cannot be read", path);
        return gf_fail(err, GF_E_IO_READ, "is it still being written?", "%s: shrank from %zu to %zd bytes while read",
                       GF_ESC(path), size, got);
    }
    buf[size] = 0;
    *out = buf;
    *n = size;
    return GRAFT_OK;
}

graft_status gf_file_read(const char *path, size_t limit, uint8_t **out, size_t *n, graft_error *err)
{
    *out = NULL;
    *n = 0;
    int fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path);
    graft_status status = read_open(fd, path, limit, out, n, err);
    gf_sys_close(fd);
    return status;
}

graft_status gf_file_read_begin(const char *path, uint8_t *buf, size_t size, size_t *n, graft_error *err)
{
    *n = 0;
    int fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path);
    ssize_t got = read_full(fd, buf, size);
    int saved = errno;
    gf_sys_close(fd);
    if (got < 0) return gf_fail_errno(err, GF_E_IO_READ, saved, "cannot be read", path);
    *n = (size_t)got;
    return GRAFT_OK;
}

static graft_status digest_open(int fd, const char *path, uint8_t *piece, size_t size, gf_sha256 *digest,
                                graft_error *err)
{
    struct stat st;
    if (gf_sys_fstat(fd, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be examined", path);
    if (!S_ISREG(st.st_mode)) return gf_fail(err, GF_E_IO_READ, NULL, "%s: not a regular file", GF_ESC(path));
    gf_sha256_state *state = gf_sha256_begin();
    if (!state) return gf_fail_memory(err, size, path);
    ssize_t got;
    while ((got = read_full(fd, piece, size)) > 0) gf_sha256_add(state, piece, (size_t)got);
    int saved = errno;
    *digest = gf_sha256_end(state);
    return got < 0 ? gf_fail_errno(err, GF_E_IO_READ, saved, "cannot be read", path) : GRAFT_OK;
}

graft_status gf_file_sha256(const char *path, gf_sha256 *digest, graft_error *err)
{
    enum { PIECE = 1 << 18 };
    int fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path);
    uint8_t *piece = gf_alloc_raw(PIECE, 1);
    graft_status status = piece ? digest_open(fd, path, piece, PIECE, digest, err) : gf_fail_memory(err, PIECE, path);
    gf_free(piece);
    gf_sys_close(fd);
    return status;
}

static int write_full(int fd, const uint8_t *buf, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t put = gf_sys_write(fd, buf + at, n - at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        if (put == 0) {
            errno = ENOSPC;
            return -1;
        }
        at += (size_t)put;
    }
    return 0;
}

static int write_parts(int fd, const gf_bytes *parts, size_t n_parts)
{
    size_t total = 0;
    for (size_t i = 0; i < n_parts; i++) total += parts[i].n;
    if (total) {
        int e = gf_sys_fallocate(fd, (off_t)total);
        if (e && e != EOPNOTSUPP && e != EINVAL) { /* a file system without it is written without it */
            errno = e;
            return -1;
        }
    }
    for (size_t i = 0; i < n_parts; i++) {
        if (write_full(fd, parts[i].data, parts[i].n)) return -1;
    }
    return gf_sys_fsync(fd);
}

static int sync_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == path ? gf_strdup("/") : slash ? gf_strndup(path, (size_t)(slash - path)) : gf_strdup(".");
    if (!dir) {
        errno = ENOMEM;
        return -1;
    }
    int fd = gf_sys_open(dir, O_RDONLY | O_DIRECTORY, 0);
    gf_free(dir);
    if (fd < 0) return -1;
    int failed = gf_sys_fsync(fd);
    int saved = errno;
    gf_sys_close(fd);
    errno = saved;
    return failed && saved != EINVAL ? -1 : 0; /* some file systems cannot sync a folder */
}

graft_status gf_file_write(const char *path, const gf_bytes *parts, size_t n_parts, graft_error *err)
{
    char *tmp = gf_sprintf("%s.tmp", path);
    if (!tmp) return gf_fail_memory(err, strlen(path), "a file name");
    graft_status status = GRAFT_OK;
    int fd = gf_sys_open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be created", tmp);
        gf_free(tmp);
        return status;
    }
    int failed = write_parts(fd, parts, n_parts);
    int saved = errno;
    if (gf_sys_close(fd) && !failed) {
        failed = -1;
        saved = errno;
    }
    if (!failed && gf_sys_rename(tmp, path)) {
        failed = -1;
        saved = errno;
    }
    if (failed) {
        gf_sys_unlink(tmp);
        status = gf_fail_errno(err, GF_E_IO_WRITE, saved, "cannot be written", path);
    } else if (sync_dir_of(path)) {
        status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "its folder cannot be synced", path);
    }
    gf_free(tmp);
    return status;
}

graft_status gf_file_append(const char *path, const void *data, size_t n, graft_error *err)
{
    int fd = gf_sys_open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be opened", path);
    int failed = write_full(fd, data, n), saved = errno;
    if (gf_sys_close(fd) && !failed) {
        failed = -1;
        saved = errno;
    }
    return failed ? gf_fail_errno(err, GF_E_IO_WRITE, saved, "cannot be written", path) : GRAFT_OK;
}

graft_status gf_file_write_text(const char *path, const char *text, graft_error *err)
{
    return gf_file_write(path, &(gf_bytes){text, strlen(text)}, 1, err);
}

graft_status gf_make_dirs(const char *path, graft_error *err)
{
    char *copy = gf_strdup(path);
    if (!copy) return gf_fail_memory(err, strlen(path), "a file name");
    graft_status status = GRAFT_OK;
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/') continue;
        char kept = *p;
        *p = 0;
        if (gf_sys_mkdir(copy, 0777)) {
            int failed = errno;
            if (!gf_is_dir(copy)) status = gf_fail_errno(err, GF_E_IO_WRITE, failed, "folder cannot be made", copy);
        }
        *p = kept;
        if (!kept || status != GRAFT_OK) break;
    }
    gf_free(copy);
    return status;
}

bool gf_is_dir(const char *path)
{
    struct stat st;
    return !gf_sys_stat(path, &st) && S_ISDIR(st.st_mode);
}

bool gf_is_file(const char *path)
{
    struct stat st;
    return !gf_sys_stat(path, &st) && S_ISREG(st.st_mode);
}

graft_status gf_names_add(gf_names *names, const char *name, graft_error *err)
{
    char *copy = gf_strdup(name);
    if (!copy || !gf_grow(&names->item, names->n, &names->cap)) {
        gf_free(copy);
        return gf_fail_memory(err, strlen(name), "a list of names");
    }
    names->item[names->n++] = copy;
    return GRAFT_OK;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

graft_status gf_names_add_all(gf_names *names, const gf_names *more, graft_error *err)
{
    for (size_t i = 0; i < more->n; i++) GF_TRY(gf_names_add(names, more->item[i], err));
    return GRAFT_OK;
}

void gf_names_sort(gf_names *names)
{
    if (names->n) qsort(names->item, names->n, sizeof *names->item, by_bytes);
}

void gf_names_free(gf_names *names)
{
    for (size_t i = 0; i < names->n; i++) gf_free(names->item[i]);
    gf_free(names->item);
    *names = (gf_names){0};
}

graft_status gf_dir_list(const char *path, gf_names *names, graft_error *err)
{
    *names = (gf_names){0};
    DIR *dir = opendir(path);
    if (!dir) return gf_fail_errno(err, GF_E_IO_READ, errno, "folder cannot be read", path);
    graft_status status = GRAFT_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry && errno) status = gf_fail_errno(err, GF_E_IO_READ, errno, "folder cannot be read", path);
        if (!entry) break;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        GF_GOTO(gf_names_add(names, entry->d_name, err));
    }
out:
    closedir(dir);
    if (status != GRAFT_OK) gf_names_free(names);
    gf_names_sort(names);
    return status;
}

graft_status gf_lock_dir(const char *dir, int *out, graft_error *err)
{
    *out = -1;
    char *path = gf_path_join(dir, ".lock");
    if (!path) return gf_fail_memory(err, strlen(dir), "a file name");
    graft_status status = GRAFT_OK;
    int fd = gf_sys_open(path, O_RDWR | O_CREAT, 0666);
    if (fd < 0) {
        status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be locked", path);
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        char pid[32] = {0};
        ssize_t got = gf_sys_pread(fd, pid, sizeof pid - 1, 0);
        pid[got > 0 ? got : 0] = 0;
        pid[strcspn(pid, "\n")] = 0;
        status = gf_fail(err, GF_E_RUN_LOCKED, "wait for it to end, or choose another --out",
                         "%s: another process (pid %s) is writing to this run", GF_ESC(dir), pid);
        gf_sys_close(fd);
    } else {
        char pid[32];
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) || gf_sys_pwrite(fd, pid, (size_t)n, 0) < 0) {
            /* the lock holds all the same; only its message lacks the number */
        }
        *out = fd;
    }
    gf_free(path);
    return status;
}

graft_status gf_try_lock(const char *path, int *fd, graft_error *err)
{
    *fd = gf_sys_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be locked", path);
    if (!flock(*fd, LOCK_EX | LOCK_NB)) return GRAFT_OK;
    int why = errno;
    gf_sys_close(*fd);
    *fd = -1;
    return why == EWOULDBLOCK ? GRAFT_OK : gf_fail_errno(err, GF_E_IO_WRITE, why, "cannot be locked", path);
}

void gf_unlock(int fd)
{
    if (fd >= 0) gf_sys_close(fd);
}
