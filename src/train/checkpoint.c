/* Which files a folder of checkpoints holds, and which of them may go. */
#include "train/checkpoint.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "train/checkpoint_format.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX "ckpt-"
#define SUFFIX ".graft"
enum { DIGITS = 12 };
static const int64_t last_step = 999999999999;

/* The step in "ckpt-000000001200.graft" + tail; -1 where the name is another. */
static int64_t step_of(const char *name, const char *tail)
{
    int64_t step = 0;
    if (strncmp(name, PREFIX, strlen(PREFIX))) return -1;
    const char *digit = name + strlen(PREFIX);
    for (int i = 0; i < DIGITS; i++, digit++) {
        if (*digit < '0' || *digit > '9') return -1;
        step = 10 * step + (*digit - '0');
    }
    if (strncmp(digit, SUFFIX, strlen(SUFFIX))) return -1;
    return strcmp(digit + strlen(SUFFIX), tail) ? -1 : step;
}

bool gf_checkpoint_is_name(const char *name) { return step_of(name, "") >= 0 || step_of(name, ".tmp") >= 0; }

static char *path_of(const char *dir, int64_t step)
{
    return gf_sprintf("%s/" PREFIX "%0*" PRId64 SUFFIX, dir, DIGITS, step);
}

/* ---- writing */

static void remove_file(const char *dir, const char *name)
{
    char *path = gf_path_join(dir, name);
    if (path) gf_sys_unlink(path);
    gf_free(path);
}

/* Removes what a process that died left half written; with step >= 0 also all generations but that one and the newest
 * before it. Those of later steps are of a state that was given up: damaged and passed over, or of an earlier run. */
static void clean(const char *dir, int64_t step)
{
    gf_names names;
    int64_t before = -1;
    if (gf_dir_list(dir, &names, NULL) != GRAFT_OK) return;
    for (size_t i = 0; i < names.n; i++) {
        int64_t s = step_of(names.item[i], "");
        if (s > before && s < step) before = s;
    }
    for (size_t i = 0; i < names.n; i++) {
        int64_t s = step_of(names.item[i], "");
        bool old = step >= 0 && s >= 0 && s != step && s != before;
        if (old || step_of(names.item[i], ".tmp") >= 0) remove_file(dir, names.item[i]);
    }
    gf_names_free(&names);
}

graft_status gf_checkpoint_write(const char *dir, int64_t step, const gf_section *section, size_t n, graft_error *err)
{
    if (step < 0 || step > last_step) {
        return gf_fail(err, GF_E_USAGE, NULL, "a checkpoint of step %" PRId64 ": 0 to %" PRId64 " are allowed", step,
                       last_step);
    }
    graft_status status = GRAFT_OK;
    gf_checkpoint_image image = {0};
    char *path = path_of(dir, step);
    if (!path) return gf_fail_memory(err, strlen(dir), "a file name");
    GF_GOTO(gf_checkpoint_image_make(&image, step, section, n, err));
    clean(dir, -1);
    GF_GOTO(gf_file_write(path, image.part, image.n_parts, err));
    clean(dir, step);
out:
    gf_checkpoint_image_free(&image);
    gf_free(path);
    return status;
}

/* ---- reading */

bool gf_checkpoint_exists(const char *dir)
{
    gf_names names;
    bool found = false;
    if (gf_dir_list(dir, &names, NULL) != GRAFT_OK) return false;
    for (size_t i = 0; i < names.n; i++) found = found || step_of(names.item[i], "") >= 0;
    gf_names_free(&names);
    return found;
}

static graft_status read_one(gf_checkpoint *out, const char *dir, const char *name, size_t max_bytes, graft_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    graft_status status = GRAFT_OK;
    char *path = gf_path_join(dir, name);
    if (!path) return gf_fail_memory(err, strlen(dir), "a file name");
    GF_GOTO(gf_file_read(path, max_bytes, &bytes, &n, err));
    GF_GOTO(gf_checkpoint_parse(out, bytes, n, path, err));
    out->owned = bytes;
    bytes = NULL;
    if (out->step != step_of(name, "")) {
        GF_GOTO(gf_fail(err, GF_E_CHECKPOINT_DAMAGED, NULL, "%s: holds step %" PRId64 ", not what its name says",
                        GF_ESC(path), out->step));
    }
out:
    if (status != GRAFT_OK) gf_checkpoint_free(out);
    gf_free(bytes);
    gf_free(path);
    return status;
}

/* Whether an older checkpoint may stand in. Not where memory ran out, nor for a file of another version: that one is
 * good, and going back behind it would be a silent loss. */
static bool may_skip(const graft_error *e)
{
    return e->number == GF_E_CHECKPOINT_DAMAGED || e->number == GF_E_IO_READ || e->number == GF_E_FILE_TOO_LARGE;
}

graft_status gf_checkpoint_read_latest(gf_checkpoint *out, const char *dir, size_t max_bytes, const gf_log *log,
                                       graft_error *err)
{
    gf_names names;
    graft_error newest = {0};
    int skipped = 0;
    *out = (gf_checkpoint){0};
    GF_TRY(gf_dir_list(dir, &names, err));
    for (size_t i = names.n; i-- > 0;) { /* sorted by bytes, so by step */
        if (step_of(names.item[i], "") < 0) continue;
        graft_error e = {0};
        graft_status status = read_one(out, dir, names.item[i], max_bytes ? max_bytes : (size_t)1 << 36, &e);
        if (status == GRAFT_OK || !may_skip(&e)) {
            out->skipped = status == GRAFT_OK ? skipped : 0;
            if (status != GRAFT_OK && err) *err = e;
            gf_names_free(&names);
            return status;
        }
        if (!skipped++) newest = e;
        gf_log_say(log, GF_WARNING, "checkpoint passed over: E%d: %s", e.number, e.message);
    }
    gf_names_free(&names);
    if (skipped) {
        return gf_fail(err, GF_E_CHECKPOINT_NONE, "`graft train --force` starts the run anew",
                       "%s: none of its %d checkpoints can be used; the newest: %.700s", GF_ESC(dir), skipped,
                       newest.message);
    }
    return gf_fail(err, GF_E_CHECKPOINT_NONE, "`graft train --force` starts the run anew", "%s: holds no checkpoint",
                   GF_ESC(dir));
}
