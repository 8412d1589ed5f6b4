#include "formats/keras_ranks.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16, LONGEST = 512 };

/* "conv2d_12": a class and a number; "conv2d" has number 0. */
typedef struct step {
    const char *class;
    size_t n; /* letters of the class */
    long number;
} step;

/* Reads the step at s; returns what is behind it, NULL behind the last. */
static const char *take_step(const char *s, step *out)
{
    size_t length = strcspn(s, "/"), end = length;
    while (end > 0 && s[end - 1] >= '0' && s[end - 1] <= '9') end--;
    bool numbered = end > 1 && end < length && length - end < 10 && s[end - 1] == '_';
    *out = (step){s, numbered ? end - 1 : length, numbered ? strtol(s + end, NULL, 10) : 0};
    return s[length] ? s + length + 1 : NULL;
}

static int compare_classes(const step *a, const step *b)
{
    int c = memcmp(a->class, b->class, a->n < b->n ? a->n : b->n);
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int compare(const char *a, const char *b)
{
    while (a && b) {
        step x, y;
        a = take_step(a, &x);
        b = take_step(b, &y);
        int c = compare_classes(&x, &y);
        if (!c) c = (x.number > y.number) - (x.number < y.number);
        if (c) return c;
    }
    return (a != NULL) - (b != NULL);
}

static int by_steps(const void *a, const void *b) { return compare(*(char *const *)a, *(char *const *)b); }

/* The key that was ranked last, as it was, and its ranks. */
typedef struct ranked {
    char key[LONGEST];
    long rank[DEEPEST];
} ranked;

/* Rewrites `key`, which is not before the last one. */
static void rank_one(char *key, ranked *last)
{
    char was[LONGEST], now[LONGEST];
    const char *a = last->key[0] ? last->key : NULL, *b = was;
    size_t n = 0;
    bool same = true;
    memcpy(was, key, strlen(key) + 1);
    for (int depth = 0; b && depth < DEEPEST; depth++) {
        step x = {0}, y;
        if (a) a = take_step(a, &x);
        b = take_step(b, &y);
        bool class = same && x.class && !compare_classes(&x, &y);
        same = class && x.number == y.number;
        last->rank[depth] = same ? last->rank[depth] : class ? last->rank[depth] + 1 : 0;
        n += (size_t)snprintf(now + n, sizeof now - n, "%s%.*s", depth ? "/" : "", (int)y.n, y.class);
        if (last->rank[depth]) n += (size_t)snprintf(now + n, sizeof now - n, "_%ld", last->rank[depth]);
    }
    memcpy(last->key, was, sizeof was);
    if (!b) memcpy(key, now, n + 1); /* deeper ones are no Keras's */
}

graft_status gf_keras_rank(char **key, size_t n, graft_error *err)
{
    char **sorted = gf_new_n(n, char *);
    if (!sorted) return gf_fail_memory(err, n * sizeof *sorted, "a list of layers");
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (strlen(key[i]) < LONGEST) sorted[kept++] = key[i];
    }
    if (kept) qsort(sorted, kept, sizeof *sorted, by_steps);
    ranked last = {0};
    for (size_t i = 0; i < kept; i++) rank_one(sorted[i], &last);
    gf_free(sorted);
    return GRAFT_OK;
}
