/* write.c - a recipe as text. What is written is read back first: a file appears only where it says the same. */
#include "recipe/recipe.h"

#include "base/alloc.h"
#include "base/io.h"

#include <stdbool.h>
#include <string.h>

static const char phases[] = "phases";

typedef struct writing {
    gf_text t;
    bool json;
} writing;

/* Both languages read a text in double quotes alike; YAML reads plain words too. */
static void put_text(writing *w, const char *s, size_t n)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+";
    size_t bare = strspn(s, plain);
    if (!w->json && n && bare >= n && s[0] != '-') {
        gf_text_add_n(&w->t, s, n);
        return;
    }
    gf_text_add(&w->t, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            gf_text_printf(&w->t, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            gf_text_printf(&w->t, "\\u%04x", c);
        else
            gf_text_add_n(&w->t, &s[i], 1);
    }
    gf_text_add(&w->t, "\"");
}

/* The next word of a phase, up to white space or its end; NULL: there is none. */
static const char *next_word(const char *at, const char *end, size_t *n)
{
    at += strspn(at, " \t\n");
    *n = strcspn(at, " \t\n;");
    return at < end && *n ? at : NULL;
}

/* "NAME KEY=VALUE ..." as a map. */
static void put_phase(writing *w, const char *at, const char *end)
{
    size_t n = 0;
    const char *word = next_word(at, end, &n);
    gf_text_add(&w->t, w->json ? "{\"name\": " : "{name: ");
    put_text(w, word ? word : "", n);
    while (word && (word = next_word(word + n, end, &n))) {
        const char *equals = memchr(word, '=', n);
        size_t key = equals ? (size_t)(equals - word) : n;
        gf_text_add(&w->t, ", ");
        put_text(w, word, key);
        gf_text_add(&w->t, ": ");
        put_text(w, equals ? equals + 1 : "", equals ? n - key - 1 : 0);
    }
    gf_text_add(&w->t, "}");
}

static void put_phases(writing *w, const char *value)
{
    const char *separator = w->json ? "[\n    " : "\n  - ";
    for (const char *at = value; *at; at += *at == ';') {
        const char *end = at + strcspn(at, ";");
        if (strspn(at, " \t\n") < (size_t)(end - at)) {
            gf_text_add(&w->t, separator);
            put_phase(w, at, end);
            separator = w->json ? ",\n    " : "\n  - ";
        }
        at = end;
    }
    if (w->json) gf_text_add(&w->t, "\n  ]");
}

static void put_all(writing *w, const char *const *name, const char *const *value, size_t n)
{
    gf_text_add(&w->t, w->json ? "{" : "");
    for (size_t i = 0; i < n; i++) {
        gf_text_add(&w->t, w->json ? i ? ",\n  " : "\n  " : "");
        put_text(w, name[i], strlen(name[i]));
        gf_text_add(&w->t, ":");
        if (w->json || strcmp(name[i], phases) != 0) gf_text_add(&w->t, " ");
        if (strcmp(name[i], phases) != 0)
            put_text(w, value[i], strlen(value[i]));
        else
            put_phases(w, value[i]);
        if (!w->json) gf_text_add(&w->t, "\n");
    }
    if (w->json) gf_text_add(&w->t, "\n}\n");
}

/* As it was given, but for the white space of phases. */
static bool same(const gf_recipe *r, const char *const *name, const char *const *value, size_t n)
{
    for (size_t i = 0; i < n && r->n == n; i++) {
        if (strcmp(r->item[i].name, name[i]) != 0) return false;
        if (strcmp(name[i], phases) != 0 && strcmp(r->item[i].value, value[i]) != 0) return false;
    }
    return r->n == n;
}

graft_status gf_recipe_write(const char *path, const char *const *name, const char *const *value, size_t n,
                             graft_error *err)
{
    const char *ending = strrchr(path, '.');
    writing w = {.json = ending && !strcmp(ending, ".json")};
    gf_recipe back = {0};
    put_all(&w, name, value, n);
    graft_status status = w.t.failed ? gf_fail_memory(err, w.t.n, "a recipe") : GRAFT_OK;
    if (status == GRAFT_OK) status = gf_recipe_parse(&back, w.t.s, w.t.n, path, err);
    if (status == GRAFT_OK && !same(&back, name, value, n))
        status = gf_fail(err, GF_E_RECIPE, "is it UTF-8?", "%s: an option's text cannot be in a recipe", GF_ESC(path));
    if (status == GRAFT_OK) status = gf_file_write_text(path, w.t.s, err);
    gf_recipe_free(&back);
    gf_text_free(&w.t);
    return status;
}
