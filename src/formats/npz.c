#include "formats/npz.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"
#include "formats/npy.h"
#include "formats/torch_view.h"
#include "formats/wanted_names.h"
#include "formats/weight_format.h"
#include "formats/zip_write.h"

#include <string.h>

static const char suffix[] = ".npy";
enum { SUFFIX = sizeof suffix - 1, MAX_ARRAYS = 100000 };

/* ---- out ---- */

typedef struct writing {
    gf_zip_member *member;
    char (*header)[GF_NPY_HEADER];
    size_t n; /* members named so far */
} writing;

static graft_status add_member(writing *w, const gf_tensor *t, graft_error *err)
{
    size_t count;
    if (t->dtype != GF_F32 || !gf_shape_count(&t->shape, &count)) {
        return gf_fail(err, GF_E_USAGE, NULL, "`%s` cannot be written as .npz: it is not of 32-bit floats",
                       GF_ESC(t->name));
    }
    char *header = w->header[w->n];
    gf_npy_header(&t->shape, header);
    char *name = gf_sprintf("%s%s", t->name, suffix);
    if (!name) return gf_fail_memory(err, strlen(t->name), "an array's name");
    w->member[w->n++] = (gf_zip_member){name, {header, GF_NPY_HEADER}, {t->data, count * sizeof(float)}};
    return GRAFT_OK;
}

graft_status gf_npz_write(const char *path, const gf_tensor *tensor, size_t n, graft_error *err)
{
    writing w = {gf_new_n(n, gf_zip_member), gf_alloc(n, sizeof *w.header), 0};
    graft_status status = w.member && w.header ? GRAFT_OK : gf_fail_memory(err, n * GF_NPY_HEADER, "a list of arrays");
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) status = add_member(&w, &tensor[i], err);
    if (status == GRAFT_OK) status = gf_zip_write(path, w.member, n, err);
    for (size_t i = 0; i < w.n; i++) gf_free((char *)(uintptr_t)w.member[i].name);
    gf_free(w.member);
    gf_free(w.header);
    return status;
}

/* ---- in ---- */

static bool is_array(const char *name)
{
    size_t n = strlen(name);
    return n > SUFFIX && !strcmp(name + n - SUFFIX, suffix);
}

bool gf_npz_is(const gf_zip *zip)
{
    for (size_t i = 0; i < zip->n; i++) {
        if (!is_array(zip->entry[i].name)) return false;
    }
    return zip->n > 0;
}

typedef struct reading {
    const gf_caged_file *file;
    const gf_weight *want;
    size_t n;
    gf_zip zip;
    gf_found found;
    gf_sink *sink;
    graft_error *err;
} reading;

/* One array is in memory at a time. On success bytes->own is the caller's. */
static graft_status open_array(reading *r, size_t i, gf_zip_bytes *bytes, gf_npy_array *array)
{
    const gf_zip_entry *entry = &r->zip.entry[i];
    GF_TRY(gf_zip_read(&r->zip, entry, entry->stored ? SIZE_MAX : r->file->unpacks, bytes, r->err));
    graft_status status = gf_npy_parse(bytes->data, bytes->n, r->file->path, entry->name, array, r->err);
    if (status != GRAFT_OK) gf_free(bytes->own);
    return status;
}

static graft_status list_array(reading *r, size_t i)
{
    gf_zip_bytes bytes;
    gf_npy_array array;
    gf_found_tensor *t;
    const char *member = r->zip.entry[i].name;
    GF_TRY(open_array(r, i, &bytes, &array));
    gf_free(bytes.own);
    char *name = gf_strndup(member, strlen(member) - SUFFIX);
    if (!name) return gf_fail_memory(r->err, strlen(member), r->file->path);
    graft_status status = gf_found_add(&r->found, name, NULL, &t, r->err);
    if (status == GRAFT_OK) {
        t->shape = array.shape;
        t->dtype = array.dtype;
    }
    gf_free(name);
    return status;
}

/* Array i is of the shape that is wanted. */
static graft_status put_array(reading *r, size_t i)
{
    gf_zip_bytes bytes;
    gf_npy_array array;
    GF_TRY(open_array(r, i, &bytes, &array));
    const gf_found_tensor *t = &r->found.item[i];
    const gf_weight *want = &r->want[t->want];
    size_t count = gf_count(&array.shape);
    float *values = gf_alloc_raw(count, 2 * sizeof *values), *transposed = values ? values + count : NULL;
    if (values) {
        gf_view plain = gf_view_plain(&array.shape), view;
        gf_shape shape;
        gf_npy_values(bytes.data, &array, values);
        if (t->transposed) {
            gf_view_turn(&plain, want, &view, &shape);
            gf_view_f32((const uint8_t *)values, GF_F32, &view, transposed);
        }
        gf_reply_values(r->sink, (size_t)t->want, t->transposed ? transposed : values, count);
    }
    gf_free(bytes.own);
    gf_free(values);
    return values ? GRAFT_OK : gf_fail_memory(r->err, count * sizeof *values, r->file->path);
}

static graft_status reply(reading *r)
{
    const gf_zip_limits limits = {.max_entries = MAX_ARRAYS};
    GF_TRY(gf_zip_open(&r->zip, r->file->bytes, r->file->size, r->file->path, &limits, r->err));
    for (size_t i = 0; i < r->zip.n; i++) GF_TRY(list_array(r, i));
    GF_TRY(gf_wanted_match(&r->found, r->want, r->n, r->err));
    for (size_t i = 0; i < r->found.n; i++) {
        gf_found_tensor *t = &r->found.item[i];
        if (t->want >= 0) t->shape = gf_wanted_shape(t, &r->want[t->want]);
    }
    gf_reply_found(r->sink, &r->found);
    /* What is missing or misshaped the parent finds out from the list, by the same function. */
    if (gf_found_judge(r->file->path, &r->found, r->want, r->n, NULL, NULL) != GRAFT_OK) return GRAFT_OK;
    for (size_t i = 0; i < r->zip.n; i++) {
        if (r->found.item[i].want >= 0) GF_TRY(put_array(r, i));
    }
    return GRAFT_OK;
}

void gf_npz_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink)
{
    graft_error err = {0};
    reading r = {.file = file, .want = want, .n = n, .sink = sink, .err = &err};
    if (reply(&r) == GRAFT_OK) {
        gf_reply_end(sink);
    } else {
        gf_reply_error(sink, &err);
    }
    gf_zip_close(&r.zip);
    gf_found_free(&r.found);
}

static bool looks(const uint8_t *file, size_t n) { return gf_is_zip_of(file, n, gf_npz_is); }

const gf_weight_format gf_weight_format_npz = {
    .name = "NumPy zip", .files = ".npz", .looks = looks, .reply = gf_npz_reply};
