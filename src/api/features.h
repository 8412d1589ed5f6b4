/* features.h - rows of activations, for the two ways to write them: one file (features.c), a folder of shards
 * (feature_shards.c). */
#ifndef GF_API_FEATURES_H
#define GF_API_FEATURES_H

#include "api/internal.h"

enum { GF_FEATURE_CHUNK = 256 }; /* rows between two looks at progress and stop */

typedef struct gf_features {
    graft_model *m;
    gf_image_list list;
    gf_engine *engine;
    const gf_layer *layer; /* whose output is a row */
} gf_features;

/* Rows at .. at + n - 1, n up to GF_FEATURE_CHUNK; where list.lost says so, a row is of no use. */
graft_status gf_features_rows(gf_features *f, size_t at, size_t n, float *out, graft_error *err);

/* Whether shards are asked for. */
bool gf_features_in_shards(const gf_settings *s);
/* Makes what is missing in the folder, which is made where it is not there. E3002 for features.part; E3006 where the
 * folder is of other features; E1120 at the end, where images could not be read. */
graft_status gf_features_shards(gf_features *f, const char *folder, graft_result **out, graft_error *err);

#endif
