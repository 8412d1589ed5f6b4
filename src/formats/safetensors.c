/* The reader: bounds first, then the JSON, then each tensor's description, then that they fill the data without a gap.
 */
#include "formats/safetensors.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/convert.h"
#include "formats/safetensors_common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_DEPTH = 3, COLONS_PER_TENSOR = 4 };

static const gf_safetensors_limits default_limits = {(size_t)64 << 30, (size_t)16 << 20, 100000};

static gf_safetensors_limits limits_or_default(const gf_safetensors_limits *given)
{
    gf_safetensors_limits l = given ? *given : default_limits;
    if (!l.max_file) l.max_file = default_limits.max_file;
    if (!l.max_header) l.max_header = default_limits.max_header;
    if (!l.max_tensors) l.max_tensors = default_limits.max_tensors;
    return l;
}

typedef struct parser {
    gf_safetensors *st;
    const gf_safetensors_limits *limits;
    const char *name; /* the file's */
    graft_error *err;
} parser;

#define FAIL(p, number, ...) gf_fail((p)->err, GF_E_##number, NULL, __VA_ARGS__)

/* One pass over the header's bytes before a JSON document is built of them: depth and number of entries are bounded,
 * so that memory is too. */
static graft_status check_bounds(const parser *p, const char *text, size_t n)
{
    size_t colons = 0, allowed = COLONS_PER_TENSOR * (p->limits->max_tensors + 1);
    int depth = 0;
    bool in_string = false;
    if (!n || text[0] != '{') {
        return FAIL(p, SAFETENSORS_HEADER, "%s: the header at byte 8 does not begin with `{`", GF_ESC(p->name));
    }
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') i++;
            if (c == '"') in_string = false;
            continue;
        }
        in_string = c == '"';
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        colons += c == ':';
        if (depth > HEADER_DEPTH) {
            return FAIL(p, SAFETENSORS_HEADER, "%s: byte %zu: the header is nested deeper than %d", GF_ESC(p->name),
                        i + LENGTH_BYTES, HEADER_DEPTH);
        }
        if (colons > allowed) {
            return FAIL(p, SAFETENSORS_HEADER, "%s: byte %zu: the header has more entries than %zu tensors need",
                        GF_ESC(p->name), i + LENGTH_BYTES, p->limits->max_tensors);
        }
    }
    return GRAFT_OK;
}

static graft_status read_shape(const parser *p, const gf_json *j, gf_safetensors_tensor *t)
{
    size_t rank = gf_json_size(j);
    if (!gf_json_is_array(j) || rank > GF_MAX_RANK) {
        return FAIL(p, SAFETENSORS_TENSOR, "%s: %s: `shape` is not a list of at most %d numbers", GF_ESC(p->name),
                    GF_ESC(t->name), GF_MAX_RANK);
    }
    t->shape.rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        t->shape.dim[i] = gf_json_i64(gf_json_at(j, i), -1);
        if (t->shape.dim[i] < 0) {
            return FAIL(p, SAFETENSORS_TENSOR, "%s: %s: dimension %zu of `shape` is not a whole number from 0 on",
                        GF_ESC(p->name), GF_ESC(t->name), i);
        }
    }
    return GRAFT_OK;
}

static graft_status read_offsets(const parser *p, const gf_json *j, gf_safetensors_tensor *t)
{
    int64_t begin = gf_json_i64(gf_json_at(j, 0), -1), end = gf_json_i64(gf_json_at(j, 1), -1);
    if (!gf_json_is_array(j) || gf_json_size(j) != 2 || begin < 0 || end < begin) {
        return FAIL(p, SAFETENSORS_TENSOR, "%s: %s: `data_offsets` is not [begin, end] with 0 <= begin <= end",
                    GF_ESC(p->name), GF_ESC(t->name));
    }
    if ((uint64_t)end > p->st->data_bytes) {
        return FAIL(p, SAFETENSORS_DATA, "%s: %s: its data end at byte %" PRId64 ", the file has %zu bytes of data",
                    GF_ESC(p->name), GF_ESC(t->name), end, p->st->data_bytes);
    }
    t->offset = (size_t)begin;
    t->bytes = (size_t)(end - begin);
    return GRAFT_OK;
}

static graft_status check_size(const parser *p, const gf_safetensors_tensor *t, size_t element)
{
    size_t count, bytes;
    if (!gf_shape_count(&t->shape, &count) || !gf_mul_size(count, element, &bytes)) {
        return FAIL(p, SAFETENSORS_TENSOR, "%s: %s: shape %s is larger than any memory", GF_ESC(p->name),
                    GF_ESC(t->name), GF_SHAPE_TEXT(&t->shape));
    }
    if (bytes != t->bytes) {
        return FAIL(p, SAFETENSORS_TENSOR, "%s: %s: %s of %s takes %zu bytes, its data_offsets span %zu",
                    GF_ESC(p->name), GF_ESC(t->name), GF_SHAPE_TEXT(&t->shape), t->dtype_name, bytes, t->bytes);
    }
    return GRAFT_OK;
}

static graft_status check_text(void *ctx, const char *key, const gf_json *value)
{
    const parser *p = ctx;
    if (gf_json_str(value, NULL)) return GRAFT_OK;
    return FAIL(p, SAFETENSORS_HEADER, "%s: the value of `%s` in `" GF_SAFETENSORS_META "` is not text",
                GF_ESC(p->name), GF_ESC(key));
}

static graft_status read_metadata(const parser *p, const gf_json *j)
{
    if (gf_json_is_object(j)) return gf_json_each(j, check_text, (void *)p);
    return FAIL(p, SAFETENSORS_HEADER, "%s: `" GF_SAFETENSORS_META "` is not an object", GF_ESC(p->name));
}

static graft_status read_entry(void *ctx, const char *key, const gf_json *value)
{
    const parser *p = ctx;
    if (!strcmp(key, GF_SAFETENSORS_META)) return read_metadata(p, value);
    gf_safetensors_tensor *t = &p->st->tensor[p->st->n];
    const char *type_name = gf_json_str(gf_json_get(value, "dtype"), NULL);
    t->name = key;
    if (!gf_json_is_object(value) || gf_json_size(value) != 3 || !type_name) {
        return FAIL(p, SAFETENSORS_TENSOR, "%s: %s: not an object of `dtype`, `shape` and `data_offsets`",
                    GF_ESC(p->name), GF_ESC(key));
    }
    const gf_safetensors_type *type = gf_safetensors_type_named(type_name);
    if (!type) {
        return FAIL(p, WEIGHTS_DTYPE, "%s: %s: element type `%s` is not known", GF_ESC(p->name), GF_ESC(key),
                    GF_ESC(type_name));
    }
    t->dtype = type->dtype;
    t->dtype_name = type->name;
    GF_TRY(read_shape(p, gf_json_get(value, "shape"), t));
    GF_TRY(read_offsets(p, gf_json_get(value, "data_offsets"), t));
    GF_TRY(check_size(p, t, type->size));
    p->st->n++;
    return GRAFT_OK;
}

static int by_offset(const void *a, const void *b)
{
    const gf_safetensors_tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gf_safetensors_tensor *)a)->name, ((const gf_safetensors_tensor *)b)->name);
}

/* Every byte of the data belongs to exactly one tensor: each begins where the one before it ends. */
static graft_status check_data(const parser *p)
{
    gf_safetensors *st = p->st;
    size_t at = 0;
    if (st->n) qsort(st->tensor, st->n, sizeof *st->tensor, by_offset);
    for (size_t i = 0; i < st->n; i++) {
        const gf_safetensors_tensor *t = &st->tensor[i];
        if (t->offset != at) {
            return FAIL(p, SAFETENSORS_DATA,
                        "%s: %s: its data begin at byte %zu of the data, the tensors before it "
                        "end at %zu: %s",
                        GF_ESC(p->name), GF_ESC(t->name), t->offset, at,
                        t->offset < at ? "they overlap" : "there is a hole");
        }
        at += t->bytes;
    }
    if (at != st->data_bytes) {
        return FAIL(p, SAFETENSORS_DATA, "%s: the tensors end at byte %zu of the data, the file has %zu bytes of it",
                    GF_ESC(p->name), at, st->data_bytes);
    }
    if (st->n) qsort(st->tensor, st->n, sizeof *st->tensor, by_name);
    return GRAFT_OK;
}

static graft_status add_meta(void *ctx, const char *key, const gf_json *value)
{
    gf_meta **next = ctx;
    if (strcmp(key, GF_SAFETENSORS_DIGEST)) *(*next)++ = (gf_meta){key, gf_json_str(value, "")};
    return GRAFT_OK;
}

static graft_status digest_of(const gf_safetensors *st, char hex[65], graft_error *err)
{
    const gf_json *json = gf_json_get(st->header, GF_SAFETENSORS_META);
    gf_meta *meta = gf_new_n(gf_json_size(json), gf_meta), *end = meta;
    gf_sha256_state *state = gf_sha256_begin();
    if (!meta || !state) {
        gf_free(meta);
        gf_free(state);
        return gf_fail_memory(err, gf_json_size(json) * sizeof *meta, "the metadata");
    }
    gf_json_each(json, add_meta, &end);
    qsort(meta, (size_t)(end - meta), sizeof *meta, gf_meta_by_key);
    for (const gf_meta *m = meta; m < end; m++) gf_safetensors_digest_meta(state, m);
    for (size_t i = 0; i < st->n; i++) {
        const gf_safetensors_tensor *t = &st->tensor[i];
        gf_safetensors_digest_tensor(state, t->name, t->dtype_name, &t->shape, st->data + t->offset, t->bytes);
    }
    gf_sha256 digest = gf_sha256_end(state);
    gf_sha256_hex(&digest, hex);
    gf_free(meta);
    return GRAFT_OK;
}

static graft_status check_digest(const parser *p)
{
    const gf_safetensors *st = p->st;
    const gf_json *json = gf_json_get(st->header, GF_SAFETENSORS_META);
    const char *wanted = gf_json_str(gf_json_get(json, GF_SAFETENSORS_DIGEST), NULL);
    if (!wanted) return GRAFT_OK;
    char found[65];
    GF_TRY(digest_of(st, found, p->err));
    if (!strcmp(wanted, found)) return GRAFT_OK;
    return gf_fail(p->err, GF_E_WEIGHTS_CHECKSUM,
                   "fetch or copy the file again; if another program changed it on purpose, have that program "
                   "drop the metadata entry " GF_SAFETENSORS_DIGEST,
                   "%s: the digest of what it holds is %.16s..., its metadata say %.16s...", GF_ESC(p->name), found,
                   GF_ESC(wanted));
}

/* What is a wrong option elsewhere (E3201) is a bad weight file here. */
static graft_status parse_json(const parser *p, const char *text, size_t n)
{
    graft_error why;
    graft_status status = gf_json_parse(&p->st->header, text, n, p->name, &why);
    if (status == GRAFT_OK) return GRAFT_OK;
    if (status == GRAFT_USAGE) return FAIL(p, SAFETENSORS_HEADER, "%s (in the header)", why.message);
    if (p->err) *p->err = why;
    return status;
}

static graft_status parse(const parser *p, const uint8_t *bytes, size_t n)
{
    gf_safetensors *st = p->st;
    uint64_t length = 0;
    if (n < LENGTH_BYTES + 2) {
        return FAIL(p, SAFETENSORS_HEADER, "%s: %zu bytes are too few for a safetensors file", GF_ESC(p->name), n);
    }
    memcpy(&length, bytes, LENGTH_BYTES);
    if (length < 2 || length > p->limits->max_header || length > n - LENGTH_BYTES) {
        return FAIL(p, SAFETENSORS_HEADER,
                    "%s: the header claims %" PRIu64 " bytes; the file has %zu after its first 8, and from 2 to %zu "
                    "are allowed",
                    GF_ESC(p->name), length, n - LENGTH_BYTES, p->limits->max_header);
    }
    st->data = bytes + LENGTH_BYTES + length;
    st->data_bytes = n - LENGTH_BYTES - (size_t)length;
    const char *text = (const char *)bytes + LENGTH_BYTES;
    GF_TRY(check_bounds(p, text, (size_t)length));
    GF_TRY(parse_json(p, text, (size_t)length));
    size_t members = gf_json_size(st->header);
    if (members > p->limits->max_tensors + 1) {
        return FAIL(p, SAFETENSORS_HEADER, "%s: %zu tensors, at most %zu are allowed", GF_ESC(p->name), members,
                    p->limits->max_tensors);
    }
    st->tensor = gf_new_n(members, gf_safetensors_tensor);
    if (!st->tensor) return gf_fail_memory(p->err, members * sizeof *st->tensor, "a list of tensors");
    GF_TRY(gf_json_each(st->header, read_entry, (void *)p));
    GF_TRY(check_data(p));
    return check_digest(p);
}

graft_status gf_safetensors_parse(gf_safetensors *out, const uint8_t *bytes, size_t n, const char *name,
                                  const gf_safetensors_limits *limits, graft_error *err)
{
    *out = (gf_safetensors){.path = gf_strdup(name)};
    gf_safetensors_limits l = limits_or_default(limits);
    parser p = {out, &l, name, err};
    graft_status status = out->path ? parse(&p, bytes, n) : gf_fail_memory(err, strlen(name), "a file name");
    if (status != GRAFT_OK) gf_safetensors_close(out);
    return status;
}

graft_status gf_safetensors_open(gf_safetensors *out, const char *path, const gf_safetensors_limits *limits,
                                 graft_error *err)
{
    uint8_t *file;
    size_t n;
    *out = (gf_safetensors){0};
    GF_TRY(gf_file_read(path, limits_or_default(limits).max_file, &file, &n, err));
    graft_status status = gf_safetensors_parse(out, file, n, path, limits, err);
    if (status == GRAFT_OK) {
        out->file = file;
    } else {
        gf_free(file);
    }
    return status;
}

void gf_safetensors_close(gf_safetensors *st)
{
    if (!st) return;
    gf_json_free(st->header);
    gf_free(st->tensor);
    gf_free(st->file);
    gf_free(st->path);
    *st = (gf_safetensors){0};
}

const gf_safetensors_tensor *gf_safetensors_find(const gf_safetensors *st, const char *name)
{
    gf_safetensors_tensor key = {.name = name};
    return st->n ? bsearch(&key, st->tensor, st->n, sizeof key, by_name) : NULL;
}

const char *gf_safetensors_meta(const gf_safetensors *st, const char *key)
{
    return gf_json_str(gf_json_get(gf_json_get(st->header, GF_SAFETENSORS_META), key), NULL);
}

const void *gf_safetensors_bytes(const gf_safetensors *st, const gf_safetensors_tensor *t)
{
    return st->data + t->offset;
}

static graft_status check_shape(const gf_safetensors *st, const gf_safetensors_tensor *t, const gf_shape *shape,
                                graft_error *err)
{
    if (!shape || gf_shape_equal(shape, &t->shape)) return GRAFT_OK;
    return gf_fail(err, GF_E_WEIGHTS_SHAPE, NULL, "%s: %s: shape %s, %s is wanted", GF_ESC(st->path), GF_ESC(t->name),
                   GF_SHAPE_TEXT(&t->shape), GF_SHAPE_TEXT(shape));
}

graft_status gf_safetensors_f32(const gf_safetensors *st, const gf_safetensors_tensor *t, const gf_shape *shape,
                                float *out, graft_error *err)
{
    GF_TRY(check_shape(st, t, shape, err));
    if (gf_convert_f32(st->data + t->offset, t->dtype, gf_count(&t->shape), out)) return GRAFT_OK;
    return gf_fail(err, GF_E_WEIGHTS_DTYPE, "F32, F16, BF16 and F64 can be read as floats",
                   "%s: %s: element type %s is not a float", GF_ESC(st->path), GF_ESC(t->name), t->dtype_name);
}
