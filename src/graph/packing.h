/* packing.h - which texts of a batch stand together in the rows of a micro-batch: first fit, the longest first, of
 * equal ones the earlier. So little is left empty, and what is decided depends on the lengths alone. */
#ifndef GF_GRAPH_PACKING_H
#define GF_GRAPH_PACKING_H

#include "base/error.h"
#include "ops/op.h"

typedef struct gf_packer {
    size_t most;   /* texts of a batch */
    size_t *order; /* of the texts planned: those of micro-batch 0 first, each one's by falling length */
    size_t *begin; /* of each micro-batch in `order`; one more */
    size_t n;      /* micro-batches */
    size_t *of;    /* working memory: the micro-batch of each text, its rows and texts so far */
    size_t *rows, *texts;
} gf_packer;

graft_status gf_packer_create(gf_packer *p, size_t most, graft_error *err);
void gf_packer_free(gf_packer *p); /* takes a zeroed one */

/* Plans n <= most texts for micro-batches of `rows` rows and at most `texts` texts. A text of length 0 is in none; no
 * length is more than rows. */
void gf_packer_plan(gf_packer *p, const int32_t *length, size_t n, size_t rows, size_t texts);

/* Micro-batch i: its texts are p->order[p->begin[i]] .. ; `first` is room for one number more than it has texts. */
gf_packing gf_packer_at(const gf_packer *p, size_t i, const int32_t *length, int32_t *first);

/* How many pieces a text has: those before the first that is none (-1). */
int32_t gf_pieces_of(const int32_t *piece, size_t most);

#endif
