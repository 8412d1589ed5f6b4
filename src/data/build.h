/* build.h - how the index is put together; for the files of this room that do it. */
#ifndef GF_DATA_BUILD_H
#define GF_DATA_BUILD_H

#include "data/index.h"

#include <sys/stat.h>

/* Appends a sample; the path is copied. Classes may still be unknown: class_id is set again later then. */
graft_status gf_index_add(gf_index *index, const char *path, const struct stat *st, uint32_t class_id, gf_split split,
                          graft_error *err);
void gf_index_count_ignored(gf_index *index, const char *name);

/* The number of the group of that name, which is added where there is none. */
graft_status gf_index_group(gf_index *index, uint32_t *group, const char *name, graft_error *err);

/* Sorts samples by (split, path) and fills `first`. */
void gf_index_sort(gf_index *index);

/* Number of a class, -1 where there is none of that name. Binary search where the classes are sorted by bytes. */
int64_t gf_index_class(const gf_index *index, const char *name);

/* Of samples of one class each: sets of that class alone, where their task is one of several labels. E5001. */
graft_status gf_index_make_sets(gf_index *index, graft_error *err);
/* Tells how many samples have no label. E5001. */
graft_status gf_index_tell_unlabelled(gf_index *index, const gf_log *log, graft_error *err);

/* Shares out the training samples where nothing else gave a validation set, then takes the test set out of the
 * validation batches (split.c). */
graft_status gf_index_split(gf_index *index, const gf_data_options *options, graft_error *err);

/* A walk below one class folder (walk.c). */
typedef struct gf_walk {
    gf_index *index;
    const gf_data_options *options;
    const char *real_root; /* links must stay in it, unless options.follow_links */
    size_t archive;        /* that is walked, in index->archive, from 1; 0: folders on the disk */
    const char *inner;     /* the folder in it that paths are relative to; "" or NULL: all of it */
    size_t skip;           /* else so many bytes of a path are the archive's own */
    bool quiet;            /* a first look: what is left out is told by the walk itself, later */
    uint32_t class_id;
    gf_split split;
    uint64_t found;           /* images */
    uint64_t nested;          /* of these, in folders below the class folder */
    char *nested_in;          /* the first such folder; owned */
    struct gf_dir_id *linked; /* folders that were reached through a link */
    size_t n_linked, cap_linked;
} gf_walk;

typedef enum gf_entry { GF_ENTRY_FILE, GF_ENTRY_DIR, GF_ENTRY_SKIP } gf_entry;

/* What `path` is; special files and links that end nowhere good are told. st is of the file a link leads to. */
graft_status gf_walk_examine(gf_walk *walk, const char *path, gf_entry *entry, struct stat *st, graft_error *err);
/* Adds every image below folder `path` (relative to the index's root). */
graft_status gf_walk_folder(gf_walk *walk, const char *path, graft_error *err);
void gf_walk_end(gf_walk *walk); /* forgets the links that were entered; nested_in is kept */

/* Whether the file `path` (relative to the root) is an image: by its ending, else by what it begins with. A file that
 * may not be read is none, told. */
graft_status gf_walk_is_image(gf_walk *walk, const char *path, bool *is, graft_error *err);

/* What lies in a folder, one level deep (look.c). */
typedef struct gf_look {
    gf_names folders;     /* sorted */
    uint64_t images;      /* a quick look counts those by ending alone, and at most one without */
    uint64_t backslashes; /* images and folders whose names hold a backslash */
    char *backslash;      /* one of them; owned */
} gf_look;

/* GF_LOOK_QUICK: what has the ending of an image is taken for a file. GF_LOOK_COUNT: what is left out is counted in the
 * index (loose images, other files, litter). */
typedef enum gf_look_how { GF_LOOK_QUICK, GF_LOOK_FULL, GF_LOOK_COUNT } gf_look_how;
graft_status gf_look_into(gf_walk *walk, const char *path, gf_look_how how, gf_look *look, graft_error *err);
void gf_look_free(gf_look *look);

/* What to do about images without class folders; a CSV file in the root may have their labels. */
graft_status gf_look_advise(const gf_walk *walk, char *hint, size_t size, graft_error *err);

/* Whether there is any image in the folder or below; links are not entered, and what is too deep or too much to be
 * looked through counts as one. */
graft_status gf_look_below(gf_walk *walk, const char *path, bool *any, graft_error *err);

/* Where the data's parts and classes lie (layout.c). */
typedef struct gf_place {
    char *path;             /* of a class folder, relative to the root; owned */
    const char *class_name; /* in gf_layout.names */
    gf_split split;
} gf_place;

typedef enum gf_folder_rule {
    GF_FOLDERS_AUTO,
    GF_FOLDERS_PARTS,  /* the data folder holds parts, whatever lies in their class folders */
    GF_FOLDERS_CLASSES /* every folder in it is a class, whatever its name and whatever lies in it */
} gf_folder_rule;

typedef struct gf_layout {
    gf_walk walk;
    gf_folder_rule rule;
    gf_place *place; /* sorted by split, then by class */
    size_t n, cap;
    gf_names names;
} gf_layout;

/* E1102 or E1125 with what was seen where the folders are of no layout, or of several. Layouts, and what was left out,
 * are told. */
graft_status gf_layout_find(gf_layout *layout, graft_error *err);
void gf_layout_free(gf_layout *layout);

/* Keeps "WHAT is taken as AS" for the report. With a reason it is a decision (base/decide.h), told at once; NULL: it is
 * as the documentation has it. */
graft_status gf_index_take(gf_index *index, const gf_log *log, const char *what, const char *as, const char *why,
                           graft_error *err);

/* ---- in an archive (members.c): what walk.c asks of a disk */

/* Opens it as the index's last. */
graft_status gf_members_open(gf_index *index, const char *path, const gf_data_options *options, graft_error *err);
/* E1103 where it has no images, but another archive that may have. */
graft_status gf_members_check(const gf_index *index, const char *path, graft_error *err);
/* The folder that holds the data: further down where an archive has nothing but one folder of folders; "" is its root.
 * gf_free it. */
graft_status gf_members_inner(const gf_index *index, char **inner, graft_error *err);
/* What `path` is; GF_ENTRY_SKIP: there is none. */
graft_status gf_members_examine(const gf_walk *walk, const char *path, gf_entry *entry, struct stat *st,
                                graft_error *err);
graft_status gf_members_begin(const gf_walk *walk, const char *path, uint8_t *bytes, size_t size, size_t *n,
                              graft_error *err);
graft_status gf_members_list(const gf_walk *walk, const char *path, gf_names *names, graft_error *err);

/* Names in a folder that is walked, sorted by bytes. */
graft_status gf_walk_list(const gf_walk *walk, const char *path, gf_names *names, graft_error *err);

/* Names in a folder below the root, sorted by bytes; a folder that may not be read is E1106. */
graft_status gf_list_below(const gf_index *index, const char *path, gf_names *names, graft_error *err);

#endif
