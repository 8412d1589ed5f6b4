#include "data/labels.h"

#include "base/alloc.h"

#include <string.h>

void gf_labels_free(gf_labels *labels)
{
    gf_names_free(&labels->names);
    *labels = (gf_labels){0};
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* A line without what ends it; blank ones are none. */
static graft_status add_line(gf_names *lines, const char *from, size_t n, graft_error *err)
{
    if (n && from[n - 1] == '\r') n--;
    size_t blanks = 0;
    while (blanks < n && is_blank(from[blanks])) blanks++;
    if (blanks == n) return GRAFT_OK;
    char *line = gf_strndup(from, n);
    if (!line) return gf_fail_memory(err, n, "class names");
    graft_status status = gf_names_add(lines, line, err);
    gf_free(line);
    return status;
}

/* The number that a line begins with, and where the name behind it begins; NULL: it is no such line. */
static const char *numbered(const char *line, size_t *number)
{
    static const char signs[] = ":;,.)=-|";
    enum { MOST = 1 << 24 };
    while (is_blank(*line)) line++;
    const char *s = line;
    for (*number = 0; *s >= '0' && *s <= '9' && *number < MOST; s++) *number = 10 * *number + (size_t)(*s - '0');
    if (s == line) return NULL;
    const char *name = s;
    while (is_blank(*name)) name++;
    if (*name && strchr(signs, *name)) name++;
    while (is_blank(*name)) name++;
    return name > s && *name ? name : NULL;
}

/* Takes the numbers off where they are 0 to n - 1, or 1 to n, each once. */
static graft_status take_numbers(gf_labels *labels, graft_error *err)
{
    gf_names *lines = &labels->names;
    const char **name = gf_new_n(lines->n + 1, const char *);
    gf_names plain = {0};
    graft_status status = GRAFT_OK;
    bool own = lines->n > 1, moved = false;
    size_t last = 0;
    if (!name) return gf_fail_memory(err, lines->n * sizeof *name, "class names");
    for (size_t i = 0; i < lines->n && own; i++) {
        size_t number = 0;
        const char *rest = numbered(lines->item[i], &number);
        own = rest && number <= lines->n && !name[number];
        if (own) name[number] = rest;
        moved |= number < last;
        last = number;
    }
    own = own && (!name[0] || !name[lines->n]);
    const char **first = own && !name[0] ? name + 1 : name;
    for (size_t i = 0; i < lines->n && own && status == GRAFT_OK; i++) status = gf_names_add(&plain, first[i], err);
    gf_free(name);
    if (status == GRAFT_OK && own) {
        gf_names_free(lines);
        *lines = plain;
        labels->numbered = true;
        labels->moved = moved;
        return GRAFT_OK;
    }
    gf_names_free(&plain);
    return status;
}

static graft_status refuse(const char *name, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_OPTION_VALUE, "a text in UTF-8, one name per line", "%s: %s", GF_ESC(name), what);
}

graft_status gf_labels_parse(gf_labels *labels, const uint8_t *text, size_t n, const char *name, graft_error *err)
{
    *labels = (gf_labels){0};
    if (n >= 2 && ((text[0] == 0xff && text[1] == 0xfe) || (text[0] == 0xfe && text[1] == 0xff))) {
        return refuse(name, "is UTF-16, not UTF-8", err);
    }
    if (n && memchr(text, 0, n)) return refuse(name, "holds NUL bytes: not a text of class names", err);
    if (n >= 3 && text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf) text += 3, n -= 3;
    const char *at = (const char *)text, *end = at + n;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        GF_TRY(add_line(&labels->names, at, length, err));
        at += length + 1;
    }
    return take_numbers(labels, err);
}
