/* keras_h5.h - Keras's HDF5 files: what a caged reader (caged_weights.h) does with them. Only for the cage, tests and
 * the fuzzer: the library behind it is not to be trusted with foreign bytes. */
#ifndef GF_FORMATS_KERAS_H5_H
#define GF_FORMATS_KERAS_H5_H

#include "formats/caged_weights.h"

#include <stdint.h>

/* Opens the bytes with the HDF5 library, without any file, and puts a reply as in cage_reply.h. */
void gf_keras_h5_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink);

/* Puts the text of a whole saved model's `model_config`, of at most `limit` bytes, or an E record. */
void gf_keras_h5_config_reply(const uint8_t *bytes, size_t size, const char *path, size_t limit, gf_sink *sink);

#endif
