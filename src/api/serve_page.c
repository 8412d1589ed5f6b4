/* serve_page.c - the page: one file in the program, src/api/serve_page.html. What it may do is in its
 * Content-Security-Policy: its own script and style, by their digests, and requests to this server; nothing from
 * elsewhere. */
#include "api/serve.h"

#include <stdio.h>
#include <string.h>

extern const unsigned char gf_page[]; /* made of the file when the project is configured */
extern const size_t gf_page_n;

enum { DIGEST = 48 };

/* The SHA-256 of what stands between two marks, in base64. */
static void digest_between(const char *begin, const char *end, char out[DIGEST])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *page = (const char *)gf_page, *from = memmem(page, gf_page_n, begin, strlen(begin));
    from = from ? from + strlen(begin) : page;
    const char *to = memmem(from, (size_t)(page + gf_page_n - from), end, strlen(end));
    gf_sha256 digest = gf_sha256_of(from, to ? (size_t)(to - from) : 0);
    uint8_t bytes[33] = {0};
    memcpy(bytes, digest.byte, sizeof digest.byte);
    for (size_t i = 0, k = 0; i < sizeof bytes; i += 3) {
        unsigned bits = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) out[k++] = digits[bits >> shift & 63];
    }
    out[43] = '=';
    out[44] = '\0';
}

void gf_serve_page(const gf_call *call)
{
    char script[DIGEST], style[DIGEST], extra[512];
    digest_between("<script>", "</script>", script);
    digest_between("<style>", "</style>", style);
    snprintf(
        extra, sizeof extra,
        "Content-Security-Policy: default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; img-src blob: "
        "data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"
        "Referrer-Policy: no-referrer\r\n",
        script, style);
    const gf_http_answer a = {
        .status = 200, .type = "text/html; charset=utf-8", .extra = extra, .body = gf_page, .n = gf_page_n};
    gf_http_answer_with(call->exchange, &a);
}
