/* hook_step_lines.c - a JSON object per step, a line each: what the history, a row an epoch, does not hold. Lines are
 * gathered and added to the file some at a time, before every checkpoint too; a run that is taken up keeps those of the
 * steps that its state has, so that the file is the same after a stop anywhere. What cannot be written is told, and is
 * no end of training. */
#include "train/run.h"

#include "base/io.h"
#include "json/json.h"

#include <math.h>
#include <string.h>

extern const gf_hook_class gf_hook_step_lines;

enum { FILE_NAME };
static const gf_argument arguments[] = {
    [FILE_NAME] = {"file", GF_ARG_WORD, "steps.jsonl", 0, 0, NULL, "where to; a name is in the run folder"},
};
enum { GATHERED = 1 << 14, LARGEST = 1 << 30 }; /* bytes */

typedef struct lines {
    char *path;
    gf_text waiting;
    double loss, norm; /* of the step at hand */
    bool applies;
} lines;

static graft_status open_lines(gf_hook *h, gf_run *r, graft_error *err)
{
    lines *l = h->own = gf_new(lines);
    if (!l) return gf_fail_memory(err, sizeof *l, "a hook");
    return gf_hook_path(r, h, h->arguments.word[FILE_NAME], &l->path, err);
}

static void close_lines(gf_hook *h)
{
    lines *l = h->own;
    if (!l) return;
    gf_free(l->path);
    gf_text_free(&l->waiting);
    gf_free(l);
}

static void warn(const gf_run *r, const graft_error *why)
{
    gf_log_say(r->host.log, GF_WARNING, "E%d: %s: lines of steps are lost", why->number, why->message);
}

static void flush(lines *l, gf_run *r)
{
    graft_error why = {0};
    graft_status status = GRAFT_OK;
    if (l->waiting.failed) status = gf_fail_memory(&why, l->waiting.n, "lines of steps");
    if (status == GRAFT_OK && l->waiting.n) status = gf_file_append(l->path, l->waiting.s, l->waiting.n, &why);
    if (status != GRAFT_OK) warn(r, &why);
    gf_text_free(&l->waiting);
}

/* How many bytes of a file's lines are of steps up to `last`: those that are whole. */
static size_t known(const char *text, size_t n, int64_t last)
{
    size_t at = 0;
    for (const char *end; (end = memchr(text + at, '\n', n - at)); at = (size_t)(end - text) + 1) {
        gf_json *j = NULL;
        int64_t step = -1;
        if (gf_json_parse(&j, text + at, (size_t)(end - text) - at, "steps", NULL) == GRAFT_OK)
            step = gf_json_i64(gf_json_get(j, "step"), -1);
        gf_json_free(j);
        if (step < 1 || step > last) break;
    }
    return at;
}

static graft_status begin(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    lines *l = h->own;
    uint8_t *text = NULL;
    size_t n = 0;
    graft_error why = {0};
    if (!gf_run_next_phase(r)) return GRAFT_OK;
    if (r->state.total_steps && gf_is_file(l->path) && gf_file_read(l->path, LARGEST, &text, &n, &why) != GRAFT_OK)
        warn(r, &why);
    size_t kept = text ? known((const char *)text, n, r->state.total_steps) : 0;
    if (gf_file_write(l->path, &(gf_bytes){text ? (const char *)text : "", kept}, 1, &why) != GRAFT_OK) warn(r, &why);
    gf_free(text);
    return GRAFT_OK;
}

static graft_status see(gf_hook *h, gf_run *r, gf_hook_step *step, graft_error *err)
{
    (void)r, (void)err;
    lines *l = h->own;
    l->loss = step->result->loss;
    l->norm = step->result->grad_norm;
    l->applies = step->verdict == GF_STEP_APPLY && step->result->n > 0;
    return GRAFT_OK;
}

static graft_status add(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    lines *l = h->own;
    gf_json *j = gf_json_object();
    gf_json_set(j, "step", gf_json_int(r->state.total_steps));
    gf_json_set(j, "epoch", gf_json_int(r->state.epoch + 1));
    gf_json_set(j, "phase", gf_json_string(gf_run_phase(r)->name));
    gf_json_set(j, "lr", gf_json_real(gf_run_lr(r, r->state.applied - (l->applies ? 1 : 0))));
    gf_json_set(j, "loss", gf_json_real(l->loss));
    gf_json_set(j, "gradient_norm", gf_json_real(l->norm));
    gf_json_set(j, "applied", gf_json_bool(l->applies));
    gf_json_line(j, &l->waiting);
    if (l->waiting.n >= GATHERED) flush(l, r);
    return GRAFT_OK;
}

static graft_status write_waiting(gf_hook *h, gf_run *r, graft_error *err)
{
    (void)err;
    flush(h->own, r);
    return GRAFT_OK;
}

const gf_hook_class gf_hook_step_lines = {
    .name = "step-lines",
    .help = "a JSON object per step, a line each: loss, norm of the gradient, learning rate",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .writes = true,
    .open = open_lines,
    .begin_run = begin,
    .gradient = see,
    .step = add,
    .checkpoint = write_waiting,
    .end = write_waiting,
    .close = close_lines,
};
