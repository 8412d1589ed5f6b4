/* vector_words.h - which words a file of vectors has had so far. */
#ifndef GF_FORMATS_VECTOR_WORDS_H
#define GF_FORMATS_VECTOR_WORDS_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdint.h>

typedef struct gf_vector_words {
    gf_text bytes; /* one behind the other */
    struct gf_vector_word *item;
    size_t n, cap;
    uint32_t *slot; /* index in item and one; 0: free */
    size_t slots;
} gf_vector_words;

/* *again: it was there, and is not added. */
graft_status gf_vector_words_add(gf_vector_words *w, const char *word, size_t n, bool *again, graft_error *err);
void gf_vector_words_free(gf_vector_words *w); /* takes a zeroed one */

bool gf_is_utf8(const char *s, size_t n);

#endif
