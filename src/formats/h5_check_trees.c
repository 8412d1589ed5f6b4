/* The trees of an HDF5 file: that of an old group, with the heap of its names, and that of a data set's chunks. */
#include "formats/h5_check_parts.h"

enum { ANY_LEVEL = -1, GROUP_TREE = 0, CHUNK_TREE = 1, NODE_HEAD = 24 };

/* A node's head, by its type and what its parent expects: how many children it has, and of which level it is. */
static const char *read_head(gf_h5_check *c, gf_h5_span *s, uint64_t type, unsigned k, int *level, uint64_t *children)
{
    bool good = gf_h5_begins(s, "TREE") && gf_h5_take(s, 1) == type;
    int own_level = (int)gf_h5_take(s, 1);
    *children = gf_h5_take(s, 2);
    gf_h5_pass(s, 16); /* its siblings: nobody goes there */
    if (!good || s->failed || *children > 2 * (uint64_t)k) return "a node of its tree makes no sense";
    if (*level != ANY_LEVEL && own_level != *level) return "its tree's levels are out of order";
    *level = own_level;
    return gf_h5_once(c, (uint64_t)(s->at - NODE_HEAD - c->bytes));
}

/* ---- groups ---- */

typedef struct names {
    const char *text;
    uint64_t n;
} names;

static bool is_name(const names *list, uint64_t offset)
{
    return offset < list->n && memchr(list->text + offset, 0, list->n - offset);
}

/* The free blocks of a heap are a list: 1 ends it. */
static bool good_free_list(const names *list, uint64_t at)
{
    enum { END = 1, BLOCK = 16 };
    for (uint64_t left = list->n / BLOCK; at != END; left--) {
        if (!left || at > list->n || list->n - at < BLOCK) return false;
        gf_h5_span s = {(const uint8_t *)list->text + at, (const uint8_t *)list->text + list->n, false};
        uint64_t next = gf_h5_take(&s, 8), size = gf_h5_take(&s, 8);
        if (size < BLOCK || size > list->n - at) return false;
        at = next;
    }
    return true;
}

static const char *read_names(gf_h5_check *c, uint64_t heap, names *list)
{
    static const char nonsense[] = "the heap of its names makes no sense";
    gf_h5_span s = gf_h5_part(c, heap, 32);
    bool good = gf_h5_begins(&s, "HEAP") && !gf_h5_take(&s, 1);
    gf_h5_pass(&s, 3);
    list->n = gf_h5_take(&s, 8);
    uint64_t free_list = gf_h5_take(&s, 8), data = gf_h5_take(&s, 8);
    gf_h5_span text = gf_h5_part(c, data, list->n);
    if (!good || s.failed || text.failed || !list->n) return nonsense;
    list->text = (const char *)text.at;
    return good_free_list(list, free_list) ? gf_h5_once(c, heap) : nonsense;
}

static const char *check_leaf(gf_h5_check *c, const names *list, uint64_t address)
{
    enum { HEAD = 8, ENTRY = 40, NOTHING = 0, GROUP = 1, SOFT_LINK = 2 };
    gf_h5_span s = gf_h5_part(c, address, HEAD + 2 * (uint64_t)c->leaf_k * ENTRY);
    c->at = address;
    bool good = gf_h5_begins(&s, "SNOD") && gf_h5_take(&s, 1) == 1;
    gf_h5_pass(&s, 1);
    uint64_t entries = gf_h5_take(&s, 2);
    if (!good || s.failed || entries > 2 * (uint64_t)c->leaf_k) return "a leaf of its tree makes no sense";
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t name = gf_h5_take(&s, 8), object = gf_h5_take(&s, 8), noted = gf_h5_take(&s, 4);
        gf_h5_pass(&s, 4);
        uint64_t first = gf_h5_take(&s, 8), second = gf_h5_take(&s, 8);
        if (!is_name(list, name)) return "a name is not in its heap";
        if (noted > SOFT_LINK) return "a leaf of its tree makes no sense";
        if (noted == SOFT_LINK && !is_name(list, first & UINT32_MAX)) return "a soft link is not in its heap";
        if (noted != SOFT_LINK && !gf_h5_inside(c, object, 1)) return "a link leads out of the file";
        if (noted == GROUP && (!gf_h5_inside(c, first, NODE_HEAD) || !gf_h5_inside(c, second, 32))) {
            return "a group is noted outside of the file";
        }
    }
    return gf_h5_once(c, address);
}

static const char *check_group_node(gf_h5_check *c, const names *list, uint64_t address, int level)
{
    enum { PAIR = 16 };
    uint64_t children = 0;
    gf_h5_span s = gf_h5_part(c, address, NODE_HEAD + 8 + 2 * (uint64_t)c->node_k * PAIR);
    c->at = address;
    const char *why = read_head(c, &s, GROUP_TREE, c->node_k, &level, &children);
    for (uint64_t i = 0; i < children && !why; i++) {
        if (!is_name(list, gf_h5_take(&s, 8))) return "a name is not in its heap";
        uint64_t child = gf_h5_take(&s, 8);
        why = level ? check_group_node(c, list, child, level - 1) : check_leaf(c, list, child);
    }
    return why ? why : !children || is_name(list, gf_h5_take(&s, 8)) ? NULL : "a name is not in its heap";
}

const char *gf_h5_check_group(gf_h5_check *c, uint64_t tree, uint64_t heap)
{
    names list;
    c->at = heap;
    const char *why = read_names(c, heap, &list);
    return why ? why : check_group_node(c, &list, tree, ANY_LEVEL);
}

/* ---- chunks ---- */

typedef struct chunks {
    const gf_h5_object *o;
    uint64_t bytes;                    /* of each */
    bool begun;                        /* `last` is one */
    uint64_t last[GF_H5_MAX_RANK + 1]; /* where the last one stands in the data set */
} chunks;

/* Chunks stand in the order of their places, none twice. */
static bool in_order(chunks *k, const uint64_t *place)
{
    int i = 0, rank = k->o->chunk_rank;
    for (int d = 0; d < rank; d++) {
        if (d < rank - 1 ? place[d] % k->o->chunk[d] : place[d]) return false;
    }
    while (k->begun && i < rank && place[i] == k->last[i]) i++;
    bool after = !k->begun || (i < rank && place[i] > k->last[i]);
    memcpy(k->last, place, (size_t)rank * sizeof *place);
    k->begun = true;
    return after;
}

static const char *check_chunk_node(gf_h5_check *c, chunks *k, uint64_t address, int level)
{
    uint64_t children = 0, key = 8 + 8 * (uint64_t)k->o->chunk_rank, place[GF_H5_MAX_RANK + 1];
    gf_h5_span s = gf_h5_part(c, address, NODE_HEAD + key + 2 * (uint64_t)c->chunk_k * (key + 8));
    c->at = address;
    const char *why = read_head(c, &s, CHUNK_TREE, c->chunk_k, &level, &children);
    for (uint64_t i = 0; i < children && !why; i++) {
        uint64_t bytes = gf_h5_take(&s, 4), filters = gf_h5_take(&s, 4);
        for (int d = 0; d < k->o->chunk_rank; d++) place[d] = gf_h5_take(&s, 8);
        uint64_t child = gf_h5_take(&s, 8);
        if (level) {
            why = check_chunk_node(c, k, child, level - 1);
        } else if (filters || bytes != k->bytes || !gf_h5_inside(c, child, bytes) || !in_order(k, place)) {
            why = "a chunk of it is of another size, or elsewhere";
        }
    }
    return why;
}

const char *gf_h5_check_chunks(gf_h5_check *c, const gf_h5_object *o)
{
    chunks k = {.o = o, .bytes = 1};
    for (int i = 0; i < o->chunk_rank; i++) k.bytes *= o->chunk[i]; /* fits: see the layout message */
    return check_chunk_node(c, &k, o->chunk_tree, ANY_LEVEL);
}
