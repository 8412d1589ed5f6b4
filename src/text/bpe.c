/* bpe.c - byte-level byte-pair encoding, of RoBERTa and GPT-2: a text is split into words by a fixed pattern, and the
 * bytes of a word are merged, the pair of the lowest rank first (Sennrich et al. 2016; Radford et al. 2019). In the
 * files each byte is written as a character of its own; here pieces are bytes. */
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

#include <string.h>

typedef struct merge {
    uint32_t left, right; /* ids; GF_NO_ID: a free slot */
    uint32_t rank, whole;
} merge;

typedef struct bpe {
    gf_vocabulary vocabulary; /* of bytes */
    merge *merge;             /* a hash table */
    size_t slots, merges;
    uint32_t byte[256]; /* the piece of each byte; GF_NO_ID: none */
    uint8_t *kind;      /* of each character */
    bool prefix_space;
    gf_special_pieces special;
} bpe;

enum argument { PREFIX_SPACE, ARGUMENTS };

static const graft_option argument_row[ARGUMENTS] = {
    [PREFIX_SPACE] =
        {.name = "prefix-space",
         .kind = GRAFT_OPTION_FLAG,
         .help = "a space before the text, so that its first word is as any other; as the files say, else off"},
};

/* ---- bytes and the characters that stand for them in files */

/* Bytes that are printable in Latin-1 stand for themselves, the others for U+0100 and on, in order. */
static bool is_itself(unsigned byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* The byte that a character stands for; -1: none. */
static int byte_of(uint32_t c)
{
    if (c < 256) return is_itself(c) ? (int)c : -1;
    unsigned n = 256;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (!is_itself(byte) && n++ == c) return (int)byte;
    }
    return -1;
}

/* A piece of a file as bytes; one with characters that stand for none (a special piece) stays as it is. */
static void to_bytes(gf_text *out, const char *piece, size_t n)
{
    size_t start = out->n;
    for (size_t at = 0; at < n;) {
        uint32_t c;
        at += gf_utf8_next((const uint8_t *)piece + at, n - at, &c, NULL);
        int byte = byte_of(c);
        if (byte < 0) {
            out->n = start;
            gf_text_add_n(out, piece, n);
            return;
        }
        gf_text_add_n(out, &(char){(char)byte}, 1);
    }
}

/* ---- opening */

static merge *slot_of(const bpe *b, uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << 32 | right;
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15ull >> 32) & (b->slots - 1);
    while (b->merge[slot].left != GF_NO_ID && (b->merge[slot].left != left || b->merge[slot].right != right)) {
        slot = (slot + 1) & (b->slots - 1);
    }
    return &b->merge[slot];
}

static graft_status make_slots(bpe *b, size_t merges, graft_error *err)
{
    for (b->slots = 16; b->slots < 2 * merges + 2; b->slots *= 2) {
    }
    b->merge = gf_alloc_raw(b->slots, sizeof *b->merge);
    if (!b->merge) return gf_fail_memory(err, b->slots * sizeof *b->merge, "a table of merges");
    memset(b->merge, 0xff, b->slots * sizeof *b->merge);
    return GRAFT_OK;
}

static graft_status add_merge(bpe *b, const char *name, const char *left, size_t n_left, const char *right,
                              size_t n_right, graft_error *err)
{
    gf_text bytes = {0};
    to_bytes(&bytes, left, n_left);
    size_t middle = bytes.n;
    to_bytes(&bytes, right, n_right);
    if (bytes.failed) return gf_fail_memory(err, n_left + n_right, "a merge");
    const char *pair = bytes.s ? bytes.s : "";
    uint32_t a = gf_vocabulary_find(&b->vocabulary, pair, middle),
             c = gf_vocabulary_find(&b->vocabulary, pair + middle, bytes.n - middle);
    uint32_t whole = gf_vocabulary_find(&b->vocabulary, pair, bytes.n);
    gf_text_free(&bytes);
    if (a == GF_NO_ID || c == GF_NO_ID || whole == GF_NO_ID || !n_left || !n_right) {
        return gf_fail(err, GF_E_VOCABULARY, NULL, "%s: merge %zu makes a piece that the vocabulary lacks, or of one",
                       GF_ESC(name), b->merges + 1);
    }
    merge *m = slot_of(b, a, c);
    uint32_t rank = (uint32_t)b->merges++;
    if (m->left == GF_NO_ID) *m = (merge){a, c, rank, whole};
    m->rank = rank; /* of a merge that is there twice the last one holds */
    m->whole = whole;
    return GRAFT_OK;
}

/* "a b" */
static graft_status add_merge_line(bpe *b, const char *name, const char *line, size_t n, graft_error *err)
{
    const char *space = memchr(line, ' ', n);
    if (!space)
        return gf_fail(err, GF_E_VOCABULARY, NULL, "%s: merge %zu is not two pieces", GF_ESC(name), b->merges + 1);
    size_t left = (size_t)(space - line);
    return add_merge(b, name, line, left, space + 1, n - left - 1, err);
}

static graft_status read_merges(bpe *b, const char *name, const gf_json *merges, graft_error *err)
{
    size_t n = gf_json_size(merges);
    if (!gf_json_is_array(merges) || n > GF_VOCABULARY_MAX) {
        return gf_fail(err, GF_E_TOKENIZER_JSON, NULL, "%s: model.merges: a list is wanted", GF_ESC(name));
    }
    GF_TRY(make_slots(b, n, err));
    for (size_t i = 0; i < n; i++) {
        const gf_json *m = gf_json_at(merges, i);
        const char *line = gf_json_str(m, NULL), *left = gf_json_str(gf_json_at(m, 0), NULL),
                   *right = gf_json_str(gf_json_at(m, 1), NULL);
        if (line) {
            GF_TRY(add_merge_line(b, name, line, strlen(line), err));
        } else if (left && right) {
            GF_TRY(add_merge(b, name, left, strlen(left), right, strlen(right), err));
        } else {
            return gf_fail(err, GF_E_TOKENIZER_JSON, NULL, "%s: model.merges: merge %zu is not two pieces",
                           GF_ESC(name), i + 1);
        }
    }
    return GRAFT_OK;
}

/* merges.txt: a first line "#version: ..", then a merge a line. */
static graft_status read_merge_lines(bpe *b, const gf_tokenizer_files *files, graft_error *err)
{
    const char *text = (const char *)files->merges;
    size_t lines = 1;
    for (size_t i = 0; i < files->n_merges; i++) lines += text[i] == '\n';
    if (lines > GF_VOCABULARY_MAX)
        return gf_fail(err, GF_E_VOCABULARY, NULL, "%s: too many merges", GF_ESC(files->name));
    GF_TRY(make_slots(b, lines, err));
    for (size_t at = 0; at < files->n_merges;) {
        const char *end = memchr(text + at, '\n', files->n_merges - at);
        size_t n = end ? (size_t)(end - text) - at : files->n_merges - at, next = at + n + 1;
        if (n && text[at + n - 1] == '\r') n--;
        bool version = n >= 8 && !memcmp(text + at, "#version", 8);
        if (n && !version) GF_TRY(add_merge_line(b, files->name, text + at, n, err));
        at = next;
    }
    return GRAFT_OK;
}

typedef struct reading {
    bpe *b;
    const char *name;
    graft_error *err;
} reading;

static graft_status add_bytes(reading *r, const char *piece, int64_t id)
{
    gf_text bytes = {0};
    if (id < 0 || id >= GF_VOCABULARY_MAX) {
        return gf_fail(r->err, GF_E_TOKENIZER_JSON, NULL, "%s: an id of each piece is wanted", GF_ESC(r->name));
    }
    to_bytes(&bytes, piece, strlen(piece));
    graft_status status = bytes.failed ? gf_fail_memory(r->err, strlen(piece), "a piece")
                                       : gf_vocabulary_add(&r->b->vocabulary, r->name, bytes.s ? bytes.s : "", bytes.n,
                                                           (uint32_t)id, r->err);
    gf_text_free(&bytes);
    return status;
}

static graft_status add_piece(void *ctx, const char *piece, const gf_json *id)
{
    return add_bytes(ctx, piece, gf_json_i64(id, -1));
}

/* Special pieces that stand beside the vocabulary. */
static graft_status add_special(reading *r, const gf_json *added)
{
    for (size_t i = 0; i < gf_json_size(added); i++) {
        const gf_json *token = gf_json_at(added, i);
        const char *content = gf_json_str(gf_json_get(token, "content"), NULL);
        int64_t id = gf_json_i64(gf_json_get(token, "id"), -1);
        if (!content || !gf_json_true(gf_json_get(token, "special"), false)) {
            return gf_fail(r->err, GF_E_TOKENIZER_UNSUPPORTED, NULL,
                           "%s: added_tokens is %s, of which graft knows special ones", GF_ESC(r->name),
                           content ? GF_ESC(content) : "missing");
        }
        if (gf_vocabulary_find(&r->b->vocabulary, content, strlen(content)) == (uint32_t)id) continue;
        GF_TRY(add_bytes(r, content, id));
    }
    return GRAFT_OK;
}

/* What the model may have and graft does not do: refused unless it is off. */
static graft_status refuse_others(const gf_json *model, const char *name, graft_error *err)
{
    static const char *const off[] = {
        "dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        const gf_json *value = gf_json_get(model, off[i]);
        bool is_off = gf_json_is_null(value) || !gf_json_true(value, true) ||
                      (gf_json_str(value, NULL) && !*gf_json_str(value, NULL));
        if (!is_off)
            return gf_fail(err, GF_E_TOKENIZER_UNSUPPORTED, NULL, "%s: model.%s is set, which graft does not do",
                           GF_ESC(name), off[i]);
    }
    return GRAFT_OK;
}

static graft_status read_json(bpe *b, const gf_tokenizer_files *files, graft_error *err)
{
    const gf_json *model = gf_json_get(files->json, "model"), *before = gf_json_get(files->json, "pre_tokenizer");
    reading r = {b, files->name, err};
    if (!gf_json_is_object(model)) { /* vocab.json */
        if (!files->merges)
            return gf_fail(err, GF_E_TOKENIZER_MISSING, "merges.txt belongs beside vocab.json",
                           "%s: there are no merges", GF_ESC(files->name));
        GF_TRY(gf_json_each(files->json, add_piece, &r));
        b->prefix_space = gf_json_true(gf_json_get(files->config, "add_prefix_space"), false);
        return read_merge_lines(b, files, err);
    }
    GF_TRY(gf_tokenizer_json_part(files->json, files->name, "normalizer", NULL, err));
    GF_TRY(gf_tokenizer_json_part(files->json, files->name, "pre_tokenizer", "ByteLevel", err));
    GF_TRY(refuse_others(model, files->name, err));
    if (!gf_json_true(gf_json_get(before, "use_regex"), true)) {
        return gf_fail(err, GF_E_TOKENIZER_UNSUPPORTED, NULL,
                       "%s: pre_tokenizer.use_regex is off, which graft does not do", GF_ESC(files->name));
    }
    b->prefix_space = gf_json_true(gf_json_get(before, "add_prefix_space"), false);
    if (!gf_json_is_object(gf_json_get(model, "vocab"))) {
        return gf_fail(err, GF_E_TOKENIZER_JSON, NULL, "%s: model.vocab: an object of pieces and ids is wanted",
                       GF_ESC(files->name));
    }
    GF_TRY(gf_json_each(gf_json_get(model, "vocab"), add_piece, &r));
    GF_TRY(add_special(&r, gf_json_get(files->json, "added_tokens")));
    return read_merges(b, files->name, gf_json_get(model, "merges"), err);
}

static uint32_t first_of(const bpe *b, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        uint32_t id = gf_vocabulary_find(&b->vocabulary, names[i], strlen(names[i]));
        if (id != GF_NO_ID) return id;
    }
    return GF_NO_PIECE;
}

static void find_special(bpe *b)
{
    b->special.unknown = first_of(b, (const char *const[]){"<unk>", "<|endoftext|>", NULL});
    b->special.begin = first_of(b, (const char *const[]){"<s>", "<|endoftext|>", NULL});
    b->special.end = first_of(b, (const char *const[]){"</s>", "<|endoftext|>", NULL});
    b->special.padding = first_of(b, (const char *const[]){"<pad>", "<|endoftext|>", NULL});
    b->special.mask = first_of(b, (const char *const[]){"<mask>", NULL});
}

static graft_status fill(bpe *b, const gf_tokenizer_files *files, const char *const *value, graft_error *err)
{
    if (!files->json)
        return gf_fail(err, GF_E_TOKENIZER_JSON, NULL, "%s: the vocabulary is wanted as JSON", GF_ESC(files->name));
    GF_TRY(read_json(b, files, err));
    if (value[PREFIX_SPACE]) b->prefix_space = value[PREFIX_SPACE][0] == '1';
    bool all = true;
    for (unsigned i = 0; i < 256; i++) {
        b->byte[i] = gf_vocabulary_find(&b->vocabulary, &(uint8_t){(uint8_t)i}, 1);
        all &= b->byte[i] != GF_NO_ID;
    }
    if (!all)
        return gf_fail(err, GF_E_VOCABULARY, NULL, "%s: the vocabulary lacks pieces of single bytes",
                       GF_ESC(files->name));
    b->kind = gf_unicode_spread(&gf_unicode_pattern);
    if (!b->kind) return gf_fail_memory(err, GF_UNICODE_END, "a table of characters");
    find_special(b);
    return GRAFT_OK;
}

static void bpe_destroy(void *self)
{
    bpe *b = self;
    if (!b) return;
    gf_vocabulary_free(&b->vocabulary);
    gf_free(b->merge);
    gf_free(b->kind);
    gf_free(b);
}

static graft_status bpe_open(void **self, const gf_tokenizer_files *files, const char *const *value, graft_error *err)
{
    bpe *b = gf_new(bpe);
    if (!b) return gf_fail_memory(err, sizeof *b, "a tokenizer");
    graft_status status = fill(b, files, value, err);
    if (status != GRAFT_OK) {
        bpe_destroy(b);
        return status;
    }
    *self = b;
    return GRAFT_OK;
}

/* ---- the text: bytes, and where they stand in the caller's */

typedef struct source {
    const uint8_t *bytes; /* UTF-8 */
    size_t n;
    const uint32_t *from; /* of each byte, and of the end, where it is in the text; NULL: where it is here */
    gf_text own;
    uint32_t *own_from;
} source;

static uint32_t place(const source *s, size_t at) { return s->from ? s->from[at] : (uint32_t)at; }

/* A copy where a space goes before the text, or parts of it are not UTF-8 and become U+FFFD. */
static graft_status copy_text(source *s, const uint8_t *text, size_t n, bool space, graft_error *err)
{
    size_t cap = 3 * n + 2;
    s->own_from = gf_alloc_raw(cap, sizeof *s->own_from);
    if (!s->own_from) return gf_fail_memory(err, cap * sizeof *s->own_from, "a text");
    size_t at = 0;
    if (space) {
        s->own_from[0] = 0;
        gf_text_add(&s->own, " ");
    }
    while (at < n) {
        uint32_t c;
        bool valid;
        size_t length = gf_utf8_next(text + at, n - at, &c, &valid);
        uint8_t put[4];
        size_t bytes = valid ? length : gf_utf8_put(c, put);
        for (size_t i = 0; i < bytes; i++) s->own_from[s->own.n + i] = (uint32_t)(at + (valid ? i : i ? length : 0));
        gf_text_add_n(&s->own, valid ? text + at : put, bytes);
        at += length;
    }
    if (s->own.failed) return gf_fail_memory(err, cap, "a text");
    s->own_from[s->own.n] = (uint32_t)n;
    s->bytes = (const uint8_t *)s->own.s;
    s->n = s->own.n;
    s->from = s->own_from;
    return GRAFT_OK;
}

/* ---- words */

/* What the character at `at` is: one of GF_PATTERN_.., or 0: another; *n its bytes. */
static unsigned class_at(const bpe *b, const source *s, size_t at, size_t *n)
{
    uint32_t c;
    *n = gf_utf8_next(s->bytes + at, s->n - at, &c, NULL);
    return gf_unicode_pattern.kind[b->kind[c]].flags & (GF_PATTERN_LETTER | GF_PATTERN_NUMBER | GF_PATTERN_SPACE);
}

/* Behind the run of characters of that class from `at` on. */
static size_t run_end(const bpe *b, const source *s, size_t at, unsigned class)
{
    size_t n;
    while (at < s->n && class_at(b, s, at, &n) == class) at += n;
    return at;
}

static size_t contraction(const source *s, size_t at)
{
    static const char *const ends[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (s->n - at >= n && !memcmp(s->bytes + at, ends[i], n)) return n;
    }
    return 0;
}

/* Where the word that begins at `at` ends, by GPT-2's pattern:
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t word_end(const bpe *b, const source *s, size_t at)
{
    size_t n = contraction(s, at), from = at + (s->bytes[at] == ' ');
    if (n) return at + n;
    if (from < s->n) {
        unsigned class = class_at(b, s, from, &n);
        if (class != GF_PATTERN_SPACE) return run_end(b, s, from, class);
    }
    size_t end = run_end(b, s, at, GF_PATTERN_SPACE);
    if (end == s->n) return end;
    size_t last = end; /* the last space goes to the next word, if it is not the only one */
    do last--;
    while (last > at && (s->bytes[last] & 0xc0) == 0x80);
    return last > at ? last : end;
}

/* ---- merging */

typedef struct symbol {
    uint32_t id;
    uint32_t at, end;   /* bytes of the word's source */
    int32_t prev, next; /* -1: none */
    bool gone;
} symbol;

typedef struct candidate {
    uint32_t rank, left, whole; /* left: the symbol's number */
} candidate;

typedef struct work {
    symbol *symbol;
    size_t n, cap;
    candidate *heap; /* the least rank first, of equal ones the leftmost */
    size_t n_heap, cap_heap;
} work;

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static bool push(work *w, candidate c)
{
    if (!gf_grow(&w->heap, w->n_heap, &w->cap_heap)) return false;
    size_t i = w->n_heap++;
    for (; i && before(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2) w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
    return true;
}

static candidate pop(work *w)
{
    candidate top = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->n_heap) break;
        if (child + 1 < w->n_heap && before(&w->heap[child + 1], &w->heap[child])) child++;
        if (!before(&w->heap[child], &last)) break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return top;
}

/* The merge of a symbol with its next one, if there is one. */
static const merge *merge_at(const bpe *b, const work *w, size_t i)
{
    if (w->symbol[i].next < 0) return NULL;
    const merge *m = slot_of(b, w->symbol[i].id, w->symbol[w->symbol[i].next].id);
    return m->left == GF_NO_ID ? NULL : m;
}

static bool consider(const bpe *b, work *w, int32_t i)
{
    const merge *m = i < 0 ? NULL : merge_at(b, w, (size_t)i);
    return !m || push(w, (candidate){m->rank, (uint32_t)i, m->whole});
}

static graft_status no_memory(const work *w, graft_error *err)
{
    return gf_fail_memory(err, w->cap * sizeof *w->symbol, "a word");
}

static graft_status merge_word(const bpe *b, work *w, const source *s, size_t from, size_t to, gf_pieces *out,
                               graft_error *err)
{
    w->n = w->n_heap = 0;
    for (size_t at = from; at < to; at++) {
        if (!gf_grow(&w->symbol, w->n, &w->cap)) return no_memory(w, err);
        int32_t i = (int32_t)w->n++;
        w->symbol[i] =
            (symbol){b->byte[s->bytes[at]], (uint32_t)at, (uint32_t)at + 1, i - 1, at + 1 < to ? i + 1 : -1, false};
    }
    for (size_t i = 0; i < w->n; i++) {
        if (!consider(b, w, (int32_t)i)) return no_memory(w, err);
    }
    while (w->n_heap) {
        candidate c = pop(w);
        symbol *left = &w->symbol[c.left];
        const merge *m = left->gone ? NULL : merge_at(b, w, c.left);
        if (!m || m->whole != c.whole || m->rank != c.rank) continue; /* one of the two has been merged meanwhile */
        symbol *right = &w->symbol[left->next];
        left->id = m->whole;
        left->end = right->end;
        left->next = right->next;
        right->gone = true;
        if (left->next >= 0) w->symbol[left->next].prev = (int32_t)c.left;
        if (!consider(b, w, left->prev) || !consider(b, w, (int32_t)c.left)) return no_memory(w, err);
    }
    for (int32_t i = 0; i >= 0 && w->n; i = w->symbol[i].next) {
        GF_TRY(gf_pieces_add(out, (gf_piece){w->symbol[i].id, place(s, w->symbol[i].at), place(s, w->symbol[i].end)},
                             err));
    }
    return GRAFT_OK;
}

static graft_status bpe_encode(const void *self, const char *text, size_t n, gf_pieces *out, graft_error *err)
{
    const bpe *b = self;
    const uint8_t *bytes = (const uint8_t *)text;
    source s = {.bytes = bytes, .n = n};
    work w = {0};
    bool space = b->prefix_space && n && bytes[0] != ' ';
    graft_status status = n > INT32_MAX ? gf_fail(err, GF_E_OPTION_VALUE, NULL, "a text of more than 2 GiB") : GRAFT_OK;
    if (status == GRAFT_OK && (space || gf_utf8_valid(bytes, n) < n)) status = copy_text(&s, bytes, n, space, err);
    for (size_t at = 0; at < s.n && status == GRAFT_OK;) {
        size_t end = word_end(b, &s, at);
        status = merge_word(b, &w, &s, at, end, out, err);
        at = end;
    }
    gf_free(w.symbol);
    gf_free(w.heap);
    gf_text_free(&s.own);
    gf_free(s.own_from);
    return status;
}

static void bpe_decode(const void *self, const uint32_t *id, size_t n, gf_text *out)
{
    const bpe *b = self;
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *piece = gf_vocabulary_piece(&b->vocabulary, id[i], &length);
        if (piece) gf_text_add_n(out, piece, length);
    }
}

static gf_special_pieces bpe_special(const void *self) { return ((const bpe *)self)->special; }
static uint32_t bpe_size(const void *self) { return (uint32_t)((const bpe *)self)->vocabulary.n; }

static const gf_tokenizer_place place_row[] = {{.file = "vocab.json", .with = "merges.txt"}};

const gf_tokenizer_class gf_tokenizer_bpe = {
    .name = "bpe",
    .help = "RoBERTa and GPT-2",
    .model = "BPE",
    .place = place_row,
    .n_places = sizeof place_row / sizeof *place_row,
    .argument = argument_row,
    .n_arguments = ARGUMENTS,
    .open = bpe_open,
    .encode = bpe_encode,
    .decode = bpe_decode,
    .special = bpe_special,
    .size = bpe_size,
    .destroy = bpe_destroy,
};
