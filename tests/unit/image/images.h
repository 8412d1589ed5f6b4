/* pictures.h - what the tests of decoding share: the fixtures, and files changed by hand. */
#ifndef TESTS_IMAGE_IMAGES_H
#define TESTS_IMAGE_IMAGES_H

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "image/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct file {
    uint8_t *bytes; /* exactly n of them, so that AddressSanitizer sees a read past the end */
    size_t n;
} file;

static inline file file_of(const void *bytes, size_t n)
{
    file f = {malloc(n ? n : 1), n};
    assert_non_null(f.bytes);
    if (n) memcpy(f.bytes, bytes, n);
    return f;
}

static inline file file_load(const char *path)
{
    file f;
    uint8_t *bytes;
    graft_error err;
    if (gf_file_read(path, 64 << 20, &bytes, &f.n, &err) != GRAFT_OK) fail_msg("%s", err.message);
    f = file_of(bytes, f.n);
    gf_free(bytes);
    return f;
}

static inline file fixture_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/image/%.127s", GRAFT_FIXTURES, name);
    return file_load(path);
}

/* f with `n` bytes put in at `at`, in place of `cut` bytes; f is freed. */
static inline file file_splice(file f, size_t at, size_t cut, const void *bytes, size_t n)
{
    if (at > f.n || cut > f.n - at) abort(); /* a mistake of the test itself */
    file out = {malloc(f.n - cut + n), f.n - cut + n};
    assert_non_null(out.bytes);
    memcpy(out.bytes, f.bytes, at);
    memcpy(out.bytes + at, bytes, n);
    memcpy(out.bytes + at + n, f.bytes + at + cut, f.n - at - cut);
    free(f.bytes);
    return out;
}

/* Offset of `what` in the file, from `from` on; fails the test where there is none. */
static inline size_t file_find(const file *f, const void *what, size_t n, size_t from)
{
    const uint8_t *at = memmem(f->bytes + from, f->n - from, what, n);
    assert_non_null(at);
    return (size_t)(at - f->bytes);
}

/* One line of an expected.txt: what a file must decode to. */
typedef struct expected {
    char name[128], digest[80], notes[64];
    int w, h;
} expected;

static inline size_t expected_load(const char *list, expected *out, size_t most)
{
    char path[512];
    snprintf(path, sizeof path, "%s/image/%s", GRAFT_FIXTURES, list);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = 0;
    while (n < most &&
           fscanf(f, "%127s %d %d %79s %63s", out[n].name, &out[n].w, &out[n].h, out[n].digest, out[n].notes) == 5) {
        n++;
    }
    assert_true(feof(f) && n < most);
    fclose(f);
    return n;
}

static inline void image_digest(const gf_image *p, char hex[65])
{
    gf_sha256 digest = gf_sha256_of(p->rgb, (size_t)p->w * (size_t)p->h * 3);
    gf_sha256_hex(&digest, hex);
}

static inline graft_status decode(const file *f, const gf_image_options *opts, gf_image *p, gf_image_info *info,
                                  graft_error *err)
{
    memset(err, 0, sizeof *err);
    graft_status status = gf_image_decode(f->bytes, f->n, "a/b.img", opts, p, info, err);
    if (status == GRAFT_OK) {
        assert_true(p->rgb && p->w > 0 && p->h > 0);
    } else {
        assert_true(!p->rgb && !p->w && !p->h);
        assert_int_equal(err->status, status);
        assert_memory_equal(err->message, "a/b.img: ", 9);
    }
    return status;
}

#endif
