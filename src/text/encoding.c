#include "text/encoding.h"

#include "base/alloc.h"
#include "text/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <string.h>

void gf_decoded_free(gf_decoded *d)
{
    gf_free(d->owned);
    *d = (gf_decoded){0};
}

static size_t line_of(const uint8_t *bytes, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) line += bytes[i] == '\n';
    return line;
}

/* The text from `at` on in the encoding `from`: status OK with out->owned, or how far it went in *at. */
static graft_status convert(gf_decoded *out, iconv_t way, const uint8_t *bytes, size_t n, size_t *at, graft_error *err)
{
    size_t cap = 2 * n + 16, used = 0, left = n;
    char *in = (char *)(uintptr_t)bytes; /* iconv does not write there, whatever its prototype says */
    out->owned = gf_alloc_raw(cap, 1);
    if (!out->owned) return gf_fail_memory(err, cap, "a text");
    for (bool last = false;;) {
        char *to = (char *)out->owned + used;
        size_t room = cap - used;
        size_t result = last ? iconv(way, NULL, NULL, &to, &room) : iconv(way, &in, &left, &to, &room);
        used = cap - room;
        if (result != (size_t)-1 && last) break;
        if (result != (size_t)-1) {
            last = true;
        } else if (errno == E2BIG) {
            uint8_t *more = gf_realloc(out->owned, cap, 2);
            if (!more) return gf_fail_memory(err, 2 * cap, "a text");
            out->owned = more;
            cap *= 2;
        } else {
            *at = n - left;
            return gf_fail(err, GF_E_TEXT_ENCODING, NULL, "not of that encoding");
        }
    }
    *at = n;
    out->text = out->owned;
    out->n = used;
    return GRAFT_OK;
}

/* Whether all of the bytes are GB18030, as far as this C library can tell. */
static bool is_gb18030(const uint8_t *bytes, size_t n)
{
    iconv_t way = iconv_open("UTF-8", "GB18030");
    if (way == (iconv_t)-1) return false;
    gf_decoded d = {0};
    size_t at = 0;
    bool is = convert(&d, way, bytes, n, &at, NULL) == GRAFT_OK;
    gf_decoded_free(&d);
    iconv_close(way);
    return is;
}

static graft_status as_said(gf_decoded *out, const uint8_t *bytes, size_t n, const char *name, const char *encoding,
                            graft_error *err)
{
    iconv_t way = iconv_open("UTF-8", encoding);
    if (way == (iconv_t)-1) {
        return gf_fail(err, GF_E_OPTION_VALUE,
                       "`iconv -l` lists those that are installed; Debian keeps the rarer ones in libc-bin and "
                       "locales",
                       "the encoding %s is not known to this machine's C library", GF_ESC(encoding));
    }
    size_t at = 0;
    graft_status status = convert(out, way, bytes, n, &at, err);
    iconv_close(way);
    out->encoding = encoding;
    if (status == GRAFT_DATA) {
        return gf_fail(err, GF_E_TEXT_ENCODING, NULL, "%s:%zu: byte %zu is not %s", GF_ESC(name), line_of(bytes, at),
                       at, GF_ESC(encoding));
    }
    return status;
}

static graft_status as_utf8(gf_decoded *out, const uint8_t *bytes, size_t n, const char *name, graft_error *err)
{
    size_t valid = gf_utf8_valid(bytes, n);
    *out = (gf_decoded){bytes, n, "UTF-8", NULL};
    if (valid == n) return GRAFT_OK;
    return gf_fail(err, GF_E_TEXT_ENCODING,
                   is_gb18030(bytes, n) ? "all of it decodes as GB18030: --encoding gb18030"
                                        : "--encoding NAME says what it is",
                   "%s:%zu: byte %zu (0x%02x) is not UTF-8", GF_ESC(name), line_of(bytes, valid), valid, bytes[valid]);
}

static graft_status refuse_nul(const gf_decoded *d, const char *name, graft_error *err)
{
    const uint8_t *nul = d->n ? memchr(d->text, 0, d->n) : NULL;
    if (!nul) return GRAFT_OK;
    size_t at = (size_t)(nul - d->text);
    return gf_fail(err, GF_E_TEXT_ENCODING,
                   "is it a text file? UTF-16 without a byte order mark is --encoding utf-16le",
                   "%s:%zu: byte %zu is NUL", GF_ESC(name), line_of(d->text, at), at);
}

static bool begins(const uint8_t *bytes, size_t n, const char *mark, size_t length)
{
    return n >= length && !memcmp(bytes, mark, length);
}

graft_status gf_decode(gf_decoded *out, const uint8_t *bytes, size_t n, const char *name, const char *encoding,
                       graft_error *err)
{
    graft_status status;
    *out = (gf_decoded){0};
    if (begins(bytes, n, "\xef\xbb\xbf", 3)) {
        status = as_utf8(out, bytes + 3, n - 3, name, err);
    } else if (begins(bytes, n, "\xff\xfe", 2)) {
        status = as_said(out, bytes + 2, n - 2, name, "UTF-16LE", err);
    } else if (begins(bytes, n, "\xfe\xff", 2)) {
        status = as_said(out, bytes + 2, n - 2, name, "UTF-16BE", err);
    } else {
        status = encoding ? as_said(out, bytes, n, name, encoding, err) : as_utf8(out, bytes, n, name, err);
    }
    if (status == GRAFT_OK) status = refuse_nul(out, name, err);
    if (status != GRAFT_OK) gf_decoded_free(out);
    return status;
}
