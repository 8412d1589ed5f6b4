/* The writer: an order, the offsets that follow from it, the digest, the header, then one whole file. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/safetensors_common.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_ALIGN = 64, LENGTH_BYTES = 8 };

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const gf_tensor *const *)a)->name, (*(const gf_tensor *const *)b)->name);
}

/* Large elements first: each tensor then begins at a multiple of its element's size, though the format allows no gap.
 */
static int by_size_then_name(const void *a, const void *b)
{
    size_t x = gf_dtype_size((*(const gf_tensor *const *)a)->dtype);
    size_t y = gf_dtype_size((*(const gf_tensor *const *)b)->dtype);
    return x != y ? (x > y ? -1 : 1) : by_name(a, b);
}

static graft_status bad_call(graft_error *err, const char *what, const char *name)
{
    return gf_fail(err, GF_E_USAGE, NULL, "a safetensors file cannot hold %s `%s`", what, GF_ESC(name));
}

/* `sorted` by name. */
static graft_status check_call(const gf_tensor *const *sorted, size_t n, const gf_meta *meta, size_t n_meta,
                               graft_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const gf_tensor *t = sorted[i];
        size_t count;
        if (!gf_shape_count(&t->shape, &count)) return bad_call(err, "the shape of", t->name);
        if (!strcmp(t->name, GF_SAFETENSORS_META)) return bad_call(err, "a tensor named", t->name);
        if (i && !strcmp(t->name, sorted[i - 1]->name)) return bad_call(err, "two tensors named", t->name);
    }
    for (size_t i = 0; i < n_meta; i++) { /* sorted by key, too */
        if (!strcmp(meta[i].key, GF_SAFETENSORS_DIGEST)) return bad_call(err, "metadata under the key", meta[i].key);
        if (i && !strcmp(meta[i].key, meta[i - 1].key)) return bad_call(err, "twice the key", meta[i].key);
    }
    return GRAFT_OK;
}

static size_t bytes_of(const gf_tensor *t) { return gf_count(&t->shape) * gf_dtype_size(t->dtype); }

static graft_status digest_of(const gf_tensor *const *sorted, size_t n, const gf_meta *meta, size_t n_meta,
                              char hex[65], graft_error *err)
{
    gf_sha256_state *state = gf_sha256_begin();
    if (!state) return gf_fail_memory(err, 0, "a digest");
    for (size_t i = 0; i < n_meta; i++) gf_safetensors_digest_meta(state, &meta[i]);
    for (size_t i = 0; i < n; i++) {
        const gf_tensor *t = sorted[i];
        gf_safetensors_digest_tensor(state, t->name, gf_safetensors_type_of(t->dtype)->name, &t->shape, t->data,
                                     bytes_of(t));
    }
    gf_sha256 digest = gf_sha256_end(state);
    gf_sha256_hex(&digest, hex);
    return GRAFT_OK;
}

static gf_json *describe(const gf_tensor *t, size_t offset)
{
    gf_json *entry = gf_json_object(), *shape = gf_json_array(), *offsets = gf_json_array();
    for (int i = 0; i < t->shape.rank; i++) gf_json_add(shape, gf_json_int(t->shape.dim[i]));
    gf_json_add(offsets, gf_json_int((int64_t)offset));
    gf_json_add(offsets, gf_json_int((int64_t)(offset + bytes_of(t))));
    gf_json_set(entry, "dtype", gf_json_string(gf_safetensors_type_of(t->dtype)->name));
    gf_json_set(entry, "shape", shape);
    gf_json_set(entry, "data_offsets", offsets);
    return entry;
}

/* The header's text, padded with spaces so that the data begin at a multiple of DATA_ALIGN; NULL: no memory. */
static char *header_text(const gf_tensor *const *order, size_t n, const gf_meta *meta, size_t n_meta, const char *hex,
                         size_t *length)
{
    gf_json *header = gf_json_object(), *extra = gf_json_object();
    for (size_t i = 0; i < n_meta; i++) gf_json_set(extra, meta[i].key, gf_json_string(meta[i].value));
    gf_json_set(extra, GF_SAFETENSORS_DIGEST, gf_json_string(hex));
    gf_json_set(header, GF_SAFETENSORS_META, extra);
    for (size_t i = 0, at = 0; i < n; at += bytes_of(order[i++])) {
        gf_json_set(header, order[i]->name, describe(order[i], at));
    }
    char *text = gf_json_text(header, 0);
    gf_json_free(header);
    if (!text) return NULL;
    size_t used = strlen(text);
    *length = (LENGTH_BYTES + used + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN - LENGTH_BYTES;
    char *padded = gf_realloc(text, *length + 1, 1);
    if (!padded) {
        gf_free(text);
        return NULL;
    }
    memset(padded + used, ' ', *length - used);
    padded[*length] = 0;
    return padded;
}

typedef struct writing {
    const gf_tensor **order;
    gf_meta *meta;
    gf_bytes *parts;
    char *header;
    uint64_t length; /* of the header */
} writing;

/* All that the file is made of: n + 2 parts. */
static graft_status list_parts(writing *w, size_t n, size_t n_meta, graft_error *err)
{
    char hex[65];
    size_t header_length = 0;
    if (n) qsort(w->order, n, sizeof *w->order, by_name);
    if (n_meta) qsort(w->meta, n_meta, sizeof *w->meta, gf_meta_by_key);
    GF_TRY(check_call(w->order, n, w->meta, n_meta, err));
    GF_TRY(digest_of(w->order, n, w->meta, n_meta, hex, err));
    if (n) qsort(w->order, n, sizeof *w->order, by_size_then_name);
    w->header = header_text(w->order, n, w->meta, n_meta, hex, &header_length);
    if (!w->header) return gf_fail_memory(err, 0, "the header of a safetensors file");
    w->length = header_length;
    w->parts[0] = (gf_bytes){&w->length, sizeof w->length};
    w->parts[1] = (gf_bytes){w->header, header_length};
    for (size_t i = 0; i < n; i++) w->parts[2 + i] = (gf_bytes){w->order[i]->data, bytes_of(w->order[i])};
    return GRAFT_OK;
}

static graft_status begin(writing *w, const gf_tensor *tensor, size_t n, const gf_meta *meta, size_t n_meta,
                          graft_error *err)
{
    *w = (writing){gf_new_n(n, const gf_tensor *), gf_new_n(n_meta, gf_meta), gf_new_n(n + 2, gf_bytes), NULL, 0};
    if (!w->order || !w->meta || !w->parts) return gf_fail_memory(err, n * sizeof *w->parts, "a list of tensors");
    for (size_t i = 0; i < n; i++) w->order[i] = &tensor[i];
    for (size_t i = 0; i < n_meta; i++) w->meta[i] = meta[i];
    return list_parts(w, n, n_meta, err);
}

static void end(writing *w)
{
    gf_free(w->order);
    gf_free(w->meta);
    gf_free(w->parts);
    gf_free(w->header);
}

graft_status gf_safetensors_write(const char *path, const gf_tensor *tensor, size_t n, const gf_meta *meta,
                                  size_t n_meta, graft_error *err)
{
    writing w;
    graft_status status = begin(&w, tensor, n, meta, n_meta, err);
    if (status == GRAFT_OK) status = gf_file_write(path, w.parts, 2 + n, err);
    end(&w);
    return status;
}

graft_status gf_safetensors_make(uint8_t **out, size_t *n_out, const gf_tensor *tensor, size_t n, const gf_meta *meta,
                                 size_t n_meta, graft_error *err)
{
    writing w;
    *out = NULL;
    *n_out = 0;
    graft_status status = begin(&w, tensor, n, meta, n_meta, err);
    for (size_t i = 0; status == GRAFT_OK && i < n + 2; i++) *n_out += w.parts[i].n;
    if (status == GRAFT_OK) *out = gf_alloc_raw(*n_out, 1);
    if (status == GRAFT_OK && !*out) status = gf_fail_memory(err, *n_out, "a model");
    for (size_t i = 0, at = 0; status == GRAFT_OK && i < n + 2; at += w.parts[i++].n) {
        if (w.parts[i].n) memcpy(*out + at, w.parts[i].data, w.parts[i].n);
    }
    end(&w);
    return status;
}
