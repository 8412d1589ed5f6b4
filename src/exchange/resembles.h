/* resembles.h - whether a network is one of the zoo's architectures: all of the architecture's layers, by what they
 * compute and how they are connected, not by what they are called. */
#ifndef GF_EXCHANGE_RESEMBLES_H
#define GF_EXCHANGE_RESEMBLES_H

#include "zoo/zoo.h"

typedef struct gf_resembling {
    const char *source; /* "keras", "torch": whose architectures it may be; NULL: anyone's */
    bool names;         /* its layers have the names that their tool gave them: those must be the architecture's too */
} gf_resembling;

/* The architecture whose backbone, up to its last layer, is in the model, whatever head stands behind. Where several
 * are (VGG16 of Keras and of PyTorch have one structure) their weights must want the same preprocessing. NULL: none, or
 * it is not clear which, or memory ran out. Batch normalisation may be folded, dropout left out. */
const gf_architecture *gf_resembles(const gf_model *m, const gf_resembling *how);

#endif
