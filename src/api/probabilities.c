/* probabilities.c - how a model's outputs become probabilities, and what it promises of them. */
#include "api/internal.h"

#include <string.h>

gf_task gf_api_task(const graft_model *m)
{
    const gf_settings *s = m->context->settings;
    const float least = 1e-30f; /* of every label */
    bool off = !strcmp(gf_settings_text(s, GF_SET_MODEL_CALIBRATION), "off");
    gf_task t = gf_model_file_task(&m->model, &m->facts);
    if (off) t.beta = 0;
    if (gf_settings_given(s, GF_SET_PREDICT_THRESHOLD)) {
        float asked = (float)gf_settings_real(s, GF_SET_PREDICT_THRESHOLD);
        t.labels.same = asked > least ? asked : least;
    }
    return t;
}

size_t gf_api_outputs(const graft_model *m) { return gf_count(&m->model.layer[m->model.output].shape); }

graft_status gf_api_promise(const graft_model *m, const gf_promise **promise, graft_error *err)
{
    const gf_settings *s = m->context->settings;
    const gf_fitted *f = &m->facts.fitted;
    *promise = NULL;
    if (!gf_settings_given(s, GF_SET_PREDICT_UNKNOWN)) return GRAFT_OK;
    if (gf_api_task(m).beta <= 0) {
        return gf_fail(err, GF_E_USAGE,
                       "a run keeps them whose validation set has 50 images or more, one of them wrong",
                       "the model makes no promises: it has no temperature, or that is off");
    }
    double wanted = gf_settings_real(s, GF_SET_PREDICT_UNKNOWN);
    *promise = gf_promise_for(f->promise, f->n_promises, wanted);
    if (*promise) return GRAFT_OK;
    if (!f->n_promises) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "the model cannot promise an accuracy of %g, nor of any other",
                       wanted);
    }
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "the model cannot promise an accuracy of %g: %g at most", wanted,
                   f->promise[f->n_promises - 1].accuracy);
}
