/* members.c - the files of an archive, to the walks that look for images and the layouts that find classes. */
#include "data/build.h"
#include "data/names.h"
#include "data/parts.h"

#include <string.h>

enum { NESTED = 4 };

/* An archive that is large takes a while: whoever waits may stop it. */
static graft_status go_on(void *ctx)
{
    const gf_data_options *o = ctx;
    return o->progress ? o->progress(o->user, 0, 0) : GRAFT_OK;
}

graft_status gf_members_open(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    gf_archive_limits limits = {.spool = options->cache_dir, .go_on = go_on, .ctx = (void *)options};
    if (options->settings) {
        limits.bytes = (uint64_t)gf_settings_whole(options->settings, GF_SET_DATA_MAX_UNPACKED);
    }
    if (index->n_archives == UINT16_MAX) {
        return gf_fail(err, GF_E_DATA_TOO_MANY, NULL, "%s: more than %u archives", GF_ESC(path), UINT16_MAX);
    }
    if (!gf_grow(&index->archive, index->n_archives, &index->cap_archives)) {
        return gf_fail_memory(err, sizeof *index->archive, "archives");
    }
    GF_TRY(gf_archive_open(&index->archive[index->n_archives], path, &limits, err));
    index->n_archives++;
    return GRAFT_OK;
}

static bool is_archive_name(const char *name)
{
    static const char *const endings[] = {".zip", ".tar", ".tgz", ".tar.gz"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t e = strlen(endings[i]);
        if (n > e && !strcmp(name + n - e, endings[i])) return true;
    }
    return false;
}

graft_status gf_members_check(const gf_index *index, const char *path, graft_error *err)
{
    const gf_archive *a = index->archive[index->n_archives - 1];
    const char *name, *inner = NULL;
    for (size_t i = 0; (name = gf_archive_name(a, i)); i++) {
        if (gf_name_is_image(name)) return GRAFT_OK;
        if (!inner && is_archive_name(name)) inner = name;
    }
    if (!inner) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_NO_IMAGES, "unpack it, and give the archive that has the images",
                   "%s: no images found but perhaps in %s: archives in archives are not opened", GF_ESC(path),
                   GF_ESC(inner));
}

static const gf_archive *archive_of(const gf_walk *walk) { return walk->index->archive[walk->archive - 1]; }

/* The member that a path of the walk stands for. gf_free it; NULL: no memory. */
static char *member_of(const gf_walk *walk, const char *path)
{
    if (walk->skip) {
        path += walk->skip;
        while (*path == '/') path++;
    }
    if (!walk->inner || !*walk->inner) return gf_strdup(path);
    return *path ? gf_path_join(walk->inner, path) : gf_strdup(walk->inner);
}

graft_status gf_members_examine(const gf_walk *walk, const char *path, gf_entry *entry, struct stat *st,
                                graft_error *err)
{
    gf_archive_entry found;
    char *name = member_of(walk, path);
    *entry = GF_ENTRY_SKIP;
    if (!name) return gf_fail_memory(err, strlen(path), "a file name");
    if (gf_archive_find(archive_of(walk), name, &found)) {
        *entry = found.is_folder ? GF_ENTRY_DIR : GF_ENTRY_FILE;
        *st = (struct stat){.st_mode = found.is_folder ? S_IFDIR : S_IFREG,
                            .st_size = (off_t)found.size,
                            .st_ino = (ino_t)found.member};
        st->st_mtim = (struct timespec){found.mtime / 1000000000, found.mtime % 1000000000};
    }
    gf_free(name);
    return GRAFT_OK;
}

graft_status gf_members_begin(const gf_walk *walk, const char *path, uint8_t *bytes, size_t size, size_t *n,
                              graft_error *err)
{
    gf_archive_entry found;
    int failed = 0;
    char *name = member_of(walk, path);
    *n = 0;
    if (!name) return gf_fail_memory(err, strlen(path), "a file name");
    graft_status status = GRAFT_OK;
    if (gf_archive_find(archive_of(walk), name, &found) && !found.is_folder) {
        *n = found.size < size ? (size_t)found.size : size;
        status = gf_archive_read(archive_of(walk), found.member, bytes, *n, &failed, err);
    }
    if (failed) status = gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be read", path);
    gf_free(name);
    return status;
}

graft_status gf_members_list(const gf_walk *walk, const char *path, gf_names *names, graft_error *err)
{
    char *name = member_of(walk, path);
    if (!name) return gf_fail_memory(err, strlen(path), "a file name");
    graft_status status = gf_archive_list(archive_of(walk), name, names, err);
    gf_free(name);
    return status;
}

/* The folders and images in `folder`; *only is the last folder's path. gf_free it. */
static graft_status count_in(const gf_archive *a, const char *folder, size_t *folders, size_t *images, char **only,
                             graft_error *err)
{
    gf_names names;
    graft_status status = GRAFT_OK;
    *folders = *images = 0;
    *only = NULL;
    GF_TRY(gf_archive_list(a, folder, &names, err));
    for (size_t i = 0; i < names.n && status == GRAFT_OK; i++) {
        const char *name = names.item[i];
        gf_archive_entry found;
        if (gf_name_is_litter(name)) continue;
        char *path = *folder ? gf_path_join(folder, name) : gf_strdup(name);
        if (!path) {
            status = gf_fail_memory(err, strlen(name), "a file name");
        } else if (gf_archive_find(a, path, &found) && found.is_folder) {
            ++*folders;
            gf_free(*only);
            *only = path;
            continue;
        }
        *images += gf_name_is_image(name);
        gf_free(path);
    }
    gf_names_free(&names);
    return status;
}

graft_status gf_members_inner(const gf_index *index, char **inner, graft_error *err)
{
    const gf_archive *a = index->archive[0];
    char *only = NULL, *below = NULL;
    size_t folders, images, more, loose;
    graft_status status = GRAFT_OK;
    *inner = gf_strdup("");
    if (!*inner) return gf_fail_memory(err, 1, "a file name");
    for (int i = 0; i < NESTED; i++) {
        GF_GOTO(count_in(a, *inner, &folders, &images, &only, err));
        const char *base = only ? strrchr(only, '/') : NULL;
        if (folders != 1 || images || gf_part_of_name(base ? base + 1 : only) != GF_PART_NONE) break;
        GF_GOTO(count_in(a, only, &more, &loose, &below, err));
        gf_free(below);
        below = NULL;
        if (!more) break;
        gf_free(*inner);
        *inner = only;
        only = NULL;
    }
out:
    gf_free(only);
    gf_free(below);
    return status;
}
