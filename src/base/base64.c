#include "base/base64.h"

enum { GROUP = 4, BYTES = 3, BITS = 6 };

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static graft_status wrong(const char *what, size_t at, const char *why, graft_error *err)
{
    return gf_fail(err, GF_E_HTTP_BODY, "base64 as RFC 4648 has it: A-Z a-z 0-9 + / and = at the end, on one line",
                   "%s: not base64 at character %zu: %s", what, at, why);
}

graft_status gf_base64_decode(const char *text, size_t n, const char *what, uint8_t **out, size_t *n_out,
                              graft_error *err)
{
    size_t padding = 0, k = 0;
    *out = NULL;
    *n_out = 0;
    while (padding < 2 && padding < n && text[n - 1 - padding] == '=') padding++;
    for (size_t i = 0; i < n - padding; i++) {
        if (digit(text[i]) < 0) return wrong(what, i, "no character of its alphabet", err);
    }
    if (n % GROUP) return wrong(what, n, "its length is no multiple of 4", err);
    uint8_t *to = gf_alloc_raw(n / GROUP * BYTES + 1, 1);
    if (!to) return gf_fail_memory(err, n / GROUP * BYTES, what);
    for (size_t i = 0; i < n; i += GROUP) {
        uint32_t bits = 0;
        for (size_t c = 0; c < GROUP; c++) {
            bits = bits << BITS | (uint32_t)(i + c < n - padding ? digit(text[i + c]) : 0);
        }
        to[k++] = (uint8_t)(bits >> 16);
        to[k++] = (uint8_t)(bits >> 8);
        to[k++] = (uint8_t)bits;
    }
    k -= padding;
    if (padding && to[k]) { /* bits that no byte holds */
        gf_free(to);
        return wrong(what, n - padding - 1, "bits behind the last byte", err);
    }
    *out = to;
    *n_out = k;
    return GRAFT_OK;
}

void gf_base64_add(gf_text *t, const uint8_t *in, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += BYTES) {
        size_t left = n - i;
        uint32_t x = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        const char out[GROUP] = {digits[x >> 18], digits[x >> 12 & 63], left > 1 ? digits[x >> 6 & 63] : '=',
                                 left > 2 ? digits[x & 63] : '='};
        gf_text_add_n(t, out, sizeof out);
    }
}
