#include "train/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How near to the optimum: on the way to a choice, and at the end. */
static const double near = 1e-3, at_last = 1e-6;
enum { MOST_STEPS = 300, MOST_LAST_STEPS = 3000 };

/* ---- samples */

graft_status gf_probe_set_take(gf_probe_set *s, const gf_run *r, const gf_feature_cache *cache, size_t n,
                               graft_error *err)
{
    size_t there = 0, d = gf_engine_boundary_features(r->engine);
    for (size_t i = 0; i < n; i++) there += !cache->lost[i];
    *s = (gf_probe_set){
        .label = gf_new_n(there, int32_t), .sample = gf_new_n(there, uint32_t), .weight = gf_new_n(there, double)};
    s->target = gf_new_n(there, int32_t);
    s->classes = r->facts->classes.n;
    graft_status status = gf_rows_create(&s->rows, there, d, err);
    if (status == GRAFT_OK && (!s->label || !s->target || !s->sample || !s->weight)) {
        status = gf_fail_memory(err, there * sizeof *s->weight, "the labels of all samples");
    }
    size_t at = 0;
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) {
        if (cache->lost[i]) continue;
        gf_engine_take_features(r->engine, cache, i, s->rows.x + at * s->rows.stride);
        memcpy(&s->label[at], cache->target + i * cache->target_bytes, sizeof *s->label);
        s->target[at] = s->label[at];
        s->sample[at] = cache->first + (uint32_t)i;
        s->weight[at] = r->task.class_weight && !r->task.cls->labels ? (double)r->task.class_weight[s->label[at]] : 1;
        s->weight[at] *= (double)r->data->index->sample[s->sample[at]].weight;
        at++;
    }
    if (status != GRAFT_OK) gf_probe_set_free(s);
    return status;
}

void gf_probe_set_free(gf_probe_set *s)
{
    gf_rows_free(&s->rows);
    gf_free(s->label);
    gf_free(s->target);
    gf_free(s->sample);
    gf_free(s->weight);
    *s = (gf_probe_set){0};
}

/* ---- lambda */

static double lambda_at(size_t i) { return pow(10, 1 - 0.5 * (double)i); }

static gf_logistic problem_of(const gf_probe_set *s, const double *weight, gf_pool *pool)
{
    return (gf_logistic){&s->rows, s->label, weight, s->classes, pool};
}

static double *start(const gf_logistic *p, graft_error *err)
{
    size_t size = gf_logistic_outputs(p->classes) * p->rows->stride;
    double *w = gf_new_n(size, double);
    if (w) gf_logistic_start(p, w);
    if (!w) gf_fail_memory(err, size * sizeof *w, "the solver");
    return w;
}

/* Down the lambdas on p, each from the one before; the losses on `held`, times `share`, are added. */
static graft_status go_down(const gf_logistic *p, const gf_logistic *held, double share, gf_run *r, size_t *done,
                            size_t total, gf_probe_choice *c, graft_error *err)
{
    double *w = start(p, err);
    graft_status status = w ? GRAFT_OK : GRAFT_RESOURCE;
    for (size_t i = 0; i < GF_PROBE_LAMBDAS && status == GRAFT_OK; i++) {
        double loss;
        gf_minimum m;
        gf_run_tell_stage(r, GF_RUN_TRAINING, (int64_t)(*done)++, (int64_t)total);
        status = gf_run_stop_asked(r, err);
        if (status == GRAFT_OK) status = gf_logistic_fit(p, c->lambda[i], near, MOST_STEPS, w, &m, err);
        if (status == GRAFT_OK) status = gf_logistic_loss(held, w, &loss, err);
        if (status == GRAFT_OK) c->loss[i] += share * loss;
    }
    gf_free(w);
    return status;
}

typedef struct keyed {
    gf_sha256 content;
    int32_t label;
    uint32_t row;
} keyed;

static int by_class_and_content(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    int order = memcmp(&x->content, &y->content, sizeof x->content);
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

/* Each class is dealt out by content; equal ones go together. */
static graft_status deal(const gf_run *r, const gf_probe_set *s, size_t folds, size_t *fold, graft_error *err)
{
    size_t n = s->rows.n;
    keyed *key = gf_new_n(n, keyed);
    if (!key) return gf_fail_memory(err, n * sizeof *key, "folds");
    for (size_t i = 0; i < n; i++) {
        key[i].label = s->label[i];
        key[i].row = (uint32_t)i;
        if (r->data->index->content) key[i].content = r->data->index->content[s->sample[i]];
    }
    qsort(key, n, sizeof *key, by_class_and_content);
    for (size_t i = 0, next = 0; i < n; i++) {
        bool same = i && r->data->index->content && key[i].label == key[i - 1].label &&
                    !memcmp(&key[i].content, &key[i - 1].content, sizeof key->content);
        fold[key[i].row] = same ? fold[key[i - 1].row] : next++ % folds;
    }
    gf_free(key);
    return GRAFT_OK;
}

static graft_status by_folds(gf_probe_choice *c, gf_run *r, const gf_probe_set *s, graft_error *err)
{
    size_t n = s->rows.n, done = 0, *fold = gf_new_n(n, size_t);
    double *in = gf_new_n(n, double), *out = gf_new_n(n, double), all = 0;
    graft_status status =
        fold && in && out ? deal(r, s, c->folds, fold, err) : gf_fail_memory(err, 3 * n * sizeof *in, "folds");
    for (size_t i = 0; i < n; i++) all += s->weight[i];
    for (size_t f = 0; f < c->folds && status == GRAFT_OK; f++) {
        double held = 0;
        for (size_t i = 0; i < n; i++) {
            in[i] = fold[i] == f ? 0 : s->weight[i];
            out[i] = fold[i] == f ? s->weight[i] : 0;
            held += out[i];
        }
        if (!(held > 0)) continue;
        const gf_logistic fit = problem_of(s, in, r->host.pool), judged = problem_of(s, out, r->host.pool);
        status = go_down(&fit, &judged, held / all, r, &done, c->folds * GF_PROBE_LAMBDAS, c, err);
    }
    gf_free(fold);
    gf_free(in);
    gf_free(out);
    return status;
}

static graft_status by_validation(gf_probe_choice *c, gf_run *r, const gf_probe_set *s, const gf_probe_set *held,
                                  graft_error *err)
{
    size_t done = 0;
    const gf_logistic fit = problem_of(s, s->weight, r->host.pool),
                      judged = problem_of(held, held->weight, r->host.pool);
    return go_down(&fit, &judged, 1, r, &done, GF_PROBE_LAMBDAS, c, err);
}

graft_status gf_probe_choose(gf_probe_choice *out, gf_run *r, const gf_probe_set *train, const gf_probe_set *held,
                             size_t folds, graft_error *err)
{
    *out = (gf_probe_choice){.folds = held ? 0 : folds};
    for (size_t i = 0; i < GF_PROBE_LAMBDAS; i++) out->lambda[i] = lambda_at(i);
    GF_TRY(held ? by_validation(out, r, train, held, err) : by_folds(out, r, train, err));
    for (size_t i = 1; i < GF_PROBE_LAMBDAS; i++) { /* of equals the larger one */
        if (out->loss[i] < out->loss[out->best]) out->best = i;
    }
    return GRAFT_OK;
}

graft_status gf_probe_solve(const gf_probe_set *s, gf_pool *pool, double lambda, double **w, gf_minimum *out,
                            graft_error *err)
{
    const gf_logistic p = problem_of(s, s->weight, pool);
    *w = start(&p, err);
    graft_status status = *w ? GRAFT_OK : GRAFT_RESOURCE;
    for (size_t i = 0; i < GF_PROBE_LAMBDAS && lambda_at(i) > lambda && status == GRAFT_OK; i++) {
        status = gf_logistic_fit(&p, lambda_at(i), near, MOST_STEPS, *w, out, err);
    }
    if (status == GRAFT_OK) status = gf_logistic_fit(&p, lambda, at_last, MOST_LAST_STEPS, *w, out, err);
    if (status == GRAFT_OK) return status;
    gf_free(*w);
    *w = NULL;
    return status;
}
