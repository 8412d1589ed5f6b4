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

static const char json_file[] = "tokenizer.json", config_file[] = "tokenizer_config.json";

static bool is_json(const char *path)
{
    size_t n = strlen(path);
    return n >= 5 && !strcmp(path + n - 5, ".json");
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

static graft_status parse(const gf_kept_file *f, const char *name, gf_json **json, graft_error *err)
{
    return f ? gf_json_parse_large(json, (const char *)f->bytes, f->n, name, err) : GRAFT_OK;
}

/* What the files are of, and which of them. */
typedef struct found {
    const gf_tokenizer_class *class; /* NULL: what tokenizer.json says */
    const gf_tokenizer_place *place; /* NULL: none */
    const gf_kept_file *main;
} found;

/* The place that has all its files among these. */
static found find_place(const gf_files *files)
{
    found f = {.main = gf_files_find(files, json_file)};
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        const gf_tokenizer_class *class = gf_tokenizer_at(i);
        for (size_t k = 0; k < class->n_places && !f.main; k++) {
            const gf_tokenizer_place *p = &class->place[k];
            if (p->where && !gf_files_find(files, p->where)) continue;
            f = (found){class, p, gf_files_find(files, p->file)};
        }
    }
    return f;
}

static graft_status open_found(gf_tokenizer *out, const found *f, const gf_files *files, const char *name,
                               const gf_json *json, const gf_json *config, const gf_tokenizer_argument *argument,
                               size_t n, graft_error *err)
{
    gf_tokenizer_argument all[MAX_ARGUMENTS + 1] = {{0}};
    size_t implied = f->place && f->place->argument ? 1 : 0;
    if (n > MAX_ARGUMENTS)
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "a tokenizer has at most %d arguments", MAX_ARGUMENTS);
    if (implied) all[0] = (gf_tokenizer_argument){f->place->argument, f->place->value};
    if (n) memcpy(all + implied, argument, n * sizeof *argument);
    const char *model = json ? gf_tokenizer_json_model(json) : NULL;
    const gf_tokenizer_class *class = f->class ? f->class : class_of_model(model);
    if (!class) return unknown_model(name, model, err);
    const gf_kept_file *merges = f->place ? gf_files_find(files, f->place->with) : NULL;
    const gf_tokenizer_files given = {.name = name,
                                      .vocabulary = json ? NULL : f->main->bytes,
                                      .n = f->main->n,
                                      .merges = merges ? merges->bytes : NULL,
                                      .n_merges = merges ? merges->n : 0,
                                      .json = json,
                                      .config = config};
    return gf_tokenizer_open_files(out, class, &given, all, implied + n, err);
}

graft_status gf_tokenizer_open_kept(gf_tokenizer *out, const gf_files *files, const char *name,
                                    const gf_tokenizer_argument *argument, size_t n, graft_error *err)
{
    *out = (gf_tokenizer){0};
    found f = find_place(files);
    gf_json *json = NULL, *config = NULL;
    graft_status status = GRAFT_OK;
    if (!f.main) {
        return gf_fail(err, GF_E_TOKENIZER_MISSING, NULL, "%s: it has no tokenizer", GF_ESC(name));
    }
    if (is_json(f.main->name)) GF_GOTO(parse(f.main, name, &json, err));
    GF_GOTO(parse(gf_files_find(files, config_file), config_file, &config, err));
    GF_GOTO(open_found(out, &f, files, name, json, config, argument, n, err));
out:
    gf_json_free(json);
    gf_json_free(config);
    return status;
}

/* ---- out of a folder */

/* Keeps the folder's file of that name; *there (may be NULL) tells whether there is one. */
static graft_status keep_file(gf_files *files, const char *folder, const char *name, bool *there, graft_error *err)
{
    if (there) *there = false;
    if (!name) return GRAFT_OK;
    char *path = gf_path_join(folder, name);
    if (!path) return gf_fail_memory(err, strlen(name), "a path");
    graft_status status = GRAFT_OK;
    if (gf_is_file(path)) {
        if (there) *there = true;
        status = gf_files_read(files, name, path, MAX_FILE, err);
    }
    gf_free(path);
    return status;
}

/* Keeps what the place names, where the folder has it. */
static graft_status keep_place(gf_files *files, const char *folder, const gf_tokenizer_place *p, bool *there,
                               graft_error *err)
{
    bool here = true;
    *there = false;
    if (p->where) GF_TRY(keep_file(files, folder, p->where, &here, err));
    if (!here) return GRAFT_OK;
    GF_TRY(keep_file(files, folder, p->file, there, err));
    if (*there) return keep_file(files, folder, p->with, NULL, err);
    if (p->where) gf_files_free(files); /* it belongs to a vocabulary that is not there */
    return GRAFT_OK;
}

static graft_status keep_folder(gf_files *files, const char *folder, graft_error *err)
{
    bool there;
    GF_TRY(keep_file(files, folder, json_file, &there, err));
    for (size_t i = 0; gf_tokenizer_at(i) && !there; i++) {
        const gf_tokenizer_class *class = gf_tokenizer_at(i);
        for (size_t k = 0; k < class->n_places && !there && !class->of_words; k++) {
            GF_TRY(keep_place(files, folder, &class->place[k], &there, err));
        }
    }
    if (there) return keep_file(files, folder, config_file, NULL, err);
    gf_text names = {0};
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        for (size_t k = 0; k < gf_tokenizer_at(i)->n_places; k++)
            if (!gf_tokenizer_at(i)->of_words) gf_text_printf(&names, ", %s", gf_tokenizer_at(i)->place[k].file);
    }
    graft_status status =
        gf_fail(err, GF_E_TOKENIZER_MISSING, "the files that come with the weights belong beside them",
                "%s: there is none of %s%s", GF_ESC(folder), json_file, names.s ? names.s : "");
    gf_text_free(&names);
    return status;
}

/* The place of a file by that name; NULL: any that is a text of lines alone. */
static const gf_tokenizer_place *place_named(const char *name)
{
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        const gf_tokenizer_class *class = gf_tokenizer_at(i);
        for (size_t k = 0; k < class->n_places; k++) {
            const gf_tokenizer_place *p = &class->place[k];
            if (!class->of_words && !p->where && !p->argument &&
                (name ? !strcmp(p->file, name) : !p->with && !is_json(p->file)))
                return p;
        }
    }
    return NULL;
}

/* A file by itself: a class's place by its name, else JSON that says itself what it is, else lines. */
static graft_status keep_alone(gf_files *files, const char *path, graft_error *err)
{
    const char *slash = strrchr(path, '/');
    const gf_tokenizer_place *p = place_named(slash ? slash + 1 : path);
    if (!p && !is_json(path)) p = place_named(NULL);
    GF_TRY(gf_files_read(files, p ? p->file : json_file, path, MAX_FILE, err));
    if (!p || !p->with) return GRAFT_OK;
    char *folder = slash ? gf_strndup(path, (size_t)(slash - path)) : gf_strdup(".");
    graft_status status =
        folder ? keep_file(files, folder, p->with, NULL, err) : gf_fail_memory(err, strlen(path), "a path");
    gf_free(folder);
    return status;
}

graft_status gf_tokenizer_keep(gf_files *files, const char *path, graft_error *err)
{
    return gf_is_dir(path) ? keep_folder(files, path, err) : keep_alone(files, path, err);
}

/* What messages call the tokenizer: the path of its vocabulary. */
static char *path_of_main(const gf_files *files, const char *path)
{
    const gf_kept_file *main = find_place(files).main;
    return gf_is_dir(path) && main ? gf_path_join(path, main->name) : gf_strdup(path);
}

graft_status gf_tokenizer_open(gf_tokenizer *out, const char *path, const gf_tokenizer_argument *argument, size_t n,
                               graft_error *err)
{
    gf_files files = {0};
    *out = (gf_tokenizer){0};
    graft_status status = gf_tokenizer_keep(&files, path, err);
    char *name = status == GRAFT_OK ? path_of_main(&files, path) : NULL;
    if (status == GRAFT_OK && !name) status = gf_fail_memory(err, strlen(path), "a path");
    if (status == GRAFT_OK) status = gf_tokenizer_open_kept(out, &files, name, argument, n, err);
    gf_free(name);
    gf_files_free(&files);
    return status;
}

/* ---- for a network */

static graft_status leave_out_unknown(const gf_tokenizer *t, uint32_t unknown, gf_pieces *pieces, graft_error *err)
{
    const uint32_t size = t->class->size(t->self);
    size_t kept = 0;
    for (size_t i = 0; i < pieces->n; i++) {
        if (pieces->item[i].id < size) pieces->item[kept++] = pieces->item[i];
    }
    pieces->n = kept;
    return kept ? GRAFT_OK : gf_pieces_add(pieces, (gf_piece){unknown, 0, 0}, err);
}

graft_status gf_tokenizer_put(const gf_tokenizer *t, const char *text, size_t n, gf_pieces *room, int32_t *dst,
                              size_t places, bool *cut, graft_error *err)
{
    const gf_special_pieces special = t->class->special(t->self);
    size_t at = 0, end = special.end != GF_NO_PIECE, begin = special.begin != GF_NO_PIECE;
    room->n = 0;
    GF_TRY(t->class->encode(t->self, text, n, room, err));
    if (t->class->of_words) GF_TRY(leave_out_unknown(t, special.unknown, room, err));
    size_t most = places > begin + end ? places - begin - end : 0, take = room->n < most ? room->n : most;
    if (begin) dst[at++] = (int32_t)special.begin;
    for (size_t i = 0; i < take; i++) dst[at++] = (int32_t)room->item[i].id;
    if (end) dst[at++] = (int32_t)special.end;
    for (; at < places; at++) dst[at] = -1;
    if (cut) *cut = take < room->n;
    return GRAFT_OK;
}

const char *gf_tokenizer_words_file(const char *segment)
{
    for (size_t i = 0; gf_tokenizer_at(i); i++) {
        const gf_tokenizer_class *class = gf_tokenizer_at(i);
        for (size_t k = 0; class->of_words && k < class->n_places; k++) {
            if (!strcmp(class->place[k].value, segment)) return class->place[k].file;
        }
    }
    return "";
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
