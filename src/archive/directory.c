/* directory.c - a zip's own directory, at its end: the members that it lists. libarchive goes by the headers before the
 * files; scan.c compares the two. */
#include "archive/members.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    END = 22, /* bytes of the end record, of what tells where its 64-bit form is, of that, of an entry */
    LOCATOR = 20,
    END64 = 56,
    ENTRY = 46,
    HEADER = 30, /* before a file */
    COMMENT = 65535,
    ENCRYPTED = 1 | 1 << 6 | 1 << 13,
    ZIP64 = 1, /* an extra field */
    UNIX = 3,
    MACOS = 19,
};

typedef struct directory {
    gf_archive *a;
    gf_tally *tally;
    uint64_t at, size, entries; /* of the directory */
    uint64_t end;               /* where what closes it begins */
} directory;

static uint64_t number(const uint8_t *b, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes; i-- > 0;) x = x << 8 | b[i];
    return x;
}

static graft_status wrong(const gf_archive *a, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_ARCHIVE_DAMAGED, "fetch or copy it again", "%s: %s", GF_ESC(a->path), what);
}

static graft_status read_at(const gf_archive *a, uint64_t at, uint8_t *dst, size_t n, graft_error *err)
{
    const gf_member place = {.name = (char *)"its directory", .how = GF_MEMBER_STORED, .size = n, .at = at};
    return gf_member_read(a, &place, dst, n, err);
}

/* The 64-bit form, in front of the end record. */
static graft_status find_end64(directory *d, uint64_t end, graft_error *err)
{
    uint8_t b[END64];
    if (end < LOCATOR + END64) return wrong(d->a, "its directory is damaged", err);
    GF_TRY(read_at(d->a, end - LOCATOR, b, LOCATOR, err));
    uint64_t at = number(b + 8, 8);
    if (memcmp(b, "PK\6\7", 4) != 0 || at != end - LOCATOR - END64) return wrong(d->a, "its directory is damaged", err);
    GF_TRY(read_at(d->a, at, b, END64, err));
    if (memcmp(b, "PK\6\6", 4) != 0) return wrong(d->a, "its directory is damaged", err);
    d->entries = number(b + 32, 8);
    d->size = number(b + 40, 8);
    d->at = number(b + 48, 8);
    d->end = at;
    return GRAFT_OK;
}

static graft_status find_end(directory *d, graft_error *err)
{
    size_t n = d->a->size < END + COMMENT ? (size_t)d->a->size : END + COMMENT;
    uint8_t *tail = gf_alloc_raw(n + 1, 1);
    if (!tail) return gf_fail_memory(err, n, d->a->path);
    graft_status status = read_at(d->a, d->a->size - n, tail, n, err);
    const uint8_t *e = NULL;
    for (size_t i = n >= END ? n - END + 1 : 0; status == GRAFT_OK && i-- > 0 && !e;) {
        if (!memcmp(tail + i, "PK\5\6", 4) && number(tail + i + 20, 2) == n - END - i) e = tail + i;
    }
    if (status == GRAFT_OK && !e) status = wrong(d->a, "ends early: its directory is missing", err);
    if (status == GRAFT_OK) {
        d->end = d->a->size - n + (uint64_t)(e - tail);
        d->entries = number(e + 10, 2);
        d->size = number(e + 12, 4);
        d->at = number(e + 16, 4);
        bool large = d->entries == 0xffff || d->size == 0xffffffff || d->at == 0xffffffff;
        if (number(e + 4, 4)) status = wrong(d->a, "is one of several parts", err);
        if (status == GRAFT_OK && large) status = find_end64(d, d->end, err);
    }
    gf_free(tail);
    if (status != GRAFT_OK) return status;
    if (d->size <= d->end && d->at == d->end - d->size && d->entries <= d->size / ENTRY) return GRAFT_OK;
    return wrong(d->a, "its directory is not where its end says", err);
}

/* Sizes and place, which have their 64-bit form in an extra field where they are too large. */
static bool read_numbers(const uint8_t *e, gf_member *m)
{
    uint64_t *const field[] = {&m->size, &m->packed, &m->at};
    static const int place[] = {24, 20, 42};
    const uint8_t *extra = e + ENTRY + number(e + 28, 2), *end = extra + number(e + 30, 2), *large = NULL;
    size_t left = 0;
    for (const uint8_t *x = extra; end - x >= 4 && !large; x += 4 + number(x + 2, 2)) {
        if (number(x + 2, 2) > (uint64_t)(end - x - 4)) return false;
        if (number(x, 2) == ZIP64) large = x + 4, left = number(x + 2, 2);
    }
    for (int i = 0; i < 3; i++) {
        *field[i] = number(e + place[i], 4);
        if (*field[i] != 0xffffffff) continue;
        if (left < 8) return false;
        *field[i] = number(large, 8);
        large += 8;
        left -= 8;
    }
    return true;
}

static const char *refused_kind(const uint8_t *e)
{
    unsigned mode = (unsigned)number(e + 38, 4) >> 16;
    if ((e[5] != UNIX && e[5] != MACOS) || !(mode & S_IFMT)) return NULL;
    if (S_ISLNK(mode)) return "a symbolic link";
    return S_ISREG(mode) || S_ISDIR(mode) ? NULL : "a device, or something unknown";
}

/* The name is cleaned later, when it is compared. */
static graft_status take(directory *d, const uint8_t *e, graft_error *err)
{
    gf_archive *a = d->a;
    size_t n = number(e + 28, 2);
    gf_member m = {.name = gf_strndup((const char *)e + ENTRY, n), .crc = (uint32_t)number(e + 16, 4), .checked = true};
    if (!m.name || !gf_grow(&a->member, a->n, &a->cap)) {
        gf_free(m.name);
        return gf_fail_memory(err, sizeof m + n, "an archive's files");
    }
    bool numbers = read_numbers(e, &m), folder = n && m.name[n - 1] == '/';
    m.how = folder ? GF_MEMBER_FOLDER : GF_MEMBER_STORED;
    a->member[a->n++] = m;
    if (strlen(m.name) != n) return gf_member_refuse(a, m.name, "a name with a NUL in it", err);
    if (number(e + 8, 2) & ENCRYPTED) return gf_member_encrypted(a, m.name, err);
    if (refused_kind(e)) return gf_member_refuse(a, m.name, refused_kind(e), err);
    if (!numbers || (folder && m.size)) return gf_member_refuse(a, m.name, "sizes that make no sense", err);
    return gf_tally_add(d->tally, a, m.name, m.size, err);
}

static int by_place(const void *x, const void *y)
{
    const gf_member *a = x, *b = y;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Each within the place up to the next one's header. */
static graft_status check_places(const directory *d, graft_error *err)
{
    const gf_archive *a = d->a;
    for (size_t i = 0; i < a->n; i++) {
        const gf_member *m = &a->member[i];
        uint64_t end = i + 1 < a->n ? m[1].at : d->at;
        if (end >= m->at && end - m->at >= HEADER && m->packed <= end - m->at - HEADER) continue;
        return gf_fail(err, GF_E_ARCHIVE_DAMAGED, "it is damaged, or made to mislead: do not trust where it came from",
                       "%s:%s: lies over another file of the archive", GF_ESC(a->path), GF_ESC(m->name));
    }
    return GRAFT_OK;
}

graft_status gf_archive_directory(gf_archive *a, gf_tally *tally, graft_error *err)
{
    directory d = {.a = a, .tally = tally};
    GF_TRY(find_end(&d, err));
    if (d.size > (uint64_t)tally->most_entries * ENTRY * 4 || d.size >= UINT32_MAX) {
        return gf_tally_entries(tally, a, err);
    }
    uint8_t *all = gf_alloc_raw((size_t)d.size + 1, 1);
    if (!all) return gf_fail_memory(err, (size_t)d.size, a->path);
    graft_status status = read_at(a, d.at, all, (size_t)d.size, err);
    size_t at = 0, left = (size_t)d.size;
    for (uint64_t i = 0; status == GRAFT_OK && i < d.entries; i++) {
        const uint8_t *e = all + at;
        bool whole = left >= ENTRY && !memcmp(e, "PK\1\2", 4);
        size_t n = whole ? ENTRY + number(e + 28, 2) + number(e + 30, 2) + number(e + 32, 2) : 0;
        if (!whole || n > left) {
            status = wrong(a, "its directory is damaged", err);
            break;
        }
        status = take(&d, e, err);
        at += n;
        left -= n;
    }
    gf_free(all);
    if (status == GRAFT_OK && left) status = wrong(a, "its directory holds more than its end says", err);
    if (status != GRAFT_OK) return status;
    if (a->n) qsort(a->member, a->n, sizeof *a->member, by_place);
    return check_places(&d, err);
}
