#include "formats/keras_zip.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"
#include "formats/keras_h5.h"
#include "formats/weight_format.h"
#include "formats/zip_write.h"
#include "json/json.h"

#include <string.h>

static const char config_name[] = "config.json", metadata_name[] = "metadata.json", weights_name[] = "model.weights.h5";

/* ---- out ---- */

/* The version of the layout that is written, and one date for every member: the same model gives the same bytes
 * whenever it is written. */
static char *metadata_of(const gf_meta *meta, size_t n_meta)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "keras_version", gf_json_string("3.15.1"));
    gf_json_set(j, "date_saved", gf_json_string("1980-01-01@00:00:00"));
    for (size_t i = 0; i < n_meta; i++) gf_json_set(j, meta[i].key, gf_json_string(meta[i].value));
    char *text = gf_json_text(j, 0);
    gf_json_free(j);
    return text;
}

graft_status gf_keras_zip_write(const char *path, const char *config, const gf_keras_layer *model, const gf_meta *meta,
                                size_t n_meta, graft_error *err)
{
    uint8_t *weights = NULL;
    size_t n = 0;
    char *metadata = metadata_of(meta, n_meta);
    if (!metadata) return gf_fail_memory(err, 0, "the metadata of a Keras model");
    graft_status status = gf_keras_h5_bytes(model, &weights, &n, err);
    if (status == GRAFT_OK) {
        const gf_zip_member member[] = {
            {metadata_name, .body = {metadata, strlen(metadata)}},
            {config_name, .body = {config, strlen(config)}},
            {weights_name, .body = {weights, n}},
        };
        status = gf_zip_write(path, member, sizeof member / sizeof *member, err);
    }
    gf_free(weights);
    gf_free(metadata);
    return status;
}

/* ---- in ---- */

bool gf_keras_zip_is(const gf_zip *zip) { return gf_zip_find(zip, weights_name) || gf_zip_find(zip, config_name); }

/* The member's bytes; `limit` binds what is packed: what stands plain in the archive takes no memory. */
static graft_status read_member(gf_zip *zip, const char *name, size_t limit, gf_zip_bytes *out, graft_error *err)
{
    const gf_zip_entry *entry = gf_zip_find(zip, name);
    if (!entry) {
        return gf_fail(err, GF_E_KERAS_ZIP, "is the file what model.save('NAME.keras') wrote?",
                       "%s: the archive has no `%s`", GF_ESC(zip->name), name);
    }
    GF_TRY(gf_zip_read(zip, entry, entry->stored ? SIZE_MAX : limit, out, err));
    if (!out->unchecked) return GRAFT_OK;
    gf_free(out->own);
    *out = (gf_zip_bytes){0};
    return gf_fail(err, GF_E_KERAS_ZIP, "Keras writes one: fetch the file again", "%s: `%s` has no checksum",
                   GF_ESC(zip->name), name);
}

void gf_keras_zip_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink)
{
    graft_error err = {0};
    gf_zip zip;
    gf_zip_bytes weights = {0};
    graft_status status = gf_zip_open(&zip, file->bytes, file->size, file->path, NULL, &err);
    if (status == GRAFT_OK) status = read_member(&zip, weights_name, file->unpacks, &weights, &err);
    if (status == GRAFT_OK) {
        const gf_caged_file inner = {.bytes = weights.data, .size = weights.n, .path = file->path};
        gf_keras_h5_reply(&inner, want, n, sink);
    } else {
        gf_reply_error(sink, &err);
    }
    gf_free(weights.own);
    gf_zip_close(&zip);
}

static void reply_text(const char *member, const uint8_t *bytes, size_t size, const char *path, gf_sink *sink)
{
    graft_error err = {0};
    gf_zip zip;
    gf_zip_bytes config = {0};
    graft_status status = gf_zip_open(&zip, bytes, size, path, NULL, &err);
    if (status == GRAFT_OK) status = read_member(&zip, member, GF_KERAS_MAX_CONFIG, &config, &err);
    if (status == GRAFT_OK && config.n > GF_KERAS_MAX_CONFIG) {
        status = gf_fail(&err, GF_E_KERAS_CONFIG, NULL, "%s: its %s has %zu bytes, at most %d are read", GF_ESC(path),
                         member, config.n, GF_KERAS_MAX_CONFIG);
    }
    if (status == GRAFT_OK && config.n && memchr(config.data, 0, config.n)) {
        status = gf_fail(&err, GF_E_KERAS_CONFIG, NULL, "%s: its %s is no text: it has a NUL", GF_ESC(path), member);
    }
    if (status == GRAFT_OK) {
        gf_reply_text(sink, (const char *)config.data, config.n);
    } else {
        gf_reply_error(sink, &err);
    }
    gf_free(config.own);
    gf_zip_close(&zip);
}

void gf_keras_zip_config_reply(const uint8_t *bytes, size_t size, const char *path, gf_sink *sink)
{
    reply_text(config_name, bytes, size, path, sink);
}

void gf_keras_zip_metadata_reply(const uint8_t *bytes, size_t size, const char *path, gf_sink *sink)
{
    reply_text(metadata_name, bytes, size, path, sink);
}

static bool looks(const uint8_t *file, size_t n) { return gf_is_zip_of(file, n, gf_keras_zip_is); }

const gf_weight_format gf_weight_format_keras_zip = {
    .name = "Keras zip", .files = ".keras", .looks = looks, .reply = gf_keras_zip_reply};
