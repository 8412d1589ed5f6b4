/* The CSV layout: path,label[,split], a header line with these names in any order, or whatever columns.c takes for
 * them; other columns are left alone. */
#include "base/number.h"
#include "base/sys.h"
#include "data/build.h"
#include "data/columns.h"
#include "data/label_lists.h"
#include "data/layouts.h"
#include "data/likeness.h"
#include "data/names.h"
#include "data/parts.h"
#include "data/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CSV_LIMIT = 1 << 30, MOST_WEIGHT = 1000000 };

typedef struct row {
    uint64_t label; /* where in the labels' text */
    uint32_t line, sample;
} row;

typedef struct table {
    gf_index *index;
    const gf_data_options *options;
    const char *name;              /* the file's */
    char *real_root, *checked_dir; /* the folder that was last found to be inside */
    char *prefix;                  /* the folder below the root that the paths are in; NULL: the root itself */
    gf_csv csv;
    gf_columns columns;
    bool backslashes, endings; /* of some paths: turned into slashes, added */
    bool no_memory;            /* while it was looked up whether files are there */
    row *row;
    size_t n, cap;
    gf_label_lists labels; /* of each row */
    uint32_t empty;        /* the first line without a label; 0: all have one */
} table;

static graft_status wrong(const table *t, gf_errno number, const char *hint, const char *what, const char *found,
                          graft_error *err)
{
    return gf_fail(err, number, hint, "%s:%u: %s: %s", GF_ESC(t->name), t->csv.line, what, GF_ESC(found));
}

/* ---- paths as people write them */

/* A path below the root, in *out (gf_free); NULL where the field is none. An absolute path is fine where it begins with
 * the root. */
static graft_status relative_path(const table *t, const char *field, bool slashes, const char *ending, char **out,
                                  graft_error *err)
{
    size_t n = strlen(t->real_root);
    if (*field == '/' && !strncmp(field, t->real_root, n) && field[n] == '/') field += n + 1;
    char *path = t->prefix && *field != '/' ? gf_sprintf("%s/%s%s", t->prefix, field, ending)
                                            : gf_sprintf("%s%s", field, ending);
    *out = path;
    if (!path) return gf_fail_memory(err, strlen(field), "a file name");
    for (char *c = path; slashes && *c; c++) {
        if (*c == '\\') *c = '/';
    }
    if (*field && gf_path_normalize(path)) return GRAFT_OK;
    gf_free(path);
    *out = NULL;
    return GRAFT_OK;
}

static graft_status is_there(const table *t, const char *path, bool *there, graft_error *err)
{
    gf_reach reach;
    struct stat st;
    GF_TRY(gf_reach_open(&reach, t->index->root, path, err));
    *there = !gf_sys_lstat(reach.path, &st);
    gf_reach_close(&reach);
    return GRAFT_OK;
}

/* The path of a field as it is, with slashes for backslashes, or with the ending of an image behind: the first that is
 * there, in *out (gf_free). Where none is, the path as it is, or NULL. More than one ending is refused. */
static graft_status find_path(table *t, const char *field, char **out, graft_error *err)
{
    static const char *const endings[] = {"",      ".jpg", ".jpeg", ".png", ".JPG",  ".JPEG", ".PNG",
                                          ".webp", ".bmp", ".gif",  ".tif", ".tiff", ".ppm",  ".pgm"};
    bool bare = !gf_name_is_image(field), there = false;
    char *plain = NULL, *found = NULL;
    graft_status status = GRAFT_OK;
    for (int slashes = 0; slashes <= (strchr(field, '\\') != NULL) && !found; slashes++) {
        for (size_t i = 0; i < (bare ? sizeof endings / sizeof *endings : 1); i++) {
            char *path = NULL;
            GF_GOTO(relative_path(t, field, slashes, endings[i], &path, err));
            if (path) status = is_there(t, path, &there, err);
            if (status == GRAFT_OK && path && there && found) {
                status = wrong(t, GF_E_CSV_PATH, "write the ending too", "files with more than one ending", field, err);
            } else if (path && there && !found) {
                found = path;
                path = NULL;
                t->backslashes |= slashes;
                t->endings |= i > 0;
            } else if (path && !plain) {
                plain = path;
                path = NULL;
            }
            gf_free(path);
            if (status != GRAFT_OK) goto out;
            if (found && !i) break;
        }
    }
    *out = found ? found : plain;
    if (found) gf_free(plain);
    return GRAFT_OK;
out:
    gf_free(found);
    gf_free(plain);
    return status;
}

/* Memory that runs out here is remembered: "not there" would be another answer. */
static bool exists(void *ctx, const char *field)
{
    table *t = ctx;
    char *path = NULL;
    bool there = false, backslashes = t->backslashes, endings = t->endings;
    graft_error err = {0};
    gf_reach reach;
    struct stat st;
    if (*field == '/' || strstr(field, "://")) return false;
    graft_status status = find_path(t, field, &path, &err);
    if (status == GRAFT_OK && path) status = gf_reach_open(&reach, t->index->root, path, &err);
    if (status == GRAFT_OK && path) {
        there = !gf_sys_stat(reach.path, &st) && S_ISREG(st.st_mode);
        gf_reach_close(&reach);
    }
    t->no_memory |= status == GRAFT_RESOURCE;
    gf_free(path);
    t->backslashes = backslashes;
    t->endings = endings;
    return there;
}

/* Where the first row's file is not there, but is below just one folder beside the CSV file: they all are, then. */
static graft_status find_prefix(table *t, graft_error *err)
{
    const char *example = t->columns.column[t->columns.image].example;
    if (!example || exists(t, example)) return GRAFT_OK;
    gf_names names;
    GF_TRY(gf_list_below(t->index, "", &names, err));
    size_t holding = 0, which = 0;
    for (size_t i = 0; i < names.n; i++) {
        if (gf_name_is_litter(names.item[i]) || gf_name_is_image(names.item[i])) continue;
        t->prefix = names.item[i];
        bool there = exists(t, example);
        holding += there;
        if (there) which = i;
    }
    t->prefix = NULL;
    graft_status status = GRAFT_OK;
    if (holding == 1) {
        t->prefix = gf_strdup(names.item[which]);
        status = t->prefix ? gf_index_take(t->index, t->options->log, "the folder of the images", names.item[which],
                                           "the first one is not beside the CSV file, but there alone", err)
                           : gf_fail_memory(err, 64, "a file name");
    }
    gf_names_free(&names);
    return status;
}

/* ---- the header */

static graft_status take_column(table *t, size_t i, const char *as, const char *why, graft_error *err)
{
    if (i == GF_NO_COLUMN) return GRAFT_OK;
    const gf_column *c = &t->columns.column[i];
    char *what = t->columns.header ? gf_sprintf("column '%s'", c->name) : gf_strdup(c->name);
    if (!what) return gf_fail_memory(err, 64, "a name");
    graft_status status = gf_index_take(t->index, t->options->log, what, as, why, err);
    gf_free(what);
    return status;
}

static graft_status take_separator(table *t, graft_error *err)
{
    char what[16];
    char c = t->csv.separator;
    if (c == ',') return GRAFT_OK;
    snprintf(what, sizeof what, "%s", c == '\t' ? "a tab" : c == ' ' ? "a space" : (char[2]){c, 0});
    return gf_index_take(t->index, t->options->log, "the columns' separator", what, "it parts the lines evenly", err);
}

/* Columns of 0 and 1, of which there may be many: one line. */
static graft_status take_flags(table *t, graft_error *err)
{
    const gf_columns *c = &t->columns;
    char what[64];
    if (!c->n_labels) return GRAFT_OK;
    snprintf(what, sizeof what, "%zu columns from '%.20s' on", c->n_labels, GF_ESC(c->column[c->labels[0]].name));
    t->labels.several = true;
    return gf_index_take(t->index, t->options->log, what, "a label each",
                         t->options->label_column ? NULL : "they hold nothing but 0 and 1", err);
}

static const char *why_column(bool said) { return said ? "by its name, or by what stands in it" : NULL; }

static graft_status read_header(table *t, graft_error *err)
{
    gf_columns *c = &t->columns;
    graft_status status = gf_columns_find(c, &t->csv, t->options, exists, t, err);
    if (t->no_memory) return gf_fail_memory(err, sizeof *c, "a CSV file");
    GF_TRY(status);
    GF_TRY(take_separator(t, err));
    if (!c->header && c->rows) {
        GF_TRY(
            gf_index_take(t->index, t->options->log, "the first line", "a row, not a header", "it names a file", err));
    }
    GF_TRY(take_column(t, c->image, "the image", why_column(c->image_said), err));
    GF_TRY(take_column(t, c->label, "the label", why_column(c->label_said), err));
    GF_TRY(take_flags(t, err));
    GF_TRY(take_column(t, c->split, "the split", why_column(c->split_said), err));
    GF_TRY(take_column(t, c->group, "the group", NULL, err));
    GF_TRY(take_column(t, c->weight, "the weight", NULL, err));
    GF_TRY(find_prefix(t, err));
    if (t->no_memory) return gf_fail_memory(err, sizeof *c, "a CSV file");
    bool more;
    return c->header ? gf_csv_next(&t->csv, &more, err) : GRAFT_OK;
}

static graft_status parse_split(const table *t, gf_split *split, graft_error *err)
{
    *split = GF_TRAIN;
    if (t->columns.split == GF_NO_COLUMN) return GRAFT_OK;
    const char *found = gf_csv_field(&t->csv, t->columns.split);
    gf_part_kind kind = gf_part_of_name(found);
    *split = gf_part_split(kind);
    if (kind && kind != GF_PART_UNLABELLED) return GRAFT_OK;
    return wrong(t, GF_E_CSV_LABEL,
                 "one of train, validation (or val, valid, dev), test; --split-column names another column",
                 *found ? "unknown split" : "an empty split, though other rows have one", found, err);
}

/* ---- rows */

/* Whether the folder of `reached` is inside of the root; asked once for a run of files in one folder. */
static graft_status check_folder(table *t, const char *path, const char *reached, graft_error *err)
{
    const char *slash = strrchr(reached, '/');
    char *dir = slash ? gf_strndup(reached, (size_t)(slash - reached) + 1) : gf_strdup(".");
    if (!dir) return gf_fail_memory(err, strlen(reached), "a file name");
    graft_status status = GRAFT_OK;
    bool known = t->checked_dir && !strcmp(t->checked_dir, dir);
    if (!known && !gf_is_inside(t->real_root, dir) && (errno || !t->options->follow_links)) {
        status = wrong(t, GF_E_CSV_PATH,
                       errno ? "paths are relative to the CSV file's folder"
                             : "--follow-links takes what links lead to; paths are relative to the CSV file's folder",
                       errno ? "no such folder" : "outside of the data folder", path, err);
    }
    if (status == GRAFT_OK && !known) {
        gf_free(t->checked_dir);
        t->checked_dir = dir;
        dir = NULL;
    }
    gf_free(dir);
    return status;
}

static graft_status check_file(table *t, const char *path, const char *reached, struct stat *st, graft_error *err)
{
    GF_TRY(check_folder(t, path, reached, err));
    if (gf_sys_lstat(reached, st)) {
        const char *what = errno == ENOENT ? "no such file" : "cannot be examined";
        return wrong(t, GF_E_CSV_PATH, "paths are relative to the CSV file's folder", what, path, err);
    }
    if (S_ISLNK(st->st_mode)) {
        if (!gf_is_inside(t->real_root, reached) && (errno || !t->options->follow_links)) {
            return wrong(t, GF_E_CSV_PATH, errno ? NULL : "--follow-links takes what links lead to",
                         errno ? "a link that leads nowhere" : "a link out of the data folder", path, err);
        }
        if (gf_sys_stat(reached, st)) return wrong(t, GF_E_CSV_PATH, NULL, "cannot be examined", path, err);
    }
    return S_ISREG(st->st_mode) ? GRAFT_OK : wrong(t, GF_E_CSV_PATH, NULL, "not a file", path, err);
}

/* The field as a path below the root, in *out (gf_free). */
static graft_status parse_path(table *t, char **out, graft_error *err)
{
    const char *found = gf_csv_field(&t->csv, t->columns.image);
    GF_TRY(find_path(t, found, out, err));
    if (*out) return GRAFT_OK;
    return wrong(t, GF_E_CSV_PATH, "paths are relative to the CSV file's folder, without ..",
                 *found ? "outside of the data folder" : "an empty path", found, err);
}

static graft_status parse_weight(const table *t, float *weight, graft_error *err)
{
    double x = 1;
    if (t->columns.weight == GF_NO_COLUMN) return GRAFT_OK;
    const char *found = gf_csv_field(&t->csv, t->columns.weight);
    bool good = gf_number_parse(found, strlen(found), &x) && x >= 0 && x <= MOST_WEIGHT;
    *weight = (float)x;
    if (good) return GRAFT_OK;
    return wrong(t, GF_E_CSV_LABEL, "wanted is a number from 0 to 1000000; --weight-column names another column",
                 "not a weight", found, err);
}

/* The field as it is, or the names of the columns that hold a 1. */
static graft_status add_labels(table *t, graft_error *err)
{
    const gf_columns *c = &t->columns;
    GF_TRY(gf_label_lists_begin(&t->labels, t->csv.line, err));
    const char *label = c->n_labels ? "" : gf_csv_field(&t->csv, c->label);
    if (*label) return gf_label_lists_put(&t->labels, label, strlen(label), err);
    if (!c->n_labels && !t->empty) t->empty = t->csv.line;
    for (size_t i = 0; i < c->n_labels; i++) {
        const char *name = c->column[c->labels[i]].name, *value = gf_csv_field(&t->csv, c->labels[i]);
        bool is;
        if (!gf_flag_parse(value, &is))
            return wrong(t, GF_E_CSV_LABEL, "a column of labels holds 0 or 1", GF_ESC(name), value, err);
        if (is) GF_TRY(gf_label_lists_put(&t->labels, name, strlen(name), err));
    }
    return GRAFT_OK;
}

static graft_status add_row(table *t, const char *path, gf_split split, graft_error *err)
{
    gf_reach reach;
    struct stat st;
    GF_TRY(gf_reach_open(&reach, t->index->root, path, err));
    graft_status status = check_file(t, path, reach.path, &st, err);
    gf_reach_close(&reach);
    if (status != GRAFT_OK) return status;
    if (!gf_grow(&t->row, t->n, &t->cap)) return gf_fail_memory(err, t->cap * sizeof *t->row, "a CSV file");
    t->row[t->n++] = (row){0, t->csv.line, t->index->n};
    GF_TRY(add_labels(t, err));
    GF_TRY(gf_index_add(t->index, path, &st, 0, split, err));
    GF_TRY(parse_weight(t, &t->index->sample[t->index->n - 1].weight, err));
    const char *group = t->columns.group == GF_NO_COLUMN ? "" : gf_csv_field(&t->csv, t->columns.group);
    return *group ? gf_index_group(t->index, &t->index->sample[t->index->n - 1].group, group, err) : GRAFT_OK;
}

static graft_status read_row(table *t, graft_error *err)
{
    if (t->csv.columns != t->columns.n) {
        return gf_fail(err, GF_E_CSV_SYNTAX, "put fields that hold what parts the columns in quotes",
                       "%s:%u: %zu columns, the %s has %zu", GF_ESC(t->name), t->csv.line, t->csv.columns,
                       t->columns.header ? "header" : "first line", t->columns.n);
    }
    gf_split split;
    GF_TRY(parse_split(t, &split, err));
    char *path = NULL;
    GF_TRY(parse_path(t, &path, err));
    graft_status status = add_row(t, path, split, err);
    gf_free(path);
    return status;
}

static int by_text(const void *a, const void *b, void *text)
{
    const row *x = a, *y = b;
    int order = strcmp((char *)text + x->label, (char *)text + y->label);
    return order ? order : x->line < y->line ? -1 : 1;
}

static graft_status unknown_label(const table *t, const char *label, graft_error *err)
{
    const gf_names *known = &t->index->classes;
    char how[256], hint[600];
    const char *like = gf_likest_name(label, (const char *const *)known->item, known->n, how, sizeof how);
    if (like) snprintf(hint, sizeof hint, "'%s' and '%s' differ %s", GF_ESC(label), GF_ESC(like), how);
    return wrong(t, GF_E_CSV_LABEL,
                 like                  ? hint
                 : t->options->classes ? "the model was trained on other classes"
                                       : NULL,
                 t->options->classes ? "a label that the model does not know" : "no training row has this label", label,
                 err);
}

/* The classes are the labels of the training rows (of all rows where none is for training); every other row's label
 * must be one of them. */
static graft_status settle_labels(table *t, graft_error *err)
{
    gf_index *index = t->index;
    const gf_data_options *options = t->options;
    for (size_t i = 0; options->classes && i < options->n_classes; i++) {
        GF_TRY(gf_names_add(&index->classes, options->classes[i], err));
    }
    for (size_t i = 0; i < t->n; i++) t->row[i].label = t->labels.item[t->row[i].sample].at;
    if (t->n) qsort_r(t->row, t->n, sizeof *t->row, by_text, t->labels.text.s);
    bool any_training = false;
    for (uint32_t i = 0; i < index->n; i++) any_training |= index->sample[i].split == GF_TRAIN;
    const char *last = NULL;
    for (size_t i = 0; !options->classes && i < t->n; i++) {
        const char *label = t->labels.text.s + t->row[i].label;
        bool defines = !any_training || index->sample[t->row[i].sample].split == GF_TRAIN;
        if (!defines || (last && !strcmp(last, label))) continue;
        GF_TRY(gf_names_add(&index->classes, label, err));
        last = label;
    }
    int64_t class_id = -1;
    for (size_t i = 0; i < t->n; i++) {
        const char *label = t->labels.text.s + t->row[i].label;
        if (!i || strcmp(label, t->labels.text.s + t->row[i - 1].label)) class_id = gf_index_class(index, label);
        t->csv.line = t->row[i].line;
        if (class_id < 0) return unknown_label(t, label, err);
        index->sample[t->row[i].sample].class_id = (uint32_t)class_id;
    }
    return GRAFT_OK;
}

/* ---- several labels */

/* Whether fields hold several labels, and what parts them. */
static graft_status part_labels(table *t, graft_error *err)
{
    const gf_data_options *o = t->options;
    const gf_label_rule rule = {o->labels, o->label_delimiter, o->classes, o->n_classes};
    if (t->labels.several) return o->labels ? GRAFT_OK : gf_label_lists_check(&t->labels, t->name, err);
    gf_label_parting p;
    char text[GF_DELIMITER_TEXT];
    GF_TRY(gf_label_lists_part(&t->labels, &rule, &p, t->name, err));
    if (*p.delimiter) {
        return gf_index_take(t->index, o->log, "the labels' delimiter", gf_delimiter_text(p.delimiter, text), p.why,
                             err);
    }
    if (gf_label_parting_is_doubtful(&p)) {
        GF_TRY(gf_note_add(&t->index->notes, o->log, GF_WARNING, err, GF_LABEL_DOUBT, GF_ESC(p.example),
                           gf_delimiter_text((char[2]){p.doubtful, 0}, text)));
    }
    t->labels.several = o->labels;
    if (!t->empty || o->labels) return GRAFT_OK;
    t->csv.line = t->empty;
    return wrong(t, GF_E_CSV_LABEL, NULL, "an empty label", "", err);
}

static int64_t class_of(const void *index, const char *name) { return gf_index_class(index, name); }

/* The classes as in settle_labels; a row has any number of them. */
static graft_status settle_sets(table *t, graft_error *err)
{
    gf_index *index = t->index;
    const gf_data_options *o = t->options;
    bool any_training = false, *defines = gf_new_n(t->n, bool);
    index->sets = gf_new(gf_label_sets);
    graft_status status = defines && index->sets ? GRAFT_OK : gf_fail_memory(err, t->n, "labels");
    for (uint32_t i = 0; i < index->n; i++) any_training |= index->sample[i].split == GF_TRAIN;
    for (uint32_t i = 0; defines && i < index->n; i++) defines[i] = !any_training || index->sample[i].split == GF_TRAIN;
    for (size_t i = 0; status == GRAFT_OK && o->classes && i < o->n_classes; i++)
        status = gf_names_add(&index->classes, o->classes[i], err);
    if (status == GRAFT_OK && !o->classes) status = gf_label_lists_names(&t->labels, defines, &index->classes, err);
    gf_free(defines);
    for (uint32_t i = 0; status == GRAFT_OK && i < index->n; i++) {
        const char *unknown;
        status = gf_label_lists_number(&t->labels, i, class_of, index, index->sets, &index->sample[i].class_id,
                                       &unknown, err);
        t->csv.line = t->labels.item[i].line;
        if (status == GRAFT_OK && unknown) status = unknown_label(t, unknown, err);
    }
    return status;
}

static int by_path(const void *a, const void *b, void *index)
{
    const row *x = a, *y = b;
    int order = strcmp(gf_index_path(index, x->sample), gf_index_path(index, y->sample));
    return order ? order : x->line < y->line ? -1 : 1;
}

static graft_status refuse_twice(table *t, graft_error *err)
{
    if (t->n) qsort_r(t->row, t->n, sizeof *t->row, by_path, t->index);
    for (size_t i = 1; i < t->n; i++) {
        const char *path = gf_index_path(t->index, t->row[i].sample);
        if (strcmp(path, gf_index_path(t->index, t->row[i - 1].sample))) continue;
        return gf_fail(err, GF_E_CSV_DUPLICATE, "a file has one label and one split",
                       "%s:%u: listed before, in line %u: %s", GF_ESC(t->name), t->row[i].line, t->row[i - 1].line,
                       GF_ESC(path));
    }
    return GRAFT_OK;
}

static graft_status read_table(table *t, graft_error *err)
{
    GF_TRY(read_header(t, err));
    for (bool more = true;;) {
        GF_TRY(gf_csv_next(&t->csv, &more, err));
        if (!more) break;
        GF_TRY(read_row(t, err));
    }
    if (t->backslashes) {
        GF_TRY(
            gf_index_take(t->index, t->options->log, "backslashes in paths", "slashes", "so the files are there", err));
    }
    if (t->endings) {
        GF_TRY(gf_index_take(t->index, t->options->log, "names without an ending", "with that of the file",
                             "so the files are there", err));
    }
    GF_TRY(refuse_twice(t, err));
    GF_TRY(part_labels(t, err));
    return t->labels.several ? settle_sets(t, err) : settle_labels(t, err);
}

static graft_status read_csv(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    table t = {.index = index, .options = options, .name = path};
    uint8_t *data = NULL;
    size_t n;
    const char *slash = strrchr(path, '/');
    index->root = slash ? gf_strndup(path, (size_t)(slash - path) + (slash == path)) : gf_strdup(".");
    if (!index->root) return gf_fail_memory(err, strlen(path), "a file name");
    graft_status status;
    GF_GOTO(gf_real_path(index->root, &t.real_root, err));
    GF_GOTO(gf_file_read(path, CSV_LIMIT, &data, &n, err));
    GF_GOTO(gf_csv_open(&t.csv, data, n, path, err));
    GF_GOTO(read_table(&t, err));
out:
    gf_csv_close(&t.csv);
    gf_columns_free(&t.columns);
    gf_free(t.prefix);
    gf_free(t.row);
    gf_label_lists_free(&t.labels);
    gf_free(t.real_root);
    gf_free(t.checked_dir);
    gf_free(data);
    return status;
}

static bool is_table(const char *path, const struct stat *st)
{
    return S_ISREG(st->st_mode) && !gf_name_is_image(path);
}

extern const gf_layout_class gf_layout_csv;
const gf_layout_class gf_layout_csv = {
    .name = "csv",
    .help = "a CSV file with a line for each image: its path, its label, and where there is one its split",
    .suits = is_table,
    .read = read_csv,
};
