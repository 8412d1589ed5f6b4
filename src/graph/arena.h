/* arena.h - places for blocks in one piece of memory, by the time in which each lives.
 *
 *     bytes
 *       ^   +-----A-----+   +----C----+
 *       |   |           |   |         |        two blocks may share bytes
 *       |   +--+--------B---+---+-----+        where their times do not meet
 *       |      +----------------+
 *       +------------------------------------> steps of the plan                                        */
#ifndef GF_GRAPH_ARENA_H
#define GF_GRAPH_ARENA_H

#include "base/error.h"

typedef struct gf_block {
    size_t bytes;
    int first, last; /* both inclusive; last < first: never used */
    size_t offset;   /* set by gf_arena_place; 64-byte aligned */
} gf_block;

/* Places all blocks, the largest first, each at the lowest offset that is free in its time. *total gets the arena's
 * size. */
graft_status gf_arena_place(gf_block *block, size_t n, size_t *total, graft_error *err);

#endif
