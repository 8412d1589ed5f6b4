/* Layout (PKWARE's APPNOTE): for each member a local header, its name, its bytes; then the central directory, which
 * repeats the headers with the members' places; then the end record, which says where the directory stands. */
#include "formats/zip_write.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    VERSION = 20,           /* 2.0: folders in names */
    UNIX = 3 << 8,          /* made on: the mode below is Unix's */
    UTF8 = 1 << 11,         /* the flag of a name that is not ASCII */
    FIRST_DAY = 1 << 5 | 1, /* 1980-01-01, the first there is */
    MAX_MEMBERS = 65534,    /* one less than what marks zip64 */
    MODE = 0100644,
    MAX_NAME = 1024,
};
#define MAX_BYTES 0xfffffffeu

/* ---- headers ---- */

static void put16(gf_text *t, unsigned x)
{
    const uint8_t b[2] = {(uint8_t)x, (uint8_t)(x >> 8)};
    gf_text_add_n(t, b, sizeof b);
}

static void put32(gf_text *t, uint32_t x)
{
    put16(t, x & 0xffff);
    put16(t, x >> 16);
}

/* What a local and a central header have in common, from the version wanted to the length of the extra field. */
static void put_facts(gf_text *t, const gf_zip_member *m, uint32_t sum)
{
    bool ascii = true;
    for (const char *c = m->name; *c; c++) ascii &= (unsigned char)*c < 128;
    const uint32_t size = (uint32_t)(m->head.n + m->body.n);
    put16(t, VERSION);
    put16(t, ascii ? 0 : UTF8);
    put16(t, 0); /* stored */
    put16(t, 0); /* midnight */
    put16(t, FIRST_DAY);
    put32(t, sum);
    put32(t, size); /* as stored */
    put32(t, size); /* as it is */
    put16(t, (unsigned)strlen(m->name));
    put16(t, 0);
}

static void put_local(gf_text *t, const gf_zip_member *m, uint32_t sum)
{
    put32(t, LOCAL);
    put_facts(t, m, sum);
    gf_text_add(t, m->name);
}

static void put_central(gf_text *t, const gf_zip_member *m, uint32_t sum, uint32_t at)
{
    put32(t, CENTRAL);
    put16(t, UNIX | VERSION);
    put_facts(t, m, sum);
    put16(t, 0); /* no comment */
    put16(t, 0); /* first disk */
    put16(t, 0); /* no text */
    put32(t, (uint32_t)MODE << 16);
    put32(t, at);
    gf_text_add(t, m->name);
}

static void put_end(gf_text *t, size_t members, uint32_t at, uint32_t size)
{
    put32(t, END);
    put32(t, 0); /* one disk */
    put16(t, (unsigned)members);
    put16(t, (unsigned)members);
    put32(t, size);
    put32(t, at);
    put16(t, 0); /* no comment */
}

/* ---- what cannot be written ---- */

static graft_status refuse(const char *path, const char *name, const char *why, graft_error *err)
{
    return gf_fail(err, GF_E_ZIP_WRITE, NULL, "%s: the member `%s` cannot be written: %s", GF_ESC(path), GF_ESC(name),
                   why);
}

/* What zip.h reads: relative, and no part of the path is empty, "." or "..". */
static bool is_plain(const char *name)
{
    if (*name && name[1] == ':') return false;
    for (const char *s = name;; s++) {
        size_t n = strcspn(s, "/\\");
        if (n == 0 || (n <= 2 && !strncmp(s, "..", n)) || s[n] == '\\') return false;
        s += n;
        if (!*s) return strlen(name) <= MAX_NAME;
    }
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static graft_status check_names(const char *path, const gf_zip_member *member, size_t n, graft_error *err)
{
    const char **name = gf_new_n(n, const char *);
    if (!name) return gf_fail_memory(err, n * sizeof *name, "a list of names");
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n; i++) name[i] = member[i].name;
    if (n) qsort(name, n, sizeof *name, by_text);
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) {
        if (!is_plain(name[i]))
            status = refuse(path, name[i], "its name is no plain path", err);
        else if (i && !strcmp(name[i], name[i - 1]))
            status = refuse(path, name[i], "there are two of it", err);
    }
    gf_free(name);
    return status;
}

static graft_status check_sizes(const char *path, const gf_zip_member *member, size_t n, graft_error *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at += 200 + 2 * strlen(member[i].name); /* more than both headers */
        at += member[i].head.n;
        at += member[i].body.n; /* sizes in memory: no sum of them overflows */
        if (at > MAX_BYTES) {
            return gf_fail(err, GF_E_ZIP_WRITE, "safetensors has no such bound",
                           "%s: a zip archive of over 4 GiB is not written", GF_ESC(path));
        }
    }
    if (n <= MAX_MEMBERS) return GRAFT_OK;
    return gf_fail(err, GF_E_ZIP_WRITE, NULL, "%s: %zu members, up to %d are written", GF_ESC(path), n, MAX_MEMBERS);
}

/* ---- the archive in pieces: header, head and body of each, then the rest ---- */

typedef struct archive {
    gf_bytes *part;
    size_t n;
    gf_text headers, rest;
} archive;

static graft_status build(archive *a, const char *path, const gf_zip_member *member, size_t n, graft_error *err)
{
    GF_TRY(check_sizes(path, member, n, err));
    GF_TRY(check_names(path, member, n, err));
    a->part = gf_new_n(3 * n + 1, gf_bytes);
    uint32_t at = 0;
    for (size_t i = 0; i < n && a->part; i++) {
        const gf_zip_member *m = &member[i];
        size_t begin = a->headers.n;
        uint32_t sum = gf_crc32_add(gf_crc32(m->head.data, m->head.n), m->body.data, m->body.n);
        put_local(&a->headers, m, sum);
        put_central(&a->rest, m, sum, at);
        a->part[a->n++] = (gf_bytes){NULL, a->headers.n - begin}; /* its place is known when all are made */
        a->part[a->n++] = m->head;
        a->part[a->n++] = m->body;
        at += (uint32_t)(a->headers.n - begin + m->head.n + m->body.n);
    }
    put_end(&a->rest, n, at, (uint32_t)a->rest.n);
    if (!a->part || a->headers.failed || a->rest.failed) return gf_fail_memory(err, 0, "a zip archive");
    size_t header = 0;
    for (size_t i = 0; i < a->n; i += 3) {
        a->part[i].data = a->headers.s + header;
        header += a->part[i].n;
    }
    a->part[a->n++] = (gf_bytes){a->rest.s, a->rest.n};
    return GRAFT_OK;
}

static void free_archive(archive *a)
{
    gf_free(a->part);
    gf_text_free(&a->headers);
    gf_text_free(&a->rest);
}

graft_status gf_zip_write(const char *path, const gf_zip_member *member, size_t n, graft_error *err)
{
    archive a = {0};
    graft_status status = build(&a, path, member, n, err);
    if (status == GRAFT_OK) status = gf_file_write(path, a.part, a.n, err);
    free_archive(&a);
    return status;
}
