#include "text/words.h"

#include "base/alloc.h"
#include "text/utf8.h"

#include <string.h>

static const gf_words_profile profile_row[] = {
    {"hf", &gf_unicode_tokenizers, GF_CHAR_CONTROL, GF_CHAR_SPACE | GF_CHAR_SPLIT, GF_CHAR_SPLIT, true, false, false,
     100, false},
    {"hf-slow", &gf_unicode_python, GF_CHAR_CONTROL | GF_CHAR_UNUSED, GF_CHAR_SPACE | GF_CHAR_SPLIT, GF_CHAR_SPLIT,
     false, false, true, 100, false},
    {"google", &gf_unicode_python, GF_CHAR_CONTROL, GF_CHAR_SPACE | GF_CHAR_SPLIT, GF_CHAR_SPLIT, false, false, false,
     200, false},
    {"tf", &gf_unicode_tensorflow, 0, GF_CHAR_SPLIT, GF_CHAR_SPLIT | GF_CHAR_CONTROL, false, true, false, 100, true},
};

const gf_words_profile *gf_words_profile_at(size_t i)
{
    return i < sizeof profile_row / sizeof *profile_row ? &profile_row[i] : NULL;
}

graft_status gf_words_open(gf_words *w, const gf_words_options *o, graft_error *err)
{
    *w = (gf_words){*o, gf_unicode_spread(o->profile->table)};
    return w->kind ? GRAFT_OK : gf_fail_memory(err, GF_UNICODE_END, "a table of characters");
}

void gf_words_close(gf_words *w)
{
    gf_free(w->kind);
    *w = (gf_words){0};
}

/* ---- a word on its way */

typedef struct line {
    gf_character *item;
    size_t n, cap;
} line;

typedef struct work {
    const gf_words *w;
    line word, mapped, sorted;
    bool failed; /* no memory */
} work;

static const gf_unicode_kind *kind_of(const gf_words *w, uint32_t c) { return &w->o.profile->table->kind[w->kind[c]]; }

static void put(work *k, line *l, gf_character c)
{
    if (!gf_grow(&l->item, l->n, &l->cap)) {
        k->failed = true;
    } else {
        l->item[l->n++] = c;
    }
}

static void put_all(work *k, line *l, const uint32_t *c, size_t n, const gf_character *from)
{
    for (size_t i = 0; i < n; i++) put(k, l, (gf_character){c[i], from->begin, from->end});
}

/* What was mapped is the word now. */
static void exchange(work *k)
{
    line old = k->word;
    k->word = k->mapped;
    k->mapped = old;
    k->mapped.n = 0;
}

/* ---- canonical order: marks in the order of their class, those of one class as they were */

static void sort_run(work *k, size_t from, size_t to)
{
    bool there[256] = {0}, unsorted = false;
    uint8_t before = 0;
    for (size_t i = from; i < to; i++) {
        uint8_t order = kind_of(k->w, k->word.item[i].c)->order;
        there[order] = true;
        unsorted |= order < before;
        before = order;
    }
    if (!unsorted) return;
    k->sorted.n = 0;
    for (int order = 1; order < 256; order++) {
        for (size_t i = from; there[order] && i < to; i++) {
            if (kind_of(k->w, k->word.item[i].c)->order == order) put(k, &k->sorted, k->word.item[i]);
        }
    }
    if (!k->failed) memcpy(k->word.item + from, k->sorted.item, (to - from) * sizeof *k->word.item);
}

static void sort_marks(work *k)
{
    size_t from = 0;
    for (size_t i = 0; i <= k->word.n; i++) {
        if (i < k->word.n && kind_of(k->w, k->word.item[i].c)->order) continue;
        if (i - from > 1) sort_run(k, from, i);
        from = i + 1;
    }
}

/* ---- maps */

/* Characters with the flag become what the map says; Hangul syllables are taken apart by rule. */
static void map_word(work *k, const gf_unicode_map *map, uint16_t flag)
{
    for (size_t i = 0; i < k->word.n; i++) {
        const gf_character *c = &k->word.item[i];
        uint16_t flags = kind_of(k->w, c->c)->flags;
        size_t n = 0;
        uint32_t hangul[3];
        const uint32_t *to = flags & flag ? gf_unicode_mapped(map, c->c, &n) : NULL;
        if (!to && flags & GF_CHAR_NFD & flag) {
            n = gf_unicode_hangul(c->c, hangul);
            to = n ? hangul : NULL;
        }
        if (to) {
            put_all(k, &k->mapped, to, n, c);
        } else if (!(flags & flag & GF_CHAR_FOLD_AWAY)) {
            put(k, &k->mapped, *c);
        }
    }
    exchange(k);
}

static void decompose(work *k)
{
    map_word(k, &gf_unicode_nfd, GF_CHAR_NFD);
    sort_marks(k);
}

static void drop_marks(work *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->word.n; i++) {
        if (!(kind_of(k->w, k->word.item[i].c)->flags & GF_CHAR_MARK)) k->word.item[n++] = k->word.item[i];
    }
    k->word.n = n;
}

/* Canonical composition of a decomposed word: a mark joins the last starter unless one of its class or higher is
 * between. */
static void compose(work *k)
{
    size_t starter = SIZE_MAX;
    int last = 0;
    for (size_t i = 0; i < k->word.n; i++) {
        const gf_character *c = &k->word.item[i];
        int order = kind_of(k->w, c->c)->order;
        bool next = starter != SIZE_MAX && k->mapped.n == starter + 1;
        uint32_t whole = starter != SIZE_MAX && (next || (last < order && last))
                             ? gf_unicode_composed(k->mapped.item[starter].c, c->c)
                             : 0;
        if (whole) {
            k->mapped.item[starter].c = whole;
            if (c->end > k->mapped.item[starter].end) k->mapped.item[starter].end = c->end;
            continue;
        }
        if (!order) starter = k->mapped.n;
        last = order;
        put(k, &k->mapped, *c);
        if (k->failed) return;
    }
    exchange(k);
}

/* ---- lower case */

enum { SIGMA = 0x3a3, SMALL_SIGMA = 0x3c3, FINAL_SIGMA = 0x3c2 };

static bool has_sigma(const work *k)
{
    for (size_t i = 0; i < k->word.n; i++) {
        if (k->word.item[i].c == SIGMA) return true;
    }
    return false;
}

/* A sigma that ends a word is another (Unicode standard, table 3-17, Final_Sigma). Looks at the word before anything of
 * it is lower-cased: marks are neither cased nor changed by that. */
static graft_status lower_sigmas(work *k, graft_error *err)
{
    bool *final = gf_new_n(k->word.n, bool);
    if (!final) return gf_fail_memory(err, k->word.n, "a word");
    bool before = false; /* whether the last one that is not ignorable is cased */
    for (size_t i = 0; i < k->word.n; i++) {
        uint16_t flags = kind_of(k->w, k->word.item[i].c)->flags;
        final[i] = k->word.item[i].c == SIGMA && before;
        if (!(flags & GF_CHAR_IGNORABLE)) before = flags & GF_CHAR_CASED;
    }
    bool after = false;
    for (size_t i = k->word.n; i-- > 0;) {
        uint16_t flags = kind_of(k->w, k->word.item[i].c)->flags;
        if (k->word.item[i].c == SIGMA) k->word.item[i].c = final[i] && !after ? FINAL_SIGMA : SMALL_SIGMA;
        if (!(flags & GF_CHAR_IGNORABLE)) after = flags & GF_CHAR_CASED;
    }
    gf_free(final);
    return GRAFT_OK;
}

static graft_status lower_in_python(work *k, graft_error *err)
{
    if (has_sigma(k)) GF_TRY(lower_sigmas(k, err));
    map_word(k, &gf_unicode_lower, GF_CHAR_LOWER);
    return GRAFT_OK;
}

/* Most words are ASCII, where accents are none and each letter has one lower case. */
static bool is_ascii(const work *k)
{
    for (size_t i = 0; i < k->word.n; i++) {
        if (k->word.item[i].c >= 0x80) return false;
    }
    return true;
}

static void lower_ascii(work *k)
{
    for (size_t i = 0; i < k->word.n; i++) {
        uint32_t c = k->word.item[i].c;
        if (c >= 'A' && c <= 'Z') k->word.item[i].c = c + 'a' - 'A';
    }
}

static graft_status normalize(work *k, graft_error *err)
{
    const gf_words_options *o = &k->w->o;
    if (is_ascii(k)) {
        if (o->lower) lower_ascii(k);
        return GRAFT_OK;
    }
    if (o->profile->composes) {
        decompose(k);
        compose(k);
    }
    if (o->profile->folds) {
        if (!o->lower) return GRAFT_OK;
        map_word(k, &gf_unicode_fold, GF_CHAR_FOLD | GF_CHAR_FOLD_AWAY | GF_CHAR_NFD);
        sort_marks(k);
        drop_marks(k);
        return GRAFT_OK;
    }
    if (o->lower && !o->profile->marks_first) GF_TRY(lower_in_python(k, err));
    if (o->strip) {
        decompose(k);
        drop_marks(k);
    }
    if (o->lower && o->profile->marks_first) map_word(k, &gf_unicode_lower, GF_CHAR_LOWER);
    return GRAFT_OK;
}

/* ---- words */

/* Normalizes the word gathered so far, and gives out what punctuation makes of it. */
static graft_status end_word(work *k, gf_words_take take, void *ctx, graft_error *err)
{
    if (!k->word.n) return GRAFT_OK;
    GF_TRY(normalize(k, err));
    if (k->failed) return gf_fail_memory(err, k->word.cap * sizeof *k->word.item, "a word");
    size_t from = 0;
    for (size_t i = 0; i <= k->word.n; i++) {
        uint16_t flags = i < k->word.n ? kind_of(k->w, k->word.item[i].c)->flags : GF_CHAR_PUNCTUATION;
        bool ends = flags & k->w->o.profile->breaks, alone = flags & GF_CHAR_PUNCTUATION;
        if (!ends && !alone) continue;
        if (i > from) GF_TRY(take(ctx, k->word.item + from, i - from, err));
        if (!ends && i < k->word.n) GF_TRY(take(ctx, k->word.item + i, 1, err));
        from = i + 1;
    }
    k->word.n = 0;
    return GRAFT_OK;
}

static graft_status walk(work *k, const uint8_t *text, size_t n, gf_words_take take, void *ctx, graft_error *err)
{
    const gf_words_options *o = &k->w->o;
    uint16_t dropped = o->clean ? o->profile->dropped : 0, spaces = o->clean ? o->profile->spaces : GF_CHAR_SPLIT;
    for (size_t at = 0; at < n;) {
        gf_character c = {.begin = (uint32_t)at};
        at += gf_utf8_next(text + at, n - at, &c.c, NULL);
        c.end = (uint32_t)at;
        uint16_t flags = kind_of(k->w, c.c)->flags;
        if (flags & dropped) continue;
        bool alone = o->chinese && flags & GF_CHAR_CHINESE;
        if (flags & spaces || alone) GF_TRY(end_word(k, take, ctx, err));
        if (flags & spaces) continue;
        put(k, &k->word, c);
        if (k->failed) return gf_fail_memory(err, k->word.cap * sizeof c, "a word");
        if (alone) GF_TRY(end_word(k, take, ctx, err));
    }
    return end_word(k, take, ctx, err);
}

graft_status gf_words_each(const gf_words *w, const char *text, size_t n, gf_words_take take, void *ctx,
                           graft_error *err)
{
    work k = {.w = w};
    graft_status status = walk(&k, (const uint8_t *)text, n, take, ctx, err);
    gf_free(k.word.item);
    gf_free(k.mapped.item);
    gf_free(k.sorted.item);
    return status;
}
