/* A first look into folders, before it is known what they are: names, and as few system calls as will do. */
#include "base/sys.h"
#include "data/build.h"
#include "data/names.h"
#include "data/paths.h"

#include <stdio.h>
#include <string.h>

enum { LOOKS = 4000, DEEP = 24 };

void gf_look_free(gf_look *look)
{
    gf_names_free(&look->folders);
    gf_free(look->backslash);
    *look = (gf_look){0};
}

static graft_status note_backslash(gf_look *look, const char *name, graft_error *err)
{
    if (!strchr(name, '\\')) return GRAFT_OK;
    look->backslashes++;
    if (look->backslash) return GRAFT_OK;
    look->backslash = gf_strdup(name);
    return look->backslash ? GRAFT_OK : gf_fail_memory(err, strlen(name), "a name");
}

static graft_status look_at_file(gf_walk *walk, const char *child, const char *name, gf_look_how how, gf_look *look,
                                 graft_error *err)
{
    bool is_image = false;
    if (how != GF_LOOK_QUICK || !look->images) GF_TRY(gf_walk_is_image(walk, child, &is_image, err));
    if (is_image) {
        look->images++;
        walk->index->loose += how == GF_LOOK_COUNT;
        return note_backslash(look, name, err);
    }
    if (how == GF_LOOK_COUNT) gf_index_count_ignored(walk->index, name);
    return GRAFT_OK;
}

static graft_status look_at(gf_walk *walk, const char *path, const char *name, gf_look_how how, gf_look *look,
                            graft_error *err)
{
    if (gf_name_is_litter(name)) {
        walk->index->ignored_system += how == GF_LOOK_COUNT;
        return GRAFT_OK;
    }
    if (how == GF_LOOK_QUICK && gf_name_is_image(name)) {
        look->images++;
        return note_backslash(look, name, err);
    }
    char *child = *path ? gf_path_join(path, name) : gf_strdup(name);
    if (!child) return gf_fail_memory(err, strlen(name), "a name");
    gf_entry entry;
    struct stat st;
    graft_status status = gf_walk_examine(walk, child, &entry, &st, err);
    if (status == GRAFT_OK && entry == GF_ENTRY_DIR) {
        status = gf_names_add(&look->folders, name, err);
        if (status == GRAFT_OK) status = note_backslash(look, name, err);
    } else if (status == GRAFT_OK && entry == GF_ENTRY_FILE) {
        status = look_at_file(walk, child, name, how, look, err);
    }
    gf_free(child);
    return status;
}

graft_status gf_look_into(gf_walk *walk, const char *path, gf_look_how how, gf_look *look, graft_error *err)
{
    *look = (gf_look){0};
    gf_names all;
    bool quiet = walk->quiet;
    GF_TRY(gf_walk_list(walk, path, &all, err));
    walk->quiet = quiet || how != GF_LOOK_COUNT;
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < all.n && status == GRAFT_OK; i++) {
        status = look_at(walk, path, all.item[i], how, look, err);
    }
    walk->quiet = quiet;
    gf_names_free(&all);
    if (status != GRAFT_OK) gf_look_free(look);
    return status;
}

/* A link is not entered: what it leads to is found from its own place. */
static graft_status look_unless_link(gf_walk *walk, const char *path, int depth, int *left, bool *any,
                                     graft_error *err);

static graft_status look_deeper(gf_walk *walk, const char *path, int depth, int *left, bool *any, graft_error *err)
{
    if (depth == DEEP || --*left < 0) *any = true;
    if (*any) return GRAFT_OK;
    gf_look look;
    GF_TRY(gf_look_into(walk, path, GF_LOOK_QUICK, &look, err));
    *any = look.images > 0;
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < look.folders.n && status == GRAFT_OK && !*any; i++) {
        char *child = gf_path_join(path, look.folders.item[i]);
        if (!child) status = gf_fail_memory(err, strlen(path), "a name");
        if (child) status = look_unless_link(walk, child, depth + 1, left, any, err);
        gf_free(child);
    }
    gf_look_free(&look);
    return status;
}

static graft_status look_unless_link(gf_walk *walk, const char *path, int depth, int *left, bool *any, graft_error *err)
{
    gf_reach reach;
    struct stat st;
    if (walk->archive) return look_deeper(walk, path, depth, left, any, err);
    GF_TRY(gf_reach_open(&reach, walk->index->root, path, err));
    bool link = !gf_sys_lstat(reach.path, &st) && S_ISLNK(st.st_mode);
    gf_reach_close(&reach);
    return link ? GRAFT_OK : look_deeper(walk, path, depth, left, any, err);
}

graft_status gf_look_below(gf_walk *walk, const char *path, bool *any, graft_error *err)
{
    int left = LOOKS;
    *any = false;
    return look_deeper(walk, path, 0, &left, any, err);
}

graft_status gf_look_advise(const gf_walk *walk, char *hint, size_t size, graft_error *err)
{
    gf_names names;
    GF_TRY(gf_walk_list(walk, "", &names, err));
    snprintf(hint, size, "put the images of each class into a folder of its own");
    for (size_t i = 0; i < names.n; i++) {
        char ending[8];
        gf_name_extension(names.item[i], ending, sizeof ending);
        if (strcmp(ending, "csv") != 0 && strcmp(ending, "tsv") != 0) continue;
        size_t n = strlen(hint);
        snprintf(hint + n, size - n, "; or are their labels in a table? did you mean %s/%s?", GF_ESC(walk->index->root),
                 GF_ESC(names.item[i]));
        break;
    }
    gf_names_free(&names);
    return GRAFT_OK;
}
