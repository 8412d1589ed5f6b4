#include "formats/zip.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "formats/zip_layout.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

bool gf_zip_looks(const uint8_t *bytes, size_t n) { return n >= 4 && !memcmp(bytes, "PK\x03\x04", 4); }

graft_status gf_zip_open(gf_zip *out, const uint8_t *bytes, size_t n, const char *name, const gf_zip_limits *limits,
                         graft_error *err)
{
    *out = (gf_zip){.bytes = bytes, .size = n, .name = name};
    graft_status status = gf_zip_layout(out, limits, err);
    if (status != GRAFT_OK) gf_zip_close(out);
    return status;
}

void gf_zip_close(gf_zip *zip)
{
    if (!zip) return;
    for (size_t i = 0; i < zip->n; i++) gf_free(zip->entry[i].name);
    gf_free(zip->entry);
    if (zip->unpacker) zip_discard(zip->unpacker);
    *zip = (gf_zip){0};
}

bool gf_zip_unchecked(const gf_zip *zip)
{
    for (size_t i = 0; i < zip->n; i++) {
        if (zip->entry[i].stored && zip->entry[i].size && !zip->entry[i].crc) return true;
    }
    return false;
}

static int compare_name(const void *key, const void *entry) { return strcmp(key, ((const gf_zip_entry *)entry)->name); }

const gf_zip_entry *gf_zip_find(const gf_zip *zip, const char *name)
{
    return zip->n ? bsearch(name, zip->entry, zip->n, sizeof *zip->entry, compare_name) : NULL;
}

/* ---- packed entries ---- */

static graft_status cannot_unpack(const gf_zip *zip, const gf_zip_entry *entry, graft_error *err)
{
    return gf_fail(err, GF_E_ZIP_DAMAGED, "fetch the file again", "%s: entry `%s` cannot be unpacked",
                   GF_ESC(zip->name), GF_ESC(entry->name));
}

static zip_t *open_unpacker(gf_zip *zip)
{
    if (zip->unpacker) return zip->unpacker;
    zip_source_t *source = zip_source_buffer_create(zip->bytes, zip->size, 0, NULL);
    if (!source) return NULL;
    zip->unpacker = zip_open_from_source(source, ZIP_RDONLY, NULL);
    if (!zip->unpacker) zip_source_free(source);
    return zip->unpacker;
}

/* libzip reads the directory for itself: what it found must be what was checked. */
static bool same_entry(zip_t *unpacker, const gf_zip_entry *entry)
{
    zip_stat_t st;
    if (zip_stat_index(unpacker, entry->index, ZIP_FL_ENC_RAW, &st)) return false;
    return st.size == entry->size && st.comp_size == entry->packed && st.crc == entry->crc &&
           !strcmp(st.name, entry->name);
}

static graft_status unpack(gf_zip *zip, const gf_zip_entry *entry, uint8_t *out, graft_error *err)
{
    zip_t *unpacker = open_unpacker(zip);
    if (!unpacker || !same_entry(unpacker, entry)) return cannot_unpack(zip, entry, err);
    zip_file_t *file = zip_fopen_index(unpacker, entry->index, 0);
    if (!file) return cannot_unpack(zip, entry, err);
    size_t got = 0;
    uint8_t beyond;
    zip_int64_t n = 0;
    while (got < entry->size && (n = zip_fread(file, out + got, entry->size - got)) > 0) got += (size_t)n;
    bool whole = got == entry->size && n >= 0 && zip_fread(file, &beyond, 1) == 0;
    zip_fclose(file);
    return whole ? GRAFT_OK : cannot_unpack(zip, entry, err);
}

/* ---- all entries ---- */

static graft_status check_crc(const gf_zip *zip, const gf_zip_entry *entry, gf_zip_bytes *out, graft_error *err)
{
    uint32_t crc = gf_crc32(out->data, out->n);
    if (crc == entry->crc) return GRAFT_OK;
    out->unchecked = entry->stored && entry->crc == 0;
    if (out->unchecked) return GRAFT_OK;
    return gf_fail(err, GF_E_ZIP_CHECKSUM, "the file was damaged on its way: fetch it again",
                   "%s: entry `%s` has checksum %08x, the archive says %08x", GF_ESC(zip->name), GF_ESC(entry->name),
                   crc, entry->crc);
}

graft_status gf_zip_read(gf_zip *zip, const gf_zip_entry *entry, size_t limit, gf_zip_bytes *out, graft_error *err)
{
    *out = (gf_zip_bytes){.data = zip->bytes + entry->offset, .n = entry->size};
    graft_status status = GRAFT_OK;
    if (entry->size > limit) {
        status = gf_fail(err, GF_E_ZIP_LIMIT, NULL, "%s: entry `%s` has %zu bytes, at most %zu are read",
                         GF_ESC(zip->name), GF_ESC(entry->name), entry->size, limit);
    } else if (!entry->stored) {
        out->data = out->own = gf_alloc_raw(entry->size, 1);
        status = out->own ? unpack(zip, entry, out->own, err) : gf_fail_memory(err, entry->size, zip->name);
    }
    if (status == GRAFT_OK) status = check_crc(zip, entry, out, err);
    if (status != GRAFT_OK) {
        gf_free(out->own);
        *out = (gf_zip_bytes){0};
    }
    return status;
}
