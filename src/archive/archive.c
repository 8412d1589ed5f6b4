#include "archive/archive.h"

#include "archive/members.h"
#include "archive/source.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

graft_status gf_archive_open(gf_archive **out, const char *path, const gf_archive_limits *limits, graft_error *err)
{
    static const gf_archive_limits none;
    struct stat st;
    *out = NULL;
    gf_archive *a = gf_new(gf_archive);
    if (!a) return gf_fail_memory(err, sizeof *a, "an archive");
    a->spool = -1;
    a->fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    graft_status status = GRAFT_OK;
    if (a->fd < 0) GF_GOTO(gf_fail_errno(err, GF_E_DATA_NOT_FOUND, errno, "cannot be opened", path));
    a->path = gf_strdup(path);
    if (!a->path) GF_GOTO(gf_fail_memory(err, strlen(path), "a file name"));
    if (gf_sys_fstat(a->fd, &st)) GF_GOTO(gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be examined", path));
    if (!S_ISREG(st.st_mode)) GF_GOTO(gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "%s: not a file", GF_ESC(path)));
    a->size = (uint64_t)st.st_size;
    a->mtime = gf_mtime(&st);
    GF_GOTO(gf_archive_scan(a, limits ? limits : &none, err));
    *out = a;
out:
    if (status != GRAFT_OK) gf_archive_close(a);
    return status;
}

void gf_archive_close(gf_archive *a)
{
    if (!a) return;
    for (size_t i = 0; i < a->n; i++) gf_free(a->member[i].name);
    gf_free(a->member);
    gf_free(a->path);
    if (a->fd >= 0) gf_sys_close(a->fd);
    if (a->spool >= 0) gf_sys_close(a->spool);
    gf_free(a);
}

/* ---- the spool: a file without a name, gone with the last descriptor */

static graft_status make_spool(gf_archive *a, const char *folder, graft_error *err)
{
    enum { TRIES = 100 };
    static const char usual[] = "/var/tmp";
    if (!folder) folder = usual;
    GF_TRY(gf_make_dirs(folder, err));
    int saved = EEXIST;
    for (int i = 0; i < TRIES && saved == EEXIST; i++) {
        char *path = gf_sprintf("%s/graft-unpacked-%d-%d", folder, (int)getpid(), i);
        if (!path) return gf_fail_memory(err, strlen(folder), "a file name");
        a->spool = gf_sys_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        saved = a->spool < 0 ? errno : 0;
        if (!saved && gf_sys_unlink(path)) saved = errno;
        gf_free(path);
    }
    return saved ? gf_fail_errno(err, GF_E_IO_WRITE, saved, "no file for an archive's images can be made there", folder)
                 : GRAFT_OK;
}

graft_status gf_archive_spool(gf_archive *a, const char *folder, const void *bytes, size_t n, graft_error *err)
{
    if (a->spool < 0) GF_TRY(make_spool(a, folder, err));
    for (const char *from = bytes; n;) {
        ssize_t put = gf_sys_pwrite(a->spool, from, n, (off_t)a->spooled);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be unpacked", a->path);
        from += put;
        n -= (size_t)put;
        a->spooled += (uint64_t)put;
    }
    return GRAFT_OK;
}

/* ---- what is in it */

/* The first member that is not before `name`. */
static size_t lower_bound(const gf_archive *a, const char *name)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (gf_member_order(a->member[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Whether `name` is below the folder, n bytes long; 0: the whole. */
static bool is_below(const char *name, const char *folder, size_t n)
{
    return !n || (!strncmp(name, folder, n) && name[n] == '/');
}

/* A folder's own number: two folders may begin with the same member, but then one name is the longer. */
static uint64_t folder_number(const gf_archive *a, size_t first, size_t length)
{
    return a->n + first * (uint64_t)UINT16_MAX + length;
}

bool gf_archive_find(const gf_archive *a, const char *name, gf_archive_entry *entry)
{
    size_t at = lower_bound(a, name), n = strlen(name);
    const gf_member *m = at < a->n ? &a->member[at] : NULL;
    if (m && !strcmp(m->name, name) && m->how != GF_MEMBER_FOLDER) {
        *entry = (gf_archive_entry){.member = at, .size = m->size, .mtime = m->mtime};
        return true;
    }
    *entry = (gf_archive_entry){.is_folder = true, .member = folder_number(a, at, n)};
    return !n || (m && (!strcmp(m->name, name) || is_below(m->name, name, n)));
}

/* The first member behind all that is at or below `folder`/`entry`, which begins at member `at`. */
static size_t behind(const gf_archive *a, size_t at, size_t length)
{
    const char *name = a->member[at].name;
    size_t low = at + 1, high = a->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = a->member[middle].name;
        if (!strncmp(other, name, length) && (!other[length] || other[length] == '/')) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

graft_status gf_archive_list(const gf_archive *a, const char *folder, gf_names *names, graft_error *err)
{
    *names = (gf_names){0};
    size_t n = strlen(folder), begin = n ? n + 1 : 0, at = lower_bound(a, folder);
    if (at < a->n && n && !strcmp(a->member[at].name, folder)) at++;
    while (at < a->n && is_below(a->member[at].name, folder, n)) {
        const char *rest = a->member[at].name + begin;
        size_t length = strcspn(rest, "/");
        char *name = gf_strndup(rest, length);
        graft_status status = name ? gf_names_add(names, name, err) : gf_fail_memory(err, length, "a file name");
        gf_free(name);
        if (status != GRAFT_OK) {
            gf_names_free(names);
            return status;
        }
        at = behind(a, at, begin + length);
    }
    gf_names_sort(names);
    return GRAFT_OK;
}

const char *gf_archive_name(const gf_archive *a, size_t i) { return i < a->n ? a->member[i].name : NULL; }

/* ---- reading */

/* 0, an errno value, or -1 at the end of the file. */
static int read_at(int fd, uint8_t *dst, size_t n, uint64_t at)
{
    while (n) {
        ssize_t got = gf_sys_pread(fd, dst, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) return -1;
        dst += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return 0;
}

static graft_status changed(const gf_archive *a, const gf_member *m, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_DATA_CHANGED, "leave the archive alone while it is in use", "%s:%s: %s", GF_ESC(a->path),
                   GF_ESC(m->name), what);
}

/* *failed: as read_at; -2: the packed bytes are not what they were. */
static graft_status inflate_member(const gf_archive *a, const gf_member *m, uint8_t *dst, size_t n, int *failed,
                                   graft_error *err)
{
    enum { PIECE = 64 << 10, RAW = -15 }; /* zlib: the largest window, no header */
    z_stream z = {.zalloc = gf_zlib_alloc, .zfree = gf_zlib_free, .next_out = dst};
    uint8_t *in = gf_alloc_raw(PIECE, 1);
    if (!in || inflateInit2(&z, RAW) != Z_OK) {
        gf_free(in);
        return gf_fail_memory(err, PIECE, m->name);
    }
    uint64_t at = m->at, left = m->packed;
    int r = Z_OK;
    *failed = 0;
    z.avail_out = (unsigned)n;
    while (r == Z_OK && z.avail_out && !*failed && (left || z.avail_in)) {
        if (!z.avail_in) {
            unsigned piece = left < PIECE ? (unsigned)left : PIECE;
            *failed = read_at(a->fd, in, piece, at);
            at += piece;
            left -= piece;
            z.next_in = in;
            z.avail_in = piece;
        }
        if (!*failed) r = inflate(&z, Z_NO_FLUSH);
    }
    if (!*failed && z.avail_out) *failed = -2;
    inflateEnd(&z);
    gf_free(in);
    if (r == Z_MEM_ERROR) return gf_fail_memory(err, PIECE, m->name);
    return GRAFT_OK;
}

/* A system error goes to *failed, with status OK. */
static graft_status read_member(const gf_archive *a, const gf_member *m, uint8_t *dst, size_t n, int *failed,
                                graft_error *err)
{
    if (n > m->size || n > UINT32_MAX) return changed(a, m, "holds fewer bytes than were asked for", err);
    if (m->how == GF_MEMBER_DEFLATED) {
        GF_TRY(inflate_member(a, m, dst, n, failed, err));
    } else {
        *failed = read_at(m->how == GF_MEMBER_SPOOLED ? a->spool : a->fd, dst, n, m->at);
    }
    bool good = *failed >= 0;
    if (good && !*failed && n == m->size && m->checked) good = gf_crc32(dst, n) == m->crc;
    if (good) return GRAFT_OK;
    *failed = 0;
    return changed(a, m, "is not what it was when the archive was opened", err);
}

graft_status gf_member_read(const gf_archive *a, const gf_member *m, uint8_t *dst, size_t n, graft_error *err)
{
    int failed = 0;
    GF_TRY(read_member(a, m, dst, n, &failed, err));
    return failed ? gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be read", a->path) : GRAFT_OK;
}

graft_status gf_archive_read(const gf_archive *a, uint64_t member, uint8_t *dst, size_t n, int *failed,
                             graft_error *err)
{
    struct stat st;
    const gf_member *m = &a->member[member];
    *failed = 0;
    if (gf_sys_fstat(a->fd, &st)) {
        *failed = errno;
        return GRAFT_OK;
    }
    if ((uint64_t)st.st_size != a->size || gf_mtime(&st) != a->mtime) {
        return changed(a, m, "the archive was written to after it was opened", err);
    }
    return read_member(a, m, dst, n, failed, err);
}
