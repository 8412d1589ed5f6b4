/* texts.h - texts with labels, out of whatever people keep them in: CSV and TSV, JSON lines, fastText's lines, and
 * folders of such files (train.tsv, dev.tsv ..) or of classes of .txt files. What was taken as what is in `taken`. */
#ifndef GF_DATA_TEXTS_H
#define GF_DATA_TEXTS_H

#include "base/alloc.h"
#include "base/io.h"
#include "data/index.h"
#include "data/label_lists.h"

typedef struct gf_texts_options {
    const char *encoding;     /* NULL: a byte order mark, else UTF-8 (text/encoding.h) */
    const char *text_column;  /* by name, or by number from 1; NULL: found out */
    const char *label_column; /* likewise */
    const char *split_column; /* likewise; there may be none */
    gf_label_rule labels;     /* whether texts have several, and what parts them */
    const gf_log *log;        /* may be NULL */
} gf_texts_options;

enum { GF_NO_LABEL = UINT32_MAX };

typedef struct gf_labelled_text {
    uint64_t at; /* in bytes; n bytes, then a NUL */
    uint32_t n;
    uint32_t label; /* with gf_texts.sets the number of its set; GF_NO_LABEL: nothing is said of it */
    uint32_t file, line;
    uint8_t split;
} gf_labelled_text;

/* A row that cannot be used. */
typedef struct gf_bad_row {
    char *message; /* "train.csv:12: a quote is not closed"; owned */
    int number;    /* of the error */
} gf_bad_row;

typedef struct gf_texts {
    char *root;
    gf_names files;   /* as read, "train.tsv" */
    gf_text bytes;    /* all texts, a NUL after each */
    gf_names classes; /* sorted by bytes */
    bool several;     /* texts have any number of labels */
    gf_label_sets sets;
    gf_labelled_text *row;
    size_t n, cap;
    bool parts; /* the data itself says what is trained on and what not; else all rows are GF_TRAIN */
    gf_bad_row *bad;
    size_t n_bad, cap_bad;
    char *encoding; /* of the files: "UTF-8" */
    gf_taken *taken;
    size_t n_taken, cap_taken;
} gf_texts;

/* Whether a path is of texts rather than images: by names of files, and of a CSV file by its header. */
bool gf_texts_are(const char *path);

/* E1101 where there is nothing, E1301 where a file is of another encoding, E1302 where a column is not clear, E1303
 * where no row of a file can be used; other bad rows are in out->bad. Free with gf_texts_free, also after a failure. */
graft_status gf_texts_read(gf_texts *out, const char *path, const gf_texts_options *options, graft_error *err);
void gf_texts_free(gf_texts *t); /* takes a zeroed one */

const char *gf_texts_text(const gf_texts *t, size_t i);
/* The classes of row i; returns how many. Borrowed. */
size_t gf_texts_labels(const gf_texts *t, size_t i, const uint32_t **label);

#endif
