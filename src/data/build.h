/* build.h - how the index is put together; for the files of this room that do it. */
#ifndef GF_DATA_BUILD_H
#define GF_DATA_BUILD_H

#include "data/index.h"

#include <sys/stat.h>

/* Appends a sample; the path is copied. Classes may still be unknown: class_id is set again later then. */
graft_status gf_index_add(gf_index *index, const char *path, const struct stat *st, uint32_t class_id, gf_split split,
                          graft_error *err);
void gf_index_count_ignored(gf_index *index, const char *name);

/* Sorts samples by (split, path) and fills `first`. */
void gf_index_sort(gf_index *index);

/* Number of a class, -1 where there is none of that name. Binary search where the classes are sorted by bytes. */
int64_t gf_index_class(const gf_index *index, const char *name);

/* The layouts (folder.c, table.c): fill root, classes and samples. */
graft_status gf_index_from_folder(gf_index *index, const char *path, const gf_data_options *options, graft_error *err);
graft_status gf_index_from_csv(gf_index *index, const char *path, const gf_data_options *options, graft_error *err);

/* Shares out the training samples where nothing else gave a validation set, then takes the test set out of the
 * validation batches (split.c). */
graft_status gf_index_split(gf_index *index, const gf_data_options *options, graft_error *err);

/* A walk below one class folder (walk.c). */
typedef struct gf_walk {
    gf_index *index;
    const gf_data_options *options;
    const char *real_root; /* links must stay in it */
    uint32_t class_id;
    gf_split split;
    uint64_t found;           /* pictures */
    struct gf_dir_id *linked; /* folders that were reached through a link */
    size_t n_linked, cap_linked;
} gf_walk;

typedef enum gf_entry { GF_ENTRY_FILE, GF_ENTRY_DIR, GF_ENTRY_SKIP } gf_entry;

/* What `path` is; special files and links that end nowhere good are told. st is of the file a link leads to. */
graft_status gf_walk_examine(gf_walk *walk, const char *path, gf_entry *entry, struct stat *st, graft_error *err);
/* Adds every picture below folder `path` (relative to the index's root). */
graft_status gf_walk_folder(gf_walk *walk, const char *path, graft_error *err);
void gf_walk_end(gf_walk *walk);

/* Names in a folder below the root, sorted by bytes; a folder that may not be read is E1106. */
graft_status gf_list_below(const gf_index *index, const char *path, gf_names *names, graft_error *err);

#endif
