/* tree.h - the sum of leaves that lie with several ranks, with the bits that it has where one rank has them all.
 *
 * n leaves, each a block of floats, are added as ((0+1)+(2+3))+((4+5)+..), whoever has them. A rank has the leaves of
 * its share (gf_share_of), in a row. It adds what of the tree lies within them (gf_tree_fold), which leaves it a few
 * nodes: one where the ranks are a power of two that divides the leaves. What is above is added where the nodes meet
 * (gf_tree_sum): each rank is sent the others' nodes of one part of the floats, adds them, and gives the sum to all. */
#ifndef GF_COMM_TREE_H
#define GF_COMM_TREE_H

#include "comm/comm.h"

/* Zeroed at first, but for comm and add; kept from sum to sum, so that memory is taken once. */
typedef struct gf_tree {
    const gf_comm *comm;
    void (*add)(float *to, const float *from, size_t n); /* to[i] += from[i] */
    size_t leaves;
    gf_share own;
    size_t *place; /* of all ranks' nodes: the leaf that each begins with */
    float **value; /* and where it lies, of the part at hand */
    size_t nodes, cap;
    size_t node_begin[GF_MOST_RANKS + 1]; /* the first node of each rank */
    float *received, *sent;
    size_t received_cap, sent_cap;
} gf_tree;

/* So many leaves are to be added; t->own then tells which of them are here. */
graft_status gf_tree_begin(gf_tree *t, size_t leaves, graft_error *err);
/* Floats first .. first + count - 1 of this rank's leaves: block[i] is leaf own.first + i, and then, where that begins
 * a node, the node. Any thread. */
void gf_tree_fold(const gf_tree *t, float *const block[], size_t first, size_t count);
/* All floats of all ranks' nodes into block[0] (which is there also where the rank has no leaf); the other blocks hold
 * nothing afterwards. */
graft_status gf_tree_sum(gf_tree *t, float *const block[], size_t count, graft_error *err);
void gf_tree_free(gf_tree *t);

#endif
