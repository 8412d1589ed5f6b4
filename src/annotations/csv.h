/* csv.h - rows of a table of boxes into a set: the part that only sees bytes. */
#ifndef GF_ANNOTATIONS_CSV_H
#define GF_ANNOTATIONS_CSV_H

#include "annotations/format.h"
#include "data/csv.h"

/* Those to GF_BOX_Y2 must be there. */
typedef enum gf_box_column {
    GF_BOX_IMAGE,
    GF_BOX_CLASS,
    GF_BOX_X1,
    GF_BOX_Y1,
    GF_BOX_X2,
    GF_BOX_Y2,
    GF_BOX_WIDTH,
    GF_BOX_HEIGHT,
    GF_BOX_SPLIT,
    GF_BOX_COLUMNS
} gf_box_column;

/* Which column of the header that was read last is what; SIZE_MAX: there is none. False where one is missing. */
bool gf_box_columns(size_t column[GF_BOX_COLUMNS], const gf_csv *csv);
/* Adds the present row's box, if it has one, to the set's image `image`. What is wrong with it is a problem. */
graft_status gf_box_row(gf_annotations *to, const gf_names *rename, const gf_csv *csv,
                        const size_t column[GF_BOX_COLUMNS], size_t image, graft_error *err);
/* A file's boxes, those from `first` on, are shares of their images where none of them is above 1.01. */
void gf_box_shares(gf_annotations *to, size_t first);

#endif
