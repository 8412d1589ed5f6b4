/* text_table.c - texts out of CSV and TSV: which column is the text, which the label, which the split; told by the
 * header's names, by the user, or (of two columns without a header) by what stands in them. */
#include "data/names.h"
#include "data/parts.h"
#include "data/text_rows.h"
#include "data/texts_build.h"

#include <stdlib.h>
#include <string.h>

/* Names of columns, letters alone and small. Two of one list in a header: the user must say. */
static const char *const text_names[] = {"text",  "sentence",   "review", "content", "comment",
                                         "texta", "reviewtext", "body",   NULL};
static const char *const label_names[] = {"label", "category", "class", "sentiment", "target", "labels", NULL};
static const char *const split_names[] = {"split", "subset", "set", "partition", NULL};

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

static graft_status find_by_header(const gf_texts_build *b, const gf_text_rows *r, columns *c, graft_error *err)
{
    const gf_texts_options *o = b->o;
    GF_TRY(o->text_column ? column_said(b, r, true, o->text_column, "text", "--text-column", &c->text, err)
                          : column_named(b, r, text_names, "text", "--text-column", &c->text, err));
    GF_TRY(o->label_column ? column_said(b, r, true, o->label_column, "label", "--label-column", &c->label, err)
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
        if (o->label_column)
            GF_TRY(column_said(b, first, false, o->label_column, "label", "--label-column", &c->label, err));
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

static graft_status find_columns(gf_texts_build *b, const gf_text_rows *r, columns *c, const char *text, size_t n,
                                 bool tsv, graft_error *err)
{
    *c = (columns){NONE, NONE, NONE, r->columns, has_known_name(r)};
    GF_TRY(c->header ? find_by_header(b, r, c, err) : find_without_header(b, r, c, text, n, tsv, err));
    if (c->text == c->label) return unclear(b, r, "label", "--label-column", err);
    GF_TRY(tell_column(b, r, c, c->text, "the text", err));
    GF_TRY(tell_column(b, r, c, c->label, "the label", err));
    return tell_column(b, r, c, c->split, "the split", err);
}

/* ---- rows */

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
    return gf_texts_add(b, gf_text_rows_field(r, c->text), r->length[c->text],
                        labelled ? gf_text_rows_field(r, c->label) : NULL, labelled ? r->length[c->label] : 0, split,
                        r->line, err);
}

static graft_status read_rows(gf_texts_build *b, gf_text_rows *r, const char *text, size_t n, bool tsv,
                              graft_error *err)
{
    bool more;
    columns c;
    GF_TRY(gf_text_rows_next(r, &more, err));
    if (!more) return gf_fail(err, GF_E_TEXT_ROWS, NULL, "%s: the file is empty", GF_ESC(b->name));
    GF_TRY(find_columns(b, r, &c, text, n, tsv, err));
    if (!c.header) GF_TRY(read_row(b, r, &c, err));
    for (;;) {
        GF_TRY(gf_text_rows_next(r, &more, err));
        if (!more) return GRAFT_OK;
        GF_TRY(read_row(b, r, &c, err));
    }
}

graft_status gf_texts_read_table(gf_texts_build *b, const char *text, size_t n, bool tsv, graft_error *err)
{
    gf_text_rows r;
    gf_text_rows_open(&r, text, n, tsv, 0);
    graft_status status = read_rows(b, &r, text, n, tsv, err);
    gf_text_rows_close(&r);
    return status;
}
