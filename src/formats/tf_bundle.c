#include "formats/tf_bundle.h"

#include "base/alloc.h"
#include "base/sys.h"
#include "formats/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SHARDS = 1000, MAX_TENSORS = 1000000, DT_STRING = 7 };

/* tensorflow/core/framework/types.proto */
static const struct type {
    uint32_t number;
    gf_dtype dtype;
    uint32_t size; /* 0: lengths and bytes */
} type_row[] = {
    {1, GF_F32, 4},
    {2, GF_F64, 8},
    {3, GF_S32, 4},
    {4, GF_U8, 1},
    {5, GF_DTYPES, 2},
    {6, GF_DTYPES, 1},
    {DT_STRING, GF_DTYPES, 0},
    {8, GF_DTYPES, 8},
    {9, GF_S64, 8},
    {10, GF_DTYPES, 1},
    {14, GF_BF16, 2},
    {17, GF_DTYPES, 2},
    {18, GF_DTYPES, 16},
    {19, GF_F16, 2},
    {22, GF_DTYPES, 4},
    {23, GF_DTYPES, 8},
};

static const struct type *type_of(uint64_t number)
{
    for (size_t i = 0; i < sizeof type_row / sizeof *type_row; i++) {
        if (type_row[i].number == number) return &type_row[i];
    }
    return NULL;
}

void gf_tf_bundle_close(gf_tf_bundle *b)
{
    for (size_t i = 0; i < b->n; i++) {
        gf_free(b->item[i].key);
        gf_free(b->item[i].name);
    }
    gf_free(b->item);
    gf_free(b->path);
    *b = (gf_tf_bundle){0};
}

/* ---- the index */

typedef struct parsing {
    gf_tf_bundle *b;
    bool header;
} parsing;

static graft_status damaged(const gf_tf_bundle *b, const char *key, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_TF_INDEX, NULL, "%s: %s: %s", GF_ESC(b->path), *key ? GF_ESC(key) : "the header", what);
}

static graft_status unsupported(const gf_tf_bundle *b, const char *key, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_TF_UNSUPPORTED, NULL, "%s: %s: %s", GF_ESC(b->path), *key ? GF_ESC(key) : "the header",
                   what);
}

static graft_status read_header(parsing *p, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_wire w = gf_wire_of(bytes, n);
    uint64_t shards = 0, endian = 0, least = 0;
    while (gf_wire_next(&w)) {
        if (gf_wire_is(&w, 1, GF_WIRE_NUMBER)) shards = w.number;
        if (gf_wire_is(&w, 2, GF_WIRE_NUMBER)) endian = w.number;
        if (!gf_wire_is(&w, 3, GF_WIRE_BYTES)) continue;
        gf_wire v = gf_wire_of(w.bytes, w.n);
        while (gf_wire_next(&v)) {
            if (gf_wire_is(&v, 2, GF_WIRE_NUMBER)) least = v.number;
        }
        w.bad |= v.bad;
    }
    if (w.bad) return damaged(p->b, "", "it does not parse", err);
    if (endian) return unsupported(p->b, "", "the file is big-endian", err);
    if (least > 1) return unsupported(p->b, "", "the file is of a later version of the format", err);
    if (!shards || shards > MAX_SHARDS) return damaged(p->b, "", "there must be 1 to 1000 files of data", err);
    p->b->shards = (uint32_t)shards;
    return GRAFT_OK;
}

/* False: damaged, or more dimensions than graft has, which *deep tells. */
static bool read_shape(const uint8_t *bytes, size_t n, gf_shape *s, bool *deep)
{
    gf_wire w = gf_wire_of(bytes, n);
    *s = (gf_shape){0};
    while (gf_wire_next(&w)) {
        if (gf_wire_is(&w, 3, GF_WIRE_NUMBER) && w.number) return false; /* of unknown rank */
        if (!gf_wire_is(&w, 2, GF_WIRE_BYTES)) continue;
        gf_wire d = gf_wire_of(w.bytes, w.n);
        uint64_t size = 0;
        while (gf_wire_next(&d)) {
            if (gf_wire_is(&d, 1, GF_WIRE_NUMBER)) size = d.number;
        }
        if (d.bad || size > INT64_MAX) return false;
        *deep = s->rank == GF_MAX_RANK;
        if (*deep) return false;
        s->dim[s->rank++] = (int64_t)size;
    }
    return !w.bad;
}

static graft_status read_entry(parsing *p, gf_tf_tensor *t, const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_wire w = gf_wire_of(bytes, n);
    uint64_t number[8] = {0};
    bool whole = true, deep = false;
    while (gf_wire_next(&w)) {
        if (w.kind == GF_WIRE_NUMBER && w.field < 6) number[w.field] = w.number;
        if (gf_wire_is(&w, 6, GF_WIRE_FOUR)) t->crc = (uint32_t)w.number;
        if (gf_wire_is(&w, 2, GF_WIRE_BYTES)) whole &= read_shape(w.bytes, w.n, &t->shape, &deep);
        if (gf_wire_is(&w, 7, GF_WIRE_BYTES)) return unsupported(p->b, t->key, "the variable is partitioned", err);
    }
    if (deep) return unsupported(p->b, t->key, "the tensor has more than 6 dimensions", err);
    if (w.bad || !whole) return damaged(p->b, t->key, "the entry does not parse", err);
    const struct type *type = type_of(number[1]);
    if (!type) return unsupported(p->b, t->key, "the tensor is of a type that is not read", err);
    size_t count, size;
    if (!gf_shape_count(&t->shape, &count) || number[3] >= p->b->shards || number[4] > INT64_MAX ||
        number[5] > INT64_MAX) {
        return damaged(p->b, t->key, "the shape, the file of data or the place in it makes no sense", err);
    }
    if (type->size && (!gf_mul_size(count, type->size, &size) || size != number[5])) {
        return damaged(p->b, t->key, "the shape does not match the number of bytes", err);
    }
    if (!type->size && number[5] < count) return damaged(p->b, t->key, "too few bytes for so many texts", err);
    t->type = type->number;
    t->dtype = type->dtype;
    t->shard = (uint32_t)number[3];
    t->offset = number[4];
    t->bytes = number[5];
    return GRAFT_OK;
}

static graft_status take(void *ctx, const uint8_t *key, size_t n_key, const uint8_t *value, size_t n_value,
                         graft_error *err)
{
    parsing *p = ctx;
    gf_tf_bundle *b = p->b;
    if (!p->header) {
        if (n_key) return damaged(b, "", "it is not there", err);
        p->header = true;
        return read_header(p, value, n_value, err);
    }
    if (b->n == MAX_TENSORS || !gf_grow(&b->item, b->n, &b->cap))
        return gf_fail_memory(err, b->n * sizeof *b->item, "a list of tensors");
    gf_tf_tensor *t = &b->item[b->n++];
    *t = (gf_tf_tensor){.key = gf_strndup((const char *)key, n_key), .name = gf_strndup((const char *)key, n_key)};
    if (!t->key || !t->name) return gf_fail_memory(err, n_key, "a name");
    if (strlen(t->key) != n_key) return damaged(b, t->key, "the key holds a NUL", err);
    return read_entry(p, t, value, n_value, err);
}

static int by_place(const void *a, const void *b)
{
    const gf_tf_tensor *x = *(const gf_tf_tensor *const *)a, *y = *(const gf_tf_tensor *const *)b;
    if (x->shard != y->shard) return x->shard < y->shard ? -1 : 1;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static graft_status check_overlaps(const gf_tf_bundle *b, graft_error *err)
{
    const gf_tf_tensor **by = gf_new_n(b->n, const gf_tf_tensor *);
    if (!by) return gf_fail_memory(err, b->n * sizeof *by, "a list of tensors");
    for (size_t i = 0; i < b->n; i++) by[i] = &b->item[i];
    qsort(by, b->n, sizeof *by, by_place);
    graft_status status = GRAFT_OK;
    for (size_t i = 1; i < b->n && status == GRAFT_OK; i++) {
        bool overlap =
            by[i - 1]->shard == by[i]->shard && by[i]->offset - by[i - 1]->offset < by[i - 1]->bytes && by[i]->bytes;
        if (overlap) status = damaged(b, by[i]->key, "the tensor lies in another one", err);
    }
    gf_free(by);
    return status;
}

graft_status gf_tf_bundle_parse(gf_tf_bundle *out, const uint8_t *index, size_t n, const char *path, graft_error *err)
{
    parsing p = {.b = out};
    *out = (gf_tf_bundle){.path = gf_strdup(path)};
    if (!out->path) return gf_fail_memory(err, strlen(path), "a path");
    GF_TRY(gf_tf_table_each(index, n, path, take, &p, err));
    return check_overlaps(out, err);
}

/* ---- data */

/* The path of a file of data; NULL: no memory. */
static char *shard_path(const gf_tf_bundle *b, uint32_t shard)
{
    static const char ending[] = ".index";
    size_t n = strlen(b->path), length = sizeof ending - 1;
    if (n > length && !strcmp(b->path + n - length, ending)) n -= length;
    char *prefix = gf_strndup(b->path, n);
    char *path = prefix ? gf_sprintf("%s.data-%05u-of-%05u", prefix, shard, b->shards) : NULL;
    gf_free(prefix);
    return path;
}

static graft_status read_range(int fd, const char *path, uint8_t *to, size_t n, uint64_t at, graft_error *err)
{
    for (size_t got = 0; got < n;) {
        ssize_t now = gf_sys_pread(fd, to + got, n - got, (off_t)(at + got));
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", path);
        if (!now) return gf_fail(err, GF_E_TF_SHARD, NULL, "%s: the file ended while it was read", GF_ESC(path));
        got += (size_t)now;
    }
    return GRAFT_OK;
}

static graft_status read_open(int fd, const char *path, const gf_tf_tensor *t, uint8_t **out, graft_error *err)
{
    struct stat st;
    if (gf_sys_fstat(fd, &st)) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", path);
    uint64_t size = (uint64_t)st.st_size;
    if (!S_ISREG(st.st_mode) || t->offset > size || t->bytes > size - t->offset) {
        return gf_fail(err, GF_E_TF_SHARD, "is the download complete?",
                       "%s: %s should have the bytes %llu to %llu, the file has %llu", GF_ESC(path), GF_ESC(t->key),
                       (unsigned long long)t->offset, (unsigned long long)(t->offset + t->bytes),
                       (unsigned long long)size);
    }
    *out = gf_alloc_raw(t->bytes + 1, 1);
    if (!*out) return gf_fail_memory(err, t->bytes, "a tensor");
    return read_range(fd, path, *out, t->bytes, t->offset, err);
}

/* Of texts: n lengths, a checksum of them, the bytes; the entry's checksum is over all that, the lengths as 32 (64)
 * bits each. */
static graft_status check_texts(const char *path, const gf_tf_tensor *t, const uint8_t *bytes, graft_error *err)
{
    const uint8_t *at = bytes, *end = bytes + t->bytes;
    size_t n = gf_count(&t->shape);
    uint64_t total = 0;
    gf_text all = {0};
    for (size_t i = 0; i < n; i++) {
        uint64_t length;
        if (!gf_varint(&at, end, &length) || length > t->bytes || (total += length) > t->bytes) goto damaged;
        uint32_t low = (uint32_t)length;
        gf_text_add_n(&all, length > UINT32_MAX ? (void *)&length : (void *)&low, length > UINT32_MAX ? 8 : 4);
    }
    if ((uint64_t)(end - at) != total + 4) goto damaged;
    uint32_t said;
    memcpy(&said, at, sizeof said);
    bool match = !all.failed && gf_tf_masked_crc(all.s, all.n) == said;
    gf_text_add_n(&all, at, (size_t)(end - at));
    match = match && gf_tf_masked_crc(all.s, all.n) == t->crc;
    bool failed = all.failed;
    gf_text_free(&all);
    if (failed) return gf_fail_memory(err, t->bytes, "a tensor of texts");
    return match ? GRAFT_OK
                 : gf_fail(err, GF_E_TF_CHECKSUM, NULL, "%s: %s does not match its checksum", GF_ESC(path),
                           GF_ESC(t->key));
damaged:
    gf_text_free(&all);
    return gf_fail(err, GF_E_TF_CHECKSUM, NULL, "%s: %s: the lengths of its texts make no sense", GF_ESC(path),
                   GF_ESC(t->key));
}

static graft_status check_bytes(const char *path, const gf_tf_tensor *t, const uint8_t *bytes, graft_error *err)
{
    if (t->type == DT_STRING) return check_texts(path, t, bytes, err);
    if (gf_tf_masked_crc(bytes, t->bytes) == t->crc) return GRAFT_OK;
    return gf_fail(err, GF_E_TF_CHECKSUM, "load it anew", "%s: %s does not match its checksum", GF_ESC(path),
                   GF_ESC(t->key));
}

graft_status gf_tf_bundle_read(const gf_tf_bundle *b, const gf_tf_tensor *t, uint8_t **out, graft_error *err)
{
    *out = NULL;
    char *path = shard_path(b, t->shard);
    if (!path) return gf_fail_memory(err, strlen(b->path), "a path");
    graft_status status;
    int fd = gf_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        status = errno == ENOENT ? gf_fail(err, GF_E_TF_SHARD, "it belongs beside the .index file",
                                           "%s: there is no such file", GF_ESC(path))
                                 : gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be opened", path);
    } else {
        status = read_open(fd, path, t, out, err);
        gf_sys_close(fd);
    }
    if (status == GRAFT_OK) status = check_bytes(path, t, *out, err);
    if (status != GRAFT_OK) {
        gf_free(*out);
        *out = NULL;
    }
    gf_free(path);
    return status;
}
