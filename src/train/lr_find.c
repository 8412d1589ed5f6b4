#include "train/lr_find.h"

#include <math.h>
#include <string.h>

enum { FIRST = 10, LAST = 5, LEAST = 3 };

/* ---- the rules */

double gf_lr_at(size_t i)
{
    const double low = 1e-7, high = 10;
    return low * pow(high / low, (double)i / (GF_LR_STEPS - 1));
}

bool gf_lr_add(gf_lr_curve *c, double loss)
{
    const double keep = 0.98, risen = 4;
    if (!gf_is_finite(loss)) return false;
    size_t i = c->n++;
    double average = 0, weight = 0, least = INFINITY; /* corrected for where it began */
    c->lr[i] = gf_lr_at(i);
    c->loss[i] = loss;
    for (size_t k = 0; k <= i; k++) {
        average = keep * average + (1 - keep) * c->loss[k];
        weight = keep * weight + (1 - keep);
    }
    c->smooth[i] = average / weight;
    for (size_t k = 0; k <= i; k++) least = fmin(least, c->smooth[k]);
    return c->n < GF_LR_STEPS && c->smooth[i] <= risen * least;
}

/* Of the longest strictly falling row of points, not all of them neighbours: where it ends, and how long it is. */
static void longest_fall(const double *y, size_t n, size_t *end, size_t *length)
{
    size_t fall[GF_LR_STEPS];
    *end = 0;
    for (size_t i = 0; i < n; i++) {
        fall[i] = 1;
        for (size_t j = 0; j < i; j++) {
            if (y[i] < y[j] && fall[i] < fall[j] + 1) fall[i] = fall[j] + 1;
        }
        if (fall[i] > fall[*end]) *end = i;
    }
    *length = fall[*end];
}

bool gf_lr_read(const gf_lr_curve *c, gf_lr_found *out)
{
    if (c->n < FIRST + LAST + LEAST) return false;
    const double *lr = c->lr + FIRST, *y = c->smooth + FIRST;
    size_t n = c->n - FIRST - LAST, end, length, least = 0, steepest = 0;
    longest_fall(y, n, &end, &length);
    if (length < LEAST) return false;
    const double third = (double)length / 3; /* it begins `length` before its end, as fastai counts */
    long at = (long)end - (long)length + (long)third + (long)(third / 2);
    out->valley = lr[at > 0 ? at : 0];
    for (size_t i = 1; i < n; i++) {
        if (y[i] < y[least]) least = i;
        if (i + 1 < n && y[i + 1] - y[i] < y[steepest + 1] - y[steepest]) steepest = i; /* steps of ln lr are equal */
    }
    out->steep = lr[steepest];
    out->minimum = lr[least] / 10;
    return true;
}

/* ---- the steps */

static graft_status find_phase(const gf_run *r, int *phase, graft_error *err)
{
    for (size_t i = 0; i < r->phases.n; i++) {
        const gf_phase *p = &r->phases.item[i];
        *phase = (int)i + 1;
        if (p->epochs && !p->solver_parsed.class->solves) return GRAFT_OK;
    }
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "no phase is trained by steps: there is no learning rate to look for");
}

static graft_status steps(gf_run *r, gf_lr_curve *c, graft_error *err)
{
    gf_feed feed = gf_run_feed(r);
    const gf_feature_cache *cache = r->train_feature_cache.n ? &r->train_feature_cache : NULL;
    uint32_t batches = gf_order_batches(r->order);
    bool more = true;
    for (size_t i = 0; i < GF_LR_STEPS && more; i++) {
        uint32_t epoch = (uint32_t)(i / batches);
        gf_step_result result;
        if (i % batches == 0) gf_order_shuffle(r->order, r->data->index, GF_TRAIN, (uint64_t)r->config->seed, epoch);
        gf_batch batch = {.epoch = epoch, .number = i, .variants = gf_run_variants(r)};
        batch.n = gf_order_batch(r->order, (uint32_t)(i % batches), &batch.sample);
        gf_run_tell_stage(r, GF_RUN_TRAINING, (int64_t)i, GF_LR_STEPS);
        GF_TRY(gf_engine_gradient(r->engine, &feed, cache, &batch, NULL, &result, err));
        more = gf_lr_add(c, result.loss);
        if (more) GF_TRY(gf_engine_apply(r->engine, &r->optimizer, gf_lr_at(i), (int64_t)i, r->slots, err));
        GF_TRY(gf_run_stop_asked(r, err));
    }
    return GRAFT_OK;
}

graft_status gf_lr_find(gf_run *r, gf_lr_curve *out, graft_error *err)
{
    int phase = 0;
    *out = (gf_lr_curve){0};
    GF_TRY(find_phase(r, &phase, err));
    if (!r->order->n) return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "there is no training image");
    GF_TRY(gf_run_open_phase(r, phase, err));
    float *kept = gf_new_n(r->kept.count, float);
    if (!kept) return gf_fail_memory(err, r->kept.count * sizeof *kept, "the parameters");
    gf_kept_take(&r->kept, r->model, kept);
    graft_status status = steps(r, out, err);
    gf_engine_drain_prefetch(r->engine);
    gf_kept_put(&r->kept, r->model, kept);
    gf_free(kept);
    return status;
}
