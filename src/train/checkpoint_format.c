#include "train/checkpoint_format.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"

#include <string.h>

static const uint8_t zeros[GF_CHECKPOINT_ALIGN];

static size_t padding(size_t size) { return (GF_CHECKPOINT_ALIGN - size % GF_CHECKPOINT_ALIGN) % GF_CHECKPOINT_ALIGN; }

/* ---- making one */

static graft_status check_sections(const gf_section *section, size_t n, graft_error *err)
{
    if (n == 0 || n > GF_CHECKPOINT_MAX_SECTIONS) {
        return gf_fail(err, GF_E_USAGE, NULL, "a checkpoint of %zu sections: 1 to %d are allowed", n,
                       GF_CHECKPOINT_MAX_SECTIONS);
    }
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(section[i].name);
        bool twice = false;
        for (size_t k = 0; k < i; k++) twice = twice || !strcmp(section[k].name, section[i].name);
        if (length == 0 || length > GF_CHECKPOINT_NAME_MAX || twice) {
            return gf_fail(err, GF_E_USAGE, NULL, "a checkpoint's section \"%s\": names have 1 to %d bytes, each once",
                           GF_ESC(section[i].name), GF_CHECKPOINT_NAME_MAX);
        }
    }
    return GRAFT_OK;
}

static graft_status digest_parts(const gf_bytes *part, size_t n, uint8_t digest[GF_CHECKPOINT_DIGEST], graft_error *err)
{
    gf_sha256_state *state = gf_sha256_begin();
    if (!state) return gf_fail_memory(err, 0, "a checkpoint's digest");
    for (size_t i = 0; i < n; i++) {
        if (part[i].n) gf_sha256_add(state, part[i].data, part[i].n);
    }
    gf_sha256 sum = gf_sha256_end(state);
    memcpy(digest, sum.byte, sizeof sum.byte);
    return GRAFT_OK;
}

graft_status gf_checkpoint_image_make(gf_checkpoint_image *out, int64_t step, const gf_section *section, size_t n,
                                      graft_error *err)
{
    *out = (gf_checkpoint_image){0};
    GF_TRY(check_sections(section, n, err));
    size_t front_size = sizeof(gf_checkpoint_header) + n * sizeof(gf_checkpoint_row), at = front_size;
    out->front = gf_alloc(front_size, 1);
    out->part = gf_new_n(2 * n + 2, gf_bytes);
    if (!out->front || !out->part) {
        gf_checkpoint_image_free(out);
        return gf_fail_memory(err, front_size, "a checkpoint's table");
    }
    out->part[out->n_parts++] = (gf_bytes){out->front, front_size};
    for (size_t i = 0; i < n; i++) {
        const gf_section *s = &section[i];
        gf_checkpoint_row row = {.offset = at, .size = s->size, .crc = gf_crc32c(s->data, s->size)};
        memcpy(row.name, s->name, strlen(s->name));
        memcpy(out->front + sizeof(gf_checkpoint_header) + i * sizeof row, &row, sizeof row);
        out->part[out->n_parts++] = (gf_bytes){s->data, s->size};
        out->part[out->n_parts++] = (gf_bytes){zeros, padding(s->size)};
        at += s->size + padding(s->size);
    }
    gf_checkpoint_header header = {.magic = GF_CHECKPOINT_MAGIC,
                                   .order = GF_CHECKPOINT_ORDER,
                                   .version = GF_CHECKPOINT_VERSION,
                                   .step = step,
                                   .file_size = at + sizeof out->trailer,
                                   .sections = (uint32_t)n};
    memcpy(out->front, &header, sizeof header);
    memcpy(out->trailer.magic, GF_CHECKPOINT_END, sizeof out->trailer.magic);
    out->part[out->n_parts++] = (gf_bytes){&out->trailer, sizeof out->trailer - GF_CHECKPOINT_DIGEST};
    graft_status status = digest_parts(out->part, out->n_parts, out->trailer.digest, err);
    out->part[out->n_parts - 1].n = sizeof out->trailer;
    if (status != GRAFT_OK) gf_checkpoint_image_free(out);
    return status;
}

void gf_checkpoint_image_free(gf_checkpoint_image *image)
{
    gf_free(image->front);
    gf_free(image->part);
    *image = (gf_checkpoint_image){0};
}

/* ---- reading one */

typedef struct file {
    const uint8_t *bytes;
    size_t n;
    const char *name;
    gf_checkpoint_header header;
} file;

static const char damaged_hint[] = "an older checkpoint is used where there is one";

static gf_checkpoint_row row_at(const file *f, size_t i)
{
    gf_checkpoint_row row;
    memcpy(&row, f->bytes + sizeof f->header + i * sizeof row, sizeof row);
    return row;
}

/* A row that says where its section stands: right behind the one before, inside the file, with a name. */
static bool row_fits(const file *f, const gf_checkpoint_row *row, size_t at)
{
    size_t end = f->n - sizeof(gf_checkpoint_trailer);
    return memchr(row->name, 0, sizeof row->name) && row->name[0] && row->offset == at && at <= end &&
           row->size <= end - at && padding(row->size) <= end - at - row->size;
}

static bool table_fits(const file *f)
{
    return f->header.sections >= 1 && f->header.sections <= GF_CHECKPOINT_MAX_SECTIONS &&
           f->n >= sizeof f->header + f->header.sections * sizeof(gf_checkpoint_row) + sizeof(gf_checkpoint_trailer);
}

/* For the message of a wrong digest: the first section whose own checksum is wrong too; "" where none is. */
static void find_damage(const file *f, char name[GF_CHECKPOINT_NAME_MAX + 1])
{
    name[0] = 0;
    size_t at = sizeof f->header + f->header.sections * sizeof(gf_checkpoint_row);
    for (size_t i = 0; table_fits(f) && i < f->header.sections; i++) {
        gf_checkpoint_row row = row_at(f, i);
        if (!row_fits(f, &row, at)) return;
        if (gf_crc32c(f->bytes + at, row.size) != row.crc) {
            memcpy(name, row.name, sizeof row.name);
            return;
        }
        at += row.size + padding(row.size);
    }
}

static graft_status check_whole(const file *f, graft_error *err)
{
    const gf_checkpoint_header *h = &f->header;
    bool sized = h->order == GF_CHECKPOINT_ORDER && h->version == GF_CHECKPOINT_VERSION;
    if (sized && f->n < h->file_size) {
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: ends early: %zu of %llu bytes", f->name, f->n,
                       (unsigned long long)h->file_size);
    }
    gf_checkpoint_trailer trailer;
    memcpy(&trailer, f->bytes + f->n - sizeof trailer, sizeof trailer);
    if (memcmp(trailer.magic, GF_CHECKPOINT_END, sizeof trailer.magic)) {
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint,
                       "%s: the last %zu of its %zu bytes are not a checkpoint's end", f->name, sizeof trailer, f->n);
    }
    gf_sha256 digest = gf_sha256_of(f->bytes, f->n - sizeof digest.byte);
    if (memcmp(digest.byte, trailer.digest, sizeof digest.byte)) {
        char section[GF_CHECKPOINT_NAME_MAX + 1];
        find_damage(f, section);
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: its digest does not match its %zu bytes%s%s",
                       f->name, f->n, section[0] ? "; damaged section: " : "", GF_ESC(section));
    }
    return GRAFT_OK;
}

/* A file that is whole, but perhaps not for this program or machine. */
static graft_status check_kind(const file *f, graft_error *err)
{
    const gf_checkpoint_header *h = &f->header;
    if (h->order == __builtin_bswap32(GF_CHECKPOINT_ORDER)) {
        return gf_fail(err, GF_E_CHECKPOINT_BYTE_ORDER, "resume it on the kind of machine it was written on",
                       "%s: written on a machine of the other byte order", f->name);
    }
    if (h->order == GF_CHECKPOINT_ORDER && h->version > GF_CHECKPOINT_VERSION) {
        return gf_fail(err, GF_E_CHECKPOINT_VERSION, "resume it with the newer graft that wrote it",
                       "%s: version %u of the format; this graft knows 1 to %d", f->name, h->version,
                       GF_CHECKPOINT_VERSION);
    }
    if (h->order != GF_CHECKPOINT_ORDER || h->version < 1 || h->file_size != f->n || h->step < 0 || !table_fits(f)) {
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint,
                       "%s: its header makes no sense (order %08x, version %u, step %lld, %u sections, %llu bytes)",
                       f->name, h->order, h->version, (long long)h->step, h->sections,
                       (unsigned long long)h->file_size);
    }
    return GRAFT_OK;
}

static graft_status read_table(gf_checkpoint *c, const file *f, graft_error *err)
{
    size_t n = f->header.sections, at = sizeof f->header + n * sizeof(gf_checkpoint_row);
    c->section = gf_new_n(n, gf_section);
    if (!c->section) return gf_fail_memory(err, n * sizeof(gf_section), "a checkpoint's table");
    for (c->n = 0; c->n < n; c->n++) {
        gf_checkpoint_row row = row_at(f, c->n);
        /* the name is handed out where it lies in the file */
        const char *name = (const char *)f->bytes + sizeof f->header + c->n * sizeof row;
        if (!row_fits(f, &row, at) || gf_checkpoint_find(c, row.name)) {
            return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: row %zu of its table makes no sense",
                           f->name, c->n);
        }
        if (gf_crc32c(f->bytes + at, row.size) != row.crc) {
            return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: section %s: wrong checksum", f->name,
                           GF_ESC(row.name));
        }
        c->section[c->n] = (gf_section){name, f->bytes + at, row.size};
        at += row.size + padding(row.size);
    }
    if (at != f->n - sizeof(gf_checkpoint_trailer)) {
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: %zu bytes belong to no section", f->name,
                       f->n - sizeof(gf_checkpoint_trailer) - at);
    }
    return GRAFT_OK;
}

graft_status gf_checkpoint_parse(gf_checkpoint *out, const uint8_t *bytes, size_t n, const char *name, graft_error *err)
{
    graft_status status = GRAFT_OK;
    char shown[768];
    file f = {.bytes = bytes, .n = n, .name = gf_escape(shown, sizeof shown, name)};
    *out = (gf_checkpoint){0};
    if (n < sizeof f.header + sizeof(gf_checkpoint_trailer)) {
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: %zu bytes are too few for a checkpoint", f.name,
                       n);
    }
    memcpy(&f.header, bytes, sizeof f.header);
    if (memcmp(f.header.magic, GF_CHECKPOINT_MAGIC, sizeof f.header.magic)) {
        return gf_fail(err, GF_E_CHECKPOINT_DAMAGED, damaged_hint, "%s: does not begin like a checkpoint", f.name);
    }
    GF_GOTO(check_whole(&f, err));
    GF_GOTO(check_kind(&f, err));
    *out = (gf_checkpoint){.step = f.header.step, .bytes = bytes, .n_bytes = n, .path = gf_strdup(name)};
    if (!out->path) GF_GOTO(gf_fail_memory(err, strlen(name), "a file name"));
    GF_GOTO(read_table(out, &f, err));
out:
    if (status != GRAFT_OK) gf_checkpoint_free(out);
    return status;
}

void gf_checkpoint_free(gf_checkpoint *c)
{
    if (!c) return;
    gf_free(c->section);
    gf_free(c->owned);
    gf_free(c->path);
    *c = (gf_checkpoint){0};
}

/* ---- sections of one that was read */

const gf_section *gf_checkpoint_find(const gf_checkpoint *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (!strcmp(c->section[i].name, name)) return &c->section[i];
    }
    return NULL;
}

graft_status gf_checkpoint_get(const gf_checkpoint *c, const char *name, size_t size, const void **data,
                               graft_error *err)
{
    const gf_section *s = gf_checkpoint_find(c, name);
    *data = NULL;
    if (s && s->size == size) {
        *data = s->data;
        return GRAFT_OK;
    }
    if (!s) {
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, "was it written by another version?", "%s: has no section %s",
                       GF_ESC(c->path), name);
    }
    return gf_fail(err, GF_E_CHECKPOINT_SECTION, "it belongs to a run with another model or other options",
                   "%s: section %s has %zu bytes, this run's has %zu", GF_ESC(c->path), name, s->size, size);
}

graft_status gf_checkpoint_copy(const gf_checkpoint *c, const char *name, void *out, size_t size, graft_error *err)
{
    const void *data;
    GF_TRY(gf_checkpoint_get(c, name, size, &data, err));
    if (size) memcpy(out, data, size);
    return GRAFT_OK;
}
