/* probe_labels.c - the probe of several labels: each class against the rest by itself, all with one lambda. */
#include "train/probe.h"

#include <string.h>

/* Label 1 of samples that have the class, which weigh its weight as well. False: the rows are all of one kind. */
static bool take_class(gf_probe_set *s, const gf_run *r, uint32_t class_id)
{
    const gf_label_sets *sets = r->data->index->sets;
    const double of_class = r->task.class_weight ? (double)r->task.class_weight[class_id] : 1;
    size_t with = 0;
    s->classes = 2;
    for (size_t i = 0; i < s->rows.n; i++) {
        bool has = gf_label_sets_has(sets, (uint32_t)s->target[i], class_id);
        s->label[i] = has;
        s->weight[i] = (double)r->data->index->sample[s->sample[i]].weight * (has ? of_class : 1);
        with += has;
    }
    return with > 0 && with < s->rows.n;
}

bool gf_probe_enough_labels(const gf_run *r, const gf_probe_set *s, size_t few)
{
    size_t classes = r->facts->classes.n;
    bool all = s->rows.n > 0;
    for (uint32_t c = 0; c < classes && all; c++) {
        size_t n = 0;
        for (size_t i = 0; i < s->rows.n; i++) n += gf_label_sets_has(r->data->index->sets, (uint32_t)s->target[i], c);
        all = n >= few;
    }
    return all;
}

graft_status gf_probe_choose_labels(gf_probe_choice *out, gf_run *r, gf_probe_set *train, gf_probe_set *held,
                                    size_t folds, graft_error *err)
{
    size_t classes = r->facts->classes.n;
    gf_probe_choice one = {0};
    *out = (gf_probe_choice){.folds = held ? 0 : folds};
    for (uint32_t c = 0; c < classes; c++) {
        if (!take_class(train, r, c)) continue;
        if (held) take_class(held, r, c);
        GF_TRY(gf_probe_choose(&one, r, train, held, folds, err));
        memcpy(out->lambda, one.lambda, sizeof out->lambda);
        for (size_t i = 0; i < GF_PROBE_LAMBDAS; i++) out->loss[i] += one.loss[i] / (double)classes;
    }
    for (size_t i = 1; i < GF_PROBE_LAMBDAS; i++) { /* of equals the larger one */
        if (out->loss[i] < out->loss[out->best]) out->best = i;
    }
    return GRAFT_OK;
}

graft_status gf_probe_solve_labels(gf_probe_set *s, gf_run *r, double lambda, double **w, gf_minimum *out,
                                   graft_error *err)
{
    size_t classes = r->facts->classes.n, stride = s->rows.stride;
    const double never = -10; /* a class of which no sample is, or every one: its logit, or minus that */
    *w = gf_new_n(classes * stride, double);
    *out = (gf_minimum){.done = true};
    if (!*w) return gf_fail_memory(err, classes * stride * sizeof **w, "the solver");
    for (uint32_t c = 0; c < classes; c++) {
        double *one = NULL;
        gf_minimum m = {0};
        if (!take_class(s, r, c)) {
            (*w)[c * stride + s->rows.d] = s->rows.n && s->label[0] ? -never : never;
            continue;
        }
        graft_status status = gf_run_stop_asked(r, err);
        if (status == GRAFT_OK) status = gf_probe_solve(s, r->host.pool, lambda, &one, &m, err);
        if (status == GRAFT_OK) memcpy(*w + c * stride, one, stride * sizeof *one);
        gf_free(one);
        if (status != GRAFT_OK) {
            gf_free(*w);
            *w = NULL;
            return status;
        }
        out->value += m.value / (double)classes;
        out->steps += m.steps;
        out->done = out->done && m.done;
    }
    return GRAFT_OK;
}
