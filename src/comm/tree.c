#include "comm/tree.h"

#include "base/alloc.h"

#include <string.h>

/* Behind the last leaf of the largest node of the tree that begins with leaf `at` and has no leaf outside of s. */
static size_t node_end(size_t leaves, gf_share s, size_t at)
{
    size_t size = 1;
    while (at + size < s.end && at % (2 * size) == 0 && (at + 2 * size <= s.end || s.end == leaves)) size *= 2;
    return at + size < s.end ? at + size : s.end;
}

/* The nodes of all ranks; how many. place NULL: they are only counted. */
static size_t list_nodes(gf_tree *t, size_t *place)
{
    int size = gf_comm_size(t->comm);
    size_t n = 0;
    for (int r = 0; r < size; r++) {
        gf_share s = gf_share_of(t->leaves, size, r);
        t->node_begin[r] = n;
        for (size_t at = s.first; at < s.end; at = node_end(t->leaves, s, at)) {
            if (place) place[n] = at;
            n++;
        }
    }
    t->node_begin[size] = n;
    return n;
}

graft_status gf_tree_begin(gf_tree *t, size_t leaves, graft_error *err)
{
    if (t->place && t->leaves == leaves) return GRAFT_OK;
    t->leaves = leaves;
    t->own = gf_share_of(leaves, gf_comm_size(t->comm), gf_comm_rank(t->comm));
    if (gf_comm_size(t->comm) == 1) return GRAFT_OK;
    size_t n = list_nodes(t, NULL);
    if (n > t->cap || !t->place) {
        gf_free(t->place);
        gf_free(t->value);
        t->cap = n;
        t->place = gf_new_n(n, size_t);
        t->value = gf_new_n(n, float *);
        if (!t->place || !t->value) return gf_fail_memory(err, n * sizeof *t->place, "the sum of gradients");
    }
    t->nodes = list_nodes(t, t->place);
    return GRAFT_OK;
}

void gf_tree_fold(const gf_tree *t, float *const block[], size_t first, size_t count)
{
    const gf_share s = t->own;
    for (size_t stride = 1; stride < t->leaves; stride *= 2) {
        size_t each = 2 * stride;
        for (size_t b = (s.first + each - 1) / each * each; b + stride < s.end; b += each) {
            if (b + each > s.end && s.end != t->leaves) break; /* it ends with another rank's leaves */
            t->add(block[b - s.first] + first, block[b + stride - s.first] + first, count);
        }
    }
}

/* Adds the nodes of one part: that which begins with leaf p, to the one before it, as soon as all is added that has a
 * shorter way: p's lowest bit tells how long its own is. */
static void add_nodes(const gf_tree *t, size_t count)
{
    for (size_t stride = 1; stride < t->leaves; stride *= 2) {
        size_t before = 0;
        for (size_t i = 1; i < t->nodes; i++) {
            size_t low = t->place[i] & (~t->place[i] + 1);
            if (low == stride) t->add(t->value[before], t->value[i], count);
            if (low > stride) before = i;
        }
    }
}

static graft_status make_room(float **block, size_t *cap, size_t floats, graft_error *err)
{
    if (*block && floats <= *cap) return GRAFT_OK;
    gf_free(*block);
    *cap = 0;
    *block = gf_alloc_tensor((floats + 1) * sizeof **block);
    if (!*block) return gf_fail_memory(err, floats * sizeof **block, "the sum of gradients");
    *cap = floats;
    return GRAFT_OK;
}

/* Node i of this rank. */
static float *own_node(const gf_tree *t, float *const block[], size_t i)
{
    return block[t->place[t->node_begin[t->comm->rank] + i] - t->own.first];
}

/* This rank's nodes of the floats that `peer` adds, one behind the other. */
static const float *nodes_for(const gf_tree *t, float *const block[], size_t at, size_t count, size_t n)
{
    if (n == 1) return own_node(t, block, 0) + at;
    for (size_t i = 0; i < n; i++) memcpy(t->sent + i * count, own_node(t, block, i) + at, count * sizeof(float));
    return t->sent;
}

static size_t nodes_of(const gf_tree *t, int rank) { return t->node_begin[rank + 1] - t->node_begin[rank]; }

/* Floats at .. at + n - 1, a share of them for each rank. */
static graft_status sum_part(gf_tree *t, float *const block[], size_t at, size_t n, graft_error *err)
{
    const gf_comm *c = t->comm;
    const gf_share mine = gf_share_of(n, c->size, c->rank);
    const size_t count = mine.end - mine.first, own = nodes_of(t, c->rank);
    size_t begin[GF_MOST_RANKS + 1];
    GF_TRY(make_room(&t->received, &t->received_cap, t->nodes * count, err));
    GF_TRY(make_room(&t->sent, &t->sent_cap, own * (n / (size_t)c->size + 1), err));
    for (int round = 0; round < c->size; round++) {
        int peer = (round - c->rank + c->size) % c->size;
        const gf_share theirs = gf_share_of(n, c->size, peer);
        size_t send = theirs.end - theirs.first, first = t->node_begin[peer];
        for (size_t i = 0; i < nodes_of(t, peer); i++)
            t->value[first + i] =
                peer == c->rank ? own_node(t, block, i) + at + mine.first : t->received + (first + i) * count;
        if (peer == c->rank) continue;
        const float *out = own ? nodes_for(t, block, at + theirs.first, send, own) : NULL;
        GF_TRY(c->exchange(c->self, peer, out, own * send * sizeof *out, t->received + first * count,
                           nodes_of(t, peer) * count * sizeof *out, c->timeout, &c->watch, err));
    }
    add_nodes(t, count);
    if (t->value[0] != block[0] + at + mine.first)
        memcpy(block[0] + at + mine.first, t->value[0], count * sizeof(float));
    for (int r = 0; r <= c->size; r++) begin[r] = sizeof(float) * (n * (size_t)r / (size_t)c->size);
    return gf_comm_gather(c, block[0] + at, begin, err);
}

graft_status gf_tree_sum(gf_tree *t, float *const block[], size_t count, graft_error *err)
{
    enum { LEAST = 1 << 12, MOST = 1 << 18, RECEIVED = 1 << 20 }; /* floats */
    if (gf_comm_size(t->comm) == 1) return GRAFT_OK;
    size_t each = RECEIVED / t->nodes;
    each = each < LEAST ? LEAST : each > MOST ? MOST : each;
    size_t part = each * (size_t)t->comm->size;
    for (size_t at = 0; at < count; at += part) {
        GF_TRY(sum_part(t, block, at, count - at < part ? count - at : part, err));
    }
    return GRAFT_OK;
}

void gf_tree_free(gf_tree *t)
{
    gf_free(t->place);
    gf_free(t->value);
    gf_free(t->received);
    gf_free(t->sent);
    *t = (gf_tree){0};
}
