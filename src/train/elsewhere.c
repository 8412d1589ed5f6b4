/* elsewhere.c - what a processor makes of a model that computes it in f32, where the run did otherwise. */
#include "train/run.h"

#include <math.h>
#include <string.h>

enum { MOST = 64 }; /* images, evenly over validation and test */

typedef struct comparison {
    uint32_t sample[MOST];
    size_t place[MOST], n; /* of its logits among all */
    bool lost[MOST];
    float *logits; /* in f32 */
    float *p[2];   /* probabilities of one image, as the run has them and in f32 */
} comparison;

static void choose_images(const gf_run *r, comparison *c)
{
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t), all = nv + nt;
    c->n = all < MOST ? all : MOST;
    for (size_t i = 0; i < c->n; i++) {
        uint32_t at = (uint32_t)(i * all / c->n);
        c->place[i] = at;
        c->sample[i] = at < nv ? v + at : t + at - nv;
    }
}

static void compare(const gf_run *r, comparison *c)
{
    gf_model_facts *f = r->facts;
    int classes = r->model->classes;
    size_t outputs = r->outputs;
    for (size_t i = 0; i < c->n; i++) {
        int best[2] = {0, 0};
        if (c->lost[i]) continue;
        r->task.cls->decode(&r->task, r->logits + c->place[i] * outputs, outputs, c->p[0]);
        r->task.cls->decode(&r->task, c->logits + i * outputs, outputs, c->p[1]);
        for (int k = 0; k < classes; k++) {
            for (int j = 0; j < 2; j++) best[j] = c->p[j][k] > c->p[j][best[j]] ? k : best[j];
            f->elsewhere.probability = fmax(f->elsewhere.probability, fabs((double)c->p[0][k] - (double)c->p[1][k]));
        }
        f->elsewhere.images++;
        f->elsewhere.labels += best[0] != best[1];
    }
}

static graft_status run_in_f32(gf_run *r, comparison *c, graft_error *err)
{
    gf_engine *plain;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    GF_TRY(gf_engine_create(&plain, r->model, r->host.ops, r->host.pool, &spec, err));
    gf_feed feed = gf_run_feed(r);
    graft_status status = gf_engine_forward(plain, &feed, NULL, c->sample, c->n, c->logits, c->lost, err);
    gf_engine_destroy(plain);
    return status;
}

graft_status gf_run_elsewhere(gf_run *r, graft_error *err)
{
    r->facts->elsewhere = (gf_elsewhere){0};
    if ((r->facts->dtype == GF_F32 && !r->facts->int8_layers) || !r->task.cls->decode) return GRAFT_OK;
    comparison c = {0};
    choose_images(r, &c);
    size_t classes = (size_t)r->model->classes;
    c.logits = gf_new_n(c.n * r->outputs, float);
    for (int j = 0; j < 2; j++) c.p[j] = gf_new_n(classes, float);
    graft_status status = GRAFT_OK;
    if (!c.logits || !c.p[0] || !c.p[1]) status = gf_fail_memory(err, classes * sizeof(float), "the self-test");
    if (status == GRAFT_OK && c.n) status = run_in_f32(r, &c, err);
    if (status == GRAFT_OK) compare(r, &c);
    gf_free(c.logits);
    for (int j = 0; j < 2; j++) gf_free(c.p[j]);
    return status;
}
