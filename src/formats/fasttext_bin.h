/* fasttext_bin.h - fastText's .bin: a dictionary, then the matrix of words and of hashed n-grams. */
#ifndef GF_FORMATS_FASTTEXT_BIN_H
#define GF_FORMATS_FASTTEXT_BIN_H

#include "formats/stream.h"
#include "formats/word_vectors.h"

bool gf_fasttext_looks(const uint8_t *begin, size_t n);

/* Words in the dictionary's order. The rows of n-grams are held in memory: bucket x dim floats. *words: as the file
 * says. E2753, E2751. */
graft_status gf_fasttext_each(gf_stream *s, uint64_t *words, gf_word_vectors_take take, void *ctx, graft_error *err);

#endif
