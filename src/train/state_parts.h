/* state_parts.h - the plain state of a run's parts in a checkpoint: a section of its own for each, with a version.
 *
 * A section is uint32 version, uint32 zero, then the part's bytes as they are in memory, in the layout of that version.
 * A part that changes its layout raises its version and reads the older ones in `upgrade`; the other parts, and the
 * checkpoints of runs that do not use it, stay as they are. */
#ifndef GF_TRAIN_STATE_PARTS_H
#define GF_TRAIN_STATE_PARTS_H

#include "train/checkpoint.h"

typedef struct gf_state_part {
    const char *name; /* of its section */
    uint32_t version; /* of the layout of `data`, from 1 */
    void *data;       /* plain: no pointers in it */
    size_t size;      /* bytes; 0: the part has no section */
    bool optional;    /* a checkpoint without it leaves `data` as it is */
    /* Fills `data` from the layout of an older version; false where the bytes are not of that layout. NULL: there is no
     * older one. */
    bool (*upgrade)(void *data, uint32_t version, const void *bytes, size_t size);
} gf_state_part;

/* The bytes of sections. Zeroed is empty. */
typedef struct gf_packed_parts {
    uint8_t *bytes; /* owned */
} gf_packed_parts;

/* Packs n parts and appends their sections to section[*n_sections], which has room; they point into *out. */
graft_status gf_parts_pack(gf_packed_parts *out, const gf_state_part *part, size_t n, gf_section *section,
                           size_t *n_sections, graft_error *err);
void gf_packed_parts_free(gf_packed_parts *p);

/* Takes n parts out of a checkpoint. E2305 where one is missing that is not optional, is of a newer version, or of
 * another size than its version's. */
graft_status gf_parts_take(const gf_checkpoint *c, const gf_state_part *part, size_t n, graft_error *err);

#endif
