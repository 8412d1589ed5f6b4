#include "hints.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

enum { WORD = 64 };

/* Copies the word of small letters and hyphens at s; returns what is behind it. */
static const char *take_word(const char *s, char word[WORD])
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
    snprintf(word, WORD, "%.*s", n < WORD ? (int)n : 0, s);
    return s + n;
}

static bool has_option(const verb *v, const char *name)
{
    for (size_t i = 0; i < v->n_options; i++)
        if (v->options[i].name && !strcmp(v->options[i].name, name)) return true;
    return false;
}

/* Whether every option that the n bytes at `clause` name is there. In a command between backquotes they are that
 * command's: of another tool, or of `graft VERB`. A verb that is named without backquotes holds up to a bracket or
 * comma. */
static bool fits(const verb *v, const char *clause, size_t n)
{
    const verb *now = v;
    bool quoted = false, foreign = false;
    for (const char *s = clause; s < clause + n;) {
        char word[WORD];
        bool begins = s == clause || !strchr("abcdefghijklmnopqrstuvwxyz-", s[-1]);
        if (begins && !strncmp(s, "graft ", 6)) {
            s = take_word(s + 6, word);
            const verb *named = verbs_find(word);
            if (named) now = named;
            foreign = false;
        } else if (begins && !foreign && !strncmp(s, "--", 2) && s[2] >= 'a' && s[2] <= 'z') {
            s = take_word(s + 2, word);
            if (!has_option(now, word)) return false;
        } else {
            if (*s == '`') {
                quoted = foreign = !quoted;
                now = v;
            }
            if (!quoted && (*s == ')' || *s == ',')) now = v;
            s++;
        }
    }
    return true;
}

void hints_fit(const verb *v, char *hint)
{
    if (!v) return;
    char *to = hint;
    for (const char *from = hint; *from;) {
        const char *end = strstr(from, "; ");
        size_t n = end ? (size_t)(end - from) : strlen(from);
        const char *next = end ? end + 2 : from + n;
        if (fits(v, from, n)) {
            if (to != hint) {
                memmove(to, "; ", 2);
                to += 2;
            }
            memmove(to, from, n);
            to += n;
        }
        from = next;
    }
    *to = '\0';
}
