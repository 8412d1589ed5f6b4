/* The zip reader against archives made here byte by byte: each promise of zip.h, broken once. */
#include "base/alloc.h"
#include "base/hash.h"
#include "formats/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096, FROM_UNIX = 3 << 8 };

/* What one entry says of itself; the header before the data and the directory may disagree. */
typedef struct entry {
    const char *name;
    size_t name_bytes; /* 0: strlen */
    const char *data;
    size_t n;
    uint32_t flags, method, size, crc, made_by, mode, disk;
    size_t offset;            /* added to the true one */
    const char *local_name;   /* NULL: name */
    uint32_t local_flags_xor; /* what the header says otherwise */
    uint32_t local_size_xor;
} entry;

typedef struct archive {
    uint8_t bytes[MOST];
    size_t n, directory, end;
} archive;

static void put(archive *a, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) a->bytes[a->n++] = (uint8_t)(value >> 8 * i);
}

static void put_bytes(archive *a, const void *data, size_t n)
{
    assert_true(a->n + n < MOST);
    memcpy(a->bytes + a->n, data, n);
    a->n += n;
}

static size_t name_bytes(const entry *e) { return e->name_bytes ? e->name_bytes : strlen(e->name); }

static void put_common(archive *a, const entry *e, uint32_t flags, uint32_t size)
{
    put(a, flags, 2);
    put(a, e->method, 2);
    put(a, 0, 4);
    put(a, e->crc, 4);
    put(a, e->n, 4);
    put(a, size, 4);
    put(a, name_bytes(e), 2);
}

static void build(archive *a, const entry *list, size_t count)
{
    size_t at[8];
    a->n = 0;
    for (size_t i = 0; i < count; i++) {
        const entry *e = &list[i];
        at[i] = a->n;
        put(a, 0x04034b50, 4);
        put(a, 20, 2);
        put_common(a, e, e->flags ^ e->local_flags_xor, e->size ^ e->local_size_xor);
        put(a, 0, 2);
        put_bytes(a, e->local_name ? e->local_name : e->name, name_bytes(e));
        put_bytes(a, e->data, e->n);
    }
    a->directory = a->n;
    for (size_t i = 0; i < count; i++) {
        const entry *e = &list[i];
        put(a, 0x02014b50, 4);
        put(a, e->made_by, 2);
        put(a, 20, 2);
        put_common(a, e, e->flags, e->size);
        put(a, 0, 4);
        put(a, e->disk, 2);
        put(a, 0, 2);
        put(a, (uint64_t)e->mode << 16, 4);
        put(a, at[i] + e->offset, 4);
        put_bytes(a, e->name, name_bytes(e));
    }
    a->end = a->n;
    put(a, 0x06054b50, 4);
    put(a, 0, 4);
    put(a, count, 2);
    put(a, count, 2);
    put(a, a->end - a->directory, 4);
    put(a, a->directory, 4);
    put(a, 0, 2);
}

static entry plain(const char *name, const char *text)
{
    size_t n = strlen(text);
    return (entry){.name = name, .data = text, .n = n, .size = (uint32_t)n, .crc = gf_crc32(text, n)};
}

/* In a block of just that size, so that a read past the end shows. All entries are read. */
static graft_status read_all(const uint8_t *bytes, size_t n, const gf_zip_limits *limits, graft_error *err)
{
    gf_zip zip;
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    *err = (graft_error){0};
    graft_status status = gf_zip_open(&zip, exact, n, "f.zip", limits, err);
    for (size_t i = 0; status == GRAFT_OK && i < zip.n; i++) {
        gf_zip_bytes out;
        status = gf_zip_read(&zip, &zip.entry[i], MOST, &out, err);
        gf_free(out.own);
    }
    gf_zip_close(&zip);
    free(exact);
    return status;
}

static void expect(const archive *a, const gf_zip_limits *limits, int number, const char *says)
{
    graft_error err;
    graft_status status = read_all(a->bytes, a->n, limits, &err);
    if (!number) {
        if (status != GRAFT_OK) fail_msg("%s: %s", says, err.message);
        return;
    }
    assert_int_equal(status, GRAFT_WEIGHTS);
    if (err.number != number || !strstr(err.message, says))
        fail_msg("wanted `%s`, got E%d: %s", says, err.number, err.message);
}

/* "hello hello hello hello" deflated (zlib, raw). */
static const char packed[] = "\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01";
static const char unpacked[] = "hello hello hello hello";

static entry deflated(const char *name)
{
    size_t n = strlen(unpacked);
    return (entry){.name = name,
                   .data = packed,
                   .n = sizeof packed - 1,
                   .method = 8,
                   .size = (uint32_t)n,
                   .crc = gf_crc32(unpacked, n)};
}

static void entries_are_found_and_read(void **state)
{
    (void)state;
    archive a;
    gf_zip zip;
    gf_zip_bytes b;
    entry list[] = {plain("d/two", "22"), plain("d/", ""), deflated("a/one"), plain("empty", ""), plain("none", "x")};
    list[4].crc = 0;
    build(&a, list, 5);
    assert_int_equal(gf_zip_open(&zip, a.bytes, a.n, "f.zip", NULL, NULL), GRAFT_OK);
    assert_int_equal(zip.n, 4); /* folders are no entries */
    assert_string_equal(zip.entry[0].name, "a/one");
    assert_null(gf_zip_find(&zip, "a/on"));
    assert_int_equal(gf_zip_read(&zip, gf_zip_find(&zip, "d/two"), 2, &b, NULL), GRAFT_OK);
    assert_true(!b.own && b.n == 2 && !memcmp(b.data, "22", 2) && !b.unchecked);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(gf_zip_read(&zip, gf_zip_find(&zip, "a/one"), 100, &b, NULL), GRAFT_OK);
        assert_true(b.own && b.n == strlen(unpacked) && !memcmp(b.data, unpacked, b.n));
        gf_free(b.own);
    }
    assert_int_equal(gf_zip_read(&zip, gf_zip_find(&zip, "none"), 1, &b, NULL), GRAFT_OK);
    assert_true(b.unchecked);
    assert_int_equal(gf_zip_read(&zip, gf_zip_find(&zip, "d/two"), 1, &b, NULL), GRAFT_WEIGHTS);
    assert_null(b.data);
    gf_zip_close(&zip);
    build(&a, NULL, 0);
    expect(&a, NULL, 0, "an empty archive");
}

static void bad_entries_are_refused_by_name(void **state)
{
    (void)state;
    archive a;
    const struct {
        entry e;
        int number;
        const char *says;
    } row[] = {
        {{.name = "../x"}, GF_E_ZIP_ENTRY, "entry `../x` has `..`"},
        {{.name = "a/../x"}, GF_E_ZIP_ENTRY, "has `..`"},
        {{.name = "./x"}, GF_E_ZIP_ENTRY, "has `..`"},
        {{.name = "a//x"}, GF_E_ZIP_ENTRY, "nothing between two slashes"},
        {{.name = "/etc/passwd"}, GF_E_ZIP_ENTRY, "an absolute path"},
        {{.name = "C:x"}, GF_E_ZIP_ENTRY, "an absolute path"},
        {{.name = "a\\..\\x"}, GF_E_ZIP_ENTRY, "a backslash"},
        {{.name = "a\0b", .name_bytes = 3}, GF_E_ZIP_ENTRY, "a NUL in its name"},
        {{.name = "a", .flags = 1}, GF_E_ZIP_ENTRY, "is encrypted"},
        {{.name = "a", .flags = 0x40}, GF_E_ZIP_ENTRY, "packed in a way"},
        {{.name = "a", .method = 12}, GF_E_ZIP_ENTRY, "another method"},
        {{.name = "a", .made_by = FROM_UNIX, .mode = 0120777}, GF_E_ZIP_ENTRY, "a link or a device"},
        {{.name = "a", .made_by = FROM_UNIX, .mode = 0020666}, GF_E_ZIP_ENTRY, "a link or a device"},
        {{.name = "a", .size = 5}, GF_E_ZIP_DAMAGED, "has two sizes"},
        {{.name = "a", .local_name = "b"}, GF_E_ZIP_DAMAGED, "is not what the directory says"},
        {{.name = "a", .local_flags_xor = 8}, GF_E_ZIP_DAMAGED, "is not what the directory says"},
        {{.name = "a", .local_size_xor = 1}, GF_E_ZIP_DAMAGED, "is not what the directory says"},
        {{.name = "a", .offset = 1}, GF_E_ZIP_DAMAGED, "is not what the directory says"},
        {{.name = "a", .offset = 0x7fffffff}, GF_E_ZIP_DAMAGED, "is not what the directory says"},
        {{.name = "a", .method = 8, .size = 1 << 20}, GF_E_ZIP_LIMIT, "more than its bytes can hold"},
        {{.name = "a", .disk = 1}, GF_E_ZIP_DAMAGED, "its directory is damaged"},
        {{.name = "a", .crc = 1}, GF_E_ZIP_CHECKSUM, "entry `a` has checksum 00000000, the archive says 00000001"},
        {{.name = "a", .data = "\xff\xff", .n = 2, .method = 8, .size = 9, .crc = 7},
         GF_E_ZIP_DAMAGED,
         "cannot be unpacked"},
        {{.name = "a", .data = packed, .n = sizeof packed - 1, .method = 8, .size = 22, .crc = 7},
         GF_E_ZIP_DAMAGED,
         "cannot be unpacked"},
        {{.name = "a", .data = packed, .n = sizeof packed - 1, .method = 8, .size = 24, .crc = 7},
         GF_E_ZIP_DAMAGED,
         "cannot be unpacked"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        entry e = row[i].e;
        if (!e.data) e.data = "";
        build(&a, &e, 1);
        expect(&a, NULL, row[i].number, row[i].says);
    }
}

static void entries_must_not_share_anything(void **state)
{
    (void)state;
    archive a;
    entry list[] = {plain("a", "1"), plain("b", "2"), plain("a", "3")};
    build(&a, list, 3);
    expect(&a, NULL, GF_E_ZIP_ENTRY, "entry `a` is there twice");
    /* the second directory record points at the first entry, which is the same file under the same name, or over it */
    list[2] = plain("c", "3");
    build(&a, list, 3);
    expect(&a, NULL, 0, "three entries");
    memcpy(a.bytes + a.directory + 47 + 42, a.bytes + a.directory + 42, 4);
    expect(&a, NULL, GF_E_ZIP_DAMAGED, "entry `b` is not what the directory says");
    a.bytes[a.directory + 47 + 46] = 'a';
    memcpy(a.bytes + a.directory + 47 + 16, a.bytes + a.directory + 16, 4);
    expect(&a, NULL, GF_E_ZIP_ENTRY, "entry `a` lies over another");
}

static void an_entry_inside_another_is_refused(void **state)
{
    (void)state;
    archive a, inner;
    entry small = plain("b", "2");
    build(&inner, &small, 1);
    entry list[] = {{.name = "a", .data = (const char *)inner.bytes, .n = inner.directory}, small};
    list[0].size = (uint32_t)inner.directory;
    list[0].crc = gf_crc32(inner.bytes, inner.directory);
    build(&a, list, 2);
    expect(&a, NULL, 0, "an archive in an archive");
    a.bytes[a.directory + 47 + 42] = 31; /* "b" is now said to be where "a" has it inside */
    expect(&a, NULL, GF_E_ZIP_ENTRY, "entry `b` lies over another");
}

static void limits_hold(void **state)
{
    (void)state;
    archive a;
    entry list[] = {plain("a", "12345"), plain("b", "678")};
    build(&a, list, 2);
    expect(&a, &(gf_zip_limits){.max_entries = 2, .max_bytes = 8}, 0, "just enough");
    expect(&a, &(gf_zip_limits){.max_entries = 1}, GF_E_ZIP_LIMIT, "2 entries, at most 1 are read");
    expect(&a, &(gf_zip_limits){.max_bytes = 7}, GF_E_ZIP_LIMIT, "entry `b` and those before it unpack to more");
}

static void the_directory_must_be_the_end(void **state)
{
    (void)state;
    archive a;
    entry list[] = {plain("a", "12345")};
    static const struct {
        size_t at; /* in the last 22 bytes */
        uint8_t value;
    } row[] = {{0, 'Q'}, {4, 1}, {6, 1}, {8, 2}, {10, 0}, {12, 1}, {16, 1}, {20, 1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        build(&a, list, 1);
        a.bytes[a.end + row[i].at] = row[i].value;
        expect(&a, NULL, GF_E_ZIP_DAMAGED, "");
    }
    build(&a, list, 1);
    a.bytes[a.n++] = 0;
    expect(&a, NULL, GF_E_ZIP_DAMAGED, "cut short, or bytes behind it");
    build(&a, list, 1);
    memmove(a.bytes + 1, a.bytes, a.n++);
    expect(&a, NULL, GF_E_ZIP_DAMAGED, "its directory is not where its end says");
    build(&a, list, 1);
    for (size_t cut = 0; cut < a.n; cut++) {
        graft_error err;
        assert_int_equal(read_all(a.bytes, cut, NULL, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_ZIP_DAMAGED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_and_read),         cmocka_unit_test(bad_entries_are_refused_by_name),
        cmocka_unit_test(entries_must_not_share_anything),    cmocka_unit_test(limits_hold),
        cmocka_unit_test(an_entry_inside_another_is_refused), cmocka_unit_test(the_directory_must_be_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
