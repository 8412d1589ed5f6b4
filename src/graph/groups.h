/* groups.h - which nodes of a plan have trainable parameters in common: the calls of one layer, and whatever is folded
 * into them. Such nodes are a group: their gradients are added in the order of the graph, by one thread. */
#ifndef GF_GRAPH_GROUPS_H
#define GF_GRAPH_GROUPS_H

#include "graph/graph.h"

/* Of each of n nodes. */
typedef struct gf_groups {
    size_t *lead;   /* the first node of its group: itself where it is alone, and where it has no parameters */
    size_t *next;   /* the next one of its group; n: none */
    unsigned *adds; /* the roles, 1 << gf_role, whose parameters a node before it has too */
} gf_groups;

/* Of nodes first .. first + n - 1 of the graph. */
graft_status gf_groups_create(gf_groups *groups, const gf_graph *g, size_t first, size_t n, graft_error *err);
void gf_groups_free(gf_groups *groups);

#endif
