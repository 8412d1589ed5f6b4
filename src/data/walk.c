/* One class folder to its bottom. Folders are never held open while others are read, so depth costs no descriptors.
 * It always ends: a folder that is among its own parents is not entered again, and a folder is entered through a link
 * once at most. */
#include "base/sys.h"
#include "data/build.h"
#include "data/names.h"
#include "data/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { MAX_DEPTH = 1000 };

typedef struct gf_dir_id {
    dev_t dev;
    ino_t inode;
} dir_id;

typedef struct chain {
    dir_id id;
    const struct chain *parent;
    int depth;
} chain;

static bool same(dir_id a, dir_id b) { return a.dev == b.dev && a.inode == b.inode; }

static graft_status told(gf_walk *walk, const char *path, const char *what, graft_error *err)
{
    if (walk->quiet) return GRAFT_OK;
    return gf_note_add(&walk->index->notes, walk->options->log, GF_WARNING, err, "%s: %s", GF_ESC(path), what);
}

static graft_status unreadable(int failed, const char *path, graft_error *err)
{
    if (failed != EACCES && failed != EPERM) {
        return gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be examined", path);
    }
    return gf_fail(err, GF_E_DATA_UNREADABLE, "give this user the right to read it",
                   "%s: permission denied: the whole data set must be readable", GF_ESC(path));
}

/* a function of its own, to keep its buffer off the stack of the recursion */
static graft_status too_deep(const char *path, graft_error *err)
{
    return gf_fail(err, GF_E_DATA_TOO_DEEP, NULL, "%s: more than %d folders deep", GF_ESC(path), MAX_DEPTH);
}

static graft_status refuse_link(const char *path, const char *where, graft_error *err)
{
    return gf_fail(err, GF_E_DATA_LINK,
                   strcmp(where, "nowhere") ? "--follow-links takes what links lead to; or put the file itself there"
                                            : "put the file itself there, or take the link away",
                   "%s: the link leads %s", GF_ESC(path), where);
}

/* Follows a link. A link that is no image and no folder is not worth an error. */
static graft_status follow(gf_walk *walk, const char *path, const char *reached, struct stat *st, gf_entry *entry,
                           graft_error *err)
{
    bool wanted = gf_name_is_image(path);
    if (gf_sys_stat(reached, st)) {
        int failed = errno;
        *entry = GF_ENTRY_SKIP;
        if (failed == ELOOP) return told(walk, path, "a link that leads to itself; left out", err);
        if (failed == ENOENT || failed == ENOTDIR) return wanted ? refuse_link(path, "nowhere", err) : GRAFT_OK;
        return unreadable(failed, path, err);
    }
    if (!wanted && !S_ISDIR(st->st_mode)) return GRAFT_OK;
    if (walk->options->follow_links || gf_is_inside(walk->real_root, reached)) return GRAFT_OK;
    int failed = errno;
    return failed ? unreadable(failed, path, err) : refuse_link(path, "out of the data folder", err);
}

static graft_status examine_reached(gf_walk *walk, const char *path, const char *reached, gf_entry *entry,
                                    struct stat *st, graft_error *err)
{
    if (gf_sys_lstat(reached, st)) {
        if (errno == ENOENT) return told(walk, path, "vanished while the folder was read; left out", err);
        return unreadable(errno, path, err);
    }
    *entry = GF_ENTRY_FILE;
    if (S_ISLNK(st->st_mode)) GF_TRY(follow(walk, path, reached, st, entry, err));
    if (*entry == GF_ENTRY_SKIP) return GRAFT_OK;
    if (S_ISDIR(st->st_mode)) {
        *entry = GF_ENTRY_DIR;
    } else if (!S_ISREG(st->st_mode)) {
        *entry = GF_ENTRY_SKIP;
        if (walk->quiet) return GRAFT_OK;
        walk->index->special++;
        return gf_note_add(&walk->index->notes, walk->options->log, GF_NOTE, err,
                           "%s: a pipe, socket or device; left out", GF_ESC(path));
    }
    return GRAFT_OK;
}

graft_status gf_walk_examine(gf_walk *walk, const char *path, gf_entry *entry, struct stat *st, graft_error *err)
{
    *entry = GF_ENTRY_SKIP;
    if (walk->archive) return gf_members_examine(walk, path, entry, st, err);
    gf_reach reach;
    GF_TRY(gf_reach_open(&reach, walk->index->root, path, err));
    graft_status status = examine_reached(walk, path, reach.path, entry, st, err);
    gf_reach_close(&reach);
    return status;
}

/* As many bytes as any format is told by. */
static graft_status read_begin(gf_walk *walk, const char *path, uint8_t *bytes, size_t size, size_t *n,
                               graft_error *err)
{
    *n = 0;
    if (walk->archive) return gf_members_begin(walk, path, bytes, size, n, err);
    gf_reach reach;
    GF_TRY(gf_reach_open(&reach, walk->index->root, path, err));
    graft_status status = GRAFT_OK;
    int fd = gf_sys_open(reach.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0), failed = fd < 0 ? errno : 0;
    while (fd >= 0 && *n < size && !failed) {
        ssize_t got = gf_sys_read(fd, bytes + *n, size - *n);
        if (got == 0) break;
        if (got > 0) *n += (size_t)got;
        if (got < 0 && errno != EINTR) failed = errno;
    }
    if (fd >= 0) gf_sys_close(fd);
    gf_reach_close(&reach);
    if (failed == EACCES || failed == EPERM) {
        status = told(walk, path, "not named as an image, and may not be read; left out", err);
    } else if (failed) {
        status = gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be read", path);
    }
    return status;
}

graft_status gf_walk_is_image(gf_walk *walk, const char *path, bool *is, graft_error *err)
{
    const char *slash = strrchr(path, '/');
    *is = gf_name_is_image(slash ? slash + 1 : path);
    if (*is) return GRAFT_OK;
    uint8_t bytes[GF_IMAGE_BEGIN];
    size_t n;
    GF_TRY(read_begin(walk, path, bytes, sizeof bytes, &n, err));
    *is = gf_image_begins(bytes, n);
    return GRAFT_OK;
}

graft_status gf_list_below(const gf_index *index, const char *path, gf_names *names, graft_error *err)
{
    *names = (gf_names){0};
    gf_reach reach;
    GF_TRY(gf_reach_open(&reach, index->root, path, err));
    graft_status status = gf_dir_list(reach.path, names, err);
    if (status == GRAFT_RESOURCE) { /* of all reasons, a missing right is the data's fault */
        int fd = gf_sys_open(reach.path, O_RDONLY | O_DIRECTORY, 0);
        if (fd >= 0) {
            gf_sys_close(fd);
        } else if (errno == EACCES || errno == EPERM) {
            status = unreadable(errno, path, err);
        }
    }
    gf_reach_close(&reach);
    return status;
}

graft_status gf_walk_list(const gf_walk *walk, const char *path, gf_names *names, graft_error *err)
{
    return walk->archive ? gf_members_list(walk, path, names, err) : gf_list_below(walk->index, path, names, err);
}

/* Whether the folder may be entered; a folder reached through a link is then remembered. */
static graft_status may_enter(gf_walk *walk, const char *path, dir_id id, const chain *parent, bool *may,
                              graft_error *err)
{
    *may = walk->archive != 0; /* no links in there */
    if (*may) return GRAFT_OK;
    for (const chain *c = parent; c; c = c->parent) {
        if (same(c->id, id)) return told(walk, path, "a link to a folder that it lies in; left out", err);
    }
    struct stat st;
    gf_reach reach;
    GF_TRY(gf_reach_open(&reach, walk->index->root, path, err));
    bool link = !gf_sys_lstat(reach.path, &st) && S_ISLNK(st.st_mode);
    gf_reach_close(&reach);
    *may = true;
    if (!link) return GRAFT_OK;
    for (size_t i = 0; i < walk->n_linked; i++) {
        if (!same(walk->linked[i], id)) continue;
        *may = false;
        return told(walk, path, "a link to a folder that another link leads to; left out", err);
    }
    if (!gf_grow(&walk->linked, walk->n_linked, &walk->cap_linked)) return gf_fail_memory(err, sizeof id, "links");
    walk->linked[walk->n_linked++] = id;
    return GRAFT_OK;
}

static graft_status walk_folder(gf_walk *walk, const char *path, const struct stat *st, const chain *parent,
                                graft_error *err);

static graft_status walk_entry(gf_walk *walk, const char *path, const char *name, const chain *here, graft_error *err)
{
    if (gf_name_is_litter(name)) {
        walk->index->ignored_system++;
        return GRAFT_OK;
    }
    gf_entry entry;
    struct stat st;
    GF_TRY(gf_walk_examine(walk, path, &entry, &st, err));
    if (entry == GF_ENTRY_DIR) return walk_folder(walk, path, &st, here, err);
    if (entry == GF_ENTRY_SKIP) return GRAFT_OK;
    bool is_image;
    GF_TRY(gf_walk_is_image(walk, path, &is_image, err));
    if (!is_image) {
        gf_index_count_ignored(walk->index, name);
        return GRAFT_OK;
    }
    walk->found++;
    if (here->depth > 0 && !walk->nested++ && !walk->nested_in) {
        walk->nested_in = gf_strndup(path, strlen(path) - strlen(name) - 1);
        if (!walk->nested_in) return gf_fail_memory(err, strlen(path), "a file name");
    }
    GF_TRY(gf_index_add(walk->index, path, &st, walk->class_id, walk->split, err));
    walk->index->sample[walk->index->n - 1].archive = (uint16_t)walk->archive;
    return GRAFT_OK;
}

static graft_status walk_folder(gf_walk *walk, const char *path, const struct stat *st, const chain *parent,
                                graft_error *err)
{
    const chain here = {{st->st_dev, st->st_ino}, parent, parent ? parent->depth + 1 : 0};
    if (here.depth > MAX_DEPTH) return too_deep(path, err);
    bool may;
    GF_TRY(may_enter(walk, path, here.id, parent, &may, err));
    if (!may) return GRAFT_OK;
    gf_names names;
    GF_TRY(gf_walk_list(walk, path, &names, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < names.n && status == GRAFT_OK; i++) {
        char *child = *path ? gf_path_join(path, names.item[i]) : gf_strdup(names.item[i]);
        status = child ? walk_entry(walk, child, names.item[i], &here, err)
                       : gf_fail_memory(err, strlen(path), "a file name");
        gf_free(child);
    }
    gf_names_free(&names);
    return status;
}

graft_status gf_walk_folder(gf_walk *walk, const char *path, graft_error *err)
{
    struct stat st = {0};
    if (walk->archive) return walk_folder(walk, path, &st, NULL, err);
    gf_reach reach;
    GF_TRY(gf_reach_open(&reach, walk->index->root, path, err));
    int failed = gf_sys_stat(reach.path, &st) ? errno : 0;
    gf_reach_close(&reach);
    if (failed) return unreadable(failed, path, err);
    return walk_folder(walk, path, &st, NULL, err);
}

void gf_walk_end(gf_walk *walk)
{
    gf_free(walk->linked);
    walk->linked = NULL;
    walk->n_linked = walk->cap_linked = 0;
}
