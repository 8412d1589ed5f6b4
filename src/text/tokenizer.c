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

/* Where the pieces may stand, the likeliest first, and what that tells of the profile. */
static const struct place {
    const char *file, *class, *profile;
    bool json;
} place_row[] = {
    {"tokenizer.json", NULL, NULL, true},
    {"vocab.txt", "wordpiece", NULL, false},
    {"assets/vocab.txt", "wordpiece", "tf", false}, /* of a SavedModel */
};

/* Google's own folders call their configuration so. */
static const char google_config[] = "bert_config.json";

typedef struct loading {
    uint8_t *bytes, *config_bytes;
    size_t n, config_n;
    gf_json *json, *config;
} loading;

static graft_status read_json(const char *path, uint8_t **bytes, size_t *n, gf_json **json, graft_error *err)
{
    GF_TRY(gf_file_read(path, MAX_FILE, bytes, n, err));
    return gf_json_parse(json, (const char *)*bytes, *n, path, err);
}

static const gf_tokenizer_class *class_named(const char *name, const char *model)
{
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        const gf_tokenizer_class *c = gf_tokenizer_at(i);
        if ((name && !strcmp(c->name, name)) || (model && !strcmp(c->model, model))) return c;
    }
    return NULL;
}

static graft_status unknown_model(const char *path, const char *model, graft_error *err)
{
    gf_text known = {0};
    for (size_t i = 0; gf_tokenizer_at(i); i++)
        gf_text_printf(&known, "%s%s", i ? ", " : "", gf_tokenizer_at(i)->model);
    graft_status status = gf_fail(err, GF_E_TOKENIZER_UNSUPPORTED, NULL, "%s: model is %s, of which graft knows %s",
                                  GF_ESC(path), model ? GF_ESC(model) : "missing", known.s ? known.s : "");
    gf_text_free(&known);
    return status;
}

static graft_status load(gf_tokenizer *out, loading *l, const char *path, const struct place *place, const char *config,
                         const gf_tokenizer_argument *argument, size_t n, graft_error *err)
{
    gf_tokenizer_argument all[MAX_ARGUMENTS + 1] = {{"profile", place->profile}};
    size_t implied = place->profile ? 1 : 0;
    if (n > MAX_ARGUMENTS)
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "a tokenizer has at most %d arguments", MAX_ARGUMENTS);
    if (n) memcpy(all + implied, argument, n * sizeof *argument);
    if (place->json) {
        GF_TRY(read_json(path, &l->bytes, &l->n, &l->json, err));
    } else {
        GF_TRY(gf_file_read(path, MAX_FILE, &l->bytes, &l->n, err));
    }
    if (config) GF_TRY(read_json(config, &l->config_bytes, &l->config_n, &l->config, err));
    const char *model = place->json ? gf_tokenizer_json_model(l->json) : NULL;
    const gf_tokenizer_class *class = class_named(place->class, model);
    if (!class) return unknown_model(path, model, err);
    const gf_tokenizer_files files = {
        .name = path, .vocabulary = place->json ? NULL : l->bytes, .n = l->n, .json = l->json, .config = l->config};
    return gf_tokenizer_open_files(out, class, &files, all, implied + n, err);
}

static graft_status load_all(gf_tokenizer *out, const char *path, const struct place *place, const char *config,
                             const gf_tokenizer_argument *argument, size_t n, graft_error *err)
{
    loading l = {0};
    graft_status status = load(out, &l, path, place, config, argument, n, err);
    gf_json_free(l.json);
    gf_json_free(l.config);
    gf_free(l.bytes);
    gf_free(l.config_bytes);
    return status;
}

/* A path in the folder; *out NULL where there is no such file. */
static graft_status file_in(const char *folder, const char *name, char **out, graft_error *err)
{
    *out = gf_path_join(folder, name);
    if (!*out) return gf_fail_memory(err, strlen(name), "a path");
    if (!gf_is_file(*out)) {
        gf_free(*out);
        *out = NULL;
    }
    return GRAFT_OK;
}

static graft_status open_folder(gf_tokenizer *out, const char *folder, const gf_tokenizer_argument *argument, size_t n,
                                graft_error *err)
{
    char *path = NULL, *config = NULL, *google = NULL;
    struct place place = {0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < sizeof place_row / sizeof *place_row && !path; i++) {
        place = place_row[i];
        GF_GOTO(file_in(folder, place.file, &path, err));
    }
    if (!path) {
        status = gf_fail(err, GF_E_TOKENIZER_MISSING, "the files that come with the weights belong beside them",
                         "%s: there is neither a tokenizer.json nor a vocab.txt", GF_ESC(folder));
        goto out;
    }
    GF_GOTO(file_in(folder, "tokenizer_config.json", &config, err));
    GF_GOTO(file_in(folder, google_config, &google, err));
    if (!place.json && google) place.profile = "google";
    status = load_all(out, path, &place, config, argument, n, err);
out:
    gf_free(path);
    gf_free(config);
    gf_free(google);
    return status;
}

graft_status gf_tokenizer_open(gf_tokenizer *out, const char *path, const gf_tokenizer_argument *argument, size_t n,
                               graft_error *err)
{
    *out = (gf_tokenizer){0};
    if (gf_is_dir(path)) return open_folder(out, path, argument, n, err);
    size_t length = strlen(path);
    bool json = length > 5 && !strcmp(path + length - 5, ".json");
    return load_all(out, path, &place_row[json ? 0 : 1], NULL, argument, n, err);
}
