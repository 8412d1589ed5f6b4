#include "formats/caged_weights.h"

#include "base/alloc.h"
#include "formats/cage_reply.h"

enum { MAX_TENSORS = 100000, LIBRARY_MEMORY = 256 << 20, MB = 1 << 20 };

typedef struct job {
    const gf_caged_file *file;
    const gf_weight *want;
    size_t n;
} job;

static void run(void *ctx, gf_sink *sink)
{
    const job *j = ctx;
    j->file->reply(j->file, j->want, j->n, sink);
}

/* Time: MobileNetV2's 9 MB take 20 ms of work. A slow or busy machine gets 40 times that; a file made to spin gets
 * less than a second. Memory: the largest tensor as it is stored and as floats, and what the library itself needs. */
static gf_cage_limits limits_for(const job *j, const gf_weights_options *options)
{
    size_t values = 0, largest = 0;
    for (size_t i = 0; i < j->n; i++) {
        size_t bytes = gf_count(&j->want[i].shape) * sizeof(float);
        values += bytes;
        if (bytes > largest) largest = bytes;
    }
    gf_cage_limits l = {.memory = LIBRARY_MEMORY + 6 * largest + 2 * j->file->unpacks, .expect = values, .seconds = 20};
    l.max_reply = gf_reply_bytes(MAX_TENSORS, values);
    l.cpu = 0.8 + (double)(j->file->size + j->file->unpacks) / (50.0 * MB);
    l.seconds += (double)j->file->size / (64.0 * MB);
    if (options && options->seconds > 0) l.seconds = options->seconds;
    return l;
}

static graft_status check_complete(const char *path, const uint8_t **values, size_t n, graft_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!values[i]) return gf_fail(err, GF_E_CAGE_REPLY, NULL, "%s: its reader left out values", GF_ESC(path));
    }
    return GRAFT_OK;
}

graft_status gf_caged_weights(const gf_caged_file *file, const gf_weight *want, size_t n,
                              const gf_weights_options *options, gf_found *found, const uint8_t **values,
                              gf_caged_answer *answer, graft_error *err)
{
    job j = {file, want, n};
    gf_cage_limits limits = limits_for(&j, options);
    size_t got;
    *answer = (gf_caged_answer){0};
    GF_TRY(gf_cage_run(run, &j, &limits, file->path, &answer->reply, &got, &answer->uncaged, err));
    graft_status status = gf_reply_parse(answer->reply, got, file->path, want, n, found, values, err);
    if (status == GRAFT_OK) status = gf_found_judge(file->path, found, want, n, NULL, err);
    if (status == GRAFT_OK) status = check_complete(file->path, values, n, err);
    if (status != GRAFT_OK) {
        gf_free(answer->reply);
        answer->reply = NULL;
    }
    return status;
}
