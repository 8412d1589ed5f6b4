/* temperature.c - a run's last fit: the temperature at which the model's probabilities mean what they say, and what can
 * be promised of these, by the logits of the validation set. */
#include "train/run.h"

#include "base/decide.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST = GF_PROMISE_LEAST };

graft_status gf_run_sureness(gf_run *r, uint32_t first, size_t n, const float *logits, gf_run_sure *out,
                             graft_error *err)
{
    size_t classes = (size_t)r->model->classes;
    *out = (gf_run_sure){.all = {.classes = classes}};
    out->truth = gf_new_n(n, int32_t);
    out->score = gf_new_n(n * classes, float);
    out->sure = gf_new_n(n, gf_sureness);
    if (!out->truth || !out->score || !out->sure) {
        gf_run_sure_free(out);
        return gf_fail_memory(err, n * (classes + 1) * sizeof(float), "the calibration");
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t predicted, label = (int32_t)r->data->index->sample[first + i].class_id;
        float loss;
        const gf_class_target target = gf_target_of((uint32_t)label);
        if (gf_dataset_is_lost(r->data, first + (uint32_t)i)) continue;
        r->task.cls->step(&r->task, &(gf_task_batch){.n = 1,
                                                     .width = r->outputs,
                                                     .out = logits + i * r->outputs,
                                                     .target = &target,
                                                     .loss = &loss,
                                                     .predicted = &predicted,
                                                     .score = out->score + kept * classes});
        out->truth[kept++] = label;
    }
    out->all = (gf_outcomes){.n = kept, .classes = classes, .truth = out->truth, .score = out->score};
    return GRAFT_OK;
}

void gf_run_sure_at(gf_run_sure *s, double beta)
{
    size_t classes = s->all.classes;
    for (size_t i = 0; i < s->all.n; i++) {
        s->sure[i] = gf_sureness_of(s->score + i * classes, classes, s->truth[i], beta);
    }
    qsort(s->sure, s->all.n, sizeof *s->sure, gf_surest_first);
}

void gf_run_sure_free(gf_run_sure *s)
{
    gf_free(s->truth);
    gf_free(s->score);
    gf_free(s->sure);
    *s = (gf_run_sure){0};
}

/* Too few images say little, and where all are right no temperature is too low. */
static bool can_be_fitted(const gf_run_sure *s)
{
    size_t wrong = 0;
    for (size_t i = 0; i < s->all.n; i++) wrong += !s->sure[i].right;
    return s->all.n >= LEAST && wrong;
}

static void fit(gf_run *r, gf_run_sure *s)
{
    gf_fitted *f = &r->facts->fitted;
    f->error[0] = gf_reliability_of(s->sure, s->all.n, s->all.classes).error;
    f->temperature = 1 / gf_fit_beta(&s->all);
    f->images = (int)s->all.n;
    gf_run_sure_at(s, 1 / f->temperature);
    f->error[1] = gf_reliability_of(s->sure, s->all.n, s->all.classes).error;
    f->n_promises = gf_promises_of(f->promise, s->sure, s->all.n);
    r->task.beta = 1 / f->temperature;
    gf_decide(r->host.log, "temperature", GF_GENERAL(f->temperature, 3),
              "of least log loss on %zu validation %s: the calibration error is %.3f there, without %.3f", s->all.n,
              r->data->cls->samples, f->error[1], f->error[0]);
}

graft_status gf_run_fit_temperature(gf_run *r, graft_error *err)
{
    uint32_t first, n = gf_run_split(r, GF_VALIDATION, &first);
    gf_run_sure s;
    r->facts->fitted = (gf_fitted){0};
    r->task.beta = 0;
    if (!strcmp(gf_settings_text(r->config->settings, GF_SET_MODEL_CALIBRATION), "off")) return GRAFT_OK;
    if (n < LEAST || !r->task.cls->decode || (r->task.end == GF_END_SIGMOID && r->outputs > 1)) return GRAFT_OK;
    GF_TRY(gf_run_sureness(r, first, n, r->logits, &s, err));
    gf_run_sure_at(&s, 1);
    if (can_be_fitted(&s)) fit(r, &s);
    gf_run_sure_free(&s);
    return GRAFT_OK;
}
