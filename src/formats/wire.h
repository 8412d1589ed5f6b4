/* wire.h - protocol buffers' wire format, read field by field without a schema: small messages that are not worth a
 * generated reader. Inline, pure. */
#ifndef GF_FORMATS_WIRE_H
#define GF_FORMATS_WIRE_H

#include "formats/tf_table.h"

#include <string.h>

typedef struct gf_wire {
    const uint8_t *at, *end;
    bool bad;        /* the message is damaged; no further fields */
    uint32_t field;  /* number of the field read last */
    uint8_t kind;    /* 0 varint, 1 eight bytes, 2 bytes, 5 four bytes */
    uint64_t number; /* kinds 0, 1, 5 */
    const uint8_t *bytes;
    size_t n; /* kind 2 */
} gf_wire;

enum { GF_WIRE_NUMBER = 0, GF_WIRE_EIGHT = 1, GF_WIRE_BYTES = 2, GF_WIRE_FOUR = 5 };

static inline gf_wire gf_wire_of(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    return (gf_wire){.at = at, .end = at + n};
}

/* The next field; false at the end, or where w->bad. */
static inline bool gf_wire_next(gf_wire *w)
{
    uint64_t tag, n;
    if (w->bad || w->at == w->end) return false;
    w->bad = true;
    if (!gf_varint(&w->at, w->end, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return false;
    w->field = (uint32_t)(tag >> 3);
    w->kind = (uint8_t)(tag & 7);
    size_t left = (size_t)(w->end - w->at);
    switch (w->kind) {
    case GF_WIRE_NUMBER:
        if (!gf_varint(&w->at, w->end, &w->number)) return false;
        break;
    case GF_WIRE_EIGHT:
    case GF_WIRE_FOUR:
        n = w->kind == GF_WIRE_EIGHT ? 8 : 4;
        if (left < n) return false;
        w->number = 0;
        memcpy(&w->number, w->at, n); /* little-endian, as the machines that graft runs on */
        w->at += n;
        break;
    case GF_WIRE_BYTES:
        if (!gf_varint(&w->at, w->end, &n) || n > (uint64_t)(w->end - w->at)) return false;
        w->bytes = w->at;
        w->n = n;
        w->at += n;
        break;
    default: return false;
    }
    w->bad = false;
    return true;
}

static inline bool gf_wire_is(const gf_wire *w, uint32_t field, uint8_t kind)
{
    return w->field == field && w->kind == kind;
}

#endif
