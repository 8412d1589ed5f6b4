#include "data/columns.h"

#include "data/names.h"
#include "data/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1000, LOOKED_UP = 20, VALUES = 256, SHOWN = 8, NAME = 64, ENOUGH = 3 };

/* Names of columns, letters alone and small; the first is the one that the documentation gives. In case of doubt the
 * earlier one. */
static const char *const image_names[] = {
    "path",    "imagepath", "filepath",      "filename",     "file", "image",    "imagename", "imagefile",
    "imgpath", "imgname",   "imagefilename", "imgfile",      "img",  "fname",    "picture",   "photo",
    "images",  "imageid",   "imgid",         "fullpath",     "uri",  "imageuri", "url",       "imageurl",
    "src",     "id",        "fileid",        "relativepath", "pic",  "name",     NULL,
};
static const char *const label_names[] = {
    "label", "labels", "class", "classname",   "classlabel", "category",  "categoryname", "target", "species",
    "breed", "tag",    "y",     "groundtruth", "labelname",  "diagnosis", "variety",      NULL,
};
/* Numbers in place of names: only where there are no names. */
static const char *const label_numbers[] = {
    "classid", "labelid", "categoryid", "targetid", "classindex", "labelindex", "classidx", "labelidx", NULL,
};
static const char *const split_names[] = {
    "split", "set", "subset", "part", "partition", "usage", "phase", "dataset", "datasplit", "mluse", "fold", NULL,
};

/* A column's name as these tables have it. */
static void simplify(const char *name, char out[NAME])
{
    size_t n = 0;
    for (; *name && n + 1 < NAME; name++) {
        if (*name == ' ' || *name == '_' || *name == '-' || *name == '.') continue;
        out[n++] = *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;
    }
    out[n] = 0;
}

/* The place in a table, -1: not in it. */
static int rank(const char *const *table, const char *name)
{
    char simple[NAME];
    simplify(name, simple);
    for (int i = 0; table[i]; i++) {
        if (!strcmp(table[i], simple)) return i;
    }
    return -1;
}

void gf_columns_free(gf_columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        gf_free(c->column[i].name);
        gf_free(c->column[i].example);
        gf_names_free(&c->column[i].value);
    }
    c->n = 0;
}

/* ---- what stands in the columns */

static bool has_value(const gf_names *values, const char *value)
{
    for (size_t i = 0; i < values->n; i++) {
        if (!strcmp(values->item[i], value)) return true;
    }
    return false;
}

bool gf_flag_parse(const char *value, bool *is)
{
    *is = *value == '1';
    return (*value == '0' || *value == '1') && (!value[1] || !strcmp(value + 1, ".0"));
}

static graft_status add_value(gf_columns *c, gf_column *column, const char *value, bool exists, graft_error *err)
{
    if (!*value) return GRAFT_OK;
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    column->counted += value[0] >= '0' && value[0] <= '9' && !*end && number - c->rows <= 1;
    column->filled++;
    column->images += gf_name_is_image(value);
    column->exists += exists;
    column->parts += gf_part_of_name(value) != GF_PART_NONE;
    bool is;
    column->flags += gf_flag_parse(value, &is);
    size_t n = strlen(value);
    if (n > column->longest) column->longest = n;
    if (!column->example) {
        column->example = gf_strdup(value);
        if (!column->example) return gf_fail_memory(err, n, "a CSV file");
    }
    if (column->value.n >= VALUES || has_value(&column->value, value)) return GRAFT_OK;
    return gf_names_add(&column->value, value, err);
}

static graft_status add_row(gf_columns *c, const gf_csv *csv, gf_exists exists, void *ctx, graft_error *err)
{
    bool look_up = c->asked < LOOKED_UP;
    for (size_t i = 0; i < csv->columns && i < c->n; i++) {
        const char *value = gf_csv_field(csv, i);
        GF_TRY(add_value(c, &c->column[i], value, look_up && *value && exists(ctx, value), err));
    }
    c->rows++;
    c->asked += look_up;
    return GRAFT_OK;
}

/* A first record that names a file is none of names. */
static bool is_header(const gf_csv *csv, gf_exists exists, void *ctx)
{
    bool names = false, file = false;
    for (size_t i = 0; i < csv->columns; i++) {
        const char *value = gf_csv_field(csv, i);
        if (gf_name_is_image(value)) return false;
        names |= rank(image_names, value) >= 0 || rank(label_names, value) >= 0;
        file |= *value && exists(ctx, value);
    }
    return names || !file;
}

static graft_status read_first(gf_columns *c, gf_csv *csv, gf_exists exists, void *ctx, graft_error *err)
{
    bool more;
    GF_TRY(gf_csv_next(csv, &more, err));
    if (!more) return GRAFT_OK;
    c->header = is_header(csv, exists, ctx);
    for (size_t i = 0; i < csv->columns; i++) {
        c->column[i] = (gf_column){0};
        c->column[i].name = c->header ? gf_strdup(gf_csv_field(csv, i)) : gf_sprintf("column %zu", i + 1);
        c->n = i + 1;
        if (!c->column[i].name) return gf_fail_memory(err, NAME, "a CSV file");
    }
    return c->header ? GRAFT_OK : add_row(c, csv, exists, ctx, err);
}

static graft_status read_rows(gf_columns *c, gf_csv *csv, gf_exists exists, void *ctx, graft_error *err)
{
    GF_TRY(read_first(c, csv, exists, ctx, err));
    for (bool more = true; c->rows < ROWS;) {
        GF_TRY(gf_csv_next(csv, &more, err));
        if (!more) break;
        GF_TRY(add_row(c, csv, exists, ctx, err));
    }
    return GRAFT_OK;
}

/* ---- saying what was found */

static graft_status unclear(const gf_columns *c, const gf_csv *csv, const char *what, const char *option,
                            graft_error *err)
{
    gf_text t = {0};
    for (size_t i = 0; i < c->n && i < SHOWN; i++) {
        const gf_column *column = &c->column[i];
        gf_text_printf(&t, "%s'%.60s' (%.40s%s)", i ? ", " : "", GF_ESC(column->name),
                       column->example ? "as " : "empty", column->example ? GF_ESC(column->example) : "");
    }
    if (c->n > SHOWN) gf_text_printf(&t, " and %zu more", c->n - SHOWN);
    char hint[300];
    snprintf(hint, sizeof hint,
             "--%s NAME says which (or its number, from 1); a header line path,label or path,label,split needs no "
             "options",
             option);
    graft_status status = t.failed
                              ? gf_fail_memory(err, t.cap, "a message")
                              : gf_fail(err, GF_E_CSV_COLUMN, hint, "%s:1: %s: found %s%s", GF_ESC(csv->name), what,
                                        t.s ? t.s : "nothing", c->header || !c->n ? "" : ", without a header");
    gf_text_free(&t);
    return status;
}

/* ---- deciding */

/* The column that an option names. */
static graft_status named_column(const gf_columns *c, const gf_csv *csv, const char *option, const char *wanted,
                                 size_t *out, graft_error *err)
{
    char simple[NAME], other[NAME];
    simplify(wanted, simple);
    for (size_t i = 0; i < c->n && c->header; i++) {
        *out = i;
        if (!strcmp(c->column[i].name, wanted)) return GRAFT_OK;
    }
    for (size_t i = 0; i < c->n && c->header; i++) {
        *out = i;
        simplify(c->column[i].name, other);
        if (*simple && !strcmp(simple, other)) return GRAFT_OK;
    }
    char *end;
    unsigned long number = strtoul(wanted, &end, 10);
    if (wanted[0] >= '1' && wanted[0] <= '9' && !*end && number <= c->n) {
        *out = number - 1;
        return GRAFT_OK;
    }
    char what[200];
    *out = GF_NO_COLUMN;
    snprintf(what, sizeof what, "there is no column '%.60s' (--%s)", GF_ESC(wanted), option);
    return unclear(c, csv, what, option, err);
}

/* Two columns that the documentation gives the same name. */
static graft_status refuse_twice(const gf_columns *c, const gf_csv *csv, graft_error *err)
{
    static const char *const names[] = {"path", "label", "split"};
    for (size_t k = 0; k < 3 && c->header; k++) {
        size_t n = 0;
        for (size_t i = 0; i < c->n; i++) n += !strcmp(c->column[i].name, names[k]);
        if (n < 2) continue;
        return gf_fail(err, GF_E_CSV_COLUMN, NULL, "%s:1: two columns of one name: %s", GF_ESC(csv->name), names[k]);
    }
    return GRAFT_OK;
}

/* Whether the rows have files in it, as far as that was looked up. */
static bool holds_files(const gf_columns *c, size_t i)
{
    const gf_column *column = &c->column[i];
    return c->asked && (column->exists == c->asked || (column->images == c->rows && column->images));
}

static bool is_exactly(const gf_columns *c, size_t i, const char *name)
{
    char simple[NAME];
    simplify(c->column[i].name, simple);
    return c->header && !strcmp(simple, name);
}

static graft_status find_image(gf_columns *c, const gf_csv *csv, const char *wanted, graft_error *err)
{
    if (wanted) return named_column(c, csv, "image-column", wanted, &c->image, err);
    int best = -1;
    size_t named = 0, files = 0, last_named = GF_NO_COLUMN, last_files = GF_NO_COLUMN;
    c->image_said = true;
    for (size_t i = 0; i < c->n; i++) {
        int place = c->header ? rank(image_names, c->column[i].name) : -1;
        if (is_exactly(c, i, "path")) {
            c->image = i;
            c->image_said = strcmp(c->column[i].name, "path") != 0;
            return GRAFT_OK;
        }
        named += place >= 0;
        if (place >= 0) last_named = i;
        files += holds_files(c, i);
        if (holds_files(c, i)) last_files = i;
        if (place >= 0 && holds_files(c, i) && (best < 0 || place < best)) best = place, c->image = i;
    }
    if (best >= 0) return GRAFT_OK;
    if (files == 1) c->image = last_files;
    if (files == 0 && named == 1) c->image = last_named;
    if (c->image != GF_NO_COLUMN) return GRAFT_OK;
    return unclear(c, csv, !c->n ? "a column is missing: path" : "no column is clearly the image", "image-column", err);
}

static graft_status find_split(gf_columns *c, const gf_csv *csv, const char *wanted, graft_error *err)
{
    if (wanted) return named_column(c, csv, "split-column", wanted, &c->split, err);
    for (size_t i = 0; i < c->n; i++) {
        const gf_column *column = &c->column[i];
        bool named = c->header && rank(split_names, column->name) >= 0, exact = is_exactly(c, i, "split");
        bool only_parts = column->filled && column->parts == column->filled;
        if (i == c->image || i == c->label || !(exact || only_parts)) continue;
        if (!exact && !named && c->header) continue;
        if (c->split != GF_NO_COLUMN && !exact) continue;
        c->split = i;
        c->split_said = !c->header || strcmp(column->name, "split") != 0;
    }
    if (c->split != GF_NO_COLUMN && !c->column[c->split].filled)
        c->split = GF_NO_COLUMN; /* empty: as if it were not there */
    return GRAFT_OK;
}

/* Row numbers, as pandas writes them. */
static bool is_index(const gf_columns *c, size_t i)
{
    const gf_column *column = &c->column[i];
    bool unnamed = c->header && (!*column->name || !strncmp(column->name, "Unnamed", 7));
    return unnamed || (c->rows >= ENOUGH && column->counted == c->rows);
}

/* Of the columns that are left the only one that can be; or all of them, where there are names and nothing but 0 and 1
 * in two or more. */
static graft_status label_of_the_rest(gf_columns *c, const gf_csv *csv, graft_error *err)
{
    size_t rest = 0, flags = 0, last = GF_NO_COLUMN;
    for (int indexes = 0; indexes < 2 && !rest; indexes++) { /* row numbers only where there is nothing else */
        for (size_t i = 0; i < c->n; i++) {
            if (i == c->image || i == c->split || i == c->group || i == c->weight) continue;
            if (holds_files(c, i) || !c->column[i].filled || is_index(c, i) != indexes) continue;
            if (c->column[i].flags == c->rows) c->labels[flags++] = i;
            rest++;
            last = i;
        }
    }
    bool each = c->header && rest > 1 && flags == rest;
    if (each) c->n_labels = flags;
    if (each) return GRAFT_OK;
    if (rest == 1) c->label = last;
    if (rest == 1 || !c->rows) return GRAFT_OK;
    return unclear(c, csv, "no column is clearly the label", "label-column", err);
}

/* "red,dress": columns of 0 and 1. */
static graft_status listed_columns(gf_columns *c, const gf_csv *csv, const char *list, graft_error *err)
{
    for (size_t n; *list; list += list[n] ? n + 1 : n) {
        n = strcspn(list, ",");
        char *name = gf_strndup(list, n);
        if (!name) return gf_fail_memory(err, n, "a name");
        size_t at = GF_NO_COLUMN;
        graft_status status = named_column(c, csv, "label-column", name, &at, err);
        gf_free(name);
        GF_TRY(status);
        bool twice = at == c->image || at == c->split;
        for (size_t i = 0; i < c->n_labels; i++) twice = twice || c->labels[i] == at;
        if (twice) return unclear(c, csv, "one column cannot be two things", "label-column", err);
        if (c->n_labels < GF_CSV_COLUMNS) c->labels[c->n_labels++] = at;
    }
    return GRAFT_OK;
}

static bool is_named(const gf_columns *c, const char *name)
{
    for (size_t i = 0; i < c->n && c->header; i++) {
        if (!strcmp(c->column[i].name, name)) return true;
    }
    return false;
}

static graft_status find_label(gf_columns *c, const gf_csv *csv, const char *wanted, graft_error *err)
{
    if (wanted && strchr(wanted, ',') && !is_named(c, wanted)) return listed_columns(c, csv, wanted, err);
    if (wanted) return named_column(c, csv, "label-column", wanted, &c->label, err);
    size_t named = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (i == c->image) continue;
        if (is_exactly(c, i, "label")) {
            c->label = i;
            c->label_said = strcmp(c->column[i].name, "label") != 0;
            return GRAFT_OK;
        }
        if (!c->header || rank(label_names, c->column[i].name) < 0) continue;
        named++;
        c->label = i;
    }
    c->label_said = true;
    for (size_t i = 0; i < c->n && !named; i++) {
        if (i != c->image && c->header && rank(label_numbers, c->column[i].name) >= 0) c->label = i;
    }
    if (c->label != GF_NO_COLUMN && named <= 1) return GRAFT_OK;
    c->label = GF_NO_COLUMN;
    if (named > 1) return unclear(c, csv, "several columns may be the label", "label-column", err);
    return label_of_the_rest(c, csv, err);
}

/* Two columns without names and without files that are there: the one with few and short values is the label. */
static void settle_two(gf_columns *c, const gf_data_options *o)
{
    if (c->n != 2 || o->image_column || o->label_column) return;
    if (holds_files(c, 0) || holds_files(c, 1)) return;
    for (size_t i = 0; i < 2 && c->header; i++) {
        if (rank(image_names, c->column[i].name) >= 0 || rank(label_names, c->column[i].name) >= 0) return;
    }
    const gf_column *a = &c->column[0], *b = &c->column[1];
    if (a->value.n == b->value.n) return;
    c->label = a->value.n < b->value.n ? 0 : 1;
    if (c->column[c->label].longest > c->column[1 - c->label].longest) c->label = GF_NO_COLUMN;
    if (c->label == GF_NO_COLUMN) return;
    c->image = 1 - c->label;
    c->image_said = c->label_said = true;
}

graft_status gf_columns_find(gf_columns *c, const gf_csv *opened, const gf_data_options *o, gf_exists exists, void *ctx,
                             graft_error *err)
{
    c->n = c->n_labels = 0;
    c->rows = c->asked = 0;
    c->header = c->image_said = c->label_said = c->split_said = false;
    c->image = c->label = c->split = c->group = c->weight = GF_NO_COLUMN;
    gf_csv csv;
    GF_TRY(gf_csv_open(&csv, opened->data, opened->n, opened->name, err));
    graft_status status;
    GF_GOTO(read_rows(c, &csv, exists, ctx, err));
    GF_GOTO(refuse_twice(c, &csv, err));
    settle_two(c, o);
    if (c->image == GF_NO_COLUMN) GF_GOTO(find_image(c, &csv, o->image_column, err));
    GF_GOTO(find_split(c, &csv, o->split_column, err));
    if (o->group_column) GF_GOTO(named_column(c, &csv, "group-column", o->group_column, &c->group, err));
    if (o->weight_column) GF_GOTO(named_column(c, &csv, "weight-column", o->weight_column, &c->weight, err));
    if (c->label == GF_NO_COLUMN) GF_GOTO(find_label(c, &csv, o->label_column, err));
    if (c->n_labels) goto out; /* each is a column of its own already */
    if (c->label == GF_NO_COLUMN) GF_GOTO(unclear(c, &csv, "a column is missing: label", "label-column", err));
    if (c->image == c->label || c->split == c->image || c->split == c->label) {
        GF_GOTO(unclear(c, &csv, "one column cannot be two things", "label-column", err));
    }
out:
    gf_csv_close(&csv);
    return status;
}
