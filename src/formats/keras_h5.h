/* keras_h5.h - Keras's HDF5 files, read in a cage (cage.h). */
#ifndef GF_FORMATS_KERAS_H5_H
#define GF_FORMATS_KERAS_H5_H

#include "formats/cage.h"
#include "formats/found.h"
#include "formats/weights.h"

#include <stdint.h>

typedef struct gf_h5_answer {
    uint8_t *reply; /* owned; gf_free */
    bool uncaged;
} gf_h5_answer;

/* Reads the wanted tensors out of a whole file's bytes. On success every one is there in its shape: values[i] (n
 * places) points to its floats in answer->reply, maybe not aligned. *found (zeroed before; gf_found_free) lists all
 * that the file holds, also after E2001 and its like. */
graft_status gf_keras_h5_read(const uint8_t *bytes, size_t size, const char *path, const gf_weight *want, size_t n,
                              const gf_weights_options *options, gf_found *found, const uint8_t **values,
                              gf_h5_answer *answer, graft_error *err);

/* What the child does: opens the bytes with the HDF5 library, without any file, and puts a reply as in cage_reply.h.
 * Only for the cage, tests and the fuzzer: the library behind it is not to be trusted with foreign bytes. */
void gf_keras_h5_reply(const uint8_t *bytes, size_t size, const char *path, const gf_weight *want, size_t n,
                       gf_sink *sink);

#endif
