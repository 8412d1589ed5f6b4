/* keras_zip.h - Keras 3's `.keras`: a zip of config.json (the layers), model.weights.h5 (keras_h5_write.h) and
 * metadata.json (versions). Nothing else in the archive is looked at; no file and no class is named by it. */
#ifndef GF_FORMATS_KERAS_ZIP_H
#define GF_FORMATS_KERAS_ZIP_H

#include "formats/caged_weights.h"
#include "formats/keras_h5_write.h"
#include "formats/safetensors.h"
#include "formats/zip.h"

enum { GF_KERAS_MAX_CONFIG = 64 << 20 };

/* Writes a model that keras.saving.load_model opens, whole or not at all; equal models give equal bytes. `config` is
 * the text of config.json, of the same layers in the same order as `model`. `meta` (n_meta texts by key; may be NULL)
 * goes into metadata.json, where Keras leaves it alone. */
graft_status gf_keras_zip_write(const char *path, const char *config, const gf_keras_layer *model, const gf_meta *meta,
                                size_t n_meta, graft_error *err);

/* Does an archive hold what a .keras holds? */
bool gf_keras_zip_is(const gf_zip *zip);

/* What a caged reader does with the whole archive's bytes: the first puts weights (cage_reply.h: T, V, Z), the others
 * the text of config.json and of metadata.json (J). */
void gf_keras_zip_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink);
void gf_keras_zip_config_reply(const uint8_t *bytes, size_t size, const char *path, gf_sink *sink);
void gf_keras_zip_metadata_reply(const uint8_t *bytes, size_t size, const char *path, gf_sink *sink);

#endif
