/* report.h - what a data set is like: counts, sizes, bad files, duplicates; as JSON and as a table for people. */
#ifndef GF_DATA_REPORT_H
#define GF_DATA_REPORT_H

#include "base/binned.h"
#include "data/failed_samples.h"
#include "data/index.h"
#include "data/label_report.h"
#include "data/load.h"
#include "json/json.h"

typedef struct gf_bad_file {
    char *path;
    int number; /* of the error */
    char *message;
} gf_bad_file;

/* Two files of equal bytes. */
typedef struct gf_duplicate {
    char *path, *duplicate;
    bool other_class, other_split;
} gf_duplicate;

/* Two that are the same but for size, quality or a mirror. */
typedef struct gf_near_copy {
    char *path, *copy;
    uint32_t first, second; /* samples */
    bool mirrored, other_class, other_split;
} gf_near_copy;

enum { GF_DUPLICATES_MAX = 1000 };

typedef struct gf_spread {
    uint64_t min, median, max;
} gf_spread;

typedef struct gf_data_report {
    char *root;
    gf_names classes;
    uint64_t images; /* found, bad ones included */
    uint64_t bytes;
    uint64_t *count; /* [GF_SPLITS][classes.n], bad ones included */
    uint64_t split_count[GF_SPLITS];
    bool several; /* images have any number of classes: the next is known */
    gf_label_report labels;
    uint64_t format[GF_IMAGE_FORMATS]; /* by content */
    uint64_t mark[GF_MARKS];           /* images with mark 1 << i (load.h) */
    gf_spread width, height;           /* of good images, as decoded and turned */

    gf_bad_file *bad; /* all of them, in the index's order */
    size_t n_bad, cap_bad;

    gf_duplicate *duplicate; /* the first GF_DUPLICATES_MAX pairs */
    size_t n_duplicates, cap_duplicates;
    uint64_t same_class;  /* surplus files: copies within a class and split */
    uint64_t other_class; /* groups of copies with different labels */
    uint64_t other_split; /* groups of copies in different splits */

    gf_binned side, shape; /* of good images: the shorter side, width over height */
    bool looked;           /* at their pixels (looks.h): the next are known */
    gf_binned brightness;
    uint64_t flat;      /* of one color */
    gf_near_copy *near; /* the first GF_DUPLICATES_MAX */
    size_t n_near, cap_near;
    uint64_t near_pairs, near_other_class, near_other_split;

    gf_taken *taken; /* how parts, columns and so on were understood */
    size_t n_taken;
    gf_extension_count ignored[GF_EXTENSIONS];
    size_t n_ignored;
    uint64_t ignored_system, special, loose;
    gf_notes notes;
    bool checked_before; /* an earlier run's cache file told it: nothing was decoded */
    double seconds;      /* of the check */
} gf_data_report;

/* Everything that the index and the rows of the check tell; duplicates and bad files are added by the check. */
graft_status gf_report_create(gf_data_report **out, const gf_index *index, const gf_checked *rows, graft_error *err);
void gf_report_free(gf_data_report *report); /* takes NULL */

/* Takes over the list. */
graft_status gf_report_add_bad(gf_data_report *report, const gf_index *index, const gf_failed_sample *all,
                               graft_error *err);

/* Takes over the index's notes and what was taken as what. */
void gf_report_take_notes(gf_data_report *report, gf_index *index);

gf_json *gf_report_json(const gf_data_report *report); /* caller's; NULL or failing in gf_json_text: no memory */
graft_status gf_report_text(const gf_data_report *report, char **out, graft_error *err); /* caller's (gf_free) */

#endif
