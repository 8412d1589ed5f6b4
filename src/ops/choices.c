#include "ops/choices.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- on record */

bool gf_choices_set(gf_choices *list, const char *key, size_t key_n, const char *name, size_t name_n, bool clear)
{
    for (size_t i = 0; i < list->n; i++) {
        gf_chosen *at = &list->item[i];
        if (strncmp(at->key, key, key_n) || at->key[key_n]) continue;
        char *copy = gf_strndup(name, name_n);
        if (!copy) return false;
        at->clear = clear || (at->clear && !strcmp(at->name, copy));
        gf_free(at->name);
        at->name = copy;
        return true;
    }
    if (!gf_grow(&list->item, list->n, &list->cap)) return false;
    gf_chosen added = {gf_strndup(key, key_n), gf_strndup(name, name_n), clear};
    if (!added.key || !added.name) {
        gf_free(added.key);
        gf_free(added.name);
        return false;
    }
    list->item[list->n++] = added;
    return true;
}

bool gf_choices_read(gf_choices *list, const char *text, bool clear)
{
    while (text && *text) {
        size_t line = strcspn(text, "\n");
        const char *equals = memchr(text, '=', line);
        if (equals) {
            size_t key_n = (size_t)(equals - text);
            if (!gf_choices_set(list, text, key_n, equals + 1, line - key_n - 1, clear)) return false;
        }
        text += line + (text[line] == '\n');
    }
    return true;
}

int gf_choices_find(const gf_choices *list, const gf_choice *c)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->item[i].key, c->key)) continue;
        for (int k = 0; k < c->n; k++) {
            if (!strcmp(list->item[i].name, c->names[k])) return k;
        }
    }
    return -1;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const gf_chosen *)a)->key, ((const gf_chosen *)b)->key);
}

char *gf_choices_text(gf_choices *list, bool clear)
{
    if (list->n) qsort(list->item, list->n, sizeof *list->item, by_key);
    gf_text t = {0};
    gf_text_add(&t, "");
    for (size_t i = 0; i < list->n; i++) {
        const gf_chosen *at = &list->item[i];
        if (at->clear || !clear) gf_text_printf(&t, "%s=%s\n", at->key, at->name);
    }
    if (t.failed) gf_text_free(&t);
    return t.s;
}

void gf_choices_free(gf_choices *list)
{
    for (size_t i = 0; i < list->n; i++) {
        gf_free(list->item[i].key);
        gf_free(list->item[i].name);
    }
    gf_free(list->item);
    *list = (gf_choices){0};
}

/* ---- by time */

enum { LOOKS = 3, ROUNDS = 3 };

static bool run_timed(const gf_choice *c, int k, double *seconds)
{
    double (*clock)(void) = c->on_pool ? gf_sys_process_seconds : gf_sys_thread_seconds;
    double t = clock();
    if (!c->run(c->ctx, k)) return false;
    *seconds = clock() - t;
    return true;
}

/* The shortest time of each candidate, which take turns, so that what disturbs one disturbs the other; INFINITY: it
 * does not work. */
static void take_look(const gf_choice *c, bool *works, double *shortest)
{
    for (int k = 0; k < c->n; k++) shortest[k] = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < c->n; k++) {
            double seconds = INFINITY;
            works[k] = works[k] && run_timed(c, k, &seconds);
            shortest[k] = works[k] ? fmin(shortest[k], seconds) : INFINITY;
        }
    }
}

static double middle(double a, double b, double c) { return fmax(fmin(a, b), fmin(fmax(a, b), c)); }

static int least(const double *x, int n)
{
    int at = 0;
    for (int k = 1; k < n; k++) at = x[k] < x[at] ? k : at;
    return at;
}

/* The first look decides where the preferred candidate is about as fast as any. Where it seems not to be, two more are
 * taken and each candidate has the middle one of its three speeds, by the preferred one's: only one that is beyond the
 * margin wins. What lies between is the preferred one's, and unclear. */
int gf_choice_by_time(const gf_choice *c, bool *clear)
{
    bool works[GF_CHOICE_MOST];
    double shortest[LOOKS][GF_CHOICE_MOST], ratio[GF_CHOICE_MOST], first;
    for (int k = 0; k < c->n; k++) works[k] = run_timed(c, k, &first); /* warms up */
    *clear = works[c->preferred];
    for (int i = 0; i < LOOKS; i++) {
        take_look(c, works, shortest[i]);
        for (int k = 0; k < c->n && c->seconds; k++) c->seconds[k] = fmin(c->seconds[k], shortest[i][k]);
        int fastest = least(shortest[i], c->n);
        bool fine = shortest[i][c->preferred] <= sqrt(c->margin) * shortest[i][fastest];
        if (!i && works[c->preferred] && fine) return c->preferred;
    }
    if (!works[c->preferred]) { /* as where memory has run out */
        *clear = false;
        int fastest = least(shortest[LOOKS - 1], c->n);
        return works[fastest] ? fastest : c->preferred;
    }
    for (int k = 0; k < c->n; k++) {
        ratio[k] = middle(shortest[0][k] / shortest[0][c->preferred], shortest[1][k] / shortest[1][c->preferred],
                          shortest[2][k] / shortest[2][c->preferred]);
    }
    int fastest = least(ratio, c->n);
    *clear = ratio[fastest] * c->margin < 1;
    return *clear ? fastest : c->preferred;
}
