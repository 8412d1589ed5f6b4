/* word_vectors.h - files of word vectors: word2vec's text and binary forms, GloVe's, fastText's .vec and .bin. Read in
 * one pass, so that a file need not fit into memory; each number is checked. What a file is, its beginning tells. */
#ifndef GF_FORMATS_WORD_VECTORS_H
#define GF_FORMATS_WORD_VECTORS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_VECTOR_MAX = 4096 }; /* the most values of a vector */

typedef struct gf_word_vectors {
    const char *format; /* "word2vec text", "GloVe text", "word2vec binary", "fastText"; static */
    uint32_t dim;
    uint64_t words;      /* that were given out */
    uint64_t claimed;    /* what a header says; 0: there is none */
    uint64_t duplicates; /* words that were there again: the first holds, the others are passed over */
    uint64_t not_utf8;
} gf_word_vectors;

/* A word of n bytes and its dim values; both borrowed until it returns. */
typedef graft_status (*gf_word_vectors_take)(void *ctx, const char *word, size_t n, const float *value, uint32_t dim,
                                             graft_error *err);

/* Whether a file begins like vectors rather than like anything else: by its first line, or fastText's number. */
bool gf_word_vectors_looks(const uint8_t *begin, size_t n);

/* Calls `take` for each word in the file's order; stops at the first status that is not OK. E2751 where a line or a
 * word is damaged (with its number), E2752 where a vector has another number of values than the first, E2753 where
 * fastText's file is of another version, quantized or of lengths that make no sense. Of fastText's .bin, a word's
 * vector is the mean of its row and of its n-grams' rows, as fastText has it. */
graft_status gf_word_vectors_each(const char *path, gf_word_vectors *out, gf_word_vectors_take take, void *ctx,
                                  graft_error *err);

#endif
