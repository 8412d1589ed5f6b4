#include "formats/tf_checkpoint.h"

#include "base/alloc.h"
#include "formats/safetensors.h"
#include "formats/tf_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- where it is */

enum { CHECKPOINT_LIMIT = 1 << 20, INDEX_LIMIT = 1 << 30 };

static bool has_ending(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

/* PREFIX.index, if it is a file; else *file stays NULL. */
static graft_status index_of(const char *prefix, char **file, graft_error *err)
{
    char *path = gf_sprintf("%s.index", prefix);
    if (!path) return gf_fail_memory(err, strlen(prefix), "a path");
    if (gf_is_file(path)) {
        *file = path;
    } else {
        gf_free(path);
    }
    return GRAFT_OK;
}

/* `model_checkpoint_path: "model.ckpt-100"` in the file `checkpoint`: beside it, or absolute. */
static graft_status named_in(const char *path, char **file, graft_error *err)
{
    static const char field[] = "model_checkpoint_path: \"";
    uint8_t *text;
    size_t n;
    GF_TRY(gf_file_read(path, CHECKPOINT_LIMIT, &text, &n, err));
    const char *from = strstr((const char *)text, field);
    from = from && (from == (const char *)text || from[-1] == '\n') ? from + sizeof field - 1 : NULL;
    const char *to = from ? strchr(from, '"') : NULL, *slash = strrchr(path, '/');
    char *name = to ? gf_strndup(from, (size_t)(to - from)) : NULL;
    char *folder = slash ? gf_strndup(path, (size_t)(slash - path)) : gf_strdup(".");
    char *prefix = name && folder ? (*name == '/' ? gf_strdup(name) : gf_path_join(folder, name)) : NULL;
    graft_status status = GRAFT_OK;
    if (to && !prefix) status = gf_fail_memory(err, n, "a path");
    if (prefix) status = index_of(prefix, file, err);
    if (status == GRAFT_OK && !*file) {
        status = gf_fail(err, GF_E_TF_INDEX, NULL, "%s: it names no checkpoint that is there: %s", GF_ESC(path),
                         name ? GF_ESC(name) : "");
    }
    gf_free(prefix);
    gf_free(folder);
    gf_free(name);
    gf_free(text);
    return status;
}

/* The one .index in a folder. */
static graft_status only_index(const char *folder, char **file, graft_error *err)
{
    gf_names names = {0};
    const char *found = NULL;
    size_t n = 0;
    graft_status status = gf_dir_list(folder, &names, err);
    for (size_t i = 0; i < names.n; i++) {
        if (!has_ending(names.item[i], ".index")) continue;
        found = names.item[i];
        n++;
    }
    if (status == GRAFT_OK && n > 1) {
        status = gf_fail(err, GF_E_TF_INDEX, "name one of them", "%s: the folder holds %zu checkpoints, the last %s",
                         GF_ESC(folder), n, GF_ESC(found));
    } else if (status == GRAFT_OK && found) {
        *file = gf_path_join(folder, found);
        if (!*file) status = gf_fail_memory(err, strlen(folder), "a path");
    }
    gf_names_free(&names);
    return status;
}

static graft_status in_folder(const char *folder, char **file, graft_error *err)
{
    char *variables = gf_path_join(folder, "variables/variables"), *named = gf_path_join(folder, "checkpoint");
    graft_status status =
        variables && named ? index_of(variables, file, err) : gf_fail_memory(err, strlen(folder), "a path");
    if (status == GRAFT_OK && !*file && gf_is_file(named)) status = named_in(named, file, err);
    if (status == GRAFT_OK && !*file) status = only_index(folder, file, err);
    gf_free(variables);
    gf_free(named);
    return status;
}

graft_status gf_tf_locate(const char *path, char **file, graft_error *err)
{
    *file = NULL;
    if (gf_is_dir(path)) return in_folder(path, file, err);
    if (!gf_is_file(path)) return index_of(path, file, err);
    return !strcmp(path, "checkpoint") || has_ending(path, "/checkpoint") ? named_in(path, file, err) : GRAFT_OK;
}

/* The index itself: what the path stands for, or is (gf_free). */
static graft_status find(const char *path, char **file, graft_error *err)
{
    GF_TRY(gf_tf_locate(path, file, err));
    if (!*file) *file = gf_strdup(path);
    return *file ? GRAFT_OK : gf_fail_memory(err, strlen(path), "a path");
}

bool gf_tf_is(const char *path)
{
    char *file = NULL;
    if (gf_tf_locate(path, &file, NULL) != GRAFT_OK) return true; /* it is meant to be one */
    bool is = file || (gf_is_file(path) && has_ending(path, ".index"));
    gf_free(file);
    return is;
}

/* ---- to safetensors */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(gf_tf_tensor *const *)a)->name, (*(gf_tf_tensor *const *)b)->name);
}

/* Where two variables have one name, they go by their keys. */
static graft_status name_apart(gf_tf_bundle *b, graft_error *err)
{
    gf_tf_tensor **by = gf_new_n(b->n, gf_tf_tensor *);
    size_t n = 0;
    if (!by) return gf_fail_memory(err, b->n * sizeof *by, "a list of tensors");
    for (size_t i = 0; i < b->n; i++) {
        if (!b->item[i].slot) by[n++] = &b->item[i];
    }
    qsort(by, n, sizeof *by, by_name);
    graft_status status = GRAFT_OK;
    for (size_t i = 0, same; i < n && status == GRAFT_OK; i += same) {
        for (same = 1; i + same < n && !strcmp(by[i]->name, by[i + same]->name); same++) {
        }
        for (size_t k = i; same > 1 && k < i + same && status == GRAFT_OK; k++) {
            char *key = gf_strdup(by[k]->key);
            if (!key) status = gf_fail_memory(err, strlen(by[k]->key), "a name");
            if (key) gf_free(by[k]->name), by[k]->name = key;
        }
    }
    gf_free(by);
    return status;
}

static graft_status leave_out(const gf_tf_tensor *t, gf_names *left_out, graft_error *err)
{
    char *line = gf_sprintf("%s %s", t->name, GF_SHAPE_TEXT(&t->shape));
    graft_status status = line ? gf_names_add(left_out, line, err) : gf_fail_memory(err, strlen(t->name), "a name");
    gf_free(line);
    return status;
}

static graft_status write_all(const gf_tf_bundle *b, const char *out, gf_tensor *list, gf_names *left_out, size_t *kept,
                              graft_error *err)
{
    *kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        const gf_tf_tensor *t = &b->item[i];
        if (t->slot || t->dtype == GF_DTYPES) {
            GF_TRY(leave_out(t, left_out, err));
            continue;
        }
        uint8_t *bytes;
        GF_TRY(gf_tf_bundle_read(b, t, &bytes, err));
        list[(*kept)++] = (gf_tensor){t->name, t->dtype, t->shape, bytes};
    }
    static const gf_meta meta[] = {{"format", "tf"}};
    return gf_safetensors_write(out, list, *kept, meta, 1, err);
}

graft_status gf_tf_to_safetensors(const char *path, const char *out, gf_names *left_out, size_t *kept, graft_error *err)
{
    char *file = NULL;
    uint8_t *index = NULL;
    size_t n;
    gf_tf_bundle b = {0};
    gf_tensor *list = NULL;
    *kept = 0;
    graft_status status = find(path, &file, err);
    if (status == GRAFT_OK) status = gf_file_read(file, INDEX_LIMIT, &index, &n, err);
    if (status == GRAFT_OK) status = gf_tf_bundle_parse(&b, index, n, file, err);
    if (status == GRAFT_OK) status = gf_tf_bundle_name(&b, err);
    if (status == GRAFT_OK) status = name_apart(&b, err);
    if (status == GRAFT_OK) {
        list = gf_new_n(b.n, gf_tensor);
        status = list ? write_all(&b, out, list, left_out, kept, err)
                      : gf_fail_memory(err, b.n * sizeof *list, "a list of tensors");
    }
    for (size_t i = 0; list && i < *kept; i++) gf_free(list[i].data);
    gf_free(list);
    gf_tf_bundle_close(&b);
    gf_free(index);
    gf_free(file);
    return status;
}
