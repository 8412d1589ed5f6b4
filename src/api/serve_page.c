/* serve_page.c - the page: one file in the program, src/api/serve_page.html. What it may do is in its
 * Content-Security-Policy: its own script and style, by their digests, and requests to this server; nothing from
 * elsewhere. */
#include "api/serve.h"

#include "base/base64.h"

#include <string.h>

extern const unsigned char gf_page[]; /* made of the file when the project is configured */
extern const size_t gf_page_n;

/* A line of the policy: the SHA-256 of what stands between two marks, in base64. */
static void add_source(gf_text *t, const char *directive, const char *begin, const char *end)
{
    const char *page = (const char *)gf_page, *from = memmem(page, gf_page_n, begin, strlen(begin));
    from = from ? from + strlen(begin) : page;
    const char *to = memmem(from, (size_t)(page + gf_page_n - from), end, strlen(end));
    gf_sha256 digest = gf_sha256_of(from, to ? (size_t)(to - from) : 0);
    gf_text_printf(t, "%s 'sha256-", directive);
    gf_base64_add(t, digest.byte, sizeof digest.byte);
    gf_text_add(t, "'; ");
}

void gf_serve_page(const gf_call *call)
{
    gf_text extra = {0};
    graft_error why;
    gf_text_add(&extra, "Content-Security-Policy: default-src 'none'; ");
    add_source(&extra, "script-src", "<script>", "</script>");
    add_source(&extra, "style-src", "<style>", "</style>");
    gf_text_add(&extra, "img-src blob: data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
                        "frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n");
    if (extra.failed) {
        gf_fail_memory(&why, extra.n, "a page");
        gf_serve_fail(call, &why);
    } else {
        const gf_http_answer a = {
            .status = 200, .type = "text/html; charset=utf-8", .extra = extra.s, .body = gf_page, .n = gf_page_n};
        gf_http_answer_with(call->exchange, &a);
    }
    gf_text_free(&extra);
}
