/* feature_shards.c - features as a folder of .npy files, which several processes fill, on one machine or on many that
 * share the folder:
 *
 *     shards.json       written first: rows, rows a shard, layer, what model and images they are of
 *     index.csv         row, path, size in bytes
 *     00000.npy ..      rows in order; written to 00000.npy.tmp, synced, renamed: whole or not there
 *     errors.csv        rows of NaN and why, where there are any
 *     manifest.json     written last, by whoever made the last shard: the files, their rows and SHA-256
 *
 * Whoever makes shard K holds a lock on the file K.lock. The system frees it when its holder ends, so a shard that a
 * process was killed in is anybody's at once; no clocks are compared, as a mark with a time of expiry would need. */
#include "api/features.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/sys.h"
#include "formats/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USUAL_ROWS = 8192, LARGEST_JSON = 1 << 20, LARGEST_ERRORS = 1 << 28 };

typedef struct shards {
    gf_features *f;
    const char *folder;
    size_t all, rows, n; /* rows in all, of a shard; shards */
    size_t part, parts;
    size_t made, seen; /* shards by this process; rows that are there, as far as it knows */
    float *chunk;      /* GF_FEATURE_CHUNK rows */
} shards;

bool gf_features_in_shards(const gf_settings *s)
{
    return gf_settings_given(s, GF_SET_FEATURES_SHARD) || gf_settings_given(s, GF_SET_FEATURES_PART);
}

static graft_status read_part(shards *s, const char *text, graft_error *err)
{
    s->parts = 1;
    if (!text) return GRAFT_OK;
    char *slash, *end;
    const char *digits = "0123456789";
    unsigned long long part = strtoull(text, &slash, 10), parts = *slash == '/' ? strtoull(slash + 1, &end, 10) : 0;
    bool plain = strspn(text, digits) == (size_t)(slash - text) && slash > text && *slash == '/' && slash[1] &&
                 strspn(slash + 1, digits) == strlen(slash + 1);
    if (!plain || !parts || part >= parts || parts > UINT32_MAX)
        return gf_fail(err, GF_E_OPTION_VALUE, "0/4, 1/4, 2/4 and 3/4 are the parts of four processes",
                       "part %s: wanted is I/N, with I from 0 to N - 1", GF_ESC(text));
    s->part = (size_t)part;
    s->parts = (size_t)parts;
    return GRAFT_OK;
}

/* ---- files */

static char *path_of(const shards *s, size_t shard, const char *ending)
{
    return gf_sprintf("%s/%05zu%s", s->folder, shard, ending);
}

static graft_status no_name(const shards *s, graft_error *err)
{
    return gf_fail_memory(err, strlen(s->folder) + 32, "a file name");
}

static graft_status is_there(const shards *s, size_t shard, bool *there, graft_error *err)
{
    char *path = path_of(s, shard, ".npy");
    *there = false;
    if (!path) return no_name(s, err);
    *there = gf_is_file(path);
    gf_free(path);
    return GRAFT_OK;
}

static size_t rows_of(const shards *s, size_t shard)
{
    size_t first = shard * s->rows;
    return s->all - first < s->rows ? s->all - first : s->rows;
}

/* Waits until nobody else is at the folder's own files. */
static graft_status lock_folder(const shards *s, int *fd, graft_error *err)
{
    char *path = gf_path_join(s->folder, "shards.lock");
    graft_status status = path ? GRAFT_OK : no_name(s, err);
    *fd = -1;
    while (status == GRAFT_OK) {
        GF_GOTO(gf_try_lock(path, fd, err));
        if (*fd >= 0) break;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        GF_GOTO(gf_api_stop_asked(s->f->m->context, err));
    }
out:
    gf_free(path);
    return status;
}

static graft_status write_in(const shards *s, const char *name, const char *text, graft_error *err)
{
    char *path = gf_path_join(s->folder, name);
    graft_status status = path && text ? gf_file_write_text(path, text, err) : no_name(s, err);
    gf_free(path);
    return status;
}

/* ---- what the folder is of */

static void add_text(gf_sha256_state *to, const char *text) { gf_sha256_add(to, text, strlen(text) + 1); }

static graft_status digest_of_model(const gf_features *f, char hex[65], graft_error *err)
{
    const graft_model *m = f->m;
    const gf_fit *fit = &m->facts.fit;
    const int64_t numbers[] = {
        f->list.options.width, f->list.options.height, f->list.options.antialias, fit->kind, fit->shortest, fit->gray,
        fit->filter,           m->facts.ignore_exif,   m->facts.fast_dct};
    gf_sha256_state *to = gf_sha256_begin();
    if (!to) return gf_fail_memory(err, 256, "a digest");
    for (size_t i = 0; i < m->model.n_layers; i++) add_text(to, m->model.layer[i].name);
    gf_sha256_add(to, m->model.value, m->model.n_values * sizeof *m->model.value);
    gf_sha256_add(to, numbers, sizeof numbers);
    add_text(to, m->config.precision);
    add_text(to, m->config.preprocess ? m->config.preprocess : "");
    gf_sha256 digest = gf_sha256_end(to);
    gf_sha256_hex(&digest, hex);
    return GRAFT_OK;
}

/* Paths as given, and sizes: what is known without reading them. */
static graft_status digest_of_images(const gf_index *x, char hex[65], graft_error *err)
{
    gf_sha256_state *to = gf_sha256_begin();
    if (!to) return gf_fail_memory(err, 256, "a digest");
    for (uint32_t i = 0; i < x->n; i++) {
        add_text(to, gf_index_path(x, i));
        gf_sha256_add(to, &x->sample[i].size, sizeof x->sample[i].size);
    }
    gf_sha256 digest = gf_sha256_end(to);
    gf_sha256_hex(&digest, hex);
    return GRAFT_OK;
}

/* The words of shards.json; NULL with an error. */
static gf_json *about(const shards *s, graft_error *err)
{
    char model[65], images[65];
    if (digest_of_model(s->f, model, err) || digest_of_images(s->f->list.index, images, err)) return NULL;
    gf_json *j = gf_json_object();
    gf_json_set(j, "format", gf_json_int(1));
    gf_json_set(j, "rows", gf_json_int((int64_t)s->all));
    gf_json_set(j, "shard", gf_json_int((int64_t)s->rows));
    gf_json_set(j, "layer", gf_json_string(s->f->layer->name));
    gf_json_set(j, "row", gf_json_string(GF_SHAPE_TEXT(&s->f->layer->shape)));
    gf_json_set(j, "model", gf_json_string(model));
    gf_json_set(j, "images", gf_json_string(images));
    return j;
}

static graft_status compare(const shards *s, const gf_json *own, const gf_json *there, graft_error *err)
{
    static const char *const fields[] = {"format", "rows", "shard", "layer", "row", "model", "images"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const gf_json *a = gf_json_get(own, fields[i]), *b = gf_json_get(there, fields[i]);
        if (gf_json_i64(a, -1) == gf_json_i64(b, -1) && !strcmp(gf_json_str(a, ""), gf_json_str(b, ""))) continue;
        return gf_fail(err, GF_E_OUT_EXISTS,
                       "name another folder; this one goes on with the command that it began with",
                       "%s: holds other features: its '%s' differs", GF_ESC(s->folder), fields[i]);
    }
    return GRAFT_OK;
}

static graft_status write_index(const shards *s, graft_error *err)
{
    const gf_index *x = s->f->list.index;
    gf_text t = {0};
    gf_text_add(&t, "row,path,size\n");
    for (uint32_t i = 0; i < x->n; i++) {
        gf_text_printf(&t, "%u,", i);
        gf_per_file_field(&t, "", gf_index_path(x, i));
        gf_text_printf(&t, ",%llu\n", (unsigned long long)x->sample[i].size);
    }
    graft_status status = t.failed ? gf_fail_memory(err, t.cap, "index.csv") : write_in(s, "index.csv", t.s, err);
    gf_text_free(&t);
    return status;
}

/* With the folder locked: says what it is of, or finds it said. */
static graft_status open_folder(const shards *s, graft_error *err)
{
    uint8_t *text = NULL;
    size_t n;
    gf_json *there = NULL, *own = about(s, err);
    char *path = own ? gf_path_join(s->folder, "shards.json") : NULL, *words = NULL;
    if (!own) return GRAFT_RESOURCE;
    graft_status status = path ? GRAFT_OK : no_name(s, err);
    if (status == GRAFT_OK && gf_is_file(path)) {
        GF_GOTO(gf_file_read(path, LARGEST_JSON, &text, &n, err));
        GF_GOTO(gf_json_parse(&there, (const char *)text, n, path, err));
        status = compare(s, own, there, err);
    } else if (status == GRAFT_OK) {
        GF_GOTO(write_index(s, err));
        words = gf_json_text(own, 2);
        status = write_in(s, "shards.json", words, err);
    }
out:
    gf_free(words);
    gf_free(text);
    gf_free(path);
    gf_json_free(own);
    gf_json_free(there);
    return status;
}

/* ---- a shard */

static void note_lost(const shards *s, gf_text *errors, size_t row)
{
    const gf_image_list *a = &s->f->list;
    gf_text_printf(errors, "%zu,", row);
    gf_per_file_field(errors, "", gf_index_path(a->index, (uint32_t)row));
    gf_text_add(errors, ",");
    gf_per_file_field(errors, "", gf_image_list_error(a, (uint32_t)row)->message);
    gf_text_add(errors, "\n");
}

static graft_status write_rows(shards *s, size_t shard, gf_npy *npy, gf_text *errors, graft_error *err)
{
    gf_image_list *a = &s->f->list;
    size_t first = shard * s->rows, end = first + rows_of(s, shard), width = gf_engine_outputs(s->f->engine);
    for (size_t at = first; at < end; at += GF_FEATURE_CHUNK) {
        size_t n = end - at < GF_FEATURE_CHUNK ? end - at : GF_FEATURE_CHUNK;
        GF_TRY(gf_features_rows(s->f, at, n, s->chunk, err));
        for (size_t i = 0; i < n; i++) {
            if (!a->lost[at + i]) continue;
            const graft_error *why = gf_image_list_error(a, (uint32_t)(at + i));
            if (why->status != GRAFT_DATA) { /* memory, not the image */
                if (err) *err = *why;
                return why->status;
            }
            for (size_t k = 0; k < width; k++) s->chunk[i * width + k] = NAN;
            note_lost(s, errors, at + i);
        }
        GF_TRY(gf_npy_add(npy, s->chunk, n, err));
        s->seen += n;
        gf_api_tell_evaluated(s->f->m->context, s->seen, s->all, NULL);
        GF_TRY(gf_api_stop_asked(s->f->m->context, err));
    }
    return errors->failed ? gf_fail_memory(err, errors->cap, "a list of errors") : GRAFT_OK;
}

/* Of a shard that is this process's alone. Errors are written first: a shard that is there has its errors, too. */
static graft_status make_shard(shards *s, size_t shard, graft_error *err)
{
    gf_text errors = {0};
    gf_npy *npy = NULL;
    char *path = path_of(s, shard, ".npy"), name[32];
    graft_status status = path ? GRAFT_OK : no_name(s, err);
    if (status == GRAFT_OK) status = gf_npy_create(&npy, path, &s->f->layer->shape, err);
    if (status == GRAFT_OK) status = write_rows(s, shard, npy, &errors, err);
    if (status == GRAFT_OK && errors.n) {
        snprintf(name, sizeof name, "%05zu.errors", shard);
        status = write_in(s, name, errors.s, err);
    }
    if (status == GRAFT_OK) {
        status = gf_npy_finish(npy, err);
        s->made++;
    } else {
        gf_npy_abort(npy);
    }
    gf_text_free(&errors);
    gf_free(path);
    return status;
}

/* Unless it is there or another process is at it. */
static graft_status try_shard(shards *s, size_t shard, graft_error *err)
{
    bool there;
    int fd;
    GF_TRY(is_there(s, shard, &there, err));
    if (there) return GRAFT_OK;
    char *lock = path_of(s, shard, ".lock");
    graft_status status = lock ? gf_try_lock(lock, &fd, err) : no_name(s, err);
    if (status == GRAFT_OK && fd >= 0) {
        status = is_there(s, shard, &there, err); /* it may have been made between the two looks */
        if (status == GRAFT_OK && !there) status = make_shard(s, shard, err);
        if (status == GRAFT_OK) gf_sys_unlink(lock);
        gf_unlock(fd);
    }
    gf_free(lock);
    return status;
}

/* Its own, then what is left. */
static graft_status make_all(shards *s, graft_error *err)
{
    for (size_t i = s->part; i < s->n; i += s->parts) GF_TRY(try_shard(s, i, err));
    for (size_t i = 0; i < s->n && s->parts > 1; i++) GF_TRY(try_shard(s, (s->part + i) % s->n, err));
    return GRAFT_OK;
}

/* ---- the end */

static graft_status count_there(const shards *s, size_t *there, graft_error *err)
{
    *there = 0;
    for (size_t i = 0; i < s->n; i++) {
        bool one;
        GF_TRY(is_there(s, i, &one, err));
        *there += one;
    }
    return GRAFT_OK;
}

/* The errors of a shard, taken over; how many. */
static graft_status take_errors(const shards *s, size_t shard, gf_text *all, int64_t *lost, graft_error *err)
{
    char *path = path_of(s, shard, ".errors");
    uint8_t *text = NULL;
    size_t n = 0;
    *lost = 0;
    graft_status status = path ? GRAFT_OK : no_name(s, err);
    if (status == GRAFT_OK && gf_is_file(path)) status = gf_file_read(path, LARGEST_ERRORS, &text, &n, err);
    for (size_t i = 0; i < n; i++) *lost += text[i] == '\n';
    if (text) gf_text_add_n(all, (const char *)text, n);
    gf_free(text);
    gf_free(path);
    return status;
}

static graft_status list_shard(const shards *s, size_t shard, gf_json *list, int64_t lost, graft_error *err)
{
    char *path = path_of(s, shard, ".npy"), hex[65];
    gf_sha256 digest;
    graft_status status = path ? gf_file_sha256(path, &digest, err) : no_name(s, err);
    gf_json *j = status == GRAFT_OK ? gf_json_object() : NULL;
    if (status == GRAFT_OK) {
        gf_sha256_hex(&digest, hex);
        gf_json_set(j, "file", gf_json_string(strrchr(path, '/') + 1));
        gf_json_set(j, "rows", gf_json_int((int64_t)rows_of(s, shard)));
        gf_json_set(j, "lost", gf_json_int(lost));
        gf_json_set(j, "sha256", gf_json_string(hex));
        gf_json_add(list, j);
    }
    gf_free(path);
    return status;
}

static void drop_parts(const shards *s)
{
    for (size_t i = 0; i < s->n; i++) {
        char *path = path_of(s, i, ".errors");
        if (path) gf_sys_unlink(path);
        gf_free(path);
    }
}

/* With the folder locked and all shards there. */
static graft_status finish(const shards *s, int64_t *lost, graft_error *err)
{
    gf_text errors = {0};
    gf_json *j = about(s, err), *list = gf_json_array();
    graft_status status = j ? GRAFT_OK : GRAFT_RESOURCE;
    char *text = NULL;
    *lost = 0;
    gf_text_add(&errors, "row,path,error\n");
    for (size_t i = 0; status == GRAFT_OK && i < s->n; i++) {
        int64_t of_it;
        status = take_errors(s, i, &errors, &of_it, err);
        if (status == GRAFT_OK) status = list_shard(s, i, list, of_it, err);
        *lost += of_it;
        if (status == GRAFT_OK) status = gf_api_stop_asked(s->f->m->context, err);
    }
    gf_json_set(j, "lost", gf_json_int(*lost));
    gf_json_set(j, "files", list);
    if (status == GRAFT_OK && errors.failed) status = gf_fail_memory(err, errors.cap, "errors.csv");
    if (status == GRAFT_OK && *lost) status = write_in(s, "errors.csv", errors.s, err);
    if (status == GRAFT_OK) text = gf_json_text(j, 2);
    if (status == GRAFT_OK) status = write_in(s, "manifest.json", text, err);
    if (status == GRAFT_OK) drop_parts(s);
    gf_text_free(&errors);
    gf_json_free(j);
    gf_free(text);
    return status;
}

/* How many rows were lost, where everything is there already. */
static graft_status read_manifest(const char *path, int64_t *lost, graft_error *err)
{
    uint8_t *text;
    size_t n;
    gf_json *j = NULL;
    GF_TRY(gf_file_read(path, LARGEST_ERRORS, &text, &n, err));
    graft_status status = gf_json_parse_large(&j, (const char *)text, n, path, err);
    *lost = gf_json_i64(gf_json_get(j, "lost"), 0);
    gf_json_free(j);
    gf_free(text);
    return status;
}

static graft_status close_folder(const shards *s, size_t *there, int64_t *lost, graft_error *err)
{
    int fd;
    GF_TRY(count_there(s, there, err));
    if (*there < s->n) return GRAFT_OK; /* whoever makes the last one does it */
    char *path = gf_path_join(s->folder, "manifest.json");
    graft_status status = path ? lock_folder(s, &fd, err) : no_name(s, err);
    if (status == GRAFT_OK) {
        status = gf_is_file(path) ? read_manifest(path, lost, err) : finish(s, lost, err);
        gf_unlock(fd);
    }
    gf_free(path);
    return status;
}

static graft_status tell(const shards *s, size_t there, graft_result **out, graft_error *err)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "folder", gf_json_string(s->folder));
    gf_json_set(j, "layer", gf_json_string(s->f->layer->name));
    gf_json_set(j, "rows", gf_json_int((int64_t)s->all));
    gf_json_set(j, "shards", gf_json_int((int64_t)s->n));
    gf_json_set(j, "made", gf_json_int((int64_t)s->made));
    gf_json_set(j, "there", gf_json_int((int64_t)there));
    return gf_result_create(out, j,
                            gf_sprintf("%s: %zu of %zu shards made, %zu are there; layer %s\n", s->folder, s->made,
                                       s->n, there, s->f->layer->name),
                            err);
}

static graft_status run(shards *s, graft_result **out, graft_error *err)
{
    size_t there, bytes = GF_FEATURE_CHUNK * gf_engine_outputs(s->f->engine) * sizeof *s->chunk;
    int64_t lost = 0;
    int fd;
    s->chunk = gf_alloc_raw(bytes, 1);
    if (!s->chunk) return gf_fail_memory(err, bytes, "features");
    GF_TRY(gf_make_dirs(s->folder, err));
    GF_TRY(lock_folder(s, &fd, err));
    graft_status status = open_folder(s, err);
    gf_unlock(fd);
    GF_TRY(status);
    GF_TRY(make_all(s, err));
    GF_TRY(gf_check_tell(s->f->list.index, s->f->list.checked, &s->f->m->context->log, err));
    GF_TRY(close_folder(s, &there, &lost, err));
    if (lost)
        return gf_fail(err, GF_E_DATA_BAD_IMAGES, "their rows are NaN; all others are there",
                       "%s: %lld of %zu rows could not be made; errors.csv there says why", GF_ESC(s->folder),
                       (long long)lost, s->all);
    return tell(s, there, out, err);
}

graft_status gf_features_shards(gf_features *f, const char *folder, graft_result **out, graft_error *err)
{
    const gf_settings *set = f->m->context->settings;
    shards s = {.f = f, .folder = folder, .all = f->list.index->n, .rows = USUAL_ROWS};
    if (gf_settings_given(set, GF_SET_FEATURES_SHARD)) s.rows = (size_t)gf_settings_whole(set, GF_SET_FEATURES_SHARD);
    s.n = (s.all + s.rows - 1) / s.rows;
    GF_TRY(read_part(&s, gf_settings_text(set, GF_SET_FEATURES_PART), err));
    graft_status status = run(&s, out, err);
    gf_free(s.chunk);
    return status;
}
