/* text_table.c - texts out of CSV and TSV: which column is the text, which the label, which the split; told by the
 * header's names, by the user, or (of two columns without a header) by what stands in them. */
#include "data/columns.h"
#include "data/names.h"
#include "data/parts.h"
#include "data/text_rows.h"
#include "data/texts_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of columns, letters alone and small. Two of one list in a header: the user must say. */
static const char *const text_names[] = {"text",  "sentence",   "review", "content",     "comment",
                                         "texta", "reviewtext", "body",   "commenttext", NULL};
static const char *const label_names[] = {"label", "category", "class", "sentiment", "target", "labels", NULL};
static const char *const split_names[] = {"split", "subset", "set", "partition", NULL};

/* Numbers of rows, which tell nothing. */
static const char *const index_names[] = {"", "id", "index", "unnamed:0", "rowid", "textid", NULL};

enum { NONE = GF_TEXT_COLUMNS, NAME = 48, LOOKED_AT = 1000, FEW = 100 };

static bool is_in(const char *const *list, const char *name)
{
    char simple[NAME];
    size_t n = 0;
    for (; *name && n + 1 < NAME; name++) {
        if (*name == ' ' || *name == '_' || *name == '-') continue;
        simple[n++] = *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;
    }
    simple[n] = 0;
    for (size_t i = 0; list[i]; i++) {
        if (!strcmp(list[i], simple)) return true;
    }
    return false;
}

typedef struct columns {
    size_t text, label, split, n;
    bool header;
    size_t n_labels, labels[GF_TEXT_COLUMNS]; /* of 0 and 1, instead of `label` */
    gf_names name;                            /* of each of these; owned */
} columns;

static bool has_known_name(const gf_text_rows *r)
{
    for (size_t i = 0; i < r->columns; i++) {
        const char *name = gf_text_rows_field(r, i);
        if (is_in(text_names, name) || is_in(label_names, name)) return true;
    }
    return false;
}

bool gf_texts_has_header(const char *text, size_t n)
{
    gf_text_rows r;
    bool more, has = false, images = false;
    gf_text_rows_open(&r, text, n, false, 0);
    if (gf_text_rows_next(&r, &more, NULL) == GRAFT_OK && more) {
        for (size_t i = 0; i < r.columns; i++) has |= is_in(text_names, gf_text_rows_field(&r, i));
        if (gf_text_rows_next(&r, &more, NULL) == GRAFT_OK && more) {
            for (size_t i = 0; i < r.columns; i++) images |= gf_name_is_image(gf_text_rows_field(&r, i));
        }
    }
    gf_text_rows_close(&r);
    return has && !images;
}

/* ---- columns */

static graft_status unclear(const gf_texts_build *b, const gf_text_rows *r, const char *what, const char *option,
                            graft_error *err)
{
    gf_text list = {0};
    for (size_t i = 0; i < r->columns && i < 20; i++)
        gf_text_printf(&list, "%s%.40s", i ? ", " : "", gf_text_rows_field(r, i));
    char *hint = gf_sprintf("%s NAME, or its number from 1", option);
    graft_status status = gf_fail(err, GF_E_TEXT_COLUMN, hint, "%s: which column is the %s? The first row has: %s",
                                  GF_ESC(b->name), what, list.s ? GF_ESC(list.s) : "");
    gf_free(hint);
    gf_text_free(&list);
    return status;
}

/* By name where there is a header, or by number. */
static graft_status column_said(const gf_texts_build *b, const gf_text_rows *r, bool header, const char *said,
                                const char *what, const char *option, size_t *column, graft_error *err)
{
    char *end;
    unsigned long number = strtoul(said, &end, 10);
    for (size_t i = 0; header && i < r->columns; i++) {
        if (!strcmp(gf_text_rows_field(r, i), said)) {
            *column = i;
            return GRAFT_OK;
        }
    }
    if (*said < '0' || *said > '9' || *end || !number || number > r->columns) return unclear(b, r, what, option, err);
    *column = number - 1;
    return GRAFT_OK;
}

/* The one column whose name is in the list; NONE: there is none. More than one is not clear. */
static graft_status column_named(const gf_texts_build *b, const gf_text_rows *r, const char *const *list,
                                 const char *what, const char *option, size_t *column, graft_error *err)
{
    *column = NONE;
    for (size_t i = 0; i < r->columns; i++) {
        if (!is_in(list, gf_text_rows_field(r, i))) continue;
        if (*column != NONE) return unclear(b, r, what, option, err);
        *column = i;
    }
    return GRAFT_OK;
}

/* "toxic,insult": columns of 0 and 1, each by name or by number. */
static graft_status columns_listed(const gf_texts_build *b, const gf_text_rows *r, const char *list, columns *c,
                                   graft_error *err)
{
    for (size_t n; *list; list += list[n] ? n + 1 : n) {
        n = strcspn(list, ",");
        char *name = gf_strndup(list, n);
        if (!name) return gf_fail_memory(err, n, "a name");
        size_t at = NONE;
        graft_status status = column_said(b, r, c->header, name, "label", "--label-column", &at, err);
        gf_free(name);
        GF_TRY(status);
        bool twice = at == c->text;
        for (size_t i = 0; i < c->n_labels; i++) twice = twice || c->labels[i] == at;
        if (twice) return unclear(b, r, "label", "--label-column", err);
        c->labels[c->n_labels++] = at;
    }
    return GRAFT_OK;
}

/* The column of labels, or several of 0 and 1, that the user names. */
static graft_status labels_said(const gf_texts_build *b, const gf_text_rows *r, columns *c, graft_error *err)
{
    const char *said = b->o->label_column;
    bool list = strchr(said, ',') != NULL;
    for (size_t i = 0; list && c->header && i < r->columns; i++) list = strcmp(gf_text_rows_field(r, i), said) != 0;
    return list ? columns_listed(b, r, said, c, err)
                : column_said(b, r, c->header, said, "label", "--label-column", &c->label, err);
}

static graft_status find_by_header(const gf_texts_build *b, const gf_text_rows *r, columns *c, graft_error *err)
{
    const gf_texts_options *o = b->o;
    GF_TRY(o->text_column ? column_said(b, r, true, o->text_column, "text", "--text-column", &c->text, err)
                          : column_named(b, r, text_names, "text", "--text-column", &c->text, err));
    GF_TRY(o->label_column ? labels_said(b, r, c, err)
                           : column_named(b, r, label_names, "label", "--label-column", &c->label, err));
    GF_TRY(o->split_column ? column_said(b, r, true, o->split_column, "split", "--split-column", &c->split, err)
                           : column_named(b, r, split_names, "split", "--split-column", &c->split, err));
    if (c->text == NONE && r->columns == 2 && c->label != NONE) c->text = 1 - c->label;
    return c->text == NONE ? unclear(b, r, "text", "--text-column", err) : GRAFT_OK;
}

/* Of a column: how many different values the first rows have, as far as they are few, and how long they are together.
 */
typedef struct content {
    gf_names value;
    size_t rows, bytes;
} content;

static graft_status look_at(content *c, const char *value, graft_error *err)
{
    c->rows++;
    c->bytes += strlen(value);
    for (size_t i = 0; i < c->value.n; i++) {
        if (!strcmp(c->value.item[i], value)) return GRAFT_OK;
    }
    return c->value.n > FEW ? GRAFT_OK : gf_names_add(&c->value, value, err);
}

/* Two columns without names: the one with few different, short values is the label. */
static graft_status find_by_content(gf_text_rows *r, columns *c, graft_error *err)
{
    content side[2] = {0};
    bool more = true;
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < LOOKED_AT && more && status == GRAFT_OK; i++) {
        if (!r->damage && r->columns == 2) {
            for (size_t k = 0; k < 2 && status == GRAFT_OK; k++)
                status = look_at(&side[k], gf_text_rows_field(r, k), err);
        }
        if (status == GRAFT_OK) status = gf_text_rows_next(r, &more, err);
    }
    size_t few = side[0].value.n <= side[1].value.n ? 0 : 1;
    bool clear =
        side[few].value.n < side[1 - few].value.n && side[few].value.n <= FEW && side[few].bytes < side[1 - few].bytes;
    gf_names_free(&side[0].value);
    gf_names_free(&side[1].value);
    GF_TRY(status);
    c->label = clear ? few : NONE;
    c->text = clear ? 1 - few : NONE;
    return GRAFT_OK;
}

static graft_status find_without_header(gf_texts_build *b, const gf_text_rows *first, columns *c, const char *text,
                                        size_t n, bool tsv, graft_error *err)
{
    const gf_texts_options *o = b->o;
    if (o->text_column) {
        GF_TRY(column_said(b, first, false, o->text_column, "text", "--text-column", &c->text, err));
        if (o->label_column) GF_TRY(labels_said(b, first, c, err));
        if (o->split_column)
            GF_TRY(column_said(b, first, false, o->split_column, "split", "--split-column", &c->split, err));
        return GRAFT_OK;
    }
    if (first->columns != 2) return unclear(b, first, "text", "--text-column", err);
    gf_text_rows again;
    bool more;
    gf_text_rows_open(&again, text, n, tsv, 0);
    graft_status status = gf_text_rows_next(&again, &more, err);
    if (status == GRAFT_OK) status = find_by_content(&again, c, err);
    gf_text_rows_close(&again);
    GF_TRY(status);
    return c->text == NONE ? unclear(b, first, "text", "--text-column", err) : GRAFT_OK;
}

static graft_status tell_column(gf_texts_build *b, const gf_text_rows *r, const columns *c, size_t column,
                                const char *as, graft_error *err)
{
    if (column == NONE) return GRAFT_OK;
    char *what = c->header ? gf_sprintf("column %zu (%s)", column + 1, GF_ESC(gf_text_rows_field(r, column)))
                           : gf_sprintf("column %zu", column + 1);
    if (!what) return gf_fail_memory(err, 64, "a note");
    graft_status status = gf_texts_take(b, what, as, !c->header, err);
    gf_free(what);
    return status;
}

/* Whether the columns hold nothing but 0 and 1 in the first rows. */
static graft_status hold_flags(gf_text_rows *r, const columns *c, bool *all, graft_error *err)
{
    bool more = true;
    size_t rows = 0;
    GF_TRY(gf_text_rows_next(r, &more, err)); /* the names */
    for (*all = more; more && *all && rows < LOOKED_AT; rows++) {
        GF_TRY(gf_text_rows_next(r, &more, err));
        if (!more || r->damage || r->columns != c->n) continue;
        for (size_t i = 0; i < c->n_labels && *all; i++)
            *all = gf_flag_parse(gf_text_rows_field(r, c->labels[i]), &(bool){0});
    }
    *all = *all && rows > 1;
    return GRAFT_OK;
}

/* Where no column is named as one of labels: all that are left, where they are two or more of 0 and 1. */
static graft_status find_flags(const gf_text_rows *names, columns *c, const char *text, size_t n, bool tsv,
                               graft_error *err)
{
    bool flags = false;
    if (c->label != NONE || c->n_labels || !c->header) return GRAFT_OK;
    for (size_t i = 0; i < c->n; i++) {
        if (i != c->text && i != c->split && !is_in(index_names, gf_text_rows_field(names, i)))
            c->labels[c->n_labels++] = i;
    }
    gf_text_rows r;
    gf_text_rows_open(&r, text, n, tsv, 0);
    graft_status status = c->n_labels > 1 ? hold_flags(&r, c, &flags, err) : GRAFT_OK;
    gf_text_rows_close(&r);
    if (!flags) c->n_labels = 0;
    return status;
}

/* The header's names of the columns of labels, or "column 2". */
static graft_status keep_names(gf_texts_build *b, const gf_text_rows *r, columns *c, graft_error *err)
{
    for (size_t i = 0; i < c->n_labels; i++) {
        char number[32];
        snprintf(number, sizeof number, "column %zu", c->labels[i] + 1);
        GF_TRY(gf_names_add(&c->name, c->header ? gf_text_rows_field(r, c->labels[i]) : number, err));
    }
    b->from_columns = b->from_columns || c->n_labels;
    b->labels.several = b->labels.several || c->n_labels;
    return GRAFT_OK;
}

static graft_status tell_flags(gf_texts_build *b, const gf_text_rows *r, const columns *c, graft_error *err)
{
    if (!c->n_labels) return GRAFT_OK;
    char *what = gf_sprintf("%zu columns of 0 and 1 from column %zu (%.40s) on", c->n_labels, c->labels[0] + 1,
                            c->header ? GF_ESC(gf_text_rows_field(r, c->labels[0])) : "");
    if (!what) return gf_fail_memory(err, 64, "a note");
    graft_status status = gf_texts_take(b, what, "a label each", !b->o->label_column, err);
    gf_free(what);
    return status;
}

static graft_status find_columns(gf_texts_build *b, const gf_text_rows *r, columns *c, const char *text, size_t n,
                                 bool tsv, graft_error *err)
{
    *c = (columns){.text = NONE, .label = NONE, .split = NONE, .n = r->columns, .header = has_known_name(r)};
    GF_TRY(c->header ? find_by_header(b, r, c, err) : find_without_header(b, r, c, text, n, tsv, err));
    if (c->text == c->label) return unclear(b, r, "label", "--label-column", err);
    GF_TRY(tell_column(b, r, c, c->text, "the text", err));
    GF_TRY(tell_column(b, r, c, c->label, "the label", err));
    GF_TRY(find_flags(r, c, text, n, tsv, err));
    GF_TRY(keep_names(b, r, c, err));
    GF_TRY(tell_flags(b, r, c, err));
    return tell_column(b, r, c, c->split, "the split", err);
}

/* ---- rows */

/* The names of the columns that hold a 1 are labels of the row that was added last. */
static graft_status add_flags(gf_texts_build *b, const gf_text_rows *r, const columns *c, graft_error *err)
{
    for (size_t i = 0; i < c->n_labels; i++) {
        bool is = false;
        gf_flag_parse(gf_text_rows_field(r, c->labels[i]), &is);
        if (is) GF_TRY(gf_texts_add_label(b, c->name.item[i], strlen(c->name.item[i]), err));
    }
    return GRAFT_OK;
}

static bool are_flags(const gf_text_rows *r, const columns *c)
{
    bool all = true, is;
    for (size_t i = 0; i < c->n_labels; i++) all = all && gf_flag_parse(gf_text_rows_field(r, c->labels[i]), &is);
    return all;
}

static graft_status read_row(gf_texts_build *b, const gf_text_rows *r, const columns *c, graft_error *err)
{
    if (r->damage) return gf_texts_bad(b, r->line, r->damage, err);
    if (r->columns != c->n) {
        char *said = gf_sprintf("%zu fields, the first row has %zu", r->columns, c->n);
        if (!said) return gf_fail_memory(err, 64, "a message");
        graft_status status = gf_texts_bad(b, r->line, said, err);
        gf_free(said);
        return status;
    }
    gf_split split = b->split;
    if (c->split != NONE) {
        gf_part_kind kind = gf_part_of_name(gf_text_rows_field(r, c->split));
        if (kind == GF_PART_NONE || kind == GF_PART_UNLABELLED) {
            return gf_texts_bad(b, r->line, "the split is neither train, validation nor test", err);
        }
        split = gf_part_split(kind);
        b->texts->parts = true;
    }
    bool labelled = c->label != NONE;
    size_t rows = b->texts->n;
    if (!are_flags(r, c)) return gf_texts_bad(b, r->line, "a column of labels holds something else than 0 and 1", err);
    GF_TRY(gf_texts_add(b, gf_text_rows_field(r, c->text), r->length[c->text],
                        labelled      ? gf_text_rows_field(r, c->label)
                        : c->n_labels ? ""
                                      : NULL,
                        labelled ? r->length[c->label] : 0, split, r->line, err));
    return b->texts->n > rows ? add_flags(b, r, c, err) : GRAFT_OK;
}

static graft_status read_rows(gf_texts_build *b, gf_text_rows *r, columns *c, const char *text, size_t n, bool tsv,
                              graft_error *err)
{
    bool more;
    GF_TRY(gf_text_rows_next(r, &more, err));
    if (!more) return gf_fail(err, GF_E_TEXT_ROWS, NULL, "%s: the file is empty", GF_ESC(b->name));
    GF_TRY(find_columns(b, r, c, text, n, tsv, err));
    if (!c->header) GF_TRY(read_row(b, r, c, err));
    for (;;) {
        GF_TRY(gf_text_rows_next(r, &more, err));
        if (!more) return GRAFT_OK;
        GF_TRY(read_row(b, r, c, err));
    }
}

graft_status gf_texts_read_table(gf_texts_build *b, const char *text, size_t n, bool tsv, graft_error *err)
{
    gf_text_rows r;
    columns c = {0};
    gf_text_rows_open(&r, text, n, tsv, 0);
    graft_status status = read_rows(b, &r, &c, text, n, tsv, err);
    gf_text_rows_close(&r);
    gf_names_free(&c.name);
    return status;
}
