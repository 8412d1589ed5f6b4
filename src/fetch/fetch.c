#include "fetch/fetch.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "fetch/any_address.h"
#include "fetch/http.h"
#include "fetch/package.h"
#include "fetch/part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

void gf_fetch_defaults(gf_fetch_options *o) { *o = (gf_fetch_options){.second = 1, .stall_seconds = 30, .retries = 5}; }

/* ---- the cache */

/* The SHA-256 that the file had when it came; NULL: not known. The caller frees it. */
static char *kept_digest(const gf_weights_entry *e, const char *path)
{
    enum { LARGEST = 256 };
    uint8_t *text = NULL;
    size_t n;
    char *name = gf_entry_has_digest(e) ? NULL : gf_sprintf("%s.sha256", path);
    if (name) gf_file_read(name, LARGEST, &text, &n, NULL);
    gf_free(name);
    return (char *)text;
}

/* GRAFT_OK: it is there and right, *out is filled. E6010: it is not right. Other errors as they come. */
static graft_status look_into_cache(const gf_weights_entry *e, const gf_fetch_options *o, const char *path,
                                    gf_fetched *out, graft_error *err)
{
    gf_measured m;
    graft_error why = {0};
    GF_TRY(gf_measure_file(path, e->size_most, o->should_stop, o->ctx, &m, err));
    char *kept = kept_digest(e, path);
    graft_status status = gf_measured_check(&m, e, kept, path, &why);
    gf_free(kept);
    if (status != GRAFT_OK) {
        return gf_fail(err, GF_E_FETCH_CACHE, "fetch it again with a network, or put the right file there", "%s",
                       why.message);
    }
    memcpy(out->sha256, m.sha256, sizeof out->sha256);
    out->size = m.n;
    return GRAFT_OK;
}

const char *gf_fetch_checked_by(const gf_weights_entry *e)
{
    if (e->sha256) return "SHA-256";
    if (e->md5) return "MD5";
    if (e->sha256_prefix) return "first digits of SHA-256";
    if (e->size_least <= 1) return "nothing that was published";
    return e->size_least == e->size_most ? "size alone" : "range of sizes alone";
}

bool gf_fetch_is_cached(const gf_weights_entry *e, const char *cache)
{
    char *path = gf_path_join(cache, e->file);
    bool there = path && gf_is_file(path);
    gf_free(path);
    return there;
}

/* ---- where from */

static graft_status copy_open(gf_part *part, int fd, const char *path, graft_error *err)
{
    enum { PIECE = 1 << 18 };
    const gf_fetch_options *o = part->options;
    char *buf = gf_alloc_raw(PIECE, 1);
    if (!buf) return gf_fail_memory(err, PIECE, path);
    graft_status status = gf_part_restart(part, NULL, err);
    while (status == GRAFT_OK) {
        if (o->should_stop) GF_GOTO(o->should_stop(o->ctx));
        ssize_t got = gf_sys_read(fd, buf, PIECE);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) GF_GOTO(gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", path));
        if (got == 0) break;
        status = gf_part_write(part, buf, (size_t)got, err);
        if (o->progress) o->progress(o->ctx, part->measure.n, part->entry->size_most);
    }
out:
    gf_free(buf);
    return status;
}

static graft_status copy_from(gf_part *part, const char *folder, graft_error *err)
{
    struct stat st;
    char *path = gf_path_join(folder, part->entry->file);
    if (!path) return gf_fail_memory(err, strlen(folder), "a file name");
    graft_status status = GRAFT_OK;
    int fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && errno == ENOENT) {
        status = gf_fail(err, GF_E_FETCH_REFUSED, "--from takes a folder, or an http(s) address, that has this file",
                         "%s: there is no such file", GF_ESC(path));
    } else if (fd < 0 || gf_sys_fstat(fd, &st)) {
        status = gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path);
    } else if (!S_ISREG(st.st_mode)) {
        status = gf_fail(err, GF_E_IO_READ, NULL, "%s: not a regular file", GF_ESC(path));
    } else {
        status = copy_open(part, fd, path, err);
    }
    if (fd >= 0) gf_sys_close(fd);
    gf_free(path);
    return status;
}

static graft_status mirror_from(gf_part *part, const char *address, graft_error *err)
{
    char *url = gf_path_join(address, part->entry->file);
    if (!url) return gf_fail_memory(err, strlen(address), "an address");
    graft_status status = gf_http_get(part, url, err);
    gf_free(url);
    return status;
}

static size_t sources(const gf_weights_entry *e, const gf_fetch_options *o)
{
    return o->from || e->package ? 1 : e->n_urls;
}

static graft_status get_from(gf_part *part, size_t source, graft_error *err)
{
    const gf_fetch_options *o = part->options;
    if (o->from) return gf_is_address(o->from) ? mirror_from(part, o->from, err) : copy_from(part, o->from, err);
    return part->entry->package ? gf_package_get(part, err) : gf_http_get(part, part->entry->urls[source], err);
}

/* ---- all of it */

static bool is_stop(graft_status status) { return status == GRAFT_INTERRUPTED || status == GRAFT_TERMINATED; }

/* One source, from the lock to the final name. */
static graft_status fetch_from(size_t source, const gf_weights_entry *e, const gf_fetch_options *o, gf_fetched *out,
                               graft_error *err)
{
    gf_part part;
    gf_measured m;
    GF_TRY(gf_part_open(&part, e, o, err));
    graft_status status = GRAFT_OK;
    if (part.waited && gf_is_file(part.path) && look_into_cache(e, o, part.path, out, NULL) == GRAFT_OK) {
        gf_part_discard(&part); /* the other process has brought it */
        goto out;
    }
    bool whole = e->size_least == e->size_most && part.measure.n == e->size_most; /* stopped just before the end */
    if (!whole) GF_GOTO(get_from(&part, source, err));
    out->transferred = part.transferred;
    GF_GOTO(gf_part_finish(&part, &m, err));
    memcpy(out->sha256, m.sha256, sizeof out->sha256);
    out->size = m.n;
out:
    if (is_stop(status) && err) {
        gf_fail(err, GF_E_FETCH_INCOMPLETE, "fetch it again to go on from there",
                "%s: stopped; %" PRId64 " bytes are kept in %s", GF_ESC(e->name), part.measure.n,
                GF_ESC(part.part_path));
        err->status = status;
        err->number = 0;
    }
    gf_part_close(&part);
    return status;
}

static graft_status fetch(const gf_weights_entry *e, const gf_fetch_options *o, gf_fetched *out, graft_error *err)
{
    bool by_network = !o->from || gf_is_address(o->from);
    if (o->offline && by_network) {
        return gf_fail(err, GF_E_FETCH_OFFLINE, "unset GRAFT_OFFLINE, or use --from FOLDER",
                       "%s: %s is not there, and the network is not to be used", GF_ESC(e->name), GF_ESC(out->path));
    }
    GF_TRY(gf_make_dirs(o->cache, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < sources(e, o); i++) {
        if (i) gf_log_say(o->log, GF_NOTE, "%s: trying the next address", err ? err->message : GF_ESC(e->name));
        status = fetch_from(i, e, o, out, err);
        if (status != GRAFT_NETWORK) break;
    }
    return status;
}

graft_status gf_fetch(const gf_weights_entry *e, const gf_fetch_options *o, gf_fetched *out, graft_error *err)
{
    *out = (gf_fetched){.path = gf_path_join(o->cache, e->file), .checked = gf_fetch_checked_by(e)};
    if (!out->path) return gf_fail_memory(err, strlen(o->cache), "a file name");
    graft_status status = GRAFT_OK;
    graft_error why = {0};
    if (gf_is_file(out->path)) {
        status = look_into_cache(e, o, out->path, out, &why);
        if (status == GRAFT_OK) return GRAFT_OK;
        bool wrong = why.number == GF_E_FETCH_CACHE;
        bool by_network = !o->from || gf_is_address(o->from);
        if (!wrong || (o->offline && by_network)) {
            if (err) *err = why;
            goto out;
        }
        gf_log_say(o->log, GF_WARNING, "%s; it is fetched again", why.message);
    }
    GF_GOTO(fetch(e, o, out, err));
out:
    if (status != GRAFT_OK) {
        gf_free(out->path);
        *out = (gf_fetched){0};
    }
    return status;
}
