#include "formats/word_vectors.h"

#include "base/alloc.h"
#include "base/number.h"
#include "formats/fasttext_bin.h"
#include "formats/stream.h"
#include "formats/vector_words.h"

#include <math.h>
#include <string.h>

enum { MAX_WORD = 1 << 16, MAX_HEADER = 64 };

/* ---- the first line */

typedef struct header {
    bool is; /* two whole numbers: words, values */
    uint64_t words, dim;
    size_t bytes; /* with its line's end */
} header;

static bool whole(const uint8_t **at, const uint8_t *end, uint64_t *x)
{
    const uint8_t *from = *at;
    for (*x = 0; *at < end && **at >= '0' && **at <= '9' && *at - from < 18; (*at)++)
        *x = 10 * *x + (uint64_t)(**at - '0');
    return *at > from;
}

static header header_of(const uint8_t *begin, size_t n)
{
    header h = {0};
    const uint8_t *at = begin, *end = begin + (n < MAX_HEADER ? n : MAX_HEADER);
    if (!whole(&at, end, &h.words) || at == end || *at++ != ' ' || !whole(&at, end, &h.dim)) return h;
    if (at < end && *at == ' ') at++;
    if (at < end && *at == '\r') at++;
    h.is = at < end && *at == '\n';
    h.bytes = (size_t)(at - begin) + 1;
    return h;
}

/* How many fields at the end of the n bytes at `line` are numbers; the first field is a word, whatever it is. */
static size_t numbers_in(const uint8_t *line, size_t n)
{
    size_t fields = 0;
    for (size_t from = n; from && fields < GF_VECTOR_MAX; from--) {
        size_t to = from;
        double x;
        while (from && line[from - 1] != ' ') from--;
        if (!from || (to > from && !gf_number_parse((const char *)line + from, to - from, &x))) break;
        fields += to > from;
    }
    return fields;
}

static size_t line_length(const uint8_t *at, size_t n)
{
    const uint8_t *end = memchr(at, '\n', n);
    size_t length = end ? (size_t)(end - at) : n;
    return length && at[length - 1] == '\r' ? length - 1 : length;
}

static bool is_text(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i] < 32 && at[i] != '\t' && at[i] != '\n' && at[i] != '\r') return false;
    }
    return true;
}

bool gf_word_vectors_looks(const uint8_t *begin, size_t n)
{
    if (gf_fasttext_looks(begin, n)) return true;
    header h = header_of(begin, n);
    if (h.is) return h.dim >= 1 && h.dim <= GF_VECTOR_MAX && h.words;
    size_t length = line_length(begin, n);
    return length < n && is_text(begin, length) && numbers_in(begin, length) >= 2;
}

/* ---- text */

typedef struct reading {
    gf_stream s;
    gf_word_vectors *out;
    gf_vector_words seen;
    gf_word_vectors_take take;
    void *ctx;
    float *value;  /* dim */
    uint64_t line; /* or word, from 1 */
} reading;

static graft_status damaged(const reading *r, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_VECTORS, NULL, "%s:%llu: %s", GF_ESC(r->s.path), (unsigned long long)r->line, what);
}

static graft_status give(reading *r, const char *word, size_t n, graft_error *err)
{
    bool again;
    for (uint32_t i = 0; i < r->out->dim; i++) {
        if (!isfinite(r->value[i])) return damaged(r, "a value is NaN or infinite", err);
    }
    if (memchr(word, 0, n)) return damaged(r, "a word holds a NUL", err);
    GF_TRY(gf_vector_words_add(&r->seen, word, n, &again, err));
    if (again) {
        r->out->duplicates++;
        return GRAFT_OK;
    }
    r->out->words++;
    r->out->not_utf8 += !gf_is_utf8(word, n);
    return r->take(r->ctx, word, n, r->value, r->out->dim, err);
}

/* The last dim fields are numbers, what is before them is the word (which may hold spaces). */
static graft_status read_line(reading *r, const uint8_t *line, size_t n, graft_error *err)
{
    while (n && line[n - 1] == ' ') n--;
    size_t from = n;
    for (uint32_t i = r->out->dim; i-- > 0;) {
        size_t to = from;
        double x;
        while (from && line[from - 1] != ' ') from--;
        if (!from || !gf_number_parse((const char *)line + from, to - from, &x)) {
            return gf_fail(err, GF_E_VECTORS_DIM, NULL, "%s:%llu: a word and %u numbers are wanted", GF_ESC(r->s.path),
                           (unsigned long long)r->line, r->out->dim);
        }
        r->value[i] = (float)x;
        from--;
    }
    if (from > MAX_WORD) return damaged(r, "a word of more than 64 KiB", err);
    size_t to = from;
    double x;
    while (from && line[from - 1] != ' ') from--;
    if (from &&
        gf_number_parse((const char *)line + from, to - from, &x)) { /* a word may hold spaces, but not end so */
        return gf_fail(err, GF_E_VECTORS_DIM, NULL, "%s:%llu: more than %u numbers", GF_ESC(r->s.path),
                       (unsigned long long)r->line, r->out->dim);
    }
    return give(r, (const char *)line, to, err);
}

static graft_status read_lines(reading *r, graft_error *err)
{
    for (;;) {
        size_t got;
        GF_TRY(gf_stream_need(&r->s, GF_STREAM_MOST, &got, err));
        if (!got) return GRAFT_OK;
        const uint8_t *at = gf_stream_at(&r->s), *end = memchr(at, '\n', got);
        if (!end && !r->s.end) return damaged(r, "a line of more than 1 MiB", err);
        size_t length = line_length(at, got);
        r->line++;
        if (length) GF_TRY(read_line(r, at, length, err));
        gf_stream_take(&r->s, end ? (size_t)(end - at) + 1 : got);
    }
}

/* ---- word2vec's binary form */

static graft_status read_binary(reading *r, graft_error *err)
{
    size_t bytes = (size_t)r->out->dim * sizeof(float);
    for (uint64_t i = 0; i < r->out->claimed; i++) {
        size_t got;
        r->line = i + 1;
        GF_TRY(gf_stream_need(&r->s, MAX_WORD + 2 + bytes, &got, err));
        const uint8_t *at = gf_stream_at(&r->s);
        size_t skip = got && *at == '\n', most = got < MAX_WORD ? got : MAX_WORD;
        const uint8_t *space = got ? memchr(at + skip, ' ', most - (most ? skip : 0)) : NULL;
        if (!space || (size_t)(space - at) + 1 + bytes > got)
            return damaged(r, "the file ends early, or a word has more than 64 KiB", err);
        memcpy(r->value, space + 1, bytes); /* little-endian */
        GF_TRY(give(r, (const char *)at + skip, (size_t)(space - at) - skip, err));
        gf_stream_take(&r->s, (size_t)(space - at) + 1 + bytes);
    }
    return GRAFT_OK;
}

/* Behind the header of a text stands a line of a word and dim numbers. */
static bool is_binary(const header *h, const uint8_t *at, size_t n)
{
    if (n == h->bytes) return false;
    size_t length = line_length(at + h->bytes, n - h->bytes);
    while (length && at[h->bytes + length - 1] == ' ') length--;
    return !is_text(at + h->bytes, length) || numbers_in(at + h->bytes, length) < h->dim;
}

/* ---- */

static graft_status begin(reading *r, uint64_t dim, graft_error *err)
{
    if (dim < 1 || dim > GF_VECTOR_MAX) {
        return gf_fail(err, GF_E_VECTORS_DIM, NULL, "%s: vectors of %llu values; 1 to %d are wanted", GF_ESC(r->s.path),
                       (unsigned long long)dim, GF_VECTOR_MAX);
    }
    r->out->dim = (uint32_t)dim;
    r->value = gf_new_n(dim, float);
    return r->value ? GRAFT_OK : gf_fail_memory(err, dim * sizeof(float), "a vector");
}

static graft_status fasttext_word(void *ctx, const char *word, size_t n, const float *value, uint32_t dim,
                                  graft_error *err)
{
    reading *r = ctx;
    r->line++;
    if (!r->value) GF_TRY(begin(r, dim, err));
    memcpy(r->value, value, dim * sizeof *value);
    return give(r, word, n, err);
}

static graft_status read_all(reading *r, graft_error *err)
{
    size_t got;
    GF_TRY(gf_stream_need(&r->s, GF_STREAM_MOST, &got, err));
    const uint8_t *at = gf_stream_at(&r->s);
    header h = header_of(at, got);
    if (gf_fasttext_looks(at, got)) {
        r->out->format = "fastText";
        return gf_fasttext_each(&r->s, &r->out->claimed, fasttext_word, r, err);
    }
    if (!h.is) {
        size_t length = line_length(at, got);
        r->out->format = "GloVe text";
        GF_TRY(begin(r, length < got || r->s.end ? numbers_in(at, length) : 0, err));
        return read_lines(r, err);
    }
    bool binary = is_binary(&h, at, got);
    r->out->format = binary ? "word2vec binary" : "word2vec text";
    r->out->claimed = h.words;
    GF_TRY(begin(r, h.dim, err));
    gf_stream_take(&r->s, h.bytes);
    r->line = 1;
    return binary ? read_binary(r, err) : read_lines(r, err);
}

graft_status gf_word_vectors_each(const char *path, gf_word_vectors *out, gf_word_vectors_take take, void *ctx,
                                  graft_error *err)
{
    reading r = {.out = out, .take = take, .ctx = ctx};
    *out = (gf_word_vectors){0};
    graft_status status = gf_stream_open(&r.s, path, err);
    if (status == GRAFT_OK) status = read_all(&r, err);
    if (status == GRAFT_OK && !out->words)
        status = gf_fail(err, GF_E_VECTORS, NULL, "%s: there are no vectors", GF_ESC(path));
    gf_stream_close(&r.s);
    gf_vector_words_free(&r.seen);
    gf_free(r.value);
    return status;
}
