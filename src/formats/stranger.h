/* stranger.h - what a file or a folder is that graft does not read in this place, and what to do about it. */
#ifndef GF_FORMATS_STRANGER_H
#define GF_FORMATS_STRANGER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a file was given: for a whole network, or for weights of a network whose layers are known. */
typedef enum gf_stranger_place { GF_STRANGER_WEIGHTS, GF_STRANGER_NETWORK } gf_stranger_place;

/* Fails with E2004, for a file that begins with (or is) these bytes and is none that this place takes; a damaged zip
 * archive says what is wrong with it (E24xx). */
graft_status gf_stranger_refuse(const char *path, const uint8_t *bytes, size_t n, gf_stranger_place place,
                                graft_error *err);

/* E2004 for a protocol buffer of TensorFlow or Core ML; OK: it is none, ONNX perhaps. */
graft_status gf_stranger_protobuf(const char *path, const uint8_t *bytes, size_t n, graft_error *err);

/* E2004 for a folder of another tool's that is known (a SavedModel, a model of Hugging Face's, Core ML's); OK: nothing
 * is known of it. */
graft_status gf_stranger_folder(const char *path, graft_error *err);

/* E2004 for a JSON text that is no configuration of Keras's, but another tool's that is known (TensorFlow.js); OK:
 * nothing is known of it. */
graft_status gf_stranger_json(const char *path, const char *text, size_t n, graft_error *err);

#endif
