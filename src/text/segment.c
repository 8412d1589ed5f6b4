/* segment.c - words as a file of word vectors has them. Texts are split at white space; Chinese has none, and its runs
 * of characters are cut into words of the vectors' own vocabulary: the cheapest way through the run, where a word costs
 * ln(rank + 1) + ln ln N (words by frequency follow Zipf's law, so that is its surprise but for a constant). Every word
 * that is found so has a vector, and no dictionary is needed. */
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

#include <math.h>
#include <string.h>

enum { LONGEST = 16 };                /* characters of a word */
static const double UNKNOWN_MORE = 4; /* an unknown character costs this more than the rarest word */

typedef enum segment { NONE, CHARACTERS, WORDS } segment;

typedef struct words {
    gf_vocabulary vocabulary;
    uint8_t *kind; /* of each character */
    segment segment;
    double base; /* ln ln N */
} words;

enum argument { SEGMENT, ARGUMENTS };

static const graft_option argument_row[ARGUMENTS] = {
    [SEGMENT] = {.name = "segment",
                 .kind = GRAFT_OPTION_CHOICE,
                 .choices = "words|char|none",
                 .default_value = "words",
                 .help = "runs of Chinese characters are words of the vocabulary, characters, or left as they are"},
};

static void words_destroy(void *self)
{
    words *w = self;
    if (!w) return;
    gf_vocabulary_free(&w->vocabulary);
    gf_free(w->kind);
    gf_free(w);
}

/* Words may hold what is no UTF-8, so the lines are taken as they are. A word that is there twice: the first holds, so
 * it comes last. */
static graft_status read_words(gf_vocabulary *v, const gf_tokenizer_files *files, graft_error *err)
{
    const char *text = (const char *)files->vocabulary;
    uint32_t id = 0;
    for (size_t at = 0; at < files->n; id++) {
        const char *end = memchr(text + at, '\n', files->n - at);
        size_t n = end ? (size_t)(end - text) - at : files->n - at;
        GF_TRY(gf_vocabulary_add(v, files->name, text + at, n, id, err));
        at += n + 1;
    }
    return id ? GRAFT_OK : gf_fail(err, GF_E_VOCABULARY, NULL, "%s: there are no words", GF_ESC(files->name));
}

static graft_status words_open(void **self, const gf_tokenizer_files *files, const char *const *value, graft_error *err)
{
    const char *said = value[SEGMENT] ? value[SEGMENT] : argument_row[SEGMENT].default_value;
    words *w = gf_new(words);
    if (!w) return gf_fail_memory(err, sizeof *w, "a tokenizer");
    w->kind = gf_unicode_spread(&gf_unicode_tokenizers);
    w->segment = *said == 'w' ? WORDS : *said == 'c' ? CHARACTERS : NONE;
    graft_status status =
        w->kind ? read_words(&w->vocabulary, files, err) : gf_fail_memory(err, GF_UNICODE_END, "a table of characters");
    if (status != GRAFT_OK) {
        words_destroy(w);
        return status;
    }
    w->base = log(log((double)w->vocabulary.n + 2));
    *self = w;
    return GRAFT_OK;
}

/* ---- encoding */

typedef struct step {
    double cost;     /* of the cheapest way here */
    uint32_t from;   /* the character that its last word begins with */
    uint32_t id, at; /* of that word; where this character is in the text */
} step;

typedef struct encoding {
    const words *w;
    const uint8_t *text;
    gf_pieces *out;
    step *step;
    size_t cap;
} encoding;

static uint32_t unknown(const words *w) { return (uint32_t)w->vocabulary.n; }

static graft_status give(encoding *e, uint32_t id, size_t from, size_t to, graft_error *err)
{
    return gf_pieces_add(e->out, (gf_piece){id, (uint32_t)from, (uint32_t)to}, err);
}

/* The text from .. to as one word, known or not. */
static graft_status whole(encoding *e, size_t from, size_t to, graft_error *err)
{
    uint32_t id = gf_vocabulary_find(&e->w->vocabulary, e->text + from, to - from);
    return from == to ? GRAFT_OK : give(e, id == GF_NO_ID ? unknown(e->w) : id, from, to, err);
}

/* The characters of the run, each where it begins; one more for its end. */
static graft_status list_characters(encoding *e, size_t from, size_t to, size_t *n, graft_error *err)
{
    *n = 0;
    for (size_t at = from; at <= to;) {
        if (!gf_grow(&e->step, *n, &e->cap)) return gf_fail_memory(err, *n * sizeof *e->step, "a run of characters");
        e->step[(*n)++] = (step){INFINITY, 0, unknown(e->w), (uint32_t)at};
        uint32_t c;
        at += at < to ? gf_utf8_next(e->text + at, to - at, &c, NULL) : 1;
    }
    return GRAFT_OK;
}

static void reach(step *s, uint32_t to, uint32_t from, uint32_t id, double cost)
{
    if (!(s[from].cost + cost < s[to].cost)) return;
    s[to].cost = s[from].cost + cost;
    s[to].from = from;
    s[to].id = id;
}

/* Costs of all words that begin with character i, whose run has n - 1. */
static void words_from(const encoding *e, uint32_t i, size_t n)
{
    const gf_vocabulary *v = &e->w->vocabulary;
    uint32_t node = 0;
    for (uint32_t k = i + 1; k < n && k - i <= LONGEST; k++) {
        for (uint32_t at = e->step[k - 1].at; at < e->step[k].at; at++) {
            node = gf_vocabulary_walk(v, node, e->text[at]);
            if (!node) return;
        }
        if (v->id[node] != GF_NO_ID) reach(e->step, k, i, v->id[node], log((double)v->id[node] + 2) + e->w->base);
    }
}

static graft_status cheapest(encoding *e, size_t from, size_t to, graft_error *err)
{
    size_t n;
    GF_TRY(list_characters(e, from, to, &n, err));
    e->step[0].cost = 0;
    double rarest = log((double)e->w->vocabulary.n + 2) + e->w->base + UNKNOWN_MORE;
    for (uint32_t i = 0; i + 1 < n; i++) {
        reach(e->step, i + 1, i, unknown(e->w), rarest);
        words_from(e, i, n);
    }
    size_t first = e->out->n; /* from the end, then turned round */
    for (uint32_t k = (uint32_t)n - 1; k; k = e->step[k].from)
        GF_TRY(give(e, e->step[k].id, e->step[e->step[k].from].at, e->step[k].at, err));
    for (size_t a = first, b = e->out->n; a + 1 < b; a++) {
        gf_piece t = e->out->item[a];
        e->out->item[a] = e->out->item[--b];
        e->out->item[b] = t;
    }
    return GRAFT_OK;
}

static graft_status characters(encoding *e, size_t from, size_t to, graft_error *err)
{
    while (from < to) {
        uint32_t c;
        size_t n = gf_utf8_next(e->text + from, to - from, &c, NULL);
        GF_TRY(whole(e, from, from + n, err));
        from += n;
    }
    return GRAFT_OK;
}

static bool is_chinese(const words *w, uint32_t c)
{
    return gf_unicode_tokenizers.kind[w->kind[c]].flags & GF_CHAR_CHINESE;
}

/* A token without white space: its runs of Chinese characters, and what is between them. */
static graft_status cut_token(encoding *e, size_t from, size_t to, graft_error *err)
{
    if (e->w->segment == NONE) return whole(e, from, to, err);
    for (size_t at = from; at < to;) {
        size_t start = at;
        uint32_t c;
        size_t n = gf_utf8_next(e->text + at, to - at, &c, NULL);
        bool chinese = is_chinese(e->w, c);
        for (at += n; at < to; at += n) {
            n = gf_utf8_next(e->text + at, to - at, &c, NULL);
            if (is_chinese(e->w, c) != chinese) break;
        }
        if (!chinese) {
            GF_TRY(whole(e, start, at, err));
        } else {
            GF_TRY(e->w->segment == WORDS ? cheapest(e, start, at, err) : characters(e, start, at, err));
        }
    }
    return GRAFT_OK;
}

/* How many bytes of white space s begins with: ASCII's, and the ideographic space. */
static size_t space_at(const uint8_t *s, size_t n)
{
    if (*s == ' ' || (*s >= '\t' && *s <= '\r')) return 1;
    return n >= 3 && !memcmp(s, "\xe3\x80\x80", 3) ? 3 : 0;
}

static graft_status words_encode(const void *self, const char *text, size_t n, gf_pieces *out, graft_error *err)
{
    encoding e = {.w = self, .text = (const uint8_t *)text, .out = out};
    graft_status status = GRAFT_OK;
    for (size_t at = 0; at < n && status == GRAFT_OK;) {
        size_t space = space_at(e.text + at, n - at), from = at;
        at += space;
        while (!space && at < n && !space_at(e.text + at, n - at)) at++;
        if (!space) status = cut_token(&e, from, at, err);
    }
    gf_free(e.step);
    return status;
}

/* ---- */

static void words_decode(const void *self, const uint32_t *id, size_t n, gf_text *out)
{
    const words *w = self;
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *piece = gf_vocabulary_piece(&w->vocabulary, id[i], &length);
        if (!piece) continue;
        if (out->n) gf_text_add(out, " ");
        gf_text_add_n(out, piece, length);
    }
}

/* What is unknown is the id behind the last word: it has no vector. */
static gf_special_pieces words_special(const void *self)
{
    return (gf_special_pieces){unknown(self), GF_NO_PIECE, GF_NO_PIECE, GF_NO_PIECE, GF_NO_PIECE};
}
static uint32_t words_size(const void *self) { return (uint32_t)((const words *)self)->vocabulary.n; }

/* As models keep them; weights have none of these beside them. */
static const gf_tokenizer_place place_row[] = {
    {.file = "words.txt", .argument = "segment", .value = "words"},
    {.file = "words.char.txt", .argument = "segment", .value = "char"},
    {.file = "words.none.txt", .argument = "segment", .value = "none"},
};

const gf_tokenizer_class gf_tokenizer_words = {
    .name = "words",
    .help = "word2vec, GloVe, fastText",
    .place = place_row,
    .n_places = sizeof place_row / sizeof *place_row,
    .of_words = true,
    .argument = argument_row,
    .n_arguments = ARGUMENTS,
    .open = words_open,
    .encode = words_encode,
    .decode = words_decode,
    .special = words_special,
    .size = words_size,
    .destroy = words_destroy,
};
