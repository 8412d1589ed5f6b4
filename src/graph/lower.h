/* lower.h - the inside of lowering: what is done with a graph when all its nodes are there. */
#ifndef GF_GRAPH_LOWER_H
#define GF_GRAPH_LOWER_H

#include "graph/graph.h"

/* Which nodes train, and through which gradients go. */
void gf_graph_mark_gradients(gf_graph *g);
/* Integers are for whoever makes numbers of them: E3102 where another operation reads them. */
graft_status gf_graph_check_integers(const gf_graph *g, graft_error *err);

#endif
