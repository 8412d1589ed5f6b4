/* The CSV layout: path,label[,split], a header line with these names in any order; other columns are left alone. */
#include "base/sys.h"
#include "data/build.h"
#include "data/csv.h"
#include "data/names.h"
#include "data/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CSV_LIMIT = 1 << 30, NO_COLUMN = GF_CSV_COLUMNS };

typedef struct row {
    uint64_t label; /* where in labels */
    uint32_t line, sample;
} row;

typedef struct table {
    gf_index *index;
    const gf_data_options *options;
    const char *name;              /* the file's */
    char *real_root, *checked_dir; /* the folder that was last found to be inside */
    gf_csv csv;
    size_t columns, path, label, split; /* the header's */
    row *row;
    size_t n, cap;
    gf_text labels;
} table;

static graft_status wrong(const table *t, gf_errno number, const char *hint, const char *what, const char *found,
                          graft_error *err)
{
    return gf_fail(err, number, hint, "%s:%u: %s: %s", GF_ESC(t->name), t->csv.line, what, GF_ESC(found));
}

static graft_status read_header(table *t, graft_error *err)
{
    bool more;
    GF_TRY(gf_csv_next(&t->csv, &more, err));
    if (!t->csv.line) t->csv.line = 1;
    t->path = t->label = t->split = NO_COLUMN;
    t->columns = t->csv.columns;
    for (size_t i = 0; i < t->csv.columns; i++) {
        const char *name = gf_csv_field(&t->csv, i);
        size_t *column = !strcmp(name, "path")    ? &t->path
                         : !strcmp(name, "label") ? &t->label
                         : !strcmp(name, "split") ? &t->split
                                                  : NULL;
        if (!column) continue;
        if (*column != NO_COLUMN) return wrong(t, GF_E_CSV_COLUMN, NULL, "two columns of one name", name, err);
        *column = i;
    }
    const char *lacking = t->path == NO_COLUMN ? "path" : t->label == NO_COLUMN ? "label" : NULL;
    if (!lacking) return GRAFT_OK;
    return wrong(t, GF_E_CSV_COLUMN, "the first line names the columns: path,label or path,label,split",
                 "a column is missing", lacking, err);
}

static graft_status parse_split(const table *t, gf_split *split, graft_error *err)
{
    static const struct {
        const char *word;
        gf_split split;
    } words[] = {{"train", GF_TRAIN}, {"validation", GF_VALIDATION}, {"val", GF_VALIDATION}, {"test", GF_TEST}};
    *split = GF_TRAIN;
    if (t->split == NO_COLUMN) return GRAFT_OK;
    const char *found = gf_csv_field(&t->csv, t->split);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *split = words[i].split;
        if (!strcmp(words[i].word, found)) return GRAFT_OK;
    }
    return wrong(t, GF_E_CSV_LABEL, "one of train, validation (or val), test", "unknown split", found, err);
}

/* Whether the folder of `reached` is inside of the root; asked once for a run of files in one folder. */
static graft_status check_folder(table *t, const char *path, const char *reached, graft_error *err)
{
    const char *slash = strrchr(reached, '/');
    char *dir = slash ? gf_strndup(reached, (size_t)(slash - reached) + 1) : gf_strdup(".");
    if (!dir) return gf_fail_memory(err, strlen(reached), "a file name");
    graft_status status = GRAFT_OK;
    bool known = t->checked_dir && !strcmp(t->checked_dir, dir);
    if (!known && !gf_is_inside(t->real_root, dir)) {
        status = wrong(t, GF_E_CSV_PATH, "paths are relative to the CSV file's folder",
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
        if (!gf_is_inside(t->real_root, reached)) {
            return wrong(t, GF_E_CSV_PATH, NULL, errno ? "a link that leads nowhere" : "a link out of the data folder",
                         path, err);
        }
        if (gf_sys_stat(reached, st)) return wrong(t, GF_E_CSV_PATH, NULL, "cannot be examined", path, err);
    }
    return S_ISREG(st->st_mode) ? GRAFT_OK : wrong(t, GF_E_CSV_PATH, NULL, "not a file", path, err);
}

/* The field as a path below the root, in *out (gf_free). An absolute path is fine where it begins with the root. */
static graft_status parse_path(const table *t, char **out, graft_error *err)
{
    const char *found = gf_csv_field(&t->csv, t->path);
    size_t n = strlen(t->real_root);
    const char *relative = found;
    if (*found == '/' && !strncmp(found, t->real_root, n) && found[n] == '/') relative = found + n + 1;
    char *path = gf_strdup(relative);
    if (!path) return gf_fail_memory(err, strlen(relative), "a file name");
    if (!gf_path_normalize(path)) {
        gf_free(path);
        return wrong(t, GF_E_CSV_PATH, "paths are relative to the CSV file's folder, without ..",
                     *found ? "outside of the data folder" : "an empty path", found, err);
    }
    *out = path;
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
    t->row[t->n++] = (row){t->labels.n, t->csv.line, t->index->n};
    const char *label = gf_csv_field(&t->csv, t->label);
    gf_text_add_n(&t->labels, label, strlen(label) + 1);
    if (t->labels.failed) return gf_fail_memory(err, t->labels.cap, "a CSV file");
    return gf_index_add(t->index, path, &st, 0, split, err);
}

static graft_status read_row(table *t, graft_error *err)
{
    if (t->csv.columns != t->columns) {
        return gf_fail(err, GF_E_CSV_SYNTAX, "put fields with a comma in quotes",
                       "%s:%u: %zu columns, the header has %zu", GF_ESC(t->name), t->csv.line, t->csv.columns,
                       t->columns);
    }
    if (!*gf_csv_field(&t->csv, t->label)) return wrong(t, GF_E_CSV_LABEL, NULL, "an empty label", "", err);
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

/* The classes are the labels of the training rows (of all rows where none is for training); every other row's label
 * must be one of them. */
static graft_status settle_labels(table *t, graft_error *err)
{
    gf_index *index = t->index;
    const gf_data_options *options = t->options;
    for (size_t i = 0; options->classes && i < options->n_classes; i++) {
        GF_TRY(gf_names_add(&index->classes, options->classes[i], err));
    }
    if (t->n) qsort_r(t->row, t->n, sizeof *t->row, by_text, t->labels.s);
    bool any_training = false;
    for (uint32_t i = 0; i < index->n; i++) any_training |= index->sample[i].split == GF_TRAIN;
    const char *last = NULL;
    for (size_t i = 0; !options->classes && i < t->n; i++) {
        const char *label = t->labels.s + t->row[i].label;
        bool defines = !any_training || index->sample[t->row[i].sample].split == GF_TRAIN;
        if (!defines || (last && !strcmp(last, label))) continue;
        GF_TRY(gf_names_add(&index->classes, label, err));
        last = label;
    }
    int64_t class_id = -1;
    for (size_t i = 0; i < t->n; i++) {
        const char *label = t->labels.s + t->row[i].label;
        if (!i || strcmp(label, t->labels.s + t->row[i - 1].label)) class_id = gf_index_class(index, label);
        t->csv.line = t->row[i].line;
        if (class_id < 0) {
            return wrong(t, GF_E_CSV_LABEL, options->classes ? "the model was trained on other classes" : NULL,
                         options->classes ? "a label that the model does not know" : "no training row has this label",
                         label, err);
        }
        index->sample[t->row[i].sample].class_id = (uint32_t)class_id;
    }
    return GRAFT_OK;
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
    GF_TRY(refuse_twice(t, err));
    return settle_labels(t, err);
}

graft_status gf_index_from_csv(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
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
    gf_free(t.row);
    gf_text_free(&t.labels);
    gf_free(t.real_root);
    gf_free(t.checked_dir);
    gf_free(data);
    return status;
}
