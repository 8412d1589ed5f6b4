/* The messages in an object's header, by the HDF5 file format specification: a row per type. */
#include "formats/h5_check_parts.h"

static const char *data_space(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    return gf_h5_read_space(s, &o->space);
}

static const char *data_type(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    return gf_h5_read_type(s, &o->type, 0);
}

static const char *attribute(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s) { return gf_h5_read_attribute(c, s, o); }

/* ---- fill values ---- */

static const char *fill_bytes(gf_h5_object *o, gf_h5_span *s)
{
    uint64_t size = gf_h5_take(s, 4);
    if (size > INT32_MAX) return NULL; /* -1: not defined */
    gf_h5_pass(s, size);
    o->fill = size;
    return NULL;
}

static const char *old_fill(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    return fill_bytes(o, s);
}

static const char *fill(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    static const char nonsense[] = "its fill value makes no sense";
    enum { DEFINED = 0x20, UNKNOWN = 0xc0 };
    uint64_t version = gf_h5_take(s, 1);
    if (version < 1 || version > 3) return nonsense;
    if (version == 3) {
        uint64_t flags = gf_h5_take(s, 1);
        if (flags & UNKNOWN) return nonsense;
        return flags & DEFINED ? fill_bytes(o, s) : NULL;
    }
    gf_h5_pass(s, 2);
    uint64_t defined = gf_h5_take(s, 1);
    return version == 1 || defined ? fill_bytes(o, s) : NULL;
}

/* ---- where data are ---- */

static const char *chunk_shape(gf_h5_object *o, gf_h5_span *s, uint64_t rank, uint64_t width, uint64_t *bytes)
{
    *bytes = 1;
    if (rank < 2 || rank > GF_H5_MAX_RANK + 1 || width < 1 || width > 8) return "its chunks make no sense";
    o->chunk_rank = (int)rank;
    for (uint64_t i = 0; i < rank; i++) {
        o->chunk[i] = gf_h5_take(s, width);
        if (!o->chunk[i] || __builtin_mul_overflow(*bytes, o->chunk[i], bytes) || *bytes > UINT32_MAX) {
            return "its chunks have no size, or too large a one";
        }
    }
    return NULL;
}

static const char *old_chunks(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    uint64_t rank = gf_h5_take(s, 1), bytes;
    o->chunk_tree = gf_h5_take(s, 8);
    return chunk_shape(o, s, rank, 4, &bytes);
}

/* A single chunk, or all of them in a row: other indexes are structures that only the library would judge. */
static const char *new_chunks(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    enum { SINGLE = 1, IN_A_ROW = 2, FILTERED = 2 };
    uint64_t flags = gf_h5_take(s, 1), rank = gf_h5_take(s, 1), width = gf_h5_take(s, 1), bytes;
    const char *why = chunk_shape(o, s, rank, width, &bytes);
    uint64_t index = gf_h5_take(s, 1);
    if (why) return why;
    if (index != SINGLE && index != IN_A_ROW) o->storage = "in chunks, with an index of the newer kind";
    if (flags & FILTERED) o->storage = "through a filter (compressed)";
    uint64_t address = gf_h5_take(s, 8);
    return o->storage || address == GF_H5_NOWHERE || gf_h5_inside(c, address, bytes) ? NULL
                                                                                     : "its chunks lie elsewhere";
}

static const char *layout(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    enum { COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL };
    uint64_t version = gf_h5_take(s, 1), kind = gf_h5_take(s, 1);
    if (version < 3 || version > 4) return "its layout is of a version that is not read";
    if (kind == COMPACT) {
        gf_h5_pass(s, gf_h5_take(s, 2));
        return NULL;
    }
    if (kind == CHUNKED) return version == 3 ? old_chunks(c, o, s) : new_chunks(c, o, s);
    if (kind == VIRTUAL) {
        o->storage = "as a virtual data set";
        return NULL;
    }
    if (kind != CONTIGUOUS) return "its layout is not known";
    uint64_t address = gf_h5_take(s, 8), size = gf_h5_take(s, 8);
    return address == GF_H5_NOWHERE || gf_h5_inside(c, address, size) ? NULL : "its data lie outside of the file";
}

static const char *external(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)s;
    o->storage = "in an external file";
    return NULL;
}

static const char *filters(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)s;
    o->storage = "through a filter (compressed)";
    return NULL;
}

/* ---- groups ---- */

static const char *symbol_table(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    o->tree = gf_h5_take(s, 8);
    o->heap = gf_h5_take(s, 8);
    return NULL;
}

static const char *link_info(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    enum { TRACKED = 1, ORDERED = 2, KNOWN = 3 };
    uint64_t version = gf_h5_take(s, 1), flags = gf_h5_take(s, 1);
    if (version || flags & ~(uint64_t)KNOWN) return "its list of links makes no sense";
    if (flags & TRACKED) gf_h5_pass(s, 8);
    if (gf_h5_take(s, 8) != GF_H5_NOWHERE) o->unusual = "keeps its links in a heap";
    gf_h5_pass(s, flags & ORDERED ? 16 : 8);
    return NULL;
}

static const char *group_info(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)o;
    enum { PHASES = 1, ESTIMATES = 2, KNOWN = 3 };
    uint64_t version = gf_h5_take(s, 1), flags = gf_h5_take(s, 1);
    gf_h5_pass(s, (flags & PHASES ? 4 : 0) + (flags & ESTIMATES ? 4 : 0));
    return version || flags & ~(uint64_t)KNOWN ? "its group makes no sense" : NULL;
}

static const char *link_message(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)o;
    enum { WIDTH = 3, ORDERED = 4, TYPED = 8, CHARACTERS = 16, KNOWN = 31, HARD = 0 };
    uint64_t version = gf_h5_take(s, 1), flags = gf_h5_take(s, 1);
    if (version != 1 || flags & ~(uint64_t)KNOWN) return "a link makes no sense";
    uint64_t type = flags & TYPED ? gf_h5_take(s, 1) : HARD;
    gf_h5_pass(s, (flags & ORDERED ? 8 : 0) + (flags & CHARACTERS ? 1 : 0));
    uint64_t length = gf_h5_take(s, (size_t)1 << (flags & WIDTH));
    const uint8_t *name = gf_h5_pass(s, length);
    if (!name) return NULL;
    if (!length || memchr(name, 0, length)) return "a link has no name";
    if (type != HARD) {
        uint64_t size = gf_h5_take(s, 2);
        gf_h5_pass(s, size);
        return size ? NULL : "a link leads nowhere";
    }
    return gf_h5_inside(c, gf_h5_take(s, 8), 1) ? NULL : "a link leads out of the file";
}

/* ---- what any object may have ---- */

static const char *comment(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)o;
    size_t n = gf_h5_left(s);
    return n && memchr(s->at, 0, n) ? NULL : "its comment has no end";
}

static const char *old_time(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)o;
    gf_h5_pass(s, 14);
    return NULL;
}

static const char *new_time(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)o;
    uint64_t version = gf_h5_take(s, 1);
    gf_h5_pass(s, 7);
    return version == 1 ? NULL : "its time makes no sense";
}

static const char *attribute_info(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c;
    enum { TRACKED = 1, ORDERED = 2, KNOWN = 3 };
    uint64_t version = gf_h5_take(s, 1), flags = gf_h5_take(s, 1);
    if (version || flags & ~(uint64_t)KNOWN) return "its list of attributes makes no sense";
    if (flags & TRACKED) gf_h5_pass(s, 2);
    if (gf_h5_take(s, 8) != GF_H5_NOWHERE) o->unusual = "keeps its attributes in a heap";
    gf_h5_pass(s, flags & ORDERED ? 16 : 8);
    return NULL;
}

static const char *reference_count(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s)
{
    (void)c, (void)o;
    uint64_t version = gf_h5_take(s, 1);
    gf_h5_pass(s, 4);
    return version ? "its number of references makes no sense" : NULL;
}

/* The types are the specification's numbers; what has no function is for superblocks, or for tests of the library. */
enum {
    SPACE = 1,
    LINK_INFO,
    TYPE,
    OLD_FILL,
    FILL,
    LINK,
    EXTERNAL,
    LAYOUT,
    GROUP_INFO = 10,
    FILTERS,
    ATTRIBUTE,
    COMMENT,
    OLD_TIME,
    CONTINUATION = 16,
    SYMBOL_TABLE,
    NEW_TIME,
    ATTRIBUTE_INFO = 21,
    REFERENCE_COUNT,
    ROWS
};

typedef const char *(*message_fn)(gf_h5_check *c, gf_h5_object *o, gf_h5_span *s);

static const message_fn row[ROWS] = {
    [SPACE] = data_space,
    [LINK_INFO] = link_info,
    [TYPE] = data_type,
    [OLD_FILL] = old_fill,
    [FILL] = fill,
    [LINK] = link_message,
    [EXTERNAL] = external,
    [LAYOUT] = layout,
    [GROUP_INFO] = group_info,
    [FILTERS] = filters,
    [ATTRIBUTE] = attribute,
    [COMMENT] = comment,
    [OLD_TIME] = old_time,
    [SYMBOL_TABLE] = symbol_table,
    [NEW_TIME] = new_time,
    [ATTRIBUTE_INFO] = attribute_info,
    [REFERENCE_COUNT] = reference_count,
};

const char *gf_h5_message(gf_h5_check *c, gf_h5_object *o, unsigned type, gf_h5_span *s)
{
    return type < ROWS && row[type] ? row[type](c, o, s) : "a message of its header belongs elsewhere";
}

/* ---- all together ---- */

#define BIT(type) (1u << (type))
#define ANY                                                                                                    \
    (BIT(ATTRIBUTE) | BIT(COMMENT) | BIT(OLD_TIME) | BIT(CONTINUATION) | BIT(NEW_TIME) | BIT(ATTRIBUTE_INFO) | \
     BIT(REFERENCE_COUNT))

static const struct {
    uint32_t must, may; /* messages */
} kind_row[] = {
    {BIT(SYMBOL_TABLE), 0},
    {BIT(LINK_INFO), BIT(GROUP_INFO) | BIT(LINK)},
    {BIT(SPACE) | BIT(TYPE) | BIT(LAYOUT), BIT(OLD_FILL) | BIT(FILL)},
    {BIT(TYPE), 0},
};

static const char *judge_data_set(gf_h5_check *c, const gf_h5_object *o)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(o->space.elements, o->type.size, &bytes))
        return "it has more elements than there can be";
    if (o->fill && o->fill != o->type.size) return "its fill value is of another type";
    if (!o->chunk_rank) return NULL;
    if (o->chunk_rank != o->space.rank + 1 || o->chunk[o->chunk_rank - 1] != o->type.size) {
        return "its chunks are of another shape";
    }
    return o->chunk_tree == GF_H5_NOWHERE ? NULL : gf_h5_check_chunks(c, o);
}

const char *gf_h5_judge_object(gf_h5_check *c, const gf_h5_object *o)
{
    for (size_t i = 0; i < sizeof kind_row / sizeof *kind_row; i++) {
        if ((o->seen & kind_row[i].must) != kind_row[i].must) continue;
        if (o->seen & ~(kind_row[i].must | kind_row[i].may | ANY)) break;
        if (o->seen & BIT(SYMBOL_TABLE)) return gf_h5_check_group(c, o->tree, o->heap);
        return o->seen & BIT(LAYOUT) ? judge_data_set(c, o) : NULL;
    }
    return "it is neither a group nor a data set";
}
