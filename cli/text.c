#include "text.h"

#include <string.h>

/* The length of the UTF-8 sequence at s, 0 where there is none (overlong, surrogate, cut, beyond U+10FFFF). */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0; /* also the terminating NUL */
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
    return n;
}

/* The next piece of *s that may be shown: a sequence as it is, or one byte as \xNN in `buf`. Advances *s. */
static const char *printable_piece(const char **s, char buf[8], size_t *n)
{
    const unsigned char *p = (const unsigned char *)*s;
    size_t length = utf8_length(p);
    int control = p[0] < 0x20 || p[0] == 0x7F || (p[0] == 0xC2 && length == 2 && p[1] < 0xA0); /* C0, DEL, C1 */
    if (length && !control) {
        const char *piece = *s;
        *s += length;
        *n = length;
        return piece;
    }
    *n = (size_t)snprintf(buf, 8, "\\x%02X", p[0]);
    *s += 1;
    return buf;
}

const char *text_escape(char *buf, size_t size, const char *s)
{
    size_t used = 0, n;
    char small[8];
    buf[0] = '\0';
    while (*s) {
        const char *piece = printable_piece(&s, small, &n);
        if (used + n + 1 > size) break;
        memcpy(buf + used, piece, n);
        used += n;
        buf[used] = '\0';
    }
    return buf;
}

void text_write_escaped(FILE *f, const char *s)
{
    char small[8];
    size_t n;
    while (*s) {
        const char *piece = printable_piece(&s, small, &n);
        fwrite(piece, 1, n, f);
    }
}

void text_write_json(FILE *f, const char *s)
{
    static const char *const shorts = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the byte, its letter */
    if (!s) {
        fputs("null", f);
        return;
    }
    fputc('"', f);
    while (*s) {
        unsigned char c = (unsigned char)*s;
        const char *pair = NULL;
        for (const char *p = shorts; *p && !pair; p += 2)
            if ((unsigned char)*p == c) pair = p;
        size_t length = utf8_length((const unsigned char *)s);
        if (pair)
            fprintf(f, "\\%c", pair[1]);
        else if (c < 0x20 || c == 0x7F)
            fprintf(f, "\\u%04x", c);
        else if (!length)
            fprintf(f, "\\\\x%02X", c);
        else
            fwrite(s, 1, length, f);
        s += length ? length : 1;
    }
    fputc('"', f);
}

size_t text_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t rows[3][MAX + 1], n = strlen(a), m = strlen(b);
    if (n >= MAX || m >= MAX) return MAX;
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++) above[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            int swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[m];
}

int text_is_near(const char *typed, size_t distance)
{
    size_t n = strlen(typed);
    return distance <= (n < 4 ? 1 : n < 9 ? 2 : 3);
}
