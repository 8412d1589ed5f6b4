/* texts_build.h - how a gf_texts is put together; for the files of this room that read texts. */
#ifndef GF_DATA_TEXTS_BUILD_H
#define GF_DATA_TEXTS_BUILD_H

#include "data/texts.h"

typedef struct gf_texts_build {
    gf_texts *texts;
    const gf_texts_options *o;
    gf_label_lists labels; /* of each row */
    bool from_columns;     /* that are 0 or 1 */
    const char *name;      /* of the file that is being read, for messages */
    uint32_t file;
    gf_split split;    /* of that file */
    const char *class; /* of a folder of .txt files: the label of all of them */
} gf_texts_build;

/* A row; `label` NULL or n_label 0: none. White space around the label does not belong to it; `text` is kept as it is.
 */
graft_status gf_texts_add(gf_texts_build *b, const char *text, size_t n, const char *label, size_t n_label,
                          gf_split split, uint32_t line, graft_error *err);
/* Another label of the last row. */
graft_status gf_texts_add_label(gf_texts_build *b, const char *label, size_t n, graft_error *err);
graft_status gf_texts_bad(gf_texts_build *b, uint32_t line, const char *what, graft_error *err);
graft_status gf_texts_take(gf_texts_build *b, const char *what, const char *as, bool said, graft_error *err);

/* One file's text (UTF-8). */
graft_status gf_texts_read_table(gf_texts_build *b, const char *text, size_t n, bool tsv, graft_error *err);
graft_status gf_texts_read_json_lines(gf_texts_build *b, const char *text, size_t n, graft_error *err);
graft_status gf_texts_read_fasttext(gf_texts_build *b, const char *text, size_t n, graft_error *err);

/* Whether a table's header names a text and no column looks like images. */
bool gf_texts_has_header(const char *text, size_t n);

#endif
