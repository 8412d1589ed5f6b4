/* layouts.h - how data may lie: a folder of parts or of classes, a CSV file, ... A layout is a class, an object of its
 * own file, listed by one line in layouts.def; from the table follow what `--layout` takes, its help and messages. */
#ifndef GF_DATA_LAYOUTS_H
#define GF_DATA_LAYOUTS_H

#include "data/index.h"

#include <sys/stat.h>

typedef struct gf_layout_class {
    const char *name;                                       /* "csv" */
    const char *help;                                       /* one line: what is taken so */
    bool by_name;                                           /* only where it is asked for */
    bool (*suits)(const char *path, const struct stat *st); /* can be told from the path: such a file, or a folder */
    /* Fills root, classes and samples (build.h); splits and sorting come afterwards. */
    graft_status (*read)(gf_index *index, const char *path, const gf_data_options *options, graft_error *err);
} gf_layout_class;

const gf_layout_class *gf_layout_at(size_t i); /* NULL behind the last */

/* "auto": *layout is NULL, the path decides. E3002 with the nearest name. */
graft_status gf_layout_parse(const gf_layout_class **layout, const char *name, graft_error *err);
/* Each name and its help, a line each. */
void gf_layout_words(gf_text *text);

/* E3002: a column of weights is asked for where there is none to be had: of folders, texts, boxes. */
graft_status gf_layout_no_column(const char *path, graft_error *err);

/* Reads data of options->layout or, where that is NULL, of the first layout that suits the path. E1101 where there is
 * none, E1125 where the one that was asked for cannot be it. */
graft_status gf_layout_read(gf_index *index, const char *path, const struct stat *st, const gf_data_options *options,
                            graft_error *err);

#endif
