/* engine_forward.c - outputs without training: evaluation, prediction, features; and banks, which keep what crosses the
 * cut. */
#include "train/engine_parts.h"

#include <string.h>

size_t gf_bank_bytes(const gf_engine *e, size_t n)
{
    size_t row = 2;
    for (size_t k = 0; k < e->parts; k++) row += e->part_bytes[k];
    return row * n;
}

graft_status gf_bank_create(gf_bank *bank, const gf_engine *e, uint32_t first, size_t n, graft_error *err)
{
    *bank = (gf_bank){.first = first, .n = n, .parts = e->parts};
    bank->lost = gf_new_n(n, bool);
    bank->filled = gf_new_n(n, bool);
    bool ok = bank->lost && bank->filled;
    for (size_t k = 0; k < e->parts && ok; k++) {
        bank->data[k] = gf_alloc_tensor(n * e->part_bytes[k]);
        ok = bank->data[k];
    }
    if (ok) return GRAFT_OK;
    gf_bank_free(bank);
    return gf_fail_memory(err, gf_bank_bytes(e, n), "activations at the freeze boundary");
}

void gf_bank_free(gf_bank *bank)
{
    for (size_t k = 0; k < GF_MAX_CROSSING; k++) gf_free(bank->data[k]);
    gf_free(bank->lost);
    gf_free(bank->filled);
    *bank = (gf_bank){0};
}

typedef struct forward_job {
    gf_engine *e;
    const gf_feed *feed;
    gf_bank *bank;
    const uint32_t *sample;
    size_t n, micro;
    float *out;
    bool *lost;
} forward_job;

/* One frozen micro-batch's rows at the cut, to rows at + i of `rows` (one block a part) and into the bank. */
static graft_status cross(forward_job *j, size_t at, size_t n, int worker, char *const rows[], size_t to,
                          graft_error *err)
{
    gf_engine *e = j->e;
    gf_bank *b = j->bank;
    const uint32_t *sample = j->sample + at;
    bool banked = b != NULL;
    for (size_t i = 0; i < n && banked; i++) banked = b->filled[sample[i] - b->first];
    if (!banked) GF_TRY(gf_engine_frozen(e, j->feed, 0, false, sample, n, worker, j->lost + at, err));
    for (size_t i = 0; i < n; i++) {
        size_t row = b ? sample[i] - b->first : 0;
        for (size_t k = 0; k < e->parts; k++) {
            size_t bytes = e->part_bytes[k];
            if (!banked && b) gf_engine_take(e, worker, k, i, b->data[k], row);
            if (b) {
                memcpy(rows[k] + (to + i) * bytes, b->data[k] + row * bytes, bytes);
            } else {
                gf_engine_take(e, worker, k, i, rows[k], to + i);
            }
        }
        if (b && !banked) {
            b->lost[row] = j->lost[at + i];
            b->filled[row] = true;
        } else if (b) {
            j->lost[at + i] = b->lost[row];
        }
    }
    return GRAFT_OK;
}

static graft_status forward_item(void *ctx, size_t item, int worker, graft_error *err)
{
    forward_job *j = ctx;
    gf_engine *e = j->e;
    size_t at = item * j->micro, n = j->n - at < j->micro ? j->n - at : j->micro, small = (size_t)e->spec.frozen_micro;
    char *rows[GF_MAX_CROSSING] = {
        (char *)(j->out + at * e->outputs)}; /* without a tail the output is all that crosses */
    gf_lane *lane = e->still ? e->still_lane[worker] : NULL;
    for (size_t k = 0; k < e->parts && lane; k++) rows[k] = gf_lane_value(lane, e->crossing[k]);
    for (size_t i = 0; i < n; i += small) {
        GF_TRY(cross(j, at + i, n - i < small ? n - i : small, worker, rows, i, err));
    }
    if (!lane) return GRAFT_OK;
    for (size_t k = 0; k < e->parts; k++) {
        memset(rows[k] + n * e->part_bytes[k], 0, ((size_t)e->spec.tail_micro - n) * e->part_bytes[k]);
    }
    GF_TRY(gf_lane_forward(lane, &(gf_step){.training = false}, err));
    memcpy(j->out + at * e->outputs, gf_lane_value(lane, e->graph.output), n * e->outputs * sizeof *j->out);
    return GRAFT_OK;
}

graft_status gf_engine_forward(gf_engine *e, const gf_feed *feed, gf_bank *bank, const uint32_t *sample, size_t n,
                               float *out, bool *lost, graft_error *err)
{
    gf_engine_quiet(e);
    forward_job j = {e,   feed, bank, sample, n, (size_t)(e->tail ? e->spec.tail_micro : e->spec.frozen_micro),
                     out, lost};
    graft_status status = GRAFT_OK;
    bool narrow = !e->tail && gf_plan_value_dtype(e->frozen, e->graph.output) != GF_F32;
    GF_TRY(gf_engine_refresh(e, err));
    if (narrow) return gf_fail(err, GF_E_INTERNAL, NULL, "outputs of maps are computed in f32");
    if (!lost) j.lost = gf_new_n(n, bool);
    if (!j.lost) return gf_fail_memory(err, n, "an evaluation");
    GF_GOTO(gf_pool_run_watched(e->pool, (n + j.micro - 1) / j.micro, forward_item, &j, err));
    for (size_t i = 0; i < n && !lost; i++) {
        if (j.lost[i]) status = gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "sample %u cannot be read", sample[i]);
    }
out:
    if (!lost) gf_free(j.lost);
    return status;
}
