/* h5_check_parts.h - what the files of h5_check.h share. A function that judges returns NULL where all is well, else
 * what is wrong, as the end of "PATH cannot be read: ...". */
#ifndef GF_FORMATS_H5_CHECK_PARTS_H
#define GF_FORMATS_H5_CHECK_PARTS_H

#include "formats/h5_check.h"

#include <string.h>

enum { GF_H5_MAX_RANK = 32 };
#define GF_H5_NOWHERE UINT64_MAX /* HDF5's undefined address */

/* ---- reading: after a read past the end all that is read is 0, and `failed` says so ---- */

typedef struct gf_h5_span {
    const uint8_t *at, *end;
    bool failed;
} gf_h5_span;

static inline size_t gf_h5_left(const gf_h5_span *s) { return (size_t)(s->end - s->at); }

static inline const uint8_t *gf_h5_pass(gf_h5_span *s, uint64_t bytes)
{
    const uint8_t *at = s->at;
    s->failed |= gf_h5_left(s) < bytes;
    if (s->failed) return NULL;
    s->at += bytes;
    return at;
}

static inline uint64_t gf_h5_take(gf_h5_span *s, size_t bytes) /* 1 to 8, little-endian */
{
    uint64_t value = 0;
    const uint8_t *at = gf_h5_pass(s, bytes);
    for (size_t i = bytes; at && i-- > 0;) value = value << 8 | at[i];
    return value;
}

static inline bool gf_h5_begins(gf_h5_span *s, const char signature[4])
{
    const uint8_t *at = gf_h5_pass(s, 4);
    return at && !memcmp(at, signature, 4);
}

/* A part of the file; failed where it is not all inside. */
static inline gf_h5_span gf_h5_part(const gf_h5_check *c, uint64_t address, uint64_t size)
{
    if (address > c->n || size > c->n - address) return (gf_h5_span){.failed = true};
    return (gf_h5_span){c->bytes + address, c->bytes + address + size, false};
}

static inline bool gf_h5_inside(const gf_h5_check *c, uint64_t address, uint64_t size)
{
    return !gf_h5_part(c, address, size).failed;
}

/* ---- objects ---- */

typedef enum gf_h5_class {
    GF_H5_FIXED,
    GF_H5_FLOAT,
    GF_H5_TIME,
    GF_H5_STRING,
    GF_H5_BITS,
    GF_H5_OPAQUE,
    GF_H5_COMPOUND,
    GF_H5_REFERENCE,
    GF_H5_ENUM,
    GF_H5_VARIABLE,
    GF_H5_ARRAY,
    GF_H5_CLASSES
} gf_h5_class;

typedef struct gf_h5_type {
    gf_h5_class class_;
    uint32_t flags, size; /* size: of an element in the file */
    bool text;            /* texts of variable length */
} gf_h5_type;

typedef struct gf_h5_space {
    int rank;
    uint64_t dim[GF_H5_MAX_RANK], elements;
} gf_h5_space;

/* What the messages of an object's header say. */
typedef struct gf_h5_object {
    uint32_t seen;       /* bit T: a message of type T was there */
    const char *storage; /* not NULL: data that are not read, "stored ..." */
    const char *unusual; /* not NULL: what graft has no use for */
    uint64_t tree, heap; /* of an old group */
    gf_h5_type type;
    gf_h5_space space;
    uint64_t fill;  /* bytes of the fill value */
    int chunk_rank; /* one more than the space's: the last is the element's size; 0: not in chunks */
    uint64_t chunk[GF_H5_MAX_RANK + 1];
    uint64_t chunk_tree; /* GF_H5_NOWHERE: none, or one under a checksum */
} gf_h5_object;

/* A message of type `type` (below 32) in the header of an object: h5_check_messages.c */
const char *gf_h5_message(gf_h5_check *c, gf_h5_object *o, unsigned type, gf_h5_span *s);
/* Do all of them together make an object? */
const char *gf_h5_judge_object(gf_h5_check *c, const gf_h5_object *o);

/* Data types, data spaces, attributes, texts in global heaps: h5_check_types.c */
const char *gf_h5_read_type(gf_h5_span *s, gf_h5_type *type, int depth);
const char *gf_h5_read_space(gf_h5_span *s, gf_h5_space *space);
const char *gf_h5_read_attribute(gf_h5_check *c, gf_h5_span *s, gf_h5_object *o);

/* The tree and the heap of an old group, the tree of a data set's chunks: h5_check_trees.c */
const char *gf_h5_check_group(gf_h5_check *c, uint64_t tree, uint64_t heap);
const char *gf_h5_check_chunks(gf_h5_check *c, const gf_h5_object *o);

/* Marks an address as met. */
const char *gf_h5_once(gf_h5_check *c, uint64_t address);

#endif
