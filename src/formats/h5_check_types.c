/* Data types, data spaces and attributes of an HDF5 file, and the texts that these keep in global heaps. */
#include "formats/h5_check_parts.h"

enum { MAX_NESTED = 8 };

static const char no_type[] = "a data type makes no sense";

/* ---- types: size and flags are read, the rest is the class's ---- */

/* A name in a type: up to its NUL, then to a multiple of 8 in the versions before the third. */
static void pass_name(gf_h5_span *s, int version)
{
    const uint8_t *end = s->failed ? NULL : memchr(s->at, 0, gf_h5_left(s));
    if (!end) {
        s->failed = true;
        return;
    }
    size_t n = (size_t)(end - s->at) + 1;
    gf_h5_pass(s, version < 3 ? (n + 7) / 8 * 8 : n);
}

static const char *plain_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)s, (void)t, (void)version, (void)depth;
    return NULL;
}

static const char *fixed_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)version, (void)depth;
    uint64_t offset = gf_h5_take(s, 2), bits = gf_h5_take(s, 2);
    return !bits || offset + bits > 8 * (uint64_t)t->size ? no_type : NULL;
}

static const char *float_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)version, (void)depth;
    uint64_t end = gf_h5_take(s, 2), bits = gf_h5_take(s, 2), sign = t->flags >> 8 & 0xff;
    end += bits;
    if (!bits || end > 8 * (uint64_t)t->size || sign >= end) return no_type;
    for (int i = 0; i < 2; i++) { /* exponent and mantissa */
        uint64_t at = gf_h5_take(s, 1), size = gf_h5_take(s, 1);
        if (!s->failed && (!size || at + size > end)) return no_type;
    }
    gf_h5_pass(s, 4);
    return NULL;
}

static const char *time_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)version, (void)depth;
    return gf_h5_take(s, 2) > 8 * (uint64_t)t->size ? no_type : NULL;
}

static const char *opaque_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)version, (void)depth;
    gf_h5_pass(s, t->flags & 0xff);
    return NULL;
}

static const char *reference_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)s, (void)version, (void)depth;
    return t->size == (t->flags & 0xf ? 12 : 8) ? NULL : no_type;
}

static const char *compound_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    size_t width = version < 3 ? 4 : t->size < 1u << 8 ? 1 : t->size < 1u << 16 ? 2 : t->size < 1u << 24 ? 3 : 4;
    unsigned members = t->flags & 0xffff;
    for (unsigned i = 0; i < members; i++) {
        gf_h5_type member;
        pass_name(s, version);
        uint64_t offset = gf_h5_take(s, width);
        uint64_t rank = version == 1 ? gf_h5_take(s, 1) : 0;
        if (version == 1) gf_h5_pass(s, 27);
        const char *why = gf_h5_read_type(s, &member, depth + 1);
        if (why || rank || offset + member.size > t->size) return why ? why : no_type;
    }
    return members ? NULL : no_type;
}

static const char *enum_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    unsigned members = t->flags & 0xffff;
    gf_h5_type base;
    const char *why = gf_h5_read_type(s, &base, depth + 1);
    if (why || !members || base.class_ != GF_H5_FIXED || base.size != t->size) return why ? why : no_type;
    for (unsigned i = 0; i < members && !s->failed; i++) pass_name(s, version);
    gf_h5_pass(s, (uint64_t)members * base.size);
    return NULL;
}

static const char *variable_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    (void)version;
    enum { SIZE = 4 + 8 + 4 }; /* length, address and index in a global heap */
    gf_h5_type base;
    const char *why = gf_h5_read_type(s, &base, depth + 1);
    t->text = (t->flags & 0xf) == 1;
    return why ? why : t->size != SIZE || (t->flags & 0xf) > 1 || (t->text && base.size != 1) ? no_type : NULL;
}

static const char *array_type(gf_h5_span *s, gf_h5_type *t, int version, int depth)
{
    uint64_t rank = gf_h5_take(s, 1), elements = 1, bytes;
    gf_h5_type base;
    if (version < 2 || !rank || rank > GF_H5_MAX_RANK) return no_type;
    if (version < 3) gf_h5_pass(s, 3);
    for (uint64_t i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(elements, gf_h5_take(s, 4), &elements)) return no_type;
    }
    if (version < 3) gf_h5_pass(s, 4 * rank);
    const char *why = gf_h5_read_type(s, &base, depth + 1);
    if (why) return why;
    return __builtin_mul_overflow(elements, base.size, &bytes) || bytes != t->size ? no_type : NULL;
}

typedef const char *(*type_fn)(gf_h5_span *s, gf_h5_type *t, int version, int depth);

static const type_fn class_row[GF_H5_CLASSES] = {
    [GF_H5_FIXED] = fixed_type,         [GF_H5_FLOAT] = float_type, [GF_H5_TIME] = time_type,
    [GF_H5_STRING] = plain_type,        [GF_H5_BITS] = fixed_type,  [GF_H5_OPAQUE] = opaque_type,
    [GF_H5_COMPOUND] = compound_type,   [GF_H5_ENUM] = enum_type,   [GF_H5_VARIABLE] = variable_type,
    [GF_H5_REFERENCE] = reference_type, [GF_H5_ARRAY] = array_type,
};

const char *gf_h5_read_type(gf_h5_span *s, gf_h5_type *t, int depth)
{
    *t = (gf_h5_type){0};
    uint64_t first = gf_h5_take(s, 1);
    int version = (int)(first >> 4);
    t->class_ = (gf_h5_class)(first & 0xf);
    t->flags = (uint32_t)gf_h5_take(s, 3);
    t->size = (uint32_t)gf_h5_take(s, 4);
    if (s->failed) return "a data type is cut off";
    if (depth > MAX_NESTED || version < 1 || version > 3 || t->class_ >= GF_H5_CLASSES || !t->size) return no_type;
    const char *why = class_row[t->class_](s, t, version, depth);
    return why ? why : s->failed ? "a data type is cut off" : NULL;
}

/* ---- spaces ---- */

const char *gf_h5_read_space(gf_h5_span *s, gf_h5_space *space)
{
    static const char no_space[] = "its dimensions make no sense";
    enum { LARGEST = 1, NONE = 2 };
    uint64_t version = gf_h5_take(s, 1), rank = gf_h5_take(s, 1), flags = gf_h5_take(s, 1), kind = gf_h5_take(s, 1);
    if (version == 1) gf_h5_pass(s, 4);
    if (s->failed || version < 1 || version > 2 || rank > GF_H5_MAX_RANK || flags & ~(uint64_t)LARGEST) return no_space;
    if (version == 2 && (kind > NONE || (kind != 1 && rank))) return no_space;
    space->rank = (int)rank;
    space->elements = version == 2 && kind == NONE ? 0 : 1;
    bool fits = true;
    for (uint64_t i = 0; i < rank; i++) {
        space->dim[i] = gf_h5_take(s, 8);
        fits &= !__builtin_mul_overflow(space->elements, space->dim[i], &space->elements);
    }
    for (uint64_t i = 0; flags & LARGEST && i < rank; i++) fits &= gf_h5_take(s, 8) >= space->dim[i];
    return s->failed || !fits ? no_space : NULL;
}

/* ---- texts ---- */

/* A collection of objects, each with a number; the free rest is number 0, or too small to be one. */
static const char *check_collection(gf_h5_check *c, uint64_t address, gf_h5_span *objects)
{
    static const char nonsense[] = "a heap of texts makes no sense";
    enum { HEAD = 16, OBJECT = 16, LEAST = 4096 };
    gf_h5_span head = gf_h5_part(c, address, HEAD);
    bool good = gf_h5_begins(&head, "GCOL") && gf_h5_take(&head, 1) == 1, is_new, free_met = false;
    gf_h5_pass(&head, 3);
    uint64_t size = gf_h5_take(&head, 8);
    if (!good || head.failed || size < LEAST || !gf_h5_inside(c, address, size)) return nonsense;
    *objects = gf_h5_part(c, address + HEAD, size - HEAD);
    if (!gf_addresses_add(&c->collections, address, &is_new)) {
        c->no_memory = true;
        return "memory";
    }
    for (gf_h5_span s = *objects; is_new && gf_h5_left(&s) >= OBJECT;) {
        uint64_t number = gf_h5_take(&s, 2);
        gf_h5_pass(&s, 6);
        uint64_t bytes = gf_h5_take(&s, 8);
        if (!number && (bytes < OBJECT || bytes % 8 || free_met)) return nonsense;
        free_met |= !number;
        if (bytes > gf_h5_left(&s) + OBJECT ||
            !(number ? gf_h5_pass(&s, (bytes + 7) / 8 * 8) : gf_h5_pass(&s, bytes - OBJECT))) {
            return nonsense;
        }
    }
    return NULL;
}

/* Where the last text was found: the next one stands behind it, as a rule. */
typedef struct finder {
    uint64_t collection;
    gf_h5_span all, next;
} finder;

static bool find_in(gf_h5_span *s, uint64_t wanted, uint64_t *bytes)
{
    while (gf_h5_left(s) >= 16) {
        uint64_t number = gf_h5_take(s, 2);
        gf_h5_pass(s, 6);
        *bytes = gf_h5_take(s, 8);
        gf_h5_pass(s, number ? (*bytes + 7) / 8 * 8 : *bytes - 16);
        if (number == wanted) return true;
    }
    return false;
}

static const char *check_text(gf_h5_check *c, finder *f, uint64_t length, uint64_t address, uint64_t number)
{
    uint64_t bytes = 0;
    if (!address) return length ? "a text is nowhere" : NULL;
    if (address != f->collection) {
        const char *why = check_collection(c, address, &f->all);
        if (why) return why;
        f->collection = address;
        f->next = f->all;
    }
    if (!number) return "a text has no number";
    if (!find_in(&f->next, number, &bytes)) {
        f->next = f->all;
        if (!find_in(&f->next, number, &bytes)) return "a text is not in its heap";
    }
    return bytes == length ? NULL : "a text is longer or shorter than it says";
}

/* ---- attributes ---- */

static const char *check_values(gf_h5_check *c, gf_h5_span *s, const gf_h5_type *type, uint64_t elements)
{
    finder f = {0};
    uint64_t bytes;
    const char *why = NULL;
    if (__builtin_mul_overflow(elements, type->size, &bytes)) return "an attribute has more values than there can be";
    if (!gf_h5_inside(c, 0, bytes) || bytes > gf_h5_left(s)) return "an attribute's values are cut off";
    for (uint64_t i = 0; type->text && i < elements && !why; i++) {
        uint64_t length = gf_h5_take(s, 4), address = gf_h5_take(s, 8), number = gf_h5_take(s, 4);
        why = check_text(c, &f, length, address, number);
    }
    return why;
}

/* A part of an attribute, of so many bytes; version 1 fills it to a multiple of 8. */
static gf_h5_span part_of(gf_h5_span *s, uint64_t size, uint64_t version)
{
    const uint8_t *at = gf_h5_pass(s, version == 1 ? (size + 7) / 8 * 8 : size);
    return at ? (gf_h5_span){at, at + size, false} : (gf_h5_span){.failed = true};
}

const char *gf_h5_read_attribute(gf_h5_check *c, gf_h5_span *s, gf_h5_object *o)
{
    enum { SHARED = 3 };
    uint64_t version = gf_h5_take(s, 1), flags = gf_h5_take(s, 1), size[3];
    for (int i = 0; i < 3; i++) size[i] = gf_h5_take(s, 2);
    if (version < 1 || version > 3) return "an attribute makes no sense";
    if (version == 3) gf_h5_pass(s, 1);
    gf_h5_span name = part_of(s, size[0], version), type_part = part_of(s, size[1], version),
               space_part = part_of(s, size[2], version);
    if (s->failed) return "an attribute is cut off";
    if (version > 1 && flags & SHARED) {
        o->unusual = "has an attribute that shares its type with others";
        return NULL;
    }
    const uint8_t *end = memchr(name.at, 0, gf_h5_left(&name));
    if (!end || end != name.end - 1 || end == name.at) return "an attribute's name has no end";
    gf_h5_type type;
    gf_h5_space space;
    const char *why = gf_h5_read_type(&type_part, &type, 0);
    if (!why) why = gf_h5_read_space(&space_part, &space);
    return why ? why : check_values(c, s, &type, space.elements);
}
