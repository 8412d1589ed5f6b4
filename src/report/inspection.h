/* inspection.h - a data set as a page: what is in it, how it is spread, what deserves a look. */
#ifndef GF_REPORT_INSPECTION_H
#define GF_REPORT_INSPECTION_H

#include "report/plots.h"

/* How many images each bin of a histogram has. */
typedef struct gf_bins {
    const char *title, *note; /* note: a line below; NULL: none */
    size_t n;
    const uint64_t *count;
    const char *const *name; /* of each bin */
} gf_bins;

graft_status gf_plot_bins(gf_canvas **out, const gf_bins *bins, const gf_theme *theme, graft_error *err);

typedef struct gf_pair {
    gf_photo first, second;
    const char *how; /* "mirrored, another class"; "" */
} gf_pair;

/* Borrowed throughout; parts that are empty are left out. */
typedef struct gf_inspection {
    gf_run_record record; /* title, classes, splits, data_facts; samples: with truth, by class */
    uint64_t images, bytes, bad, duplicates, near_copies;
    const gf_bins *bins;
    size_t n_bins;
    const gf_pair *pair; /* some of the near copies */
    size_t n_pairs;
    gf_facts bad_files, equal_files, notes;
} gf_inspection;

/* One page without scripts, as report.html. *html is the caller's (gf_free). */
graft_status gf_inspection_page(char **html, size_t *n, const gf_inspection *i, graft_error *err);

#endif
