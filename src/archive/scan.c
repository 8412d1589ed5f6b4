/* scan.c - an archive from its beginning to its end, by libarchive. A zip by the headers before its files, unpacking
 * each, which must agree with its directory. A tar's files are skipped, a gzipped tar's go to the spool. */
#include "archive/members.h"
#include "archive/source.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/sys.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEGIN = 512, TRIED = 64, TAR_BLOCK = 512, ASK_EVERY = 256 };

typedef enum kind { ZIP, TAR, GZIP } kind;

typedef struct scan {
    gf_archive *a;
    const gf_archive_limits *limits;
    kind kind;
    gf_tally tally;
    gf_source source;
    struct archive *lib;
    size_t next; /* the member that the zip's second pass is to find */
} scan;

typedef graft_status (*taker)(scan *s, struct archive_entry *entry, graft_error *err);

/* ---- kinds */

static bool begins(const uint8_t *bytes, size_t n, const char *magic, size_t length, size_t at)
{
    return n >= at + length && !memcmp(bytes + at, magic, length);
}

/* What is not read, by its name; NULL: it is read, or it is no archive (*is is false). */
static const char *kind_of(const uint8_t *b, size_t n, kind *k, bool *is)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *name;
    } other[] = {{"\xfd"
                  "7zXZ",
                  6, "xz"},
                 {"BZh", 3, "bzip2"},
                 {"\x28\xb5\x2f\xfd", 4, "zstd"},
                 {"7z\xbc\xaf\x27\x1c", 6, "7-zip"},
                 {"Rar!\x1a\x07", 6, "rar"},
                 {"\x1f\x9d", 2, "compress"}};
    *is = true;
    *k = ZIP;
    if (begins(b, n, "PK\3\4", 4, 0) || begins(b, n, "PK\5\6", 4, 0)) return NULL;
    *k = GZIP;
    if (begins(b, n, "\x1f\x8b", 2, 0)) return NULL;
    *k = TAR;
    if (begins(b, n, "ustar", 5, 257)) return NULL;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        if (begins(b, n, other[i].magic, other[i].length, 0)) return other[i].name;
    }
    *is = false;
    return NULL;
}

bool gf_archive_looks(const char *path)
{
    uint8_t begin[BEGIN];
    size_t n;
    kind k;
    bool is = false;
    if (gf_is_file(path) && gf_file_read_begin(path, begin, sizeof begin, &n, NULL) == GRAFT_OK)
        kind_of(begin, n, &k, &is);
    return is;
}

static graft_status find_kind(scan *s, graft_error *err)
{
    uint8_t begin[BEGIN];
    size_t n;
    bool is;
    GF_TRY(gf_file_read_begin(s->a->path, begin, sizeof begin, &n, err));
    const char *other = kind_of(begin, n, &s->kind, &is);
    if (!is) {
        return gf_fail(err, GF_E_ARCHIVE_KIND, NULL, "%s: not an archive: neither zip, tar nor gzipped tar",
                       GF_ESC(s->a->path));
    }
    if (!other) return GRAFT_OK;
    return gf_fail(err, GF_E_ARCHIVE_KIND, "unpack it and give the folder, or pack it as zip, tar or tar.gz",
                   "%s: archives of %s are not read", GF_ESC(s->a->path), other);
}

/* ---- libarchive */

static la_ssize_t on_read(struct archive *lib, void *ctx, const void **bytes)
{
    (void)lib;
    return (la_ssize_t)gf_source_next(&((scan *)ctx)->source, bytes);
}

static la_int64_t on_skip(struct archive *lib, void *ctx, la_int64_t n)
{
    (void)lib;
    gf_source *s = &((scan *)ctx)->source;
    if (s->gzip || n < 0) return 0;
    uint64_t left = s->at < s->size ? s->size - s->at : 0, skipped = (uint64_t)n < left ? (uint64_t)n : left;
    s->at += skipped;
    return (la_int64_t)skipped;
}

/* What libarchive says of a file that it cannot go on with, or what kept it from being read. */
static graft_status broken(const scan *s, const char *member, graft_error *err)
{
    if (s->source.status != GRAFT_OK) return s->source.status;
    const char *why = archive_error_string(s->lib);
    bool sum = why && (strstr(why, "CRC") || strstr(why, "hecksum"));
    return gf_fail(err, sum ? GF_E_ARCHIVE_CHECKSUM : GF_E_ARCHIVE_DAMAGED, "fetch or copy it again", "%s%s%s: %s",
                   GF_ESC(s->a->path), member ? ":" : "", member ? GF_ESC(member) : "",
                   why ? GF_ESC(why) : "the archive is damaged");
}

static graft_status each_entry(scan *s, taker take, graft_error *err)
{
    struct archive_entry *entry;
    for (uint64_t i = 0;; i++) {
        if (i % ASK_EVERY == 0 && s->limits->go_on) GF_TRY(s->limits->go_on(s->limits->ctx));
        int r = archive_read_next_header(s->lib, &entry);
        if (r == ARCHIVE_EOF) return s->source.status;
        if (r != ARCHIVE_OK && (s->kind == ZIP || r != ARCHIVE_WARN)) {
            return broken(s, r == ARCHIVE_WARN ? archive_entry_pathname(entry) : NULL, err);
        }
        GF_TRY(take(s, entry, err));
    }
}

typedef int (*supporter)(struct archive *lib);

/* One pass. Names are UTF-8 or whatever bytes they are, in every locale. */
static graft_status pass(scan *s, supporter format, taker take, graft_error *err)
{
    GF_TRY(gf_source_open(&s->source, s->a->fd, s->a->path, s->a->size, s->kind == GZIP, s->tally.most, err));
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    s->lib = archive_read_new();
    graft_status status = s->lib ? GRAFT_OK : gf_fail_memory(err, 1 << 16, s->a->path);
    if (s->lib) {
        format(s->lib);
        archive_read_set_callback_data(s->lib, s);
        archive_read_set_read_callback(s->lib, on_read);
        archive_read_set_skip_callback(s->lib, on_skip);
        status = archive_read_open1(s->lib) == ARCHIVE_OK ? each_entry(s, take, err) : broken(s, NULL, err);
    }
    const void *rest;
    while (status == GRAFT_OK && s->kind == GZIP && gf_source_next(&s->source, &rest) > 0) {
    }
    if (status == GRAFT_OK) status = s->source.status;
    if (s->lib) archive_read_free(s->lib);
    s->lib = NULL;
    if (utf8) uselocale(before);
    if (utf8) freelocale(utf8);
    gf_source_close(&s->source);
    return status;
}

/* ---- members */

static const char *refused_type(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry)) return "a hard link";
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return archive_entry_sparse_count(entry) > 0 ? "a file with holes" : NULL;
    case AE_IFDIR: return NULL;
    case AE_IFLNK: return "a symbolic link";
    case AE_IFIFO: return "a pipe";
    case AE_IFSOCK: return "a socket";
    default: return "a device, or something unknown";
    }
}

static int64_t mtime_of(struct archive_entry *entry)
{
    int64_t ns = 0;
    bool fits = archive_entry_mtime_is_set(entry) &&
                !__builtin_mul_overflow((int64_t)archive_entry_mtime(entry), 1000000000, &ns) &&
                !__builtin_add_overflow(ns, (int64_t)archive_entry_mtime_nsec(entry), &ns);
    return fits ? ns : 0;
}

/* Checks what the header says and takes it into the list; *out is NULL where it is the archive's own folder. */
static graft_status add(scan *s, struct archive_entry *entry, gf_member **out, graft_error *err)
{
    gf_archive *a = s->a;
    const char *given = archive_entry_pathname(entry);
    *out = NULL;
    if (!given) return gf_member_refuse(s->a, "?", "an entry whose name cannot be read", err);
    if (archive_entry_is_encrypted(entry)) {
        return gf_member_encrypted(a, given, err);
    }
    const char *why = refused_type(entry);
    if (why) return gf_member_refuse(s->a, given, why, err);
    int64_t size = archive_entry_size(entry);
    GF_TRY(gf_tally_add(&s->tally, a, given, size < 0 ? UINT64_MAX : (uint64_t)size, err));
    char *name = gf_strdup(given);
    if (!name) return gf_fail_memory(err, strlen(given), "a file name");
    why = gf_member_clean(name);
    bool folder = archive_entry_filetype(entry) == AE_IFDIR, keep = !why && *name;
    graft_status status = why ? gf_member_refuse(s->a, given, why, err) : GRAFT_OK;
    if (status == GRAFT_OK && !*name && !folder) status = gf_member_refuse(s->a, given, "a file without a name", err);
    if (keep && !gf_grow(&a->member, a->n, &a->cap)) status = gf_fail_memory(err, sizeof **out, "an archive's files");
    if (status != GRAFT_OK || !keep) {
        gf_free(name);
        return status;
    }
    *out = &a->member[a->n++];
    **out = (gf_member){.name = name, .how = folder ? GF_MEMBER_FOLDER : GF_MEMBER_STORED};
    if (!folder) (*out)->size = (uint64_t)size;
    (*out)->mtime = mtime_of(entry);
    return GRAFT_OK;
}

/* The place that was found for a member holds what libarchive unpacks. */
static graft_status compare_begin(const scan *s, const gf_member *m, const uint8_t *bytes, size_t n, graft_error *err)
{
    uint8_t own[TRIED];
    if (n > m->size) n = (size_t)m->size;
    GF_TRY(gf_member_read(s->a, m, own, n, err));
    if (!memcmp(own, bytes, n)) return GRAFT_OK;
    return gf_fail(err, GF_E_ARCHIVE_DAMAGED, NULL, "%s:%s: its bytes are not where its header says",
                   GF_ESC(s->a->path), GF_ESC(m->name));
}

/* Reads a member's data, all or the first piece: its first bytes, how many came, their CRC-32; a gzipped tar's are
 * spooled. */
typedef struct unpacked {
    uint8_t begin[TRIED];
    size_t n_begin;
    uint64_t n;
    uint32_t crc;
} unpacked;

static graft_status unpack(scan *s, const gf_member *m, bool all, unpacked *u, graft_error *err)
{
    const void *bytes;
    size_t n;
    la_int64_t at;
    *u = (unpacked){0};
    do {
        int r = archive_read_data_block(s->lib, &bytes, &n, &at);
        if (r == ARCHIVE_EOF) return s->source.status;
        if (r != ARCHIVE_OK) return broken(s, m->name, err);
        if ((uint64_t)at != u->n || n > m->size - u->n) {
            return gf_fail(err, GF_E_ARCHIVE_DAMAGED, "fetch or copy it again",
                           "%s:%s: holds more than the %llu bytes that its header says", GF_ESC(s->a->path),
                           GF_ESC(m->name), (unsigned long long)m->size);
        }
        if (!n) continue; /* then there are no bytes to point to */
        size_t begin = n < TRIED - u->n_begin ? n : TRIED - u->n_begin;
        memcpy(u->begin + u->n_begin, bytes, begin);
        u->n_begin += begin;
        if (all) u->crc = gf_crc32_add(u->crc, bytes, n);
        if (s->kind == GZIP) GF_TRY(gf_archive_spool(s->a, s->limits->spool, bytes, n, err));
        u->n += n;
    } while (all || !u->n);
    return GRAFT_OK;
}

static graft_status wrong_size(const scan *s, const gf_member *m, uint64_t n, graft_error *err)
{
    return gf_fail(err, GF_E_ARCHIVE_DAMAGED, "fetch or copy it again",
                   "%s:%s: ends early: %llu of %llu bytes are there", GF_ESC(s->a->path), GF_ESC(m->name),
                   (unsigned long long)n, (unsigned long long)m->size);
}

/* ---- tar */

static graft_status take_tar(scan *s, struct archive_entry *entry, graft_error *err)
{
    gf_member *m;
    unpacked u;
    GF_TRY(add(s, entry, &m, err));
    if (!m || m->how == GF_MEMBER_FOLDER) return GRAFT_OK;
    m->at = (uint64_t)archive_filter_bytes(s->lib, 0);
    m->packed = m->size;
    if (m->at > s->a->size || m->size > s->a->size - m->at) {
        return wrong_size(s, m, s->a->size > m->at ? s->a->size - m->at : 0, err);
    }
    GF_TRY(unpack(s, m, false, &u, err));
    return compare_begin(s, m, u.begin, u.n_begin, err);
}

static graft_status take_gzipped(scan *s, struct archive_entry *entry, graft_error *err)
{
    gf_member *m;
    unpacked u;
    GF_TRY(add(s, entry, &m, err));
    if (!m || m->how == GF_MEMBER_FOLDER) return GRAFT_OK;
    m->how = GF_MEMBER_SPOOLED;
    m->at = s->a->spooled;
    m->packed = m->size;
    GF_TRY(unpack(s, m, true, &u, err));
    if (u.n != m->size) return wrong_size(s, m, u.n, err);
    m->crc = u.crc;
    m->checked = true;
    return GRAFT_OK;
}

/* A tar ends with blocks of zeros; one that was cut between two files has none. */
static graft_status check_end(const scan *s, graft_error *err)
{
    uint8_t block[TAR_BLOCK], zero[TAR_BLOCK] = {0};
    const gf_member last = {
        .name = (char *)"its end", .how = GF_MEMBER_STORED, .size = TAR_BLOCK, .at = s->a->size - TAR_BLOCK};
    if (s->a->size >= TAR_BLOCK) GF_TRY(gf_member_read(s->a, &last, block, TAR_BLOCK, err));
    if (s->a->size >= TAR_BLOCK && !memcmp(block, zero, TAR_BLOCK)) return GRAFT_OK;
    return gf_fail(err, GF_E_ARCHIVE_DAMAGED, "fetch or copy it again",
                   "%s: ends early: the mark of a tar's end is missing", GF_ESC(s->a->path));
}

/* ---- zip */

static graft_status disagree(const scan *s, const char *name, graft_error *err)
{
    return gf_fail(err, GF_E_ARCHIVE_DAMAGED, "it is damaged, or made to mislead: do not trust where it came from",
                   "%s:%s: the archive's directory and the headers before its files disagree", GF_ESC(s->a->path),
                   GF_ESC(name));
}

/* Some programs of Windows write the other slash, which libarchive puts right. */
static bool same_name(const char *listed, const char *read)
{
    while (*listed && (*listed == *read || (*listed == '\\' && *read == '/'))) listed++, read++;
    return *listed == *read;
}

/* The header that was just read against what the directory lists next; the member gets its name. */
static graft_status same_as_listed(scan *s, struct archive_entry *entry, graft_error *err)
{
    gf_member *m = &s->a->member[s->next];
    const char *read = archive_entry_pathname(entry);
    bool folder = archive_entry_filetype(entry) == AE_IFDIR, sized = archive_entry_size_is_set(entry) && !folder;
    if (!read || !same_name(m->name, read)) return disagree(s, m->name, err);
    if (folder != (m->how == GF_MEMBER_FOLDER)) return disagree(s, m->name, err);
    if (sized && (uint64_t)archive_entry_size(entry) != m->size) return disagree(s, m->name, err);
    if (archive_entry_is_encrypted(entry)) return gf_member_encrypted(s->a, m->name, err);
    char *name = gf_strdup(read);
    if (!name) return gf_fail_memory(err, strlen(read), "a file name");
    const char *why = gf_member_clean(name);
    if (!why && !*name && !folder) why = "a file without a name";
    graft_status status = why ? gf_member_refuse(s->a, m->name, why, err) : GRAFT_OK;
    gf_free(m->name);
    m->name = name;
    return status;
}

static graft_status take_zipped(scan *s, struct archive_entry *entry, graft_error *err)
{
    unpacked u;
    uint64_t at = (uint64_t)archive_filter_bytes(s->lib, 0);
    if (s->next == s->a->n) return disagree(s, "its end", err);
    gf_member *m = &s->a->member[s->next];
    GF_TRY(same_as_listed(s, entry, err));
    s->next++;
    if (at <= m->at || (s->next < s->a->n && m->packed + at > m[1].at)) return disagree(s, m->name, err);
    m->at = at;
    m->mtime = mtime_of(entry);
    if (m->how == GF_MEMBER_FOLDER) return GRAFT_OK;
    const char *packed = archive_format_name(s->lib);
    if (packed && strstr(packed, "(deflation)")) m->how = GF_MEMBER_DEFLATED;
    if (m->how != GF_MEMBER_DEFLATED && (!packed || !strstr(packed, "(uncompressed)"))) {
        return gf_fail(err, GF_E_ARCHIVE_KIND, "unpack it and give the folder",
                       "%s:%s: is packed in a way that is not read (%s)", GF_ESC(s->a->path), GF_ESC(m->name),
                       packed ? packed : "?");
    }
    GF_TRY(unpack(s, m, true, &u, err));
    if (u.n != m->size) return wrong_size(s, m, u.n, err);
    uint64_t taken = (uint64_t)archive_filter_bytes(s->lib, 0) - at;
    if (u.crc != m->crc || taken < m->packed) return disagree(s, m->name, err);
    m->packed = taken; /* with what may follow packed bytes, which end by themselves */
    return compare_begin(s, m, u.begin, u.n_begin, err);
}

/* A zip's own folder, "./", is no member. */
static void leave_out_root(gf_archive *a)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n; i++) {
        gf_member m = a->member[i];
        if (*m.name) {
            a->member[kept++] = m;
        } else {
            gf_free(m.name);
        }
    }
    a->n = kept;
}

static graft_status scan_zip(scan *s, graft_error *err)
{
    GF_TRY(gf_archive_directory(s->a, &s->tally, err));
    if (!s->a->n) return GRAFT_OK;
    GF_TRY(pass(s, archive_read_support_format_zip_streamable, take_zipped, err));
    if (s->next < s->a->n) return disagree(s, s->a->member[s->next].name, err);
    leave_out_root(s->a);
    return GRAFT_OK;
}

/* ---- */

static int by_name(const void *a, const void *b)
{
    return gf_member_order(((const gf_member *)a)->name, ((const gf_member *)b)->name);
}

/* Folders may be told twice; the first stays. */
static graft_status sort(const scan *s, graft_error *err)
{
    gf_archive *a = s->a;
    size_t kept = 0;
    if (a->n) qsort(a->member, a->n, sizeof *a->member, by_name);
    for (size_t i = 0; i < a->n; i++) {
        gf_member *m = &a->member[i], *before = kept ? &a->member[kept - 1] : NULL;
        size_t n = before ? strlen(before->name) : 0;
        bool again = before && !strcmp(before->name, m->name), file = before && before->how != GF_MEMBER_FOLDER;
        if (again && (file || m->how != GF_MEMBER_FOLDER))
            return gf_member_refuse(s->a, m->name, "is there twice", err);
        if (file && !strncmp(before->name, m->name, n) && m->name[n] == '/') {
            return gf_member_refuse(s->a, before->name, "is a file and a folder", err);
        }
        if (again) {
            gf_free(m->name);
            m->name = NULL;
            continue;
        }
        gf_member taken = *m;
        m->name = NULL;
        a->member[kept++] = taken;
    }
    a->n = kept;
    return GRAFT_OK;
}

graft_status gf_archive_scan(gf_archive *a, const gf_archive_limits *limits, graft_error *err)
{
    enum { RATIO = 100 };
    scan s = {.a = a, .limits = limits, .tally = {limits->bytes, limits->entries}};
    if (!s.tally.most) s.tally.most = ((uint64_t)1 << 30) + RATIO * a->size;
    if (!s.tally.most_entries) s.tally.most_entries = GF_ARCHIVE_ENTRIES;
    GF_TRY(find_kind(&s, err));
    if (s.kind == ZIP) {
        GF_TRY(scan_zip(&s, err));
    } else {
        GF_TRY(pass(&s, archive_read_support_format_tar, s.kind == TAR ? take_tar : take_gzipped, err));
    }
    if (s.kind == TAR) GF_TRY(check_end(&s, err));
    return sort(&s, err);
}
