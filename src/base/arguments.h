/* arguments.h - "NAME:KEY=VALUE,KEY=VALUE": the arguments of what a table lists by name (schedules, hooks, solvers).
 *
 * A kind has a row for each argument; values are found by the row's position. Help and messages are made of the rows.
 */
#ifndef GF_BASE_ARGUMENTS_H
#define GF_BASE_ARGUMENTS_H

#include "base/alloc.h"
#include "base/error.h"

/* The names of a list, by position: NULL behind the last, "" of one that cannot be asked for. */
typedef const char *gf_name_at(size_t i);
/* The position of the name that the n bytes are; SIZE_MAX: there is no such name. */
size_t gf_name_find(gf_name_at *name_at, const char *text, size_t n);
/* `what` ("schedule") of that name is not known; the hint lists those that are. */
graft_status gf_name_fail(gf_errno number, const char *what, gf_name_at *name_at, const char *text, size_t n,
                          graft_error *err);

enum { GF_MAX_ARGUMENTS = 12 };

typedef enum gf_argument_kind { GF_ARG_REAL, GF_ARG_WHOLE, GF_ARG_FLAG, GF_ARG_WORD } gf_argument_kind;

typedef struct gf_argument {
    const char *name;
    gf_argument_kind kind;
    const char *value;   /* the default, as it would be written; NULL: none, "not given" */
    double low, high;    /* of REAL and WHOLE: low <= x <= high */
    const char *choices; /* of WORD: "auto|min|max"; NULL: any word */
    const char *help;    /* a few words */
} gf_argument;

/* By the rows' positions. Zeroed is empty. */
typedef struct gf_arguments {
    double number[GF_MAX_ARGUMENTS]; /* of REAL, WHOLE, FLAG; NaN: not given */
    char *word[GF_MAX_ARGUMENTS];    /* owned; of WORD; NULL: not given */
} gf_arguments;

/* The n bytes "KEY=VALUE,..." (n = 0: all defaults) of the kind `name` of `what` ("schedule"), which has `rows`. E3002.
 * On failure *out is empty. */
graft_status gf_arguments_parse(gf_arguments *out, const char *what, const char *name, const gf_argument *row,
                                size_t rows, const char *text, size_t n, graft_error *err);
void gf_arguments_free(gf_arguments *a); /* leaves it empty */

/* "NAME - HELP", and a line "KEY=DEFAULT - help (what it takes)" for each argument, two spaces in. */
void gf_arguments_words(gf_text *text, const char *name, const char *help, const gf_argument *row, size_t rows);

#endif
