#include "data/names.h"

#include <string.h>

/* ASCII alone, whatever the locale */
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool same_word(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) a++, b++;
    return lower(*a) == lower(*b);
}

static bool in_table(const char *const *table, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++) {
        if (same_word(table[i], word)) return true;
    }
    return false;
}
#define IN_TABLE(table, word) in_table(table, sizeof(table) / sizeof *(table), word)

bool gf_name_is_litter(const char *name)
{
    static const char *const litter[] = {"Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "Icon\r", "@eaDir"};
    return name[0] == '.' || IN_TABLE(litter, name);
}

bool gf_name_is_image(const char *name)
{
    static const char *const read[] = {"jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp",
                                       "dib", "webp", "ppm", "pgm",  "pbm", "pnm",  "tif", "tiff"};
    static const char *const known[] = {"heic", "heif", "avif", "svg", "psd", "jp2", "jxl"};
    const char *dot = strrchr(name, '.');
    return dot && (IN_TABLE(read, dot + 1) || IN_TABLE(known, dot + 1));
}

const char *gf_name_extension(const char *name, char *buf, size_t size)
{
    const char *dot = strrchr(name, '.');
    const char *from = dot && dot != name && dot[1] ? dot + 1 : "(none)";
    size_t n = strlen(from);
    if (n > size - 1) n = size - 1;
    for (size_t i = 0; i < n; i++) buf[i] = lower(from[i]);
    buf[n] = 0;
    return buf;
}

bool gf_is_apple_double(const uint8_t *bytes, size_t n)
{
    static const uint8_t magic[] = {0, 5, 0x16, 7};
    return n >= sizeof magic && !memcmp(bytes, magic, sizeof magic);
}

/* The code point at s, its length in *n; a byte that is no UTF-8 stands for itself, above all code points. */
static uint32_t next_code(const unsigned char *s, size_t *n)
{
    size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    uint32_t code = length == 1 ? s[0] : s[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) length = 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    *n = length ? length : 1;
    return length ? code : 0x200000u + s[0];
}

static char *put_code(char *to, uint32_t code)
{
    if (code >= 0x200000) {
        *to++ = (char)(code - 0x200000);
    } else if (code < 0x80) {
        *to++ = lower((char)code);
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

typedef struct composition {
    uint16_t whole, letter, mark;
} composition;

static const composition composed[] = {
#define X(whole, letter, mark) {whole, letter, mark},
#include "data/compose.def"
#undef X
};

static const composition *find_composition(uint32_t code)
{
    size_t low = 0, high = sizeof composed / sizeof *composed;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (composed[middle].whole == code) return &composed[middle];
        if (composed[middle].whole < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static char *put_apart(char *to, uint32_t code)
{
    /* Korean syllables are composed by arithmetic (The Unicode Standard, section 3.12) */
    enum { S = 0xac00, L = 0x1100, V = 0x1161, T = 0x11a7, VT = 21 * 28, SYLLABLES = 19 * VT };
    if (code >= S && code < S + SYLLABLES) {
        uint32_t i = code - S;
        to = put_code(put_code(to, L + i / VT), V + i % VT / 28);
        return i % 28 ? put_code(to, T + i % 28) : to;
    }
    uint32_t mark[4];
    size_t marks = 0;
    for (const composition *c; marks < 4 && (c = find_composition(code)); code = c->letter) mark[marks++] = c->mark;
    to = put_code(to, code);
    while (marks) to = put_code(to, mark[--marks]);
    return to;
}

/* No character grows more than from 2 bytes to 8, so 4 times the name is enough. */
void gf_name_key(const char *name, char *key)
{
    for (const unsigned char *s = (const unsigned char *)name; *s;) {
        size_t n;
        key = put_apart(key, next_code(s, &n));
        s += n;
    }
    *key = 0;
}
