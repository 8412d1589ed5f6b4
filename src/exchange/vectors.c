#include "exchange/vectors.h"

#include "base/io.h"
#include "zoo/bag.h"

#include <limits.h>
#include <string.h>

bool gf_vectors_are(const char *path)
{
    enum { BEGINNING = 1 << 16 };
    uint8_t *begin = gf_alloc_raw(BEGINNING, 1);
    size_t n = 0;
    bool are = begin && gf_is_file(path) && gf_file_read_begin(path, begin, BEGINNING, &n, NULL) == GRAFT_OK &&
               gf_word_vectors_looks(begin, n);
    gf_free(begin);
    return are;
}

typedef struct reading {
    gf_text *words;
    bool wanted; /* the vectors, too */
    float *table;
    size_t n, cap; /* words; room for as many */
} reading;

static bool make_room(reading *r, uint32_t dim)
{
    size_t cap = r->cap ? 2 * r->cap : 1024, values;
    if (r->n < r->cap) return true;
    float *more = gf_mul_size(cap, dim, &values) ? gf_realloc(r->table, values, sizeof *more) : NULL;
    if (!more) return false;
    r->table = more;
    r->cap = cap;
    return true;
}

static graft_status add_word(void *ctx, const char *word, size_t n, const float *value, uint32_t dim, graft_error *err)
{
    reading *r = ctx;
    if (!n || memchr(word, '\n', n)) return GRAFT_OK;
    if (r->wanted && !make_room(r, dim)) return gf_fail_memory(err, 2 * r->cap * dim * sizeof *value, "word vectors");
    if (r->wanted) memcpy(r->table + r->n * dim, value, dim * sizeof *value);
    r->n++;
    gf_text_add_n(r->words, word, n);
    gf_text_add(r->words, "\n");
    return r->words->failed ? gf_fail_memory(err, r->words->cap, "words") : GRAFT_OK;
}

graft_status gf_vectors_read(const char *path, gf_text *words, float **table, gf_word_vectors *v, graft_error *err)
{
    reading r = {.words = words, .wanted = table != NULL};
    graft_status status = gf_word_vectors_each(path, v, add_word, &r, err);
    if (status == GRAFT_OK && !r.n)
        status = gf_fail(err, GF_E_VOCABULARY, NULL, "%s: there are no words", GF_ESC(path));
    if (status == GRAFT_OK && r.n >= INT_MAX)
        status = gf_fail(err, GF_E_VOCABULARY, NULL, "%s: it has too many words", GF_ESC(path));
    if (status != GRAFT_OK || !table) {
        gf_free(r.table);
        r.table = NULL;
    }
    v->words = r.n;
    if (table) *table = r.table;
    return status;
}

graft_status gf_vectors_import(gf_model *m, const char *path, int places, gf_text *words, graft_error *err)
{
    float *table = NULL;
    gf_word_vectors v = {0};
    *m = (gf_model){0};
    graft_status status = gf_vectors_read(path, words, &table, &v, err);
    if (status == GRAFT_OK) status = gf_bag_build(m, (int)v.words, (int)v.dim, places, err);
    if (status == GRAFT_OK) {
        const gf_param *p = gf_model_param(m, gf_model_find(m, "embedding"), "embeddings");
        memcpy(m->value + p->offset, table, (size_t)v.words * v.dim * sizeof *table);
    }
    gf_free(table);
    return status;
}
