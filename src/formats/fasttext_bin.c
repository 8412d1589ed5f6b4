#include "formats/fasttext_bin.h"

#include "base/alloc.h"

#include <string.h>

enum { MAGIC = 793712314, MAX_WORD = 1 << 16, CBOW = 1, SUPERVISED = 3, LABEL = 1 };

/* fastText's src/args.cc and dictionary.cc, in the order of the file. */
typedef struct head {
    int32_t magic, version;
    int32_t dim, ws, epoch, min_count, neg, word_ngrams, loss, model, bucket, minn, maxn, lr_update;
    double t;
} head;

typedef struct word {
    uint64_t at;
    uint32_t n;
    bool label;
} word;

typedef struct reading {
    gf_stream *s;
    head h;
    int32_t size, n_words;
    gf_text bytes; /* of all words */
    word *item;
    size_t n, cap;
    float *matrix; /* [n_words + bucket][dim] */
    size_t rows;
} reading;

static graft_status wrong(const reading *r, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_FASTTEXT, NULL, "%s: byte %llu: %s", GF_ESC(r->s->path), (unsigned long long)r->s->taken,
                   what);
}

bool gf_fasttext_looks(const uint8_t *begin, size_t n)
{
    int32_t magic = 0;
    if (n >= sizeof magic) memcpy(&magic, begin, sizeof magic);
    return magic == MAGIC;
}

static graft_status get(reading *r, void *to, size_t n, graft_error *err)
{
    size_t got;
    GF_TRY(gf_stream_need(r->s, n, &got, err));
    if (got < n) return wrong(r, "the file ends early", err);
    memcpy(to, gf_stream_at(r->s), n); /* little-endian */
    gf_stream_take(r->s, n);
    return GRAFT_OK;
}

static graft_status read_head(reading *r, graft_error *err)
{
    int32_t v[14] = {0};
    GF_TRY(get(r, v, sizeof v, err));
    GF_TRY(get(r, &r->h.t, sizeof r->h.t, err));
    memcpy(&r->h, v, sizeof v);
    head *h = &r->h;
    if (h->version != 11 && h->version != 12) return wrong(r, "the version is neither 11 nor 12", err);
    if (h->version == 11 && h->model == SUPERVISED) h->maxn = 0; /* as fastText reads it */
    bool sane = h->dim >= 1 && h->dim <= GF_VECTOR_MAX && h->bucket >= 0 && h->minn >= 0 && h->maxn >= 0 &&
                h->maxn <= 1000 && h->model >= CBOW && h->model <= SUPERVISED;
    return sane ? GRAFT_OK : wrong(r, "its settings make no sense", err);
}

static graft_status read_word(reading *r, graft_error *err)
{
    size_t got;
    int64_t count = 0;
    int8_t type = 0;
    GF_TRY(gf_stream_need(r->s, MAX_WORD + 1, &got, err));
    const uint8_t *at = gf_stream_at(r->s), *end = memchr(at, 0, got < MAX_WORD + 1 ? got : MAX_WORD + 1);
    if (!end) return wrong(r, "a word does not end, or has more than 64 KiB", err);
    size_t n = (size_t)(end - at);
    if (!gf_grow(&r->item, r->n, &r->cap)) return gf_fail_memory(err, r->n * sizeof *r->item, "a dictionary");
    r->item[r->n] = (word){r->bytes.n, (uint32_t)n, false};
    gf_text_add_n(&r->bytes, at, n);
    if (r->bytes.failed) return gf_fail_memory(err, r->bytes.cap, "a dictionary");
    gf_stream_take(r->s, n + 1);
    GF_TRY(get(r, &count, sizeof count, err));
    GF_TRY(get(r, &type, sizeof type, err));
    r->item[r->n++].label = type == LABEL;
    return GRAFT_OK;
}

static graft_status read_dictionary(reading *r, graft_error *err)
{
    int32_t n_labels = 0;
    int64_t tokens = 0, pruned = 0;
    GF_TRY(get(r, &r->size, sizeof r->size, err));
    GF_TRY(get(r, &r->n_words, sizeof r->n_words, err));
    GF_TRY(get(r, &n_labels, sizeof n_labels, err));
    GF_TRY(get(r, &tokens, sizeof tokens, err));
    GF_TRY(get(r, &pruned, sizeof pruned, err));
    if (r->size < 0 || r->n_words < 0 || n_labels < 0 || (int64_t)r->n_words + n_labels != r->size)
        return wrong(r, "its counts of words make no sense", err);
    if (pruned > 0) return wrong(r, "the dictionary is pruned, as in quantized files", err);
    for (int32_t i = 0; i < r->size; i++) {
        GF_TRY(read_word(r, err));
        if (r->item[i].label != (i >= r->n_words)) return wrong(r, "labels stand among the words", err);
    }
    return GRAFT_OK;
}

static graft_status read_matrix(reading *r, graft_error *err)
{
    uint8_t quantized = 0;
    int64_t m = 0, n = 0;
    size_t bytes;
    GF_TRY(get(r, &quantized, 1, err));
    if (quantized) return wrong(r, "the file is quantized (.ftz), which is not read", err);
    GF_TRY(get(r, &m, sizeof m, err));
    GF_TRY(get(r, &n, sizeof n, err));
    if (n != r->h.dim || m != (int64_t)r->n_words + r->h.bucket ||
        !gf_mul_size((size_t)m, (size_t)n * sizeof(float), &bytes) || bytes > r->s->size - r->s->taken) {
        return wrong(r, "the matrix has other lengths than words, n-grams and the file", err);
    }
    r->rows = (size_t)m;
    r->matrix = gf_alloc_raw(bytes ? bytes : 1, 1);
    if (!r->matrix) return gf_fail_memory(err, bytes, "vectors of words and n-grams");
    for (size_t at = 0; at < bytes;) {
        size_t now = bytes - at < GF_STREAM_MOST ? bytes - at : GF_STREAM_MOST;
        GF_TRY(get(r, (uint8_t *)r->matrix + at, now, err));
        at += now;
    }
    return GRAFT_OK;
}

/* ---- a word's vector */

static void add_row(const reading *r, size_t row, float *sum)
{
    const float *from = r->matrix + row * (size_t)r->h.dim;
    for (int32_t i = 0; i < r->h.dim; i++) sum[i] += from[i];
}

static bool continues(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* Adds the rows of the n-grams of "<word>": minn to maxn characters each, a border alone left out. Returns how many. */
static size_t add_ngrams(const reading *r, const char *s, size_t n, float *sum)
{
    size_t added = 0;
    for (size_t i = 0; i < n; i++) {
        if (continues(s[i])) continue;
        uint32_t h = 2166136261u; /* FNV-1a, of bytes with their signs */
        size_t j = i;
        for (int32_t length = 1; j < n && length <= r->h.maxn; length++) {
            do {
                h = (h ^ (uint32_t)(int8_t)s[j]) * 16777619u;
                j++;
            } while (j < n && continues(s[j]));
            if (length < r->h.minn || (length == 1 && (i == 0 || j == n)) || !r->h.bucket) continue;
            add_row(r, (size_t)r->n_words + h % (uint32_t)r->h.bucket, sum);
            added++;
        }
    }
    return added;
}

static graft_status give_all(reading *r, gf_word_vectors_take take, void *ctx, graft_error *err)
{
    static const char end_of_line[] = "</s>"; /* has no n-grams */
    float *sum = gf_new_n((size_t)r->h.dim, float);
    gf_text bordered = {0};
    graft_status status = sum ? GRAFT_OK : gf_fail_memory(err, (size_t)r->h.dim * sizeof *sum, "a vector");
    for (int32_t w = 0; w < r->n_words && status == GRAFT_OK; w++) {
        const char *s = r->bytes.s + r->item[w].at;
        size_t n = r->item[w].n;
        memset(sum, 0, (size_t)r->h.dim * sizeof *sum);
        add_row(r, (size_t)w, sum);
        bordered.n = 0;
        gf_text_add(&bordered, "<");
        gf_text_add_n(&bordered, s, n);
        gf_text_add(&bordered, ">");
        if (bordered.failed) status = gf_fail_memory(err, n + 2, "a word");
        bool plain = n == sizeof end_of_line - 1 && !memcmp(s, end_of_line, n);
        size_t parts = 1 + (status == GRAFT_OK && !plain ? add_ngrams(r, bordered.s, bordered.n, sum) : 0);
        for (int32_t i = 0; i < r->h.dim; i++) sum[i] *= 1.0f / (float)parts;
        if (status == GRAFT_OK) status = take(ctx, s, n, sum, (uint32_t)r->h.dim, err);
    }
    gf_text_free(&bordered);
    gf_free(sum);
    return status;
}

graft_status gf_fasttext_each(gf_stream *s, uint64_t *words, gf_word_vectors_take take, void *ctx, graft_error *err)
{
    reading r = {.s = s};
    graft_status status = read_head(&r, err);
    if (status == GRAFT_OK) status = read_dictionary(&r, err);
    if (status == GRAFT_OK) status = read_matrix(&r, err);
    *words = r.n_words > 0 ? (uint64_t)r.n_words : 0;
    if (status == GRAFT_OK) status = give_all(&r, take, ctx, err);
    gf_text_free(&r.bytes);
    gf_free(r.item);
    gf_free(r.matrix);
    return status;
}
