#include "text/utf8.h"

/* The least and greatest second byte; they rule out overlong forms, surrogates and what is beyond U+10FFFF. */
static void second_byte(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
}

size_t gf_utf8_next(const uint8_t *s, size_t n, uint32_t *c, bool *valid)
{
    uint8_t first = s[0], low, high;
    if (valid) *valid = true;
    *c = first;
    if (first < 0x80) return 1;
    size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                    : first >= 0xe0 && first <= 0xef ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    size_t got = 1;
    uint32_t x = length == 2 ? first & 0x1f : length == 3 ? first & 0x0f : first & 0x07;
    second_byte(first, &low, &high);
    while (got < length && got < n && s[got] >= low && s[got] <= high) {
        x = x << 6 | (s[got++] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    if (length && got == length) {
        *c = x;
        return length;
    }
    if (valid) *valid = false;
    *c = GF_REPLACEMENT;
    return got;
}

size_t gf_utf8_put(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (uint8_t)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

size_t gf_utf8_valid(const uint8_t *s, size_t n)
{
    size_t at = 0;
    while (at < n) {
        uint32_t c;
        bool valid;
        size_t length = gf_utf8_next(s + at, n - at, &c, &valid);
        if (!valid) return at;
        at += length;
    }
    return n;
}
