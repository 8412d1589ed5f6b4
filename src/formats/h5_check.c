#include "formats/h5_check.h"

#include "formats/h5_check_parts.h"

enum { MAX_CHUNKS = 256 }; /* an object's header in so many pieces */

static const char again[] = "fetch or copy the file again";
static const char repack[] = "h5repack -f NONE -l CONTI IN.h5 OUT.h5 makes a plain copy";

static graft_status broken(const gf_h5_check *c, const char *where, const char *why)
{
    if (c->no_memory) return gf_fail_memory(c->err, 0, "a list of addresses");
    return gf_fail(c->err, GF_E_HDF5_DAMAGED, again, "%s: %s cannot be read: %s, at byte %llu", GF_ESC(c->path),
                   *where ? GF_ESC(where) : "/", why, (unsigned long long)c->at);
}

const char *gf_h5_once(gf_h5_check *c, uint64_t address)
{
    bool is_new;
    if (!gf_addresses_add(&c->nodes, address, &is_new)) {
        c->no_memory = true;
        return "memory";
    }
    return is_new ? NULL : "a part of it is used twice";
}

/* ---- the superblock ---- */

static const char *old_superblock(gf_h5_check *c, gf_h5_span *s, int version, uint64_t *end)
{
    static const char nonsense[] = "its superblock makes no sense";
    bool plain = !gf_h5_take(s, 1) && !gf_h5_take(s, 1); /* versions of the free space and of the root's entry */
    gf_h5_pass(s, 1);
    plain = plain && !gf_h5_take(s, 1);                              /* version of shared headers */
    plain = plain && gf_h5_take(s, 1) == 8 && gf_h5_take(s, 1) == 8; /* bytes of offsets and lengths */
    gf_h5_pass(s, 1);
    c->leaf_k = (unsigned)gf_h5_take(s, 2);
    c->node_k = (unsigned)gf_h5_take(s, 2);
    gf_h5_pass(s, 4);
    c->chunk_k = version ? (unsigned)gf_h5_take(s, 2) : 32;
    if (version) gf_h5_pass(s, 2);
    plain = plain && !gf_h5_take(s, 8) && gf_h5_take(s, 8) == GF_H5_NOWHERE; /* base address, free space */
    *end = gf_h5_take(s, 8);
    plain = plain && gf_h5_take(s, 8) == GF_H5_NOWHERE; /* another driver */
    gf_h5_pass(s, 8);
    c->root = gf_h5_take(s, 8);
    uint64_t noted = gf_h5_take(s, 4);
    gf_h5_pass(s, 4);
    c->root_noted = noted == 1;
    c->root_tree = gf_h5_take(s, 8);
    c->root_heap = gf_h5_take(s, 8);
    return !plain || noted > 1 || !c->leaf_k || !c->node_k || !c->chunk_k ? nonsense : NULL;
}

static const char *new_superblock(gf_h5_check *c, gf_h5_span *s, uint64_t *end)
{
    bool plain = gf_h5_take(s, 1) == 8 && gf_h5_take(s, 1) == 8;
    gf_h5_pass(s, 1);
    plain = plain && !gf_h5_take(s, 8);
    bool extended = gf_h5_take(s, 8) != GF_H5_NOWHERE;
    *end = gf_h5_take(s, 8);
    c->root = gf_h5_take(s, 8);
    gf_h5_pass(s, 4); /* the library compares the checksum */
    c->leaf_k = 4, c->node_k = 16, c->chunk_k = 32;
    return !plain ? "its superblock makes no sense" : extended ? "its superblock is extended" : NULL;
}

graft_status gf_h5_check_file(gf_h5_check *c)
{
    static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    gf_h5_span s = {c->bytes, c->bytes + c->n, false};
    uint64_t end = 0;
    c->at = 0;
    const uint8_t *begin = gf_h5_pass(&s, sizeof signature);
    if (!begin || memcmp(begin, signature, sizeof signature)) return broken(c, "its beginning", "no HDF5 file");
    uint64_t version = gf_h5_take(&s, 1);
    const char *why = version > 3   ? "a version of the format that is not known"
                      : version > 1 ? new_superblock(c, &s, &end)
                                    : old_superblock(c, &s, (int)version, &end);
    if (s.failed) why = "it ends in the superblock";
    if (!why && (end > c->n || end < (uint64_t)(s.at - c->bytes))) why = "the file is shorter or longer than it says";
    if (why) return broken(c, "its beginning", why);
    c->n = end;
    return GRAFT_OK;
}

/* ---- an object's header: messages in one or more pieces ---- */

typedef struct header {
    gf_h5_check *c;
    gf_h5_object *o;
    bool old;         /* version 1 */
    size_t prefix;    /* bytes before a message */
    uint64_t counted; /* messages */
    size_t n;
    struct {
        uint64_t at, size;
    } piece[MAX_CHUNKS];
} header;

static const char *add_piece(header *h, uint64_t at, uint64_t size)
{
    if (!gf_h5_inside(h->c, at, size)) return "its header lies outside of the file";
    if (h->n == MAX_CHUNKS) return "its header is in too many pieces";
    for (size_t i = 0; i < h->n; i++) {
        if (at < h->piece[i].at + h->piece[i].size && h->piece[i].at < at + size) return "its header runs in circles";
    }
    h->piece[h->n].at = at;
    h->piece[h->n++].size = size;
    return NULL;
}

static const char *continued(header *h, gf_h5_span *s)
{
    enum { SIGNATURE = 4, CHECKSUM = 4 };
    uint64_t at = gf_h5_take(s, 8), size = gf_h5_take(s, 8);
    if (s->failed) return NULL;
    if (h->old) return add_piece(h, at, size);
    gf_h5_span next = gf_h5_part(h->c, at, size);
    if (size < SIGNATURE + CHECKSUM || !gf_h5_begins(&next, "OCHK")) return "its header goes on nowhere";
    return add_piece(h, at + SIGNATURE, size - SIGNATURE - CHECKSUM);
}

static const char *message(header *h, gf_h5_span *s)
{
    enum { NIL = 0, ATTRIBUTE = 12, LINK = 6, CONTINUATION = 16, TYPES = 25, SHARED = 2 };
    unsigned type = (unsigned)gf_h5_take(s, h->old ? 2 : 1);
    uint64_t size = gf_h5_take(s, 2), flags = gf_h5_take(s, 1);
    gf_h5_pass(s, h->prefix - (h->old ? 5 : 4));
    const uint8_t *body = gf_h5_pass(s, size);
    if (!body || (h->old && size % 8)) return "a message of its header has a wrong length";
    gf_h5_span inner = {body, body + size, false};
    h->c->at = (uint64_t)(body - h->c->bytes);
    h->counted++;
    if (type == NIL) return NULL;
    if (type >= TYPES) return "a message of its header is not known";
    if (flags & SHARED) {
        h->o->unusual = "shares its type with others";
        return NULL;
    }
    bool many = type == ATTRIBUTE || type == LINK || type == CONTINUATION;
    if (!many && h->o->seen & 1u << type) return "a message of its header is there twice";
    h->o->seen |= 1u << type;
    const char *why = type == CONTINUATION ? continued(h, &inner) : gf_h5_message(h->c, h->o, type, &inner);
    return why ? why : inner.failed ? "a message of its header is too short" : NULL;
}

static const char *old_header(header *h, uint64_t address, uint64_t *told)
{
    gf_h5_span s = gf_h5_part(h->c, address, 16);
    gf_h5_pass(&s, 2);
    *told = gf_h5_take(&s, 2);
    gf_h5_pass(&s, 4);
    uint64_t size = gf_h5_take(&s, 4);
    h->prefix = 8;
    return s.failed ? "its header lies outside of the file" : add_piece(h, address + 16, size);
}

static const char *new_header(header *h, uint64_t address)
{
    enum { SIZE_BYTES = 3, ORDERED = 4, PHASES = 16, TIMES = 32, UNKNOWN = 0xc0, CHECKSUM = 4 };
    gf_h5_span s = gf_h5_part(h->c, address, address < h->c->n ? h->c->n - address : 1);
    if (!gf_h5_begins(&s, "OHDR") || gf_h5_take(&s, 1) != 2) return "no object is there";
    uint64_t flags = gf_h5_take(&s, 1);
    gf_h5_pass(&s, (flags & TIMES ? 16 : 0) + (flags & PHASES ? 4 : 0));
    uint64_t size = gf_h5_take(&s, (size_t)1 << (flags & SIZE_BYTES));
    if (s.failed || flags & UNKNOWN || size > gf_h5_left(&s) || gf_h5_left(&s) - size < CHECKSUM) {
        return "its header lies outside of the file";
    }
    h->prefix = flags & ORDERED ? 6 : 4;
    return add_piece(h, (uint64_t)(s.at - h->c->bytes), size);
}

static const char *read_header(header *h, uint64_t address)
{
    uint64_t told = 0;
    gf_h5_span first = gf_h5_part(h->c, address, 1);
    h->old = gf_h5_take(&first, 1) == 1;
    const char *why = h->old ? old_header(h, address, &told) : new_header(h, address);
    for (size_t i = 0; i < h->n && !why; i++) {
        gf_h5_span s = gf_h5_part(h->c, h->piece[i].at, h->piece[i].size);
        while (!why && gf_h5_left(&s) >= h->prefix) why = message(h, &s);
        if (!why && h->old && gf_h5_left(&s)) why = "a message of its header is cut off";
    }
    return !why && h->old && h->counted != told ? "its header has more or fewer messages than it says" : why;
}

static const char *check_object(gf_h5_check *c, gf_h5_object *o, uint64_t address)
{
    header h = {.c = c, .o = o};
    const char *why = read_header(&h, address);
    if (why || o->storage || o->unusual) return why;
    c->at = address;
    bool old_root = address == c->root && c->root_noted && o->heap; /* a newer one has left the note behind */
    if (old_root && (o->tree != c->root_tree || o->heap != c->root_heap)) return "the superblock says something else";
    return gf_h5_judge_object(c, o);
}

graft_status gf_h5_check_object(gf_h5_check *c, uint64_t address, const char *where)
{
    gf_h5_object o = {.chunk_tree = GF_H5_NOWHERE};
    c->at = address;
    const char *why = check_object(c, &o, address);
    if (why) return broken(c, where, why);
    if (o.storage) {
        return gf_fail(c->err, GF_E_HDF5_STORAGE, repack, "%s: %s is stored %s, which is not read", GF_ESC(c->path),
                       GF_ESC(where), o.storage);
    }
    if (!o.unusual) return GRAFT_OK;
    return gf_fail(c->err, GF_E_HDF5_LAYOUT, repack, "%s: %s %s, which no file of Keras does", GF_ESC(c->path),
                   *where ? GF_ESC(where) : "/", o.unusual);
}

void gf_h5_check_free(gf_h5_check *c)
{
    gf_addresses_free(&c->nodes);
    gf_addresses_free(&c->collections);
}
