#include "fetch/part.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

graft_status gf_fetch_wait(const gf_fetch_options *o, double seconds)
{
    enum { SLICE_MS = 50 };
    double end = gf_sys_seconds() + seconds * o->second;
    for (;;) {
        graft_status status = o->should_stop ? o->should_stop(o->ctx) : GRAFT_OK;
        double left = end - gf_sys_seconds();
        if (status != GRAFT_OK || left <= 0) return status;
        poll(NULL, 0, left < SLICE_MS * 1e-3 ? (int)(left * 1e3) + 1 : SLICE_MS);
    }
}

/* ---- opening */

static graft_status make_names(gf_part *p, graft_error *err)
{
    p->path = gf_path_join(p->options->cache, p->entry->file);
    if (p->path) {
        p->part_path = gf_sprintf("%s.part", p->path);
        p->tag_path = gf_sprintf("%s.tag", p->path);
        p->kept_path = gf_sprintf("%s.sha256", p->path);
    }
    bool ok = p->part_path && p->tag_path && p->kept_path;
    return ok ? GRAFT_OK : gf_fail_memory(err, 4 * strlen(p->options->cache), "file names");
}

/* Another process may have finished, and so renamed, the file that was waited for: then a new one is to be opened. */
static bool still_named(const gf_part *p)
{
    struct stat held, named;
    if (gf_sys_fstat(p->fd, &held) || gf_sys_stat(p->part_path, &named)) return false;
    return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static graft_status lock(gf_part *p, graft_error *err)
{
    static const double look_again = 0.1;
    for (;;) {
        p->fd = gf_sys_open(p->part_path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
        if (p->fd < 0) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be created", p->part_path);
        bool held = !flock(p->fd, LOCK_EX | LOCK_NB);
        if (!held && errno != EWOULDBLOCK && errno != EINTR) {
            return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be locked", p->part_path);
        }
        if (held && still_named(p)) return GRAFT_OK;
        gf_sys_close(p->fd);
        p->fd = -1;
        if (!held && !p->waited) {
            gf_log_say(p->options->log, GF_NOTE, "%s: another process is fetching it; waiting", GF_ESC(p->entry->name));
        }
        p->waited = true;
        GF_TRY(gf_fetch_wait(p->options, look_again));
    }
}

/* A tag is one line of printable ASCII; anything else is none. */
static void read_tag(gf_part *p)
{
    uint8_t *text = NULL;
    size_t n = 0;
    p->tag[0] = 0;
    if (gf_file_read(p->tag_path, GF_TAG_MOST - 1, &text, &n, NULL) != GRAFT_OK) return;
    bool plain = n > 0;
    for (size_t i = 0; i < n; i++) plain &= text[i] >= 0x20 && text[i] < 0x7f;
    if (plain) memcpy(p->tag, text, n + 1);
    gf_free(text);
}

/* The bytes that are there already, hashed again. */
static graft_status read_back(gf_part *p, graft_error *err)
{
    enum { PIECE = 1 << 18 };
    uint8_t *buf = gf_alloc_raw(PIECE, 1);
    if (!buf) return gf_fail_memory(err, PIECE, p->part_path);
    graft_status status = GRAFT_OK;
    while (p->measure.n <= p->entry->size_most) {
        ssize_t got = gf_sys_pread(p->fd, buf, PIECE, (off_t)p->measure.n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) GF_GOTO(gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", p->part_path));
        if (got == 0) break;
        gf_measure_add(&p->measure, buf, (size_t)got);
    }
out:
    gf_free(buf);
    return status;
}

graft_status gf_part_open(gf_part *p, const gf_weights_entry *e, const gf_fetch_options *o, graft_error *err)
{
    *p = (gf_part){.entry = e, .options = o, .fd = -1};
    graft_status status = GRAFT_OK;
    GF_GOTO(make_names(p, err));
    GF_GOTO(lock(p, err));
    GF_GOTO(gf_measure_begin(&p->measure, err));
    read_tag(p);
    if (p->tag[0]) {
        GF_GOTO(read_back(p, err));
        if (p->measure.n > e->size_most) GF_GOTO(gf_part_restart(p, NULL, err));
    } else {
        GF_GOTO(gf_part_restart(p, NULL, err));
    }
out:
    if (status != GRAFT_OK) gf_part_close(p);
    return status;
}

void gf_part_close(gf_part *p)
{
    if (!p->entry) return;
    if (p->fd >= 0) gf_sys_close(p->fd);
    gf_measure_drop(&p->measure);
    gf_free(p->path);
    gf_free(p->part_path);
    gf_free(p->tag_path);
    gf_free(p->kept_path);
    *p = (gf_part){0};
}

/* ---- writing */

graft_status gf_part_write(gf_part *p, const void *data, size_t n, graft_error *err)
{
    const uint8_t *at = data;
    if ((uint64_t)n > (uint64_t)(p->entry->size_most - p->measure.n)) {
        return gf_fail(err, GF_E_FETCH_SIZE, "this is not the file that was published",
                       "%s: expected %s, but more comes; it begins `%s`", GF_ESC(p->entry->file),
                       GF_ENTRY_SIZE(p->entry),
                       GF_FIRST(p->measure.n ? p->measure.first : at, p->measure.n ? (size_t)p->measure.n : n));
    }
    while (n) {
        ssize_t put = gf_sys_pwrite(p->fd, at, n, (off_t)p->measure.n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            return gf_fail_errno(err, GF_E_IO_WRITE, put ? errno : ENOSPC, "cannot be written", p->part_path);
        }
        gf_measure_add(&p->measure, at, (size_t)put);
        p->transferred += put;
        at += put;
        n -= (size_t)put;
    }
    return GRAFT_OK;
}

/* The old tag goes first and the new one comes last, so that no tag ever stands beside bytes of another file. */
graft_status gf_part_restart(gf_part *p, const char *tag, graft_error *err)
{
    gf_sys_unlink(p->tag_path);
    p->tag[0] = 0;
    if (ftruncate(p->fd, 0)) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be emptied", p->part_path);
    if (p->measure.n && gf_sys_fsync(p->fd)) {
        return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be synced", p->part_path);
    }
    gf_measure_drop(&p->measure);
    GF_TRY(gf_measure_begin(&p->measure, err));
    if (!tag || !*tag || strlen(tag) >= GF_TAG_MOST) return GRAFT_OK;
    GF_TRY(gf_file_write_text(p->tag_path, tag, err));
    memcpy(p->tag, tag, strlen(tag) + 1);
    return GRAFT_OK;
}

void gf_part_discard(gf_part *p)
{
    gf_sys_unlink(p->tag_path);
    gf_sys_unlink(p->part_path);
}

/* ---- the end */

static graft_status sync_cache(const gf_part *p, graft_error *err)
{
    const char *dir = p->options->cache;
    int fd = gf_sys_open(dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be opened", dir);
    bool failed = gf_sys_fsync(fd) && errno != EINVAL; /* some file systems cannot sync a folder */
    int saved = errno;
    gf_sys_close(fd);
    return failed ? gf_fail_errno(err, GF_E_IO_WRITE, saved, "cannot be synced", dir) : GRAFT_OK;
}

graft_status gf_part_finish(gf_part *p, gf_measured *out, graft_error *err)
{
    *out = gf_measure_end(&p->measure);
    graft_status status = gf_measured_check(out, p->entry, NULL, p->entry->file, err);
    if (status != GRAFT_OK) {
        gf_part_discard(p);
        return status;
    }
    if (gf_sys_fsync(p->fd)) return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be synced", p->part_path);
    if (!gf_entry_has_digest(p->entry)) GF_TRY(gf_file_write_text(p->kept_path, out->sha256, err));
    if (gf_sys_rename(p->part_path, p->path)) {
        return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be renamed", p->part_path);
    }
    gf_sys_unlink(p->tag_path);
    return sync_cache(p, err);
}
