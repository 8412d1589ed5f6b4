#include "formats/keras_h5_write.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

enum { MAX_KEY = 256, LIBRARY_MEMORY = 256 << 20, GROUP_BYTES = 8 << 10, VAR_BYTES = 1 << 10, MB = 1 << 20 };

/* ---- names ---- */

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_word(char c) { return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '_'; }

/* Keras puts "_" before a capital that begins a word (a small letter follows) or ends one (a small letter precedes). */
void gf_keras_snake_case(const char *class_name, char *buf, size_t size)
{
    size_t n = 0;
    char before = 0;
    for (const char *c = class_name; *c && n + 2 < size; c++) {
        if (!is_word(*c)) continue;
        if (before && is_upper(*c) && (is_lower(c[1]) || is_lower(before))) buf[n++] = '_';
        buf[n++] = is_upper(*c) ? (char)(*c - 'A' + 'a') : *c;
        before = *c;
    }
    buf[n] = 0;
}

static void key_of(const gf_keras_layer *inner, size_t i, char buf[MAX_KEY])
{
    size_t same = 0;
    for (size_t k = 0; k < i; k++) same += !inner[k].attr && !strcmp(inner[k].class_name, inner[i].class_name);
    gf_keras_snake_case(inner[i].class_name, buf, MAX_KEY - 24);
    if (same) snprintf(buf + strlen(buf), 24, "_%zu", same);
}

/* ---- objects; every function: false where the library failed ---- */

/* No times are kept, so that equal models are equal bytes. */
typedef struct writer {
    hid_t group, set, text; /* how groups and data sets are made; the type of a name */
} writer;

static bool close_group(hid_t group, bool good) { return H5Gclose(group) >= 0 && good; }

static hid_t make_group(const writer *w, hid_t parent, const char *name)
{
    return H5Gcreate2(parent, name, H5P_DEFAULT, w->group, H5P_DEFAULT);
}

static bool write_name(const writer *w, hid_t vars, const char *name)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = space < 0 ? -1 : H5Acreate2(vars, "name", w->text, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, w->text, &name) >= 0;
    if (attribute >= 0) good &= H5Aclose(attribute) >= 0;
    if (space >= 0) H5Sclose(space);
    return good;
}

static bool write_var(const writer *w, hid_t vars, size_t i, const gf_keras_var *var)
{
    char name[24];
    hsize_t dim[GF_MAX_RANK] = {0};
    const bool whole = var->dtype == GF_S64;
    snprintf(name, sizeof name, "%zu", i);
    for (int d = 0; d < var->shape.rank; d++) dim[d] = (hsize_t)var->shape.dim[d];
    hid_t space = var->shape.rank ? H5Screate_simple(var->shape.rank, dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t type = whole ? H5T_STD_I64LE : H5T_IEEE_F32LE;
    hid_t set = space < 0 ? -1 : H5Dcreate2(vars, name, type, space, H5P_DEFAULT, w->set, H5P_DEFAULT);
    bool good = set >= 0 && H5Dwrite(set, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                     var->data) >= 0;
    if (set >= 0) good &= H5Dclose(set) >= 0;
    if (space >= 0) H5Sclose(space);
    return good;
}

static bool write_vars(const writer *w, hid_t group, const gf_keras_layer *l)
{
    hid_t vars = make_group(w, group, "vars");
    bool good = vars >= 0 && write_name(w, vars, l->name);
    for (size_t i = 0; i < l->n_vars && good; i++) good = write_var(w, vars, i, &l->var[i]);
    return vars >= 0 && close_group(vars, good);
}

static bool write_inner(const writer *w, hid_t group, const gf_keras_layer *l);

static bool write_layer(const writer *w, hid_t parent, const char *key, const gf_keras_layer *l)
{
    hid_t group = make_group(w, parent, key);
    if (group < 0) return false;
    return close_group(group, write_vars(w, group, l) && write_inner(w, group, l));
}

/* Those in `layers` first, then those in attributes. */
static bool write_inner(const writer *w, hid_t group, const gf_keras_layer *l)
{
    char key[MAX_KEY];
    bool good = true;
    hid_t layers = -1;
    for (size_t i = 0; i < l->n_inner && good; i++) {
        if (l->inner[i].attr) continue;
        if (layers < 0) layers = make_group(w, group, "layers");
        key_of(l->inner, i, key);
        good = layers >= 0 && write_layer(w, layers, key, &l->inner[i]);
    }
    if (layers >= 0) good = close_group(layers, good);
    for (size_t i = 0; i < l->n_inner && good; i++) {
        if (l->inner[i].attr) good = write_layer(w, group, l->inner[i].attr, &l->inner[i]);
    }
    return good;
}

/* ---- the file: only memory, taken in one piece ---- */

static size_t estimate(const gf_keras_layer *l)
{
    size_t bytes = 2 * GROUP_BYTES + strlen(l->name);
    for (size_t i = 0; i < l->n_vars; i++) {
        bytes += VAR_BYTES + gf_count(&l->var[i].shape) * gf_dtype_size(l->var[i].dtype);
    }
    for (size_t i = 0; i < l->n_inner; i++) bytes += estimate(&l->inner[i]);
    return bytes;
}

static hid_t make_file(size_t bytes)
{
    H5dont_atexit();
    if (H5open() < 0) return -1;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE), file = -1;
    if (access >= 0 && creation >= 0 && H5Pset_fapl_core(access, bytes, 0) >= 0 &&
        H5Pset_obj_track_times(creation, 0) >= 0) {
        file = H5Fcreate("image", H5F_ACC_TRUNC, creation, access);
    }
    if (access >= 0) H5Pclose(access);
    if (creation >= 0) H5Pclose(creation);
    return file;
}

static bool put_file(hid_t file, gf_sink *sink)
{
    void **memory = NULL; /* the core driver's handle is the place of its buffer */
    ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    if (size < 0 || H5Fget_vfd_handle(file, H5P_DEFAULT, (void **)&memory) < 0 || !memory || !*memory) return false;
    gf_sink_put(sink, *memory, (size_t)size);
    return true;
}

static bool prepare(writer *w)
{
    *w = (writer){H5Pcreate(H5P_GROUP_CREATE), H5Pcreate(H5P_DATASET_CREATE), H5Tcopy(H5T_C_S1)};
    return w->group >= 0 && w->set >= 0 && w->text >= 0 && H5Pset_obj_track_times(w->group, 0) >= 0 &&
           H5Pset_obj_track_times(w->set, 0) >= 0 && H5Pset_fill_time(w->set, H5D_FILL_TIME_NEVER) >= 0 &&
           H5Tset_size(w->text, H5T_VARIABLE) >= 0 && H5Tset_cset(w->text, H5T_CSET_UTF8) >= 0;
}

void gf_keras_h5_put(const gf_keras_layer *model, gf_sink *sink)
{
    writer w = {-1, -1, -1};
    size_t bytes = estimate(model);
    hid_t file = make_file(bytes);
    bool good = file >= 0 && prepare(&w) && write_vars(&w, file, model) && write_inner(&w, file, model);
    if (w.group >= 0) H5Pclose(w.group);
    if (w.set >= 0) H5Pclose(w.set);
    if (w.text >= 0) H5Tclose(w.text);
    if (!good || !put_file(file, sink)) {
        graft_error err = {0};
        gf_fail_memory(&err, bytes, "an HDF5 file"); /* nothing else can be wrong: no disk is touched */
        gf_reply_error(sink, &err);
    }
    if (file >= 0) H5Fclose(file);
}

/* ---- the parent ---- */

static void run(void *ctx, gf_sink *sink) { gf_keras_h5_put(ctx, sink); }

graft_status gf_keras_h5_bytes(const gf_keras_layer *model, uint8_t **bytes, size_t *n, graft_error *err)
{
    size_t size = estimate(model);
    double work = (double)size / (50.0 * MB);
    const gf_cage_limits limits = {.memory = LIBRARY_MEMORY + 3 * size,
                                   .max_reply = 2 * size,
                                   .expect = size,
                                   .cpu = 5 + work,
                                   .seconds = 60 + 4 * work};
    graft_error why = {0};
    graft_status status = gf_cage_run(run, (void *)(uintptr_t)model, &limits, model->name, bytes, n, NULL, &why);
    if (status == GRAFT_OK && **bytes != 'E') return GRAFT_OK; /* HDF5 begins with \x89 */
    if (status == GRAFT_OK) {
        const char *text;
        status = gf_reply_parse_text(*bytes, *n, model->name, &text, n, &why);
        gf_free(*bytes);
        *bytes = NULL;
    }
    if (status == GRAFT_RESOURCE) return gf_fail(err, (gf_errno)why.number, why.hint, "%s", why.message);
    return gf_fail(err, GF_E_NO_MEMORY, "is memory short?", "the HDF5 file could not be made: %s", why.message);
}

graft_status gf_keras_h5_write(const char *path, const gf_keras_layer *model, graft_error *err)
{
    uint8_t *bytes;
    size_t n;
    GF_TRY(gf_keras_h5_bytes(model, &bytes, &n, err));
    graft_status status = gf_file_write(path, &(gf_bytes){bytes, n}, 1, err);
    gf_free(bytes);
    return status;
}
