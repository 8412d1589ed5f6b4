/* labels.c - samples with any number of labels: when that is the task, and what it has no use for. */
#include "api/internal.h"

#include <string.h>

bool gf_api_task_labels(const gf_settings *s)
{
    const gf_task_class *c = gf_task_find(gf_settings_text(s, GF_SET_TRAIN_TASK));
    return c && c->labels;
}

const gf_task_class *gf_api_task_class(const graft_model *m)
{
    return m->task ? m->task : gf_task_find(gf_settings_text(m->context->settings, GF_SET_TRAIN_TASK));
}

graft_status gf_api_choose_task(graft_model *m, const graft_data *d, graft_error *err)
{
    bool several = d->data->index->sets != NULL, asked = gf_api_task_labels(m->context->settings);
    m->task = NULL;
    if (!several || asked) return GRAFT_OK;
    if (gf_settings_given(m->context->settings, GF_SET_TRAIN_TASK)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "--task multilabel, or --label-delimiter none: each field is one label",
                       "%s: samples have any number of labels, task %s is of one class each", GF_ESC(d->path),
                       gf_settings_text(m->context->settings, GF_SET_TRAIN_TASK));
    }
    m->task = gf_task_of_labels();
    gf_decide(&m->log, "task", m->task->name,
              "samples have any number of labels: a sigmoid and a binary cross-entropy for each class");
    return GRAFT_OK;
}

void gf_api_labels_told(const gf_task *t, const gf_names *classes, const float *out, gf_text *text)
{
    for (size_t c = 0; c < classes->n; c++) {
        if (gf_label_holds(&t->labels, c, out[c])) gf_text_printf(text, "%s%s", text->n ? "|" : "", classes->item[c]);
    }
}

graft_status gf_api_fit_labels(const graft_model *m, const graft_data *d, graft_error *err)
{
    if (!d->data->index->sets || gf_api_task(m).cls->labels) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "--label-delimiter none takes each field as one label",
                   "%s: samples have any number of labels, the model gives each one class", GF_ESC(d->path));
}

graft_status gf_api_want_no_labels(const graft_model *m, const gf_setting *row, size_t n, graft_error *err)
{
    for (size_t i = 0; i < n && gf_api_task(m).cls->labels; i++) {
        if (!gf_settings_given(m->context->settings, row[i])) continue;
        return gf_fail(err, GF_E_OPTION_VALUE, "leave it out; --csv has the probability of each label",
                       "%s is of models that give a sample one class; this one gives any number of labels",
                       gf_setting_rows[row[i]].name);
    }
    return GRAFT_OK;
}

graft_status gf_api_check_threshold(const graft_model *m, graft_error *err)
{
    bool given = gf_settings_given(m->context->settings, GF_SET_PREDICT_THRESHOLD), boxes = gf_api_task(m).cls->keep;
    if (!given || gf_api_task(m).cls->labels) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE,
                   boxes ? "--confidence is that of detections" : "--unknown holds back what is not sure",
                   "predict.threshold is of models of several labels");
}

graft_status gf_api_want_one_label(const gf_index *index, const char *what, graft_error *err)
{
    if (!index->sets) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "graft inspect tells of labels, combinations and duplicates",
                   "%s: the samples have any number of labels, it takes one class of each", what);
}
