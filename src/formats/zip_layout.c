/* The directory of a zip archive (PKWARE's APPNOTE 6.3.10, 4.3.6 on). There is one way only to read it here:
 *
 *   header, name, extra, data [, descriptor]   once for each entry, the first at byte 0
 *   directory                                  one record for each entry
 *   [zip64 end, zip64 locator]
 *   end                                        the last 22 bytes: no comment, nothing behind
 */
#include "formats/zip_layout.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LOCAL = 0x04034b50,
    RECORD = 0x02014b50,
    END = 0x06054b50,
    END64 = 0x06064b50,
    LOCATOR64 = 0x07064b50,
    LOCAL_BYTES = 30,
    RECORD_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1,
    FLAG_DESCRIPTOR = 8,
    FLAGS_KNOWN = 0x80e, /* deflate's effort (2, 4), descriptor, names in UTF-8 */
    STORED = 0,
    DEFLATED = 8,
    FROM_UNIX = 3,
    MOST_DEFLATE_GIVES = 1032, /* bytes for one */
    DEFAULT_ENTRIES = 100000,
    MAX_NAME = 1024
};
#define DEFAULT_BYTES ((size_t)64 << 30)
#define SMALL_MAX 0xffffffffu /* stands for "see the zip64 field" */

static uint32_t u16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return (uint64_t)u32(p) | (uint64_t)u32(p + 4) << 32; }

typedef struct walk {
    gf_zip *archive;
    graft_error *err;
    size_t max_entries, left; /* bytes that may still be unpacked */
    uint64_t first, end;      /* the directory's place */
    uint64_t count;
} walk;

/* One directory record, checked against nothing yet. */
typedef struct record {
    const uint8_t *at, *name, *extra;
    uint32_t flags, method, crc, name_bytes, extra_bytes, mode;
    uint64_t size, packed, offset;
} record;

#define REFUSE(w, number, what)                                                                        \
    gf_fail((w)->err, GF_E_ZIP_##number, "fetch the file again from where it was published", "%s: %s", \
            GF_ESC((w)->archive->name), what)
#define REFUSE_ENTRY(w, number, entry_name, what)                                                      \
    gf_fail((w)->err, GF_E_ZIP_##number, "do not trust where the file came from", "%s: entry `%s` %s", \
            GF_ESC((w)->archive->name), GF_ESC(entry_name), what)

/* ---- the end ---- */

static graft_status read_end64(walk *w, const uint8_t *end)
{
    size_t at = (size_t)(end - w->archive->bytes);
    if (at < LOCATOR64_BYTES + END64_BYTES || u32(end - LOCATOR64_BYTES) != LOCATOR64) return GRAFT_OK;
    const uint8_t *locator = end - LOCATOR64_BYTES, *end64 = locator - END64_BYTES;
    if (u32(end64) != END64 || u64(end64 + 4) != END64_BYTES - 12 || u64(locator + 8) != at - 76 ||
        u32(locator + 4) != 0 || u32(locator + 16) > 1 || u64(end64 + 24) != u64(end64 + 32)) {
        return REFUSE(w, DAMAGED, "the zip64 end of its directory makes no sense");
    }
    w->count = u64(end64 + 24);
    w->first = u64(end64 + 48);
    w->end = (uint64_t)(end64 - w->archive->bytes);
    if (u64(end64 + 40) != w->end - w->first) return REFUSE(w, DAMAGED, "its directory is not where its end says");
    return GRAFT_OK;
}

static graft_status read_end(walk *w)
{
    static const char cut[] = "the zip archive does not end with its directory: cut short, or bytes behind it";
    size_t n = w->archive->size;
    if (n < END_BYTES) return REFUSE(w, DAMAGED, cut);
    const uint8_t *end = w->archive->bytes + n - END_BYTES;
    if (u32(end) != END || u16(end + 20) != 0) return REFUSE(w, DAMAGED, cut);
    if (u16(end + 4) || u16(end + 6) || u16(end + 8) != u16(end + 10)) {
        return REFUSE(w, DAMAGED, "the archive is one part of several");
    }
    w->count = u16(end + 10);
    w->first = u32(end + 16);
    w->end = n - END_BYTES;
    GF_TRY(read_end64(w, end));
    bool fits = w->first <= w->end && w->count <= (w->end - w->first) / RECORD_BYTES;
    bool same = (u16(end + 10) == 0xffff || u16(end + 10) == w->count) &&
                (u32(end + 16) == SMALL_MAX || u32(end + 16) == w->first) &&
                (u32(end + 12) == SMALL_MAX || u32(end + 12) == w->end - w->first);
    if (!fits || !same) return REFUSE(w, DAMAGED, "its directory is not where its end says");
    if (w->count <= w->max_entries) return GRAFT_OK;
    return gf_fail(w->err, GF_E_ZIP_LIMIT, NULL, "%s: %llu entries, at most %zu are read", GF_ESC(w->archive->name),
                   (unsigned long long)w->count, w->max_entries);
}

/* ---- names ---- */

static const char *fault_of_name(const char *name, size_t n)
{
    if (!n) return "has no name";
    if (n > MAX_NAME) return "has a name longer than 1024 bytes";
    if (strlen(name) != n) return "has a NUL in its name";
    if (*name == '/' || (n > 1 && name[1] == ':')) return "has an absolute path";
    if (strchr(name, '\\')) return "has a backslash in its name";
    for (const char *part = name; *part;) {
        size_t length = strcspn(part, "/");
        bool dots = length <= 2 && !strncmp(part, "..", length);
        if (dots) return "has `..`, `.` or nothing between two slashes of its name";
        part += length + (part[length] == '/');
    }
    return NULL;
}

/* ---- one record ---- */

/* Sizes that did not fit into 32 bits stand in an extra field, in this order and only those. */
static bool read_zip64(record *r)
{
    const uint8_t *at = r->extra, *end = at + r->extra_bytes;
    uint64_t *wide[] = {&r->size, &r->packed, &r->offset};
    bool seen = false, needed = false;
    for (int i = 0; i < 3; i++) needed |= *wide[i] == SMALL_MAX;
    while (end - at >= 4) {
        uint32_t id = u16(at), length = u16(at + 2);
        at += 4;
        if ((size_t)(end - at) < length || (id == EXTRA_ZIP64 && seen)) return false;
        const uint8_t *field = at;
        at += length;
        if (id != EXTRA_ZIP64) continue;
        seen = true;
        for (int i = 0; i < 3; i++) {
            if (*wide[i] != SMALL_MAX) continue;
            if ((size_t)(at - field) < 8) return false;
            *wide[i] = u64(field);
            field += 8;
        }
    }
    return at == end && (seen || !needed);
}

/* The record at *at, which moves behind it; false: it does not fit into the directory. */
static bool read_record(const walk *w, const uint8_t **at, record *r)
{
    const uint8_t *p = *at, *end = w->archive->bytes + w->end;
    if (end - p < RECORD_BYTES || u32(p) != RECORD) return false;
    *r = (record){.at = p, .flags = u16(p + 8), .method = u16(p + 10), .crc = u32(p + 16), .packed = u32(p + 20)};
    r->size = u32(p + 24);
    r->name_bytes = u16(p + 28);
    r->extra_bytes = u16(p + 30);
    r->offset = u32(p + 42);
    r->mode = u16(p + 4) >> 8 == FROM_UNIX ? u32(p + 38) >> 16 & S_IFMT : 0;
    size_t tail = (size_t)r->name_bytes + r->extra_bytes + u16(p + 32);
    if ((size_t)(end - p) - RECORD_BYTES < tail || u16(p + 34)) return false;
    r->name = p + RECORD_BYTES;
    r->extra = r->name + r->name_bytes;
    *at = r->name + tail;
    return read_zip64(r);
}

/* The header before the entry's data must tell the same; *data is where they begin. */
static bool local_agrees(const walk *w, const record *r, uint64_t *data)
{
    if (r->offset > w->first || w->first - r->offset < LOCAL_BYTES) return false;
    const uint8_t *p = w->archive->bytes + r->offset;
    uint64_t head = LOCAL_BYTES + (uint64_t)u16(p + 26) + u16(p + 28);
    if (u32(p) != LOCAL || head > w->first - r->offset) return false;
    *data = r->offset + head;
    if (r->packed > w->first - *data) return false;
    if (u16(p + 6) != r->flags || u16(p + 8) != r->method || u16(p + 26) != r->name_bytes) return false;
    if (memcmp(p + LOCAL_BYTES, r->name, r->name_bytes)) return false;
    bool later = r->flags & FLAG_DESCRIPTOR; /* crc and sizes may stand behind the data, with zeros here */
    uint32_t crc = u32(p + 14);
    if (crc != r->crc && !(later && !crc)) return false;
    record local = {.packed = u32(p + 18), .size = u32(p + 22), .extra = p + LOCAL_BYTES + r->name_bytes};
    local.extra_bytes = u16(p + 28);
    if (later && (local.packed == SMALL_MAX || local.packed == 0) && (local.size == SMALL_MAX || local.size == 0)) {
        return true;
    }
    return read_zip64(&local) && local.size == r->size && local.packed == r->packed;
}

static const char *fault_of_kind(const record *r)
{
    if (r->flags & FLAG_ENCRYPTED) return "is encrypted";
    if (r->flags & ~(uint32_t)FLAGS_KNOWN) return "is packed in a way that is not read";
    if (r->method != STORED && r->method != DEFLATED) return "is packed by another method than deflate";
    if (r->mode && r->mode != S_IFREG && r->mode != S_IFDIR) return "is a link or a device, not a file";
    return NULL;
}

static graft_status add_entry(walk *w, const record *r, char *name, uint32_t index)
{
    const char *fault = fault_of_name(name, r->name_bytes);
    if (!fault) fault = fault_of_kind(r);
    if (fault) return REFUSE_ENTRY(w, ENTRY, name, fault);
    uint64_t data;
    if (!local_agrees(w, r, &data)) {
        return REFUSE_ENTRY(w, DAMAGED, name, "is not what the directory says, or not within the file");
    }
    bool stored = r->method == STORED, folder = name[r->name_bytes - 1] == '/';
    if ((stored && r->size != r->packed) || (folder && r->size)) {
        return REFUSE_ENTRY(w, DAMAGED, name, "has two sizes");
    }
    if (!stored && r->size / MOST_DEFLATE_GIVES > r->packed) {
        return REFUSE_ENTRY(w, LIMIT, name, "claims to unpack to more than its bytes can hold");
    }
    if (r->size > w->left) return REFUSE_ENTRY(w, LIMIT, name, "and those before it unpack to more than the limit");
    w->left -= (size_t)r->size;
    gf_zip_entry *e = &w->archive->entry[w->archive->n++];
    *e = (gf_zip_entry){name, (size_t)r->size, (size_t)r->packed, (size_t)data, r->crc, stored, index};
    return GRAFT_OK;
}

static graft_status read_records(walk *w)
{
    const uint8_t *at = w->archive->bytes + w->first;
    w->archive->entry = gf_new_n((size_t)w->count, gf_zip_entry);
    if (!w->archive->entry)
        return gf_fail_memory(w->err, (size_t)w->count * sizeof *w->archive->entry, w->archive->name);
    for (uint32_t i = 0; i < w->count; i++) {
        record r;
        if (!read_record(w, &at, &r)) return REFUSE(w, DAMAGED, "its directory is damaged");
        char *name = gf_alloc((size_t)r.name_bytes + 1, 1);
        if (!name) return gf_fail_memory(w->err, r.name_bytes, w->archive->name);
        memcpy(name, r.name, r.name_bytes);
        size_t before = w->archive->n;
        graft_status status = add_entry(w, &r, name, i);
        if (w->archive->n == before) gf_free(name);
        GF_TRY(status);
    }
    if (at != w->archive->bytes + w->end) return REFUSE(w, DAMAGED, "its directory is longer than its records");
    return GRAFT_OK;
}

/* ---- all of them ---- */

static int by_place(const void *a, const void *b)
{
    size_t x = ((const gf_zip_entry *)a)->offset, y = ((const gf_zip_entry *)b)->offset;
    return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gf_zip_entry *)a)->name, ((const gf_zip_entry *)b)->name);
}

/* Data begin behind a header of their own; those of two entries must not share a byte, headers included. */
static graft_status check_overlaps(walk *w)
{
    gf_zip *zip = w->archive;
    size_t end = 0;
    if (zip->n) qsort(zip->entry, zip->n, sizeof *zip->entry, by_place);
    for (size_t i = 0; i < zip->n; i++) {
        const gf_zip_entry *e = &zip->entry[i];
        size_t header = LOCAL_BYTES + strlen(e->name);
        if (e->offset < end || e->offset - end < header) {
            return REFUSE_ENTRY(w, ENTRY, e->name, "lies over another");
        }
        end = e->offset + e->packed;
    }
    return GRAFT_OK;
}

static graft_status sort_and_drop_folders(walk *w)
{
    gf_zip *zip = w->archive;
    if (zip->n) qsort(zip->entry, zip->n, sizeof *zip->entry, by_name);
    for (size_t i = 1; i < zip->n; i++) {
        if (!by_name(&zip->entry[i - 1], &zip->entry[i])) {
            return REFUSE_ENTRY(w, ENTRY, zip->entry[i].name, "is there twice");
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < zip->n; i++) {
        char *name = zip->entry[i].name;
        if (name[strlen(name) - 1] == '/') {
            gf_free(name);
        } else {
            zip->entry[kept++] = zip->entry[i];
        }
    }
    zip->n = kept;
    return GRAFT_OK;
}

graft_status gf_zip_layout(gf_zip *zip, const gf_zip_limits *limits, graft_error *err)
{
    walk w = {.archive = zip, .err = err};
    w.max_entries = limits && limits->max_entries ? limits->max_entries : DEFAULT_ENTRIES;
    w.left = limits && limits->max_bytes ? limits->max_bytes : DEFAULT_BYTES;
    GF_TRY(read_end(&w));
    GF_TRY(read_records(&w));
    GF_TRY(check_overlaps(&w));
    return sort_and_drop_folders(&w);
}
