/* The child's side: walks the file, names what it finds, and reads what is wanted. No object is opened before
 * h5_check.h has judged its bytes, and then by its address: names lead nowhere.
 *
 * Only what Keras itself writes is let through: plain hard links, each object linked once, data sets stored in the file
 * without filters. What an HDF5 file may hold besides - external, soft and user-defined links, external and virtual
 * storage, filter plugins - is refused wherever it stands. A data set is read only where its shape is the wanted one.
 */
#include "base/alloc.h"
#include "formats/cage_reply.h"
#include "formats/h5_check.h"
#include "formats/h5_image.h"
#include "formats/keras_h5.h"
#include "formats/keras_h5_order.h"
#include "formats/keras_names.h"
#include "formats/weight_format.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 12, MAX_OBJECTS = 100000, MAX_PATH = 2048, MAX_NAME = 1024 };

typedef struct walk {
    hid_t file;
    gf_h5_check check;
    const char *path; /* the file's, for messages */
    graft_error *err;
    gf_found found;
    gf_addresses seen;
    graft_status status;
} walk;

/* A group being walked; `name` is the layer's own name, where an attribute says it. */
typedef struct group {
    walk *walk;
    const char *path, *name;
    int depth;
} group;

#define FAIL(w, number, hint, ...) gf_fail((w)->err, GF_E_##number, hint, __VA_ARGS__)

static graft_status damaged(walk *w, const char *where)
{
    char why[256];
    return FAIL(w, HDF5_DAMAGED, "fetch or copy the file again", "%s: %s cannot be read: %s", GF_ESC(w->path),
                *where ? GF_ESC(where) : "its beginning", gf_h5_why(why, sizeof why));
}

/* ---- data sets ---- */

static graft_status shape_of(walk *w, hid_t set, const char *path, gf_shape *shape)
{
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(set);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dim, NULL);
    bool simple = rank >= 0 && H5Sget_simple_extent_type(space) != H5S_NULL;
    if (space >= 0) H5Sclose(space);
    if (rank < 0) return damaged(w, path);
    if (!simple || rank > GF_MAX_RANK) {
        return FAIL(w, HDF5_LAYOUT, NULL, "%s: %s has %d dimensions, from 0 to %d are allowed", GF_ESC(w->path),
                    GF_ESC(path), simple ? rank : -1, GF_MAX_RANK);
    }
    shape->rank = rank;
    for (int i = 0; i < rank; i++) {
        if (dim[i] > INT64_MAX) return damaged(w, path);
        shape->dim[i] = (int64_t)dim[i];
    }
    return GRAFT_OK;
}

static graft_status add_data_set(const group *g, hid_t set, const char *path, uint64_t address)
{
    walk *w = g->walk;
    gf_found_tensor *t;
    gf_shape shape = {0};
    GF_TRY(shape_of(w, set, path, &shape));
    GF_TRY(gf_found_add(&w->found, path, g->name, &t, w->err));
    t->shape = shape;
    t->dtype = gf_h5_dtype(set);
    t->address = address;
    return GRAFT_OK;
}

/* ---- groups ---- */

static graft_status walk_group(const group *g, hid_t id);

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* An object that was judged and is open. */
static graft_status add_object(const group *g, hid_t id, const char *path, uint64_t address)
{
    walk *w = g->walk;
    gf_h5_kind kind = gf_h5_kind_of(id);
    if (kind == GF_H5_DAMAGED) return damaged(w, path);
    if (kind == GF_H5_OTHER) {
        return FAIL(w, HDF5_LAYOUT, NULL, "%s: %s is neither a group nor a data set", GF_ESC(w->path), GF_ESC(path));
    }
    if (kind == GF_H5_DATA_SET) return add_data_set(g, id, path, address);
    char name[MAX_NAME];
    group inner = {w, path, NULL, g->depth + 1};
    gf_h5_text named = ends_with(path, "vars") ? gf_h5_text_attribute(id, "name", name, sizeof name) : GF_H5_NO_TEXT;
    if (named == GF_H5_BAD_TEXT) return damaged(w, path);
    if (named == GF_H5_TEXT) inner.name = name;
    return walk_group(&inner, id);
}

static graft_status open_object(const group *g, const char *path, uint64_t address)
{
    walk *w = g->walk;
    if (w->seen.n >= MAX_OBJECTS) {
        return FAIL(w, HDF5_LIMIT, NULL, "%s: more than %d objects", GF_ESC(w->path), MAX_OBJECTS);
    }
    bool is_new;
    if (!gf_addresses_add(&w->seen, address, &is_new)) return gf_fail_memory(w->err, 0, "a list of objects");
    if (!is_new) {
        return FAIL(w, HDF5_LINK, NULL, "%s: %s is linked from a second place", GF_ESC(w->path), GF_ESC(path));
    }
    GF_TRY(gf_h5_check_object(&w->check, address, path));
    hid_t id = gf_h5_open_address(w->file, address);
    if (id < 0) return damaged(w, path);
    graft_status status = add_object(g, id, path, address);
    H5Oclose(id);
    return status;
}

static graft_status add_link(const group *g, const char *name, const gf_h5_link_info *info)
{
    walk *w = g->walk;
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "%s%s%s", g->path, *g->path ? "/" : "", name);
    if (n < 0 || (size_t)n >= sizeof path || g->depth >= MAX_DEPTH) {
        return FAIL(w, HDF5_LIMIT, NULL, "%s: groups are nested deeper than %d, or names longer than %d",
                    GF_ESC(w->path), MAX_DEPTH, MAX_PATH);
    }
    if (!*name || strchr(name, '/')) {
        return FAIL(w, HDF5_LINK, NULL, "%s: %s: a link's name is empty or a path", GF_ESC(w->path), GF_ESC(path));
    }
    if (info->type != H5L_TYPE_HARD) {
        const char *kind = info->type == H5L_TYPE_SOFT       ? "a soft link"
                           : info->type == H5L_TYPE_EXTERNAL ? "an external link"
                                                             : "a user-defined link";
        return FAIL(w, HDF5_LINK, "only plain (hard) links are followed: no weight file of Keras has another",
                    "%s: %s is %s", GF_ESC(w->path), GF_ESC(path), kind);
    }
    return open_object(g, path, info->u.address);
}

static herr_t on_link(hid_t parent, const char *name, const gf_h5_link_info *info, void *ctx)
{
    (void)parent;
    const group *g = ctx;
    g->walk->status = add_link(g, name, info);
    return g->walk->status == GRAFT_OK ? 0 : 1; /* 1 stops the iteration without an error of HDF5 */
}

static graft_status walk_group(const group *g, hid_t id)
{
    herr_t result = gf_h5_each_link(id, on_link, (void *)g);
    if (g->walk->status != GRAFT_OK) return g->walk->status;
    return result < 0 ? damaged(g->walk, *g->path ? g->path : "/") : GRAFT_OK;
}

/* Keras on Theano kept its kernels turned by 180 degrees. */
static graft_status check_backend(walk *w)
{
    char backend[64];
    static const char *const holder[] = {"/", "/model_weights"};
    for (size_t i = 0; i < 2; i++) {
        if (i && H5Lexists(w->file, "model_weights", H5P_DEFAULT) <= 0) continue;
        hid_t id = H5Oopen(w->file, holder[i], H5P_DEFAULT);
        if (id < 0) return damaged(w, holder[i]);
        gf_h5_text said = gf_h5_text_attribute(id, "backend", backend, sizeof backend);
        H5Oclose(id);
        if (said == GF_H5_BAD_TEXT) return damaged(w, holder[i]);
        if (said == GF_H5_TEXT && !strcmp(backend, "theano")) {
            return FAIL(w, HDF5_LAYOUT, "load and save it once with Keras on TensorFlow",
                        "%s: written by Keras on Theano, whose kernels are turned", GF_ESC(w->path));
        }
    }
    return GRAFT_OK;
}

/* Judges the superblock and /, opens the file and /. */
static graft_status open_root(walk *w, const uint8_t *bytes, size_t size, hid_t *root)
{
    w->check = (gf_h5_check){.bytes = bytes, .n = size, .path = w->path, .err = w->err};
    GF_TRY(gf_h5_check_file(&w->check));
    GF_TRY(gf_h5_check_object(&w->check, w->check.root, ""));
    w->file = gf_h5_open_image(bytes, size);
    if (w->file < 0) return damaged(w, "");
    *root = gf_h5_open_address(w->file, w->check.root);
    return *root < 0 || gf_h5_kind_of(*root) != GF_H5_GROUP ? damaged(w, "/") : GRAFT_OK;
}

static void close_all(walk *w, hid_t root)
{
    if (root >= 0) H5Oclose(root);
    if (w->file >= 0) H5Fclose(w->file);
    gf_h5_check_free(&w->check);
}

static graft_status list(walk *w, hid_t root)
{
    bool is_new;
    group g = {w, "", NULL, 0};
    if (!gf_addresses_add(&w->seen, w->check.root, &is_new)) return gf_fail_memory(w->err, 0, "a list of objects");
    GF_TRY(walk_group(&g, root));
    return check_backend(w);
}

/* ---- values ---- */

static graft_status read_values(walk *w, const gf_found_tensor *t, const gf_weight *want, float *buffer)
{
    gf_shape shape = {0};
    hid_t set = gf_h5_open_address(w->file, t->address);
    if (set < 0) return damaged(w, t->path);
    graft_status status = shape_of(w, set, t->path, &shape);
    if (status == GRAFT_OK && !gf_shape_equal(&shape, &want->shape)) status = damaged(w, t->path);
    if (status == GRAFT_OK && !gf_h5_all_stored(set, gf_count(&shape))) {
        status = FAIL(w, HDF5_DAMAGED, "fetch or copy the file again", "%s: %s %s has no or too few data in the file",
                      GF_ESC(w->path), GF_ESC(t->path), GF_SHAPE_TEXT(&shape));
    }
    if (status == GRAFT_OK && H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) < 0) {
        status = damaged(w, t->path);
    }
    H5Oclose(set);
    return status;
}

static graft_status send_values(walk *w, const gf_weight *want, size_t n, const int32_t *which, gf_sink *sink)
{
    size_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        size_t count = gf_count(&want[i].shape);
        if (count > largest) largest = count;
    }
    float *buffer = gf_alloc_raw(largest, sizeof *buffer);
    if (!buffer) return gf_fail_memory(w->err, largest * sizeof *buffer, w->path);
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) {
        status = read_values(w, &w->found.item[which[i]], &want[i], buffer);
        if (status == GRAFT_OK) gf_reply_values(sink, i, buffer, gf_count(&want[i].shape));
    }
    gf_free(buffer);
    return status;
}

/* By names where they are all there, by the places of a known configuration, else by the orders that Keras itself goes
 * by. Where none tells every wanted tensor, what is wrong is said of the names. */
static graft_status match(walk *w, const gf_weight *want, size_t n, int32_t *which, bool *complete)
{
    static const gf_keras_by way[] = {GF_KERAS_BY_OWN_NAME, GF_KERAS_BY_PATH,  GF_KERAS_BY_RANK, GF_KERAS_BY_NAME,
                                      GF_KERAS_BY_KEY,      GF_KERAS_BY_ORDER, GF_KERAS_BY_NAME};
    *complete = false;
    for (size_t i = 0; i < sizeof way / sizeof *way && !*complete; i++) {
        if (way[i] == GF_KERAS_BY_ORDER) GF_TRY(gf_keras_h5_order(w->file, &w->found, w->err));
        GF_TRY(gf_keras_match(&w->found, want, n, way[i], w->err));
        *complete = gf_found_judge(w->path, &w->found, want, n, which, NULL) == GRAFT_OK;
    }
    return GRAFT_OK;
}

static graft_status reply(walk *w, hid_t root, const gf_weight *want, size_t n, gf_sink *sink)
{
    bool complete;
    int32_t *which = gf_new_n(n, int32_t);
    if (!which) return gf_fail_memory(w->err, n * sizeof *which, w->path);
    graft_status status = list(w, root);
    if (status == GRAFT_OK) status = match(w, want, n, which, &complete);
    if (status == GRAFT_OK) {
        gf_reply_found(sink, &w->found);
        /* What is missing or misshaped the parent finds out from the list, by the same function. */
        if (complete) status = send_values(w, want, n, which, sink);
    }
    gf_free(which);
    return status;
}

void gf_keras_h5_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink)
{
    graft_error err = {0};
    walk w = {.file = -1, .path = file->path, .err = &err};
    hid_t root = -1;
    graft_status status = open_root(&w, file->bytes, file->size, &root);
    if (status == GRAFT_OK) status = reply(&w, root, want, n, sink);
    close_all(&w, root);
    if (status == GRAFT_OK) {
        gf_reply_end(sink);
    } else {
        gf_reply_error(sink, &err);
    }
    gf_found_free(&w.found);
    gf_addresses_free(&w.seen);
}

/* ---- the configuration of a whole saved model ---- */

static graft_status read_config(walk *w, hid_t root, char *text, size_t limit)
{
    gf_h5_text said = gf_h5_text_attribute(root, "model_config", text, limit + 1);
    if (said == GF_H5_TEXT) return GRAFT_OK;
    if (said == GF_H5_NO_TEXT) {
        return FAIL(w, KERAS_CONFIG, "a file of weights alone says nothing of the layers: name the model with --model",
                    "%s: holds no model_config", GF_ESC(w->path));
    }
    return FAIL(w, KERAS_CONFIG, NULL, "%s: its model_config is damaged, or longer than %zu bytes", GF_ESC(w->path),
                limit);
}

void gf_keras_h5_config_reply(const uint8_t *bytes, size_t size, const char *path, size_t limit, gf_sink *sink)
{
    graft_error err = {0};
    walk w = {.file = -1, .path = path, .err = &err};
    hid_t root = -1;
    char *text = gf_alloc_raw(limit + 1, 1); /* untouched pages cost nothing */
    graft_status status = text ? open_root(&w, bytes, size, &root) : gf_fail_memory(&err, limit, path);
    if (status == GRAFT_OK) status = read_config(&w, root, text, limit);
    close_all(&w, root);
    if (status == GRAFT_OK) {
        gf_reply_text(sink, text, strlen(text));
    } else {
        gf_reply_error(sink, &err);
    }
    gf_free(text);
}

static bool looks(const uint8_t *file, size_t n)
{
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    return n >= sizeof signature && !memcmp(file, signature, sizeof signature);
}

const gf_weight_format gf_weight_format_keras_h5 = {
    .name = "Keras HDF5", .files = ".h5, .weights.h5", .looks = looks, .reply = gf_keras_h5_reply};
