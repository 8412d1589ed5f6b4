/* keras_config_file.h - the text of a model's configuration, from whatever file of Keras holds one. */
#ifndef GF_FORMATS_KERAS_CONFIG_FILE_H
#define GF_FORMATS_KERAS_CONFIG_FILE_H

#include "base/error.h"

/* A `.keras`, a whole saved `.h5`, or a file of JSON text, told apart by what they begin with; the first two are read
 * in a cage. *json is the caller's (gf_free), of at most 64 MiB, without a NUL inside, and not yet parsed. E2503 where
 * the file holds none. Any thread; may fork a child. */
graft_status gf_keras_config_read(const char *path, char **json, graft_error *err);

/* The same of the text of a `.keras` file's metadata.json. E2503 where the file is none, or has none. */
graft_status gf_keras_metadata_read(const char *path, char **json, graft_error *err);

#endif
