/* prepare.h - how the network of another tool's file wants its images: one policy for every importer.
 *
 * What the caller says comes first, then what the file says: that graft wrote it, arithmetic on the image before the
 * first layer that mixes pixels, or a structure that is a known architecture's. Whatever was concluded is told; where
 * nothing tells, nothing is guessed: E3002. */
#ifndef GF_EXCHANGE_PREPARE_H
#define GF_EXCHANGE_PREPARE_H

#include "exchange/import.h"
#include "exchange/resembles.h"

typedef struct gf_preparing {
    const char *path;  /* the file, in messages */
    const char *asked; /* zoo/zoo.h's names; NULL: nobody said */
    bool has_values;   /* without them nothing was trained yet, and [0, 1] is as good as any */
    bool own;          /* graft wrote the file: it takes 0..255 */
    bool bytes;        /* its input is of bytes: so does it */
    gf_resembling like;
} gf_preparing;

/* Puts what images must be scaled by before the file's own arithmetic into the input layer, which may hold such
 * arithmetic already. options->preprocess_taken and ->log are told (either may be NULL). */
graft_status gf_prepare(gf_model *m, const gf_preparing *w, const gf_import_options *options, graft_error *err);

#endif
