#include "data/likeness.h"

#include "base/alloc.h"
#include "data/names.h"

#include <stdio.h>
#include <string.h>

/* Characters that look like a space or like nothing, in UTF-8. */
static const struct {
    const char *bytes, *name;
} blanks[] = {
    {" ", "a space"},
    {"\t", "a tab"},
    {"\r", "a carriage return"},
    {"\n", "a line break"},
    {"\xc2\xa0", "a no-break space"},
    {"\xe3\x80\x80", "a wide space"},
    {"\xe2\x80\xaf", "a narrow space"},
    {"\xe2\x80\x8b", "an invisible space"},
    {"\xef\xbb\xbf", "a byte order mark"},
    {"\xe2\x80\x8d", "an invisible joiner"},
};

/* The length of the blank at s, 0: none; *name (may be NULL) says which. */
static size_t blank_at(const char *s, const char **name)
{
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        size_t n = strlen(blanks[i].bytes);
        if (strncmp(s, blanks[i].bytes, n) != 0) continue;
        if (name) *name = blanks[i].name;
        return n;
    }
    return 0;
}

/* Copies without blanks, or where `signs` without - and _ too. */
static void strip(char *to, const char *from, bool signs)
{
    while (*from) {
        size_t n = blank_at(from, NULL);
        if (!n && signs && (*from == '-' || *from == '_')) n = 1;
        if (n) {
            from += n;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
}

/* Which blank one of the two has at an end where the other has none. */
static bool end_blank(const char *a, const char *b, char *how, size_t size)
{
    const char *which = NULL;
    if (blank_at(a, &which) && !blank_at(b, NULL)) {
        snprintf(how, size, "in %s at the beginning of the first", which);
        return true;
    }
    size_t n = strlen(a);
    for (size_t i = 0; i < n; i++) {
        size_t length = blank_at(a + i, &which);
        if (!length || i + length != n) continue;
        for (size_t k = 0, m = strlen(b); k < m; k++) {
            if (blank_at(b + k, NULL) && k + blank_at(b + k, NULL) == m) return false;
        }
        snprintf(how, size, "in %s at the end of the first", which);
        return true;
    }
    return false;
}

static void tell_blank(const char *a, const char *b, char *how, size_t size)
{
    if (end_blank(a, b, how, size)) return;
    if (end_blank(b, a, how, size)) {
        char *first = strstr(how, "the first");
        if (first) memcpy(first, "the other", strlen("the other"));
        return;
    }
    snprintf(how, size, "in the spaces inside of them");
}

/* Both names stripped and as keys. */
typedef struct pair {
    char *a, *b;         /* stripped */
    char *key_a, *key_b; /* of these */
} pair;

static bool fill(pair *p, const char *a, const char *b, bool signs)
{
    strip(p->a, a, signs);
    strip(p->b, b, signs);
    gf_name_key(p->a, p->key_a);
    gf_name_key(p->b, p->key_b);
    return !strcmp(p->key_a, p->key_b);
}

static void tell(const pair *p, const char *a, const char *b, bool signs, char *how, size_t size)
{
    const char *and = "";
    size_t at = 0;
    how[0] = 0;
    if (signs) {
        snprintf(how, size, "in the signs between words (space, - or _)");
        at = strlen(how);
        and = " and ";
    }
    bool blanks_differ = !signs && strlen(p->a) - strlen(p->b) != strlen(a) - strlen(b);
    if (blanks_differ) {
        tell_blank(a, b, how, size);
        at = strlen(how);
        and = " and ";
    }
    if (!strcmp(p->a, p->b)) {
        if (!at) snprintf(how, size, "in which spaces they have");
        return;
    }
    /* taken apart, a letter and its accent are more bytes; capitals are as many */
    bool capitals = strlen(p->a) == strlen(p->b), first_apart = strlen(p->a) > strlen(p->b);
    const char *encoded = first_apart
                              ? "in how their letters are encoded: the first writes a letter and its accent as two "
                                "characters (NFD), the other as one (NFC)"
                              : "in how their letters are encoded: the first writes a letter and its accent as one "
                                "character (NFC), the other as two (NFD)";
    snprintf(how + at, size - at, "%s%s", and, capitals ? "in capitals" : encoded);
}

bool gf_names_alike(const char *a, const char *b, char *how, size_t size)
{
    size_t n = strlen(a) > strlen(b) ? strlen(a) : strlen(b), room = GF_NAME_KEY_GROWTH * n + 1;
    char *block = strcmp(a, b) ? gf_alloc(4, room) : NULL;
    if (!block) return false;
    pair p = {block, block + room, block + 2 * room, block + 3 * room};
    bool alike = fill(&p, a, b, false), signs = false;
    if (!alike) alike = signs = fill(&p, a, b, true);
    if (alike) tell(&p, a, b, signs, how, size);
    gf_free(block);
    return alike;
}

const char *gf_likest_name(const char *name, const char *const *names, size_t n, char *how, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        if (gf_names_alike(name, names[i], how, size)) return names[i];
    }
    return NULL;
}
