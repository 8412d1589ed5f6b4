#include "text/tokenizer.h"

#include "base/io.h"
#include "base/number.h"
#include "text/tokenizer_json.h"

#include <string.h>

enum { MAX_FILE = 256 << 20, MAX_ARGUMENTS = 16 };

void gf_pieces_free(gf_pieces *pieces)
{
    gf_free(pieces->item);
    *pieces = (gf_pieces){0};
}

graft_status gf_pieces_add(gf_pieces *pieces, gf_piece piece, graft_error *err)
{
    if (!gf_grow(&pieces->item, pieces->n, &pieces->cap)) {
        return gf_fail_memory(err, (pieces->n + 1) * sizeof piece, "the pieces of a text");
    }
    pieces->item[pieces->n++] = piece;
    return GRAFT_OK;
}

/* ---- arguments */

/* Whether `value` is one of "a|b|c". */
static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL) {
        if (!strncmp(c, value, n) && (c[n] == '|' || !c[n])) return true;
    }
    return false;
}

static bool is_value(const graft_option *row, const char *value)
{
    double x;
    switch (row->kind) {
    case GRAFT_OPTION_FLAG: return !strcmp(value, "0") || !strcmp(value, "1");
    case GRAFT_OPTION_CHOICE: return is_choice(row->choices, value);
    case GRAFT_OPTION_WHOLE:
        return gf_number_parse(value, strlen(value), &x) && x >= row->min && x <= row->max && x == (double)(int64_t)x;
    default: return *value;
    }
}

static graft_status take_argument(const gf_tokenizer_class *class, const gf_tokenizer_argument *a, const char **value,
                                  graft_error *err)
{
    gf_text names = {0};
    for (size_t i = 0; i < class->n_arguments; i++) {
        const graft_option *row = &class->argument[i];
        gf_text_printf(&names, "%s%s", i ? ", " : "", row->name);
        if (strcmp(row->name, a->name)) continue;
        gf_text_free(&names);
        value[i] = a->value;
        if (is_value(row, a->value)) return GRAFT_OK;
        return gf_fail(err, GF_E_OPTION_VALUE, row->help, "%s=%s of the tokenizer %s: %s is wanted", GF_ESC(row->name),
                       GF_ESC(a->value), class->name,
                       row->choices                     ? row->choices
                       : row->kind == GRAFT_OPTION_FLAG ? "0 or 1"
                                                        : "a whole number");
    }
    graft_status status = gf_fail(err, GF_E_OPTION_UNKNOWN, NULL, "%s: the tokenizer %s has %s", GF_ESC(a->name),
                                  class->name, names.s ? names.s : "no arguments");
    gf_text_free(&names);
    return status;
}

graft_status gf_tokenizer_open_files(gf_tokenizer *out, const gf_tokenizer_class *class,
                                     const gf_tokenizer_files *files, const gf_tokenizer_argument *argument, size_t n,
                                     graft_error *err)
{
    const char *value[MAX_ARGUMENTS] = {0};
    *out = (gf_tokenizer){0};
    for (size_t i = 0; i < n; i++) GF_TRY(take_argument(class, &argument[i], value, err));
    gf_tokenizer t = {.class = class, .file = gf_strdup(files->name)};
    graft_status status = t.file ? class->open(&t.self, files, value, err) : gf_fail_memory(err, 0, "a tokenizer");
    if (status != GRAFT_OK) {
        gf_free(t.file);
        return status;
    }
    *out = t;
    return GRAFT_OK;
}

void gf_tokenizer_close(gf_tokenizer *t)
{
    if (t->class) t->class->destroy(t->self);
    gf_free(t->file);
    *t = (gf_tokenizer){0};
}

/* ---- the files beside weights */

static const char json_file[] = "tokenizer.json";

typedef struct loading {
    uint8_t *bytes, *merges, *config_bytes;
    size_t n, n_merges, config_n;
    gf_json *json, *config;
} loading;

static bool is_json(const char *path)
{
    size_t n = strlen(path);
    return n >= 5 && !strcmp(path + n - 5, ".json");
}

static graft_status read_json(const char *path, uint8_t **bytes, size_t *n, gf_json **json, graft_error *err)
{
    GF_TRY(gf_file_read(path, MAX_FILE, bytes, n, err));
    return gf_json_parse(json, (const char *)*bytes, *n, path, err);
}

static const gf_tokenizer_class *class_of_model(const char *model)
{
    for (size_t i = 0; model && gf_tokenizer_at(i); i++) {
        if (gf_tokenizer_at(i)->model && !strcmp(gf_tokenizer_at(i)->model, model)) return gf_tokenizer_at(i);
    }
    return NULL;
}

static graft_status unknown_model(const char *path, const char *model, graft_error *err)
{
    gf_text known = {0};
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        if (gf_tokenizer_at(i)->model) gf_text_printf(&known, "%s%s", known.n ? ", " : "", gf_tokenizer_at(i)->model);
    }
    graft_status status = gf_fail(err, GF_E_TOKENIZER_UNSUPPORTED, NULL, "%s: model is %s, of which graft knows %s",
                                  GF_ESC(path), model ? GF_ESC(model) : "missing", known.s ? known.s : "");
    gf_text_free(&known);
    return status;
}

/* Where the files of a tokenizer are; owned. */
typedef struct found {
    char *path, *with, *config;
    const gf_tokenizer_class *class; /* NULL: what tokenizer.json says */
    const gf_tokenizer_place *place; /* NULL: none */
} found;

static graft_status load(gf_tokenizer *out, loading *l, const found *f, const gf_tokenizer_argument *argument, size_t n,
                         graft_error *err)
{
    gf_tokenizer_argument all[MAX_ARGUMENTS + 1] = {{0}};
    size_t implied = f->place && f->place->argument ? 1 : 0;
    if (n > MAX_ARGUMENTS)
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "a tokenizer has at most %d arguments", MAX_ARGUMENTS);
    if (implied) all[0] = (gf_tokenizer_argument){f->place->argument, f->place->value};
    if (n) memcpy(all + implied, argument, n * sizeof *argument);
    bool json = is_json(f->path);
    if (json) {
        GF_TRY(read_json(f->path, &l->bytes, &l->n, &l->json, err));
    } else {
        GF_TRY(gf_file_read(f->path, MAX_FILE, &l->bytes, &l->n, err));
    }
    if (f->with) GF_TRY(gf_file_read(f->with, MAX_FILE, &l->merges, &l->n_merges, err));
    if (f->config) GF_TRY(read_json(f->config, &l->config_bytes, &l->config_n, &l->config, err));
    const char *model = json ? gf_tokenizer_json_model(l->json) : NULL;
    const gf_tokenizer_class *class = f->class ? f->class : class_of_model(model);
    if (!class) return unknown_model(f->path, model, err);
    const gf_tokenizer_files files = {.name = f->path,
                                      .vocabulary = json ? NULL : l->bytes,
                                      .n = l->n,
                                      .merges = l->merges,
                                      .n_merges = l->n_merges,
                                      .json = l->json,
                                      .config = l->config};
    return gf_tokenizer_open_files(out, class, &files, all, implied + n, err);
}

static graft_status load_all(gf_tokenizer *out, const found *f, const gf_tokenizer_argument *argument, size_t n,
                             graft_error *err)
{
    loading l = {0};
    graft_status status = load(out, &l, f, argument, n, err);
    gf_json_free(l.json);
    gf_json_free(l.config);
    gf_free(l.bytes);
    gf_free(l.merges);
    gf_free(l.config_bytes);
    return status;
}

/* A path in the folder; *out NULL where there is no such file, or no name. */
static graft_status file_in(const char *folder, const char *name, char **out, graft_error *err)
{
    *out = NULL;
    if (!name) return GRAFT_OK;
    *out = gf_path_join(folder, name);
    if (!*out) return gf_fail_memory(err, strlen(name), "a path");
    if (!gf_is_file(*out)) {
        gf_free(*out);
        *out = NULL;
    }
    return GRAFT_OK;
}

/* Whether the folder has what the place says: f then has its paths. */
static graft_status try_place(const char *folder, const gf_tokenizer_class *class, const gf_tokenizer_place *place,
                              found *f, graft_error *err)
{
    char *where = NULL;
    GF_TRY(file_in(folder, place->where, &where, err));
    bool here = where || !place->where;
    gf_free(where);
    if (!here) return GRAFT_OK;
    GF_TRY(file_in(folder, place->file, &f->path, err));
    if (!f->path) return GRAFT_OK;
    f->class = class;
    f->place = place;
    return file_in(folder, place->with, &f->with, err);
}

static graft_status find(const char *folder, found *f, graft_error *err)
{
    GF_TRY(file_in(folder, json_file, &f->path, err));
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        const gf_tokenizer_class *class = gf_tokenizer_at(i);
        for (size_t k = 0; k < class->n_places && !f->path; k++)
            GF_TRY(try_place(folder, class, &class->place[k], f, err));
    }
    if (f->path) return file_in(folder, "tokenizer_config.json", &f->config, err);
    gf_text names = {0};
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        for (size_t k = 0; k < gf_tokenizer_at(i)->n_places; k++)
            gf_text_printf(&names, ", %s", gf_tokenizer_at(i)->place[k].file);
    }
    graft_status status =
        gf_fail(err, GF_E_TOKENIZER_MISSING, "the files that come with the weights belong beside them",
                "%s: there is none of %s%s", GF_ESC(folder), json_file, names.s ? names.s : "");
    gf_text_free(&names);
    return status;
}

/* The place of a file by that name; NULL: any that is a text of lines alone. */
static const gf_tokenizer_place *place_named(const char *name, const gf_tokenizer_class **class)
{
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        *class = gf_tokenizer_at(i);
        for (size_t k = 0; k < (*class)->n_places; k++) {
            const gf_tokenizer_place *p = &(*class)->place[k];
            if (!p->where && !p->argument && (name ? !strcmp(p->file, name) : !p->with && !is_json(p->file))) return p;
        }
    }
    *class = NULL;
    return NULL;
}

/* A file by itself: a class's place by its name, else JSON that says itself what it is, else lines. */
static graft_status find_file(const char *path, found *f, graft_error *err)
{
    const char *slash = strrchr(path, '/');
    f->path = gf_strdup(path);
    if (!f->path) return gf_fail_memory(err, strlen(path), "a path");
    f->place = place_named(slash ? slash + 1 : path, &f->class);
    if (!f->place && !is_json(path)) f->place = place_named(NULL, &f->class);
    if (!f->place || !f->place->with) return GRAFT_OK;
    char *folder = slash ? gf_strndup(path, (size_t)(slash - path)) : gf_strdup(".");
    graft_status status =
        folder ? file_in(folder, f->place->with, &f->with, err) : gf_fail_memory(err, strlen(path), "a path");
    gf_free(folder);
    return status;
}

graft_status gf_tokenizer_open(gf_tokenizer *out, const char *path, const gf_tokenizer_argument *argument, size_t n,
                               graft_error *err)
{
    found f = {0};
    *out = (gf_tokenizer){0};
    graft_status status = gf_is_dir(path) ? find(path, &f, err) : find_file(path, &f, err);
    if (status == GRAFT_OK) status = load_all(out, &f, argument, n, err);
    gf_free(f.path);
    gf_free(f.with);
    gf_free(f.config);
    return status;
}

graft_status gf_tokenizer_open_words(gf_tokenizer *out, const char *path, const char *lines, size_t n,
                                     const gf_tokenizer_argument *argument, size_t n_arguments, graft_error *err)
{
    const gf_tokenizer_files files = {.name = path, .vocabulary = (const uint8_t *)lines, .n = n};
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        if (gf_tokenizer_at(i)->of_words)
            return gf_tokenizer_open_files(out, gf_tokenizer_at(i), &files, argument, n_arguments, err);
    }
    return gf_fail(err, GF_E_TOKENIZER_UNSUPPORTED, NULL, "%s: no tokenizer is of words", GF_ESC(path));
}
