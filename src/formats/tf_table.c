#include "formats/tf_table.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

enum { FOOTER = 48, HANDLES = 40, TRAILER = 5 };
static const uint8_t magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

bool gf_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        if (shift == 63 && byte > 1) return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

uint32_t gf_tf_masked_crc(const void *bytes, size_t n)
{
    uint32_t c = gf_crc32c(bytes, n);
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

static uint32_t u32_at(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool gf_tf_table_looks(const uint8_t *file, size_t n)
{
    return n >= FOOTER && !memcmp(file + n - sizeof magic, magic, sizeof magic);
}

/* ---- blocks */

typedef struct table {
    const uint8_t *file;
    size_t n; /* without the footer */
    const char *name;
    gf_text key; /* of the entry read last, in all of the table */
    bool any;
    size_t free_from; /* blocks lie one behind the other */
    gf_tf_table_take take;
    void *ctx;
} table;

typedef struct block {
    const uint8_t *at, *end; /* the entries */
    size_t offset;           /* of the block, for messages */
} block;

static graft_status damaged(const table *t, size_t offset, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_TF_INDEX, NULL, "%s: the block at byte %zu: %s", GF_ESC(t->name), offset, what);
}

static graft_status open_block(const table *t, const uint8_t **handle, const uint8_t *end, block *b, graft_error *err)
{
    uint64_t offset, size;
    if (!gf_varint(handle, end, &offset) || !gf_varint(handle, end, &size) || offset > t->n || size > t->n - offset ||
        t->n - offset - size < TRAILER || size < 4) {
        return gf_fail(err, GF_E_TF_INDEX, NULL, "%s: a block lies outside of the file", GF_ESC(t->name));
    }
    const uint8_t *at = t->file + offset;
    b->offset = offset;
    if (gf_tf_masked_crc(at, size + 1) != u32_at(at + size + 1)) {
        return gf_fail(err, GF_E_TF_CHECKSUM, NULL, "%s: the block at byte %zu does not match its checksum",
                       GF_ESC(t->name), b->offset);
    }
    if (at[size]) {
        return gf_fail(err, GF_E_TF_UNSUPPORTED, "TensorFlow itself writes plain ones",
                       "%s: the block at byte %zu is packed (kind %u)", GF_ESC(t->name), b->offset, at[size]);
    }
    uint32_t restarts = u32_at(at + size - 4);
    if (restarts > (size - 4) / 4) return damaged(t, b->offset, "its list of restarts does not fit", err);
    b->at = at;
    b->end = at + size - 4 - 4 * (size_t)restarts;
    for (uint32_t i = 0; i < restarts; i++) {
        uint32_t restart = u32_at(b->end + 4 * i), before = i ? u32_at(b->end + 4 * (i - 1)) : 0;
        if (restart > (size_t)(b->end - at) || (i ? restart <= before : restart != 0))
            return damaged(t, b->offset, "its restarts do not ascend", err);
    }
    return GRAFT_OK;
}

/* The next entry's key into `key`, its value borrowed. */
static graft_status next_entry(const table *t, block *b, gf_text *key, const uint8_t **value, size_t *n,
                               graft_error *err)
{
    uint64_t shared, tail, length;
    if (!gf_varint(&b->at, b->end, &shared) || !gf_varint(&b->at, b->end, &tail) ||
        !gf_varint(&b->at, b->end, &length) || shared > key->n || tail > (uint64_t)(b->end - b->at) ||
        length > (uint64_t)(b->end - b->at) - tail) {
        return damaged(t, b->offset, "an entry does not fit", err);
    }
    key->n = shared;
    gf_text_add_n(key, b->at, tail);
    if (key->failed) return gf_fail_memory(err, tail, "a key");
    *value = b->at + tail;
    *n = length;
    b->at += tail + length;
    return GRAFT_OK;
}

/* ---- the table */

/* Whether the key ascends from the one before, which was `n` bytes at `before`. */
static bool ascends(const gf_text *before, const gf_text *key)
{
    size_t n = before->n < key->n ? before->n : key->n;
    int order = n ? memcmp(before->s, key->s, n) : 0;
    return order < 0 || (!order && before->n < key->n);
}

static graft_status each_of_block(table *t, block *b, graft_error *err)
{
    gf_text key = {0};
    graft_status status = GRAFT_OK;
    while (b->at < b->end && status == GRAFT_OK) {
        const uint8_t *value;
        size_t n;
        status = next_entry(t, b, &key, &value, &n, err);
        if (status == GRAFT_OK && t->any && !ascends(&t->key, &key))
            status = damaged(t, b->offset, "its keys do not ascend", err);
        if (status != GRAFT_OK) break;
        t->any = true;
        t->key.n = 0;
        gf_text_add_n(&t->key, key.s, key.n);
        if (t->key.failed) status = gf_fail_memory(err, key.n, "a key");
        if (status == GRAFT_OK) status = t->take(t->ctx, (const uint8_t *)key.s, key.n, value, n, err);
    }
    gf_text_free(&key);
    return status;
}

static graft_status each_block(table *t, block *index, gf_text *key, graft_error *err)
{
    while (index->at < index->end) {
        const uint8_t *handle;
        size_t n;
        block b;
        GF_TRY(next_entry(t, index, key, &handle, &n, err));
        const uint8_t *end = handle + n;
        GF_TRY(open_block(t, &handle, end, &b, err));
        if (handle != end) return damaged(t, index->offset, "an entry has bytes behind it", err);
        if (b.offset < t->free_from) return damaged(t, b.offset, "it lies in another one", err);
        GF_TRY(each_of_block(t, &b, err));
        t->free_from = (size_t)(b.end - t->file);
        if (!ascends(&t->key, key) && (t->key.n != key->n || (key->n && memcmp(t->key.s, key->s, key->n)))) {
            return damaged(t, index->offset, "it lists a block under another key", err);
        }
    }
    return GRAFT_OK;
}

graft_status gf_tf_table_each(const uint8_t *file, size_t n, const char *name, gf_tf_table_take take, void *ctx,
                              graft_error *err)
{
    if (!gf_tf_table_looks(file, n)) {
        return gf_fail(err, GF_E_TF_INDEX, NULL, "%s: it does not end as the index of a TensorFlow checkpoint does",
                       GF_ESC(name));
    }
    table t = {.file = file, .n = n - FOOTER, .name = name, .take = take, .ctx = ctx};
    const uint8_t *handle = file + t.n, *end = handle + HANDLES;
    block meta, index;
    gf_text key = {0};
    graft_status status = open_block(&t, &handle, end, &meta, err);
    if (status == GRAFT_OK && meta.at != meta.end)
        status = damaged(&t, meta.offset, "the list of filters is not empty", err);
    if (status == GRAFT_OK) status = open_block(&t, &handle, end, &index, err);
    for (; status == GRAFT_OK && handle < end; handle++) {
        if (*handle)
            status = gf_fail(err, GF_E_TF_INDEX, NULL, "%s: the footer holds more than two blocks", GF_ESC(name));
    }
    if (status == GRAFT_OK) status = each_block(&t, &index, &key, err);
    if (status == GRAFT_OK && !t.any)
        status = gf_fail(err, GF_E_TF_INDEX, NULL, "%s: the index is empty", GF_ESC(name));
    gf_text_free(&key);
    gf_text_free(&t.key);
    return status;
}
