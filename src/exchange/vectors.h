/* vectors.h - a file of word vectors as a network: the mean of the vectors of a text's words (zoo/bag.h). */
#ifndef GF_EXCHANGE_VECTORS_H
#define GF_EXCHANGE_VECTORS_H

#include "base/alloc.h"
#include "formats/word_vectors.h"
#include "graph/model.h"

/* Whether a path is such a file, by how it begins. */
bool gf_vectors_are(const char *path);

/* The words of a file, one a line in its order; `table` (may be NULL) gets their vectors, one behind the other
 * (gf_free). Words that no text has, with a line break in them or of no byte, are left out of both. E2751 to E2753 as
 * gf_word_vectors_each. */
graft_status gf_vectors_read(const char *path, gf_text *words, float **table, gf_word_vectors *v, graft_error *err);

/* The network with its values, for texts of up to `places` words. */
graft_status gf_vectors_import(gf_model *m, const char *path, int places, gf_text *words, graft_error *err);

#endif
