/* manifest.h - the data a run was started with, a line per file, so that a resumed run can say what is different now.
 *
 *     graft-data 1
 *     <16 hex digits: the path> <16 hex digits: its class, split, size, content and boxes>
 *
 * Digits are the first 8 bytes of SHA-256; lines are sorted. Paths themselves are not kept: a run folder may be shared
 * where the data may not. */
#ifndef GF_DATA_MANIFEST_H
#define GF_DATA_MANIFEST_H

#include "data/index.h"

/* *out is the caller's (gf_free). index->content must be there (check.h). */
graft_status gf_manifest_text(const gf_index *index, char **out, graft_error *err);

typedef struct gf_manifest_difference {
    uint64_t added, removed, changed;
    uint32_t first; /* the sample that was added or changed, by path; UINT32_MAX: none */
} gf_manifest_difference;

/* The index against the manifest in `text` (pure; `name` is for messages). E1123 where the text is no manifest. */
graft_status gf_manifest_compare(const gf_index *index, const uint8_t *text, size_t n, const char *name,
                                 gf_manifest_difference *out, graft_error *err);

/* The same; E1123 "3 added, 1 removed, 0 changed" where anything differs. */
graft_status gf_manifest_check(const gf_index *index, const uint8_t *text, size_t n, const char *name,
                               graft_error *err);

#endif
