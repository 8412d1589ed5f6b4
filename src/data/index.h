/* index.h - which files there are, what class and split each has. Built once, small (48 bytes per file and its path),
 * the same for the same files on every machine: samples are sorted by split, then by the bytes of their path.
 *
 * Layouts:  DATA/{train,validation[,test]}/CLASS/...    the folders tell the split (parts.h: in any usual spelling)
 *           DATA/CLASS/{train,validation[,test]}/...    the same, the other way round
 *           DATA/CLASS/...                              split by options.split, seeded, each class by itself
 *           FILE.csv with columns path,label[,split]    paths relative to the file's folder (table.c)
 *           photos.zip, .tar, .tar.gz                   any of the folders, read in place (archive/archive.h)
 * Folders of a class are walked to the bottom. Only reads folders and file sizes, and the first bytes of files whose
 * ending is no image's (see check.h for the rest). What was taken as what is in `taken`. */
#ifndef GF_DATA_INDEX_H
#define GF_DATA_INDEX_H

#include "archive/archive.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "data/label_sets.h"
#include "data/notes.h"
#include "data/options.h"

typedef enum gf_split { GF_TRAIN, GF_VALIDATION, GF_TEST, GF_SPLITS } gf_split;

/* "train", "validation", "test" */
const char *gf_split_name(gf_split split);

#define GF_NOT_THERE UINT64_MAX /* the size of a file that was named and is not there; its inode is then the errno */

typedef struct gf_sample {
    uint64_t path;     /* where in gf_index.paths */
    uint64_t size;     /* bytes */
    int64_t mtime;     /* nanoseconds since 1970 */
    uint64_t inode;    /* in an archive: the member's number */
    uint32_t class_id; /* with gf_index.sets the number of its set of classes */
    uint32_t group;    /* in gf_index.groups, from 1; 0: of none */
    float weight;      /* of its loss in training; 1 */
    uint16_t archive;  /* in gf_index.archive, from 1; 0: a file on the disk */
    uint8_t split;     /* gf_split */
} gf_sample;

/* How something in the data was understood: "Training/" as "train", "column 2 (breed)" as "the label". */
typedef struct gf_taken {
    char *what, *as; /* owned */
    bool said;       /* not as the documentation names it, so told at once */
} gf_taken;

void gf_taken_free(gf_taken *taken, size_t n);

enum { GF_EXTENSION_MAX = 15, GF_EXTENSIONS = 48, GF_FIRST_MAX = 47 };
typedef struct gf_extension_count {
    char name[GF_EXTENSION_MAX + 1]; /* lower case, no dot; "(none)", "(other)" */
    char first[GF_FIRST_MAX + 1];    /* the first such file's name, cut */
    uint64_t n;
} gf_extension_count;

typedef struct gf_index {
    char *root;       /* paths of samples are relative to this folder */
    gf_names classes; /* sorted by bytes, or options.classes */
    gf_sample *sample;
    uint32_t n, cap;
    uint32_t first[GF_SPLITS + 1]; /* split s is samples first[s] .. first[s + 1] - 1 */
    gf_text paths;                 /* every path, NUL after each */
    gf_sha256 *content;            /* of each file; NULL until check.h has read them */
    gf_sha256 *labels;             /* of what labels each file beside its class, its boxes; NULL: nothing does */
    gf_label_sets *sets;           /* samples have any number of classes; owned; NULL: each has one */
    gf_names groups;               /* samples of one group belong to one part */
    bool shared_out;               /* the parts are graft's doing, not the data's own */
    gf_archive **archive;          /* that files are read out of; owned */
    size_t n_archives, cap_archives;
    uint32_t *slot; /* numbers of groups by the hash of their names; owned */
    size_t n_slots;

    gf_taken *taken;
    size_t n_taken, cap_taken;
    gf_extension_count ignored[GF_EXTENSIONS]; /* files that are no images, by extension */
    size_t n_ignored;
    uint64_t ignored_system; /* Thumbs.db, .DS_Store, ._x.jpg, .git and the like */
    uint64_t special;        /* FIFOs, sockets, devices */
    uint64_t loose;          /* images outside of any class folder */
    gf_notes notes;
} gf_index;

/* Status DATA with what was looked for where `path` is of no known layout or something in it is wrong. */
graft_status gf_index_build(gf_index **out, const char *path, const gf_data_options *options, graft_error *err);
void gf_index_free(gf_index *index); /* takes NULL */

/* Every image below the `n` files and folders, unlabelled (class 0, split GF_TEST), in the order given, each folder's
 * by path. root is "", paths are as given. A file that is named is taken whatever its extension; one that is not there,
 * too (GF_NOT_THERE): gf_sample_read then says E1101, so that the others can be used. */
graft_status gf_index_images(gf_index **out, const char *const *paths, size_t n, const gf_data_options *options,
                             graft_error *err);

/* Says which files were left out because they are no images, if any. */
void gf_index_tell_ignored(const gf_index *index, const gf_log *log);

/* Relative path of a sample; borrowed. */
const char *gf_index_path(const gf_index *index, uint32_t sample);

/* Takes out the samples whose drop[i] is true; the others keep their order. drop has index->n entries. */
void gf_index_drop(gf_index *index, const bool *drop);

/* The classes of a sample; returns how many. Borrowed until the index changes. */
size_t gf_index_labels(const gf_index *index, uint32_t sample, const uint32_t **label);
/* The name of its class; of several "red|dress", of none "". */
void gf_index_label_text(const gf_index *index, uint32_t sample, gf_text *out);

/* Samples of a class in a split. */
uint64_t gf_index_count(const gf_index *index, gf_split split, uint32_t class_id);

/* SHA-256 over classes and (path, class, split, size, content, labels) of all samples: equal for equal data wherever
 * and whenever it was copied. Without index->content the sizes stand for it. Weights count where any is not 1. */
graft_status gf_index_digest(const gf_index *index, gf_sha256 *out, graft_error *err);

/* Bytes held by the samples and paths. */
uint64_t gf_index_bytes(const gf_index *index);

#endif
