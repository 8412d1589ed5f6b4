/* hook_run.h - as much of a run as a hook looks at: three values that train, one phase, one column of values per epoch.
 */
#ifndef TESTS_HOOK_RUN_H
#define TESTS_HOOK_RUN_H

#include "train/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { VALUES = 3 };

typedef struct hook_run {
    gf_run run;
    gf_run_config config;
    gf_model model;
    gf_index index;
    gf_dataset data;
    gf_phase phase;
    gf_param_range range;
    float value[VALUES];
} hook_run;

/* With so many images of validation. */
static inline void hook_run_make(hook_run *f, uint32_t validation)
{
    *f = (hook_run){.phase = {.name = (char *)"head"}, .config = {.on_nan = (char *)"stop"}};
    gf_run *r = &f->run;
    r->config = &f->config;
    r->model = &f->model;
    r->model->value = f->value;
    r->model->n_trainable_values = VALUES;
    f->range = (gf_param_range){.count = VALUES};
    r->kept = (gf_kept){&f->range, 1, VALUES};
    r->data = &f->data;
    f->data.index = &f->index;
    for (int i = GF_VALIDATION + 1; i <= GF_SPLITS; i++) f->index.first[i] = validation;
    r->phases = (gf_phases){.item = &f->phase, .n = 1};
    r->state.phase = 1;
    assert_int_equal(gf_metric_list_parse(&r->metrics, GF_OF_CLASSES, "loss,accuracy", NULL, NULL), GRAFT_OK);
}

/* "NAME:KEY=VALUE,...", its phase begun. */
static inline gf_hook *hook_run_open(hook_run *f, const char *text)
{
    graft_error err = {0};
    if (gf_hooks_open(&f->run.hooks, text, &f->run, &err)) fail_msg("%s: %s", text, err.message);
    gf_hook *h = &f->run.hooks.item[f->run.hooks.n - 1];
    assert_int_equal(h->class->begin_phase(h, &f->run, &err), GRAFT_OK);
    return h;
}

/* An epoch in which every column has that value, and the values that train are the epoch's number. Whether it ended. */
static inline bool hook_run_epoch(hook_run *f, gf_hook *h, double value)
{
    gf_history_row row = {.epoch = ++f->run.state.phase_epoch};
    for (int i = 0; i < 2; i++) row.value[GF_ON_TRAINING][i] = row.value[GF_ON_VALIDATION][i] = value;
    for (int i = 0; i < VALUES; i++) f->value[i] = (float)f->run.state.phase_epoch;
    assert_int_equal(h->class->epoch(h, &f->run, &row, NULL), GRAFT_OK);
    return f->run.state.phase_over;
}

#endif
