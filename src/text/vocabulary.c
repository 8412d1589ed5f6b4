#include "text/vocabulary.h"

#include "base/alloc.h"
#include "text/utf8.h"

#include <string.h>

typedef struct gf_vocabulary_edge {
    uint32_t from; /* node << 8 | byte, of the low 32 bits; see key_of */
    uint32_t to;   /* 0: the slot is free (no edge leads to node 0) */
} gf_vocabulary_edge;

enum { MAX_NODES = 1 << 24, FIRST_SLOTS = 1 << 10 };

static uint32_t key_of(uint32_t node, uint8_t byte) { return node << 8 | byte; } /* nodes have 24 bits */

static size_t slot_of(const gf_vocabulary *v, uint32_t key)
{
    size_t slot = (size_t)((uint64_t)key * 0x9e3779b97f4a7c15ull >> 32) & (v->slots - 1);
    while (v->edge[slot].to && v->edge[slot].from != key) slot = (slot + 1) & (v->slots - 1);
    return slot;
}

uint32_t gf_vocabulary_walk(const gf_vocabulary *v, uint32_t node, uint8_t byte)
{
    return v->slots ? v->edge[slot_of(v, key_of(node, byte))].to : 0;
}

/* Twice as many slots, or the first ones. */
static bool more_slots(gf_vocabulary *v)
{
    gf_vocabulary old = *v;
    size_t slots = v->slots ? 2 * v->slots : FIRST_SLOTS;
    gf_vocabulary_edge *edge = gf_new_n(slots, gf_vocabulary_edge);
    if (!edge) return false;
    v->edge = edge;
    v->slots = slots;
    for (size_t i = 0; i < old.slots; i++) {
        if (old.edge[i].to) v->edge[slot_of(v, old.edge[i].from)] = old.edge[i];
    }
    gf_free(old.edge);
    return true;
}

static bool new_node(gf_vocabulary *v, uint32_t *node)
{
    if (v->nodes == MAX_NODES || !gf_grow(&v->id, v->nodes, &v->cap_nodes)) return false;
    *node = (uint32_t)v->nodes;
    v->id[v->nodes++] = GF_NO_ID;
    return true;
}

/* The node of a piece, made where it is not there. */
static bool node_of(gf_vocabulary *v, const uint8_t *piece, size_t n, uint32_t *node)
{
    uint32_t root;
    if (!v->nodes && !new_node(v, &root)) return false;
    *node = 0;
    for (size_t i = 0; i < n; i++) {
        if (2 * v->edges >= v->slots && !more_slots(v)) return false;
        size_t slot = slot_of(v, key_of(*node, piece[i]));
        if (!v->edge[slot].to) {
            uint32_t to;
            if (!new_node(v, &to)) return false;
            v->edge[slot] = (gf_vocabulary_edge){key_of(*node, piece[i]), to};
            v->edges++;
        }
        *node = v->edge[slot].to;
    }
    return true;
}

/* Room for the id, the ones below it without pieces as yet. */
static bool room_for(gf_vocabulary *v, uint32_t id, size_t n)
{
    size_t bytes = v->n_bytes + n + 1;
    if (id >= v->cap) {
        size_t cap = id < 512 ? 1024 : 2 * ((size_t)id + 1);
        size_t *at = gf_realloc(v->at, cap, sizeof *at);
        if (!at) return false;
        v->at = at;
        uint32_t *length = gf_realloc(v->length, cap, sizeof *length);
        if (!length) return false;
        v->length = length;
        v->cap = cap;
    }
    for (; v->n <= id; v->n++) v->at[v->n] = SIZE_MAX;
    if (bytes > v->cap_bytes) {
        char *more = gf_realloc(v->bytes, 2 * bytes, 1);
        if (!more) return false;
        v->bytes = more;
        v->cap_bytes = 2 * bytes;
    }
    return true;
}

graft_status gf_vocabulary_add(gf_vocabulary *v, const char *name, const void *piece, size_t n, uint32_t id,
                               graft_error *err)
{
    if (id >= GF_VOCABULARY_MAX || v->nodes + n > MAX_NODES) {
        return gf_fail(err, GF_E_VOCABULARY, NULL, "%s: id %u: the limit is %d pieces of %d bytes in all", GF_ESC(name),
                       id, GF_VOCABULARY_MAX, MAX_NODES);
    }
    if (id < v->n && v->at[id] != SIZE_MAX) {
        return gf_fail(err, GF_E_VOCABULARY, NULL, "%s: two pieces have the id %u", GF_ESC(name), id);
    }
    uint32_t node;
    if (!room_for(v, id, n) || !node_of(v, piece, n, &node)) return gf_fail_memory(err, n, "a vocabulary");
    v->at[id] = v->n_bytes;
    v->length[id] = (uint32_t)n;
    memcpy(v->bytes + v->n_bytes, piece, n);
    v->bytes[v->n_bytes + n] = 0;
    v->n_bytes += n + 1;
    if (v->id[node] != GF_NO_ID) v->duplicates++;
    v->id[node] = id;
    return GRAFT_OK;
}

graft_status gf_vocabulary_lines(gf_vocabulary *v, const char *name, const uint8_t *text, size_t n, graft_error *err)
{
    uint32_t line = 0;
    for (size_t at = 0; at < n; line++) {
        const uint8_t *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at, next = at + length + 1;
        if (length && text[at + length - 1] == '\r') length--;
        if (gf_utf8_valid(text + at, length) < length || memchr(text + at, 0, length)) {
            return gf_fail(err, GF_E_VOCABULARY, "is it a vocabulary, one piece a line?",
                           "%s:%u: the line is not UTF-8 text", GF_ESC(name), line + 1);
        }
        GF_TRY(gf_vocabulary_add(v, name, text + at, length, line, err));
        at = next;
    }
    return line ? GRAFT_OK : gf_fail(err, GF_E_VOCABULARY, NULL, "%s: the vocabulary is empty", GF_ESC(name));
}

void gf_vocabulary_free(gf_vocabulary *v)
{
    gf_free(v->bytes);
    gf_free(v->at);
    gf_free(v->length);
    gf_free(v->edge);
    gf_free(v->id);
    *v = (gf_vocabulary){0};
}

uint32_t gf_vocabulary_find(const gf_vocabulary *v, const void *piece, size_t n)
{
    const uint8_t *p = piece;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        node = gf_vocabulary_walk(v, node, p[i]);
        if (!node) return GF_NO_ID;
    }
    return v->nodes ? v->id[node] : GF_NO_ID;
}

const char *gf_vocabulary_piece(const gf_vocabulary *v, uint32_t id, size_t *n)
{
    if (id >= v->n || v->at[id] == SIZE_MAX) return NULL;
    *n = v->length[id];
    return v->bytes + v->at[id];
}
