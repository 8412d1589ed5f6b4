/* columns.h - which column of a CSV file is the image, which the label, which the split: told by the header's names,
 * else by what stands in the columns; and whether there is a header at all. Pure but for `exists`. */
#ifndef GF_DATA_COLUMNS_H
#define GF_DATA_COLUMNS_H

#include "base/io.h"
#include "data/csv.h"
#include "data/options.h"

enum { GF_NO_COLUMN = GF_CSV_COLUMNS };

/* What the first rows have in one column. */
typedef struct gf_column {
    char *name;       /* the header's; without one "column 2"; owned */
    char *example;    /* of its first row; owned */
    uint32_t filled;  /* rows in which it is not empty */
    uint32_t images;  /* values with the ending of an image */
    uint32_t exists;  /* of the first few: files that are there */
    uint32_t parts;   /* values such as "train" */
    uint32_t counted; /* values that go on from the last one by one: an index */
    uint32_t flags;   /* values that are 0 or 1 */
    size_t longest;   /* value, in bytes */
    gf_names value;   /* different values, up to a bound */
} gf_column;

typedef struct gf_columns {
    gf_column column[GF_CSV_COLUMNS];
    size_t n;
    uint32_t rows, asked;                      /* looked at; looked up by `exists` */
    bool header;                               /* the first record is none of the rows */
    size_t image, label, split, group, weight; /* GF_NO_COLUMN: there is none */
    size_t labels[GF_CSV_COLUMNS], n_labels;   /* columns of 0 and 1 instead of `label`, one for each class */
    bool image_said, label_said,
        split_said; /* not "path", "label", "split", and not the user's choice: worth telling */
} gf_columns;

/* "0", "1", "0.0" or "1.0"; *is gets which. */
bool gf_flag_parse(const char *value, bool *is);

/* Whether a value is the path of a file of the data. */
typedef bool (*gf_exists)(void *ctx, const char *value);

/* E1111 with what was found where image or label are not clear, or where a column that the options name is not there.
 * Free with gf_columns_free, also after a failure. `csv` is just opened; it is read anew from its start. */
graft_status gf_columns_find(gf_columns *columns, const gf_csv *csv, const gf_data_options *options, gf_exists exists,
                             void *ctx, graft_error *err);
void gf_columns_free(gf_columns *columns);

#endif
