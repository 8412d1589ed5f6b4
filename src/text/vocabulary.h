/* vocabulary.h - the pieces of a vocabulary and their ids, found by walking a text byte by byte. */
#ifndef GF_TEXT_VOCABULARY_H
#define GF_TEXT_VOCABULARY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_VOCABULARY_MAX = 2000000 };
#define GF_NO_ID UINT32_MAX

/* A trie: node 0 is the empty text; an edge leads from a node by a byte to another. Edges stand in one hash table. */
typedef struct gf_vocabulary {
    char *bytes; /* the pieces one after the other, a NUL after each */
    size_t n_bytes, cap_bytes;
    size_t *at;          /* of each id where its piece begins in `bytes`; SIZE_MAX: the id has none */
    uint32_t *length;    /* of each id the bytes of its piece */
    size_t n, cap;       /* ids: the greatest and one */
    uint32_t duplicates; /* pieces that were there again: the last id holds */
    struct gf_vocabulary_edge *edge;
    size_t edges, slots; /* slots: a power of 2 */
    uint32_t *id;        /* of each node; GF_NO_ID: no piece ends there */
    size_t nodes, cap_nodes;
} gf_vocabulary;

/* Adds a piece of n bytes under an id that has none yet. E2770 beyond GF_VOCABULARY_MAX; `name` is the file's. */
graft_status gf_vocabulary_add(gf_vocabulary *v, const char *name, const void *piece, size_t n, uint32_t id,
                               graft_error *err);
/* The pieces of a text of one piece a line, ids by line from 0: lines end at LF alone (a vocabulary may hold U+2028),
 * and a CR before it does not belong to the piece. E2770 where a line is not UTF-8 or holds a NUL, or there is none. */
graft_status gf_vocabulary_lines(gf_vocabulary *v, const char *name, const uint8_t *text, size_t n, graft_error *err);
void gf_vocabulary_free(gf_vocabulary *v); /* takes a zeroed one */

/* The node that a byte leads to; 0: none. */
uint32_t gf_vocabulary_walk(const gf_vocabulary *v, uint32_t node, uint8_t byte);
/* The id of the piece of n bytes; GF_NO_ID: there is none. */
uint32_t gf_vocabulary_find(const gf_vocabulary *v, const void *piece, size_t n);
/* The piece of an id; NULL: the id has none. Borrowed. */
const char *gf_vocabulary_piece(const gf_vocabulary *v, uint32_t id, size_t *n);

#endif
