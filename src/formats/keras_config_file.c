#include "formats/keras_config_file.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"
#include "formats/keras_h5.h"
#include "formats/keras_zip.h"

#include <string.h>

enum { LIBRARY_MEMORY = 256 << 20, REPLY_EXTRA = 64 << 10, USUAL = 1 << 20 };
#define MAX_FILE ((size_t)4 << 30)

typedef struct job {
    const uint8_t *bytes;
    size_t size;
    const char *path;
    bool metadata; /* that of a zip; else the configuration */
} job;

static void run(void *ctx, gf_sink *sink)
{
    const job *j = ctx;
    if (j->metadata) {
        gf_keras_zip_metadata_reply(j->bytes, j->size, j->path, sink);
    } else if (gf_zip_looks(j->bytes, j->size)) {
        gf_keras_zip_config_reply(j->bytes, j->size, j->path, sink);
    } else {
        gf_keras_h5_config_reply(j->bytes, j->size, j->path, GF_KERAS_MAX_CONFIG, sink);
    }
}

static graft_status copy_text(const char *path, const char *text, size_t n, char **json, graft_error *err)
{
    *json = gf_strndup(text, n);
    return *json ? GRAFT_OK : gf_fail_memory(err, n, path);
}

static graft_status read_caged(job *j, char **json, graft_error *err)
{
    const gf_cage_limits limits = {.memory = LIBRARY_MEMORY + 4 * (size_t)GF_KERAS_MAX_CONFIG,
                                   .max_reply = (size_t)GF_KERAS_MAX_CONFIG + REPLY_EXTRA,
                                   .expect = USUAL,
                                   .cpu = 3,
                                   .seconds = 30};
    uint8_t *reply;
    const char *text;
    size_t n;
    GF_TRY(gf_cage_run(run, j, &limits, j->path, &reply, &n, NULL, err));
    graft_status status = gf_reply_parse_text(reply, n, j->path, &text, &n, err);
    if (status == GRAFT_OK) status = copy_text(j->path, text, n, json, err);
    gf_free(reply);
    return status;
}

static graft_status take_plain(const job *j, char **json, graft_error *err)
{
    const char *text = (const char *)j->bytes;
    size_t blank = strspn(text, " \t\r\n");
    if (text[blank] != '{' || strlen(text) != j->size) {
        return gf_fail(err, GF_E_KERAS_CONFIG, "wanted: a .keras, a whole .h5 model, or a JSON file of model.to_json()",
                       "%s: holds no configuration of a model", GF_ESC(j->path));
    }
    if (j->size <= GF_KERAS_MAX_CONFIG) return copy_text(j->path, text, j->size, json, err);
    return gf_fail(err, GF_E_KERAS_CONFIG, NULL, "%s: has %zu bytes, at most %d are read", GF_ESC(j->path), j->size,
                   GF_KERAS_MAX_CONFIG);
}

graft_status gf_keras_config_read(const char *path, char **json, graft_error *err)
{
    static const char h5[] = "\x89HDF\r\n\x1a\n";
    job j = {.path = path};
    uint8_t *bytes;
    *json = NULL;
    GF_TRY(gf_file_read(path, MAX_FILE, &bytes, &j.size, err));
    j.bytes = bytes;
    bool caged = gf_zip_looks(bytes, j.size) || (j.size >= 8 && !memcmp(bytes, h5, 8));
    graft_status status = caged ? read_caged(&j, json, err) : take_plain(&j, json, err);
    gf_free(bytes);
    return status;
}

graft_status gf_keras_metadata_read(const char *path, char **json, graft_error *err)
{
    job j = {.path = path, .metadata = true};
    uint8_t *bytes;
    *json = NULL;
    GF_TRY(gf_file_read(path, MAX_FILE, &bytes, &j.size, err));
    j.bytes = bytes;
    graft_status status = read_caged(&j, json, err);
    gf_free(bytes);
    return status;
}
