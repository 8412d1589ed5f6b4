/* split_rules.h - how samples without parts are shared out, other than by a shuffle of each class (split.c). */
#ifndef GF_DATA_SPLIT_RULES_H
#define GF_DATA_SPLIT_RULES_H

#include "data/build.h"

/* By content: a group (data.group_by, data.group_column), or files of equal bytes, are one piece; pieces go in the
 * order of the hash of (seed, group or content), each to the part that then lacks its classes most. Names and the order
 * of files do not matter; pieces that data.split_file lists keep their part. */
graft_status gf_split_by_content(gf_index *index, const double share[GF_SPLITS], const gf_data_options *options,
                                 graft_error *err);

/* Of samples with any number of labels: the rarest label first, each of its samples to the part that lacks it most
 * (Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data", 2011). Follows from the seed and the
 * samples sorted by path. */
graft_status gf_split_labels(gf_index *index, const double share[GF_SPLITS], const gf_data_options *options,
                             graft_error *err);

/* As Keras's image_dataset_from_directory(validation_split, seed): the same files. */
graft_status gf_split_as_keras(gf_index *index, const gf_data_options *options, graft_error *err);

/* Warns of groups that are in several parts. */
graft_status gf_split_check_groups(gf_index *index, const gf_data_options *options, graft_error *err);

/* The group of each sample by the expression of data.group_by on its path, where no column told it: gf_sample.group.
 * E3002 for one that is none. */
graft_status gf_split_find_groups(gf_index *index, const gf_data_options *options, graft_error *err);

/* ---- split.csv: path,label,group,sha256,split, a line for each sample */

/* *out is the caller's (gf_free). Digests are index->content's; empty where that is not there. */
graft_status gf_split_text(const gf_index *index, char **out, graft_error *err);

typedef struct gf_split_file {
    struct gf_listed *item; /* sorted by digest, then by path; owned */
    size_t n;
    gf_text paths;
} gf_split_file;
/* Reads one: columns split, and sha256 or path, by these names. E1109 and its like. */
graft_status gf_split_file_read(gf_split_file *f, const char *path, graft_error *err);
void gf_split_file_free(gf_split_file *f);
/* What it says of a sample: by its content, else by its path. False: nothing. */
bool gf_split_file_find(const gf_split_file *f, const gf_sha256 *content, const char *path, gf_split *split);

#endif
