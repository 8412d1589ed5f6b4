/* label_lists.h - the labels of samples as they are read, a list for each: of one label; or of several, which a table
 * has in one field with a delimiter ("red|dress"), or in a column of 0 and 1 for each. Pure. */
#ifndef GF_DATA_LABEL_LISTS_H
#define GF_DATA_LABEL_LISTS_H

#include "base/io.h"
#include "base/log.h"
#include "data/label_sets.h"

typedef struct gf_label_list {
    size_t at;     /* where in gf_label_lists.text the first label begins; each has a NUL behind it */
    uint32_t n;    /* labels */
    uint32_t line; /* of the file, from 1 */
    bool left_out; /* nothing is said of its labels: the sample cannot be learned from */
} gf_label_list;

/* Zeroed is empty. */
typedef struct gf_label_lists {
    gf_text text;
    gf_label_list *item;
    size_t n, cap;
    bool several; /* how they are written allows any number of labels of a sample */
} gf_label_lists;

/* Another sample, without any label yet. E5001. */
graft_status gf_label_lists_begin(gf_label_lists *l, uint32_t line, graft_error *err);
/* Another label of the last sample. E5001. */
graft_status gf_label_lists_put(gf_label_lists *l, const char *label, size_t n, graft_error *err);
/* The first label of sample i; the next one is behind its NUL. Borrowed. */
const char *gf_label_lists_first(const gf_label_lists *l, size_t i);
void gf_label_lists_free(gf_label_lists *l); /* leaves it empty */

/* Each label once, in the order of their bytes; of the samples that `defines` names, NULL: of all. E5001. */
graft_status gf_label_lists_names(const gf_label_lists *l, const bool *defines, gf_names *out, graft_error *err);

/* E1113 where all samples of a file with a column for each label have just one: of one class each, or not? */
graft_status gf_label_lists_check(const gf_label_lists *l, const char *name, graft_error *err);

/* ---- what parts a field into labels */

typedef struct gf_label_rule {
    bool wanted;              /* the task is one of several labels: fields are parted where it can be known how */
    const char *delimiter;    /* asked for: a text of its own, "space", or "none"; NULL: found out */
    const char *const *known; /* the classes of a model; NULL: there is none */
    size_t n_known;
} gf_label_rule;

enum { GF_DELIMITER_MOST = 7, GF_DELIMITER_TEXT = GF_DELIMITER_MOST + 3, GF_DELIMITER_EXAMPLE = 60 };

typedef struct gf_label_parting {
    char delimiter[GF_DELIMITER_MOST + 1]; /* what parts fields; "": nothing does */
    bool asked;
    const char *why;                    /* it is taken so; NULL where `delimiter` is "" or was asked for */
    char doubtful;                      /* what may part fields, but need not; 0: nothing */
    bool recombines;                    /* some of what it parts is there in several combinations */
    char example[GF_DELIMITER_EXAMPLE]; /* a value with it */
} gf_label_parting;

/* Parts the fields, one of which each list is that holds any label, and sets `several` where that is so. '|' and ';'
 * are taken where most of what they part is there in other combinations too; these, a comma and a space where all that
 * they part are classes of the model. E5001; E3002 for a delimiter that is too long; where the task is one of several
 * labels and it is not clear whether a field holds several, E1113 that asks, with `name`, the file's. */
graft_status gf_label_lists_part(gf_label_lists *l, const gf_label_rule *rule, gf_label_parting *out, const char *name,
                                 graft_error *err);

/* Worth a warning: labels that are taken as one each may be several. */
bool gf_label_parting_is_doubtful(const gf_label_parting *p);
#define GF_LABEL_DOUBT "labels such as %s are taken as one label each; if %s parts several, say so by --label-delimiter"

/* A delimiter as a person reads it: "a space", "'|'". Returns buf. */
const char *gf_delimiter_text(const char *delimiter, char buf[GF_DELIMITER_TEXT]);

/* *number: that in `sets` of sample i's labels, whose classes `class_of` tells (negative: there is none of that name);
 * *unknown gets the first label that is of no class, NULL: all are of one. E5001. */
graft_status gf_label_lists_number(const gf_label_lists *l, size_t i,
                                   int64_t (*class_of)(const void *ctx, const char *name), const void *ctx,
                                   gf_label_sets *sets, uint32_t *number, const char **unknown, graft_error *err);

#endif
